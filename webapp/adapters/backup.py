"""A copy of the whole database in one file, by PostgreSQL's own programs, with its checksum beside it.

The programs come with the embedded server or with the system; those of the server's own version are best.
Stored credentials are in the file as they are in the database: encrypted, and useless without the keys.
"""

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
from sqlalchemy.engine import make_url

from webapp.adapters.embedded import EmbeddedServerError
from webapp.adapters.embedded.postgres_server import program

_EMPTYING = """
DO $$ DECLARE thing text; BEGIN
  FOR thing IN SELECT format('TABLE %I', tablename) FROM pg_tables WHERE schemaname = 'public'
    UNION ALL
    SELECT 'FUNCTION ' || p.oid::regprocedure FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
  LOOP EXECUTE 'DROP ' || thing || ' CASCADE'; END LOOP;
END $$;
"""


class BackupError(Exception):
    """One sentence: what is wrong with the file, the programs or the database."""


def write(url: str, file: Path) -> None:
    """Dump the database of this address, as a role that may read every row. Never leaves half a file."""
    unfinished = file.with_name(f"{file.name}.unfinished")
    dump = [_program("pg_dump", url), "--format=custom", "--no-owner", f"--file={unfinished}"]
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        _run(dump, url)
        unfinished.chmod(0o600)
        _checksum_file(file).write_text(f"{_checksum(unfinished)}  {file.name}\n")
        unfinished.replace(file)
    finally:
        unfinished.unlink(missing_ok=True)


def check(file: Path) -> None:
    """Refuses a file that is not there, or is not what was written."""
    if not file.is_file():
        raise BackupError(f"There is no file {file}.")
    beside = _checksum_file(file)
    if not beside.is_file():
        raise BackupError(f"{beside.name} is missing: without it nobody knows whether {file.name} is whole.")
    if beside.read_text().split()[0] != _checksum(file):
        raise BackupError(f"{file.name} was changed or is damaged: it does not match {beside.name}.")


def restore(owner_url: str, file: Path) -> None:
    """Put the file's content in the place of everything in the database, in one transaction, as the owner."""
    with TemporaryDirectory(prefix="duesbook-restore-", dir=file.parent) as folder:
        statements = f"{folder}/statements.sql"
        unpack = [_program("pg_restore", owner_url), "--no-owner", "--no-comments", f"--file={statements}"]
        _run([*unpack, str(file)], owner_url)
        fill = [_program("psql", owner_url), "--no-psqlrc", "--quiet", "--single-transaction"]
        fill += ["--set=ON_ERROR_STOP=1", f"--command={_EMPTYING}", f"--file={statements}"]
        _run(fill, owner_url)


def in_use(owner_url: str) -> int:
    """How many others are connected to the database."""
    others = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()"
    with psycopg.connect(owner_url) as connection:
        row = connection.execute(others, [connection.info.dbname]).fetchone()
    return int(row[0]) if row else 0


def is_empty(owner_url: str) -> bool:
    """Whether no organization lives in it; tables may be there already."""
    with psycopg.connect(owner_url) as connection:
        if connection.execute("SELECT to_regclass('public.organizations')").fetchone() == (None,):
            return True
        return connection.execute("SELECT FROM organizations LIMIT 1").fetchone() is None


def _checksum(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _checksum_file(file: Path) -> Path:
    """In the form that `sha256sum --check` reads."""
    return file.with_name(f"{file.name}.sha256")


def _run(command: list[str], url: str) -> None:
    done = subprocess.run(command, env=_address(url), capture_output=True, check=False)
    if done.returncode:
        raise BackupError(_in_words(done.stderr.decode(errors="replace")) or f"{command[0]} failed.")


def _in_words(said: str) -> str:
    if "row-level security" in said or "row security" in said:
        return (
            "This role does not see every row: set BACKUP_DATABASE_URL to a role that may read everything"
            " (docs/operations.md says how to make one)."
        )
    errors = [line for line in said.splitlines() if "error" in line.lower()]
    return (errors or said.splitlines() or [""])[0]


def _address(url: str) -> dict[str, str]:
    """By environment, because a password in the arguments is there for everybody on the machine to read."""
    parts = make_url(url)
    named = {
        "PGHOST": parts.host,
        "PGPORT": parts.port and str(parts.port),
        "PGUSER": parts.username,
        "PGPASSWORD": str(parts.password) if parts.password else None,
        "PGDATABASE": parts.database,
        "PGAPPNAME": "duesbook backup",
    } | {f"PG{name.upper()}": str(value) for name, value in parts.query.items()}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return kept | {name: value for name, value in named.items() if value}


def _program(name: str, url: str) -> str:
    """Of the server's own version if there is one, else the oldest that is newer: an older one refuses."""
    with psycopg.connect(url) as connection:
        server = connection.info.server_version // 10000
    found = {_version(path): path for path in _candidates(name)}
    fitting = [version for version in sorted(found) if version >= server]
    if not fitting:
        raise BackupError(f"{name} of PostgreSQL {server} is needed: install postgresql-client-{server}.")
    return found[fitting[0]]


def _candidates(name: str) -> Iterator[str]:
    with suppress(EmbeddedServerError):
        yield program(name)
    for folder in ["", *map(str, Path("/usr/lib/postgresql").glob("*/bin"))]:
        if found := shutil.which(name, path=folder or None):
            yield found


def _version(path: str) -> int:
    said = subprocess.run([path, "--version"], capture_output=True, text=True, check=False).stdout
    number = re.search(r"(\d+)", said)
    return int(number[1]) if number else 0
