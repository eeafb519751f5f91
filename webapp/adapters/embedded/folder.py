"""The data folder: what it remembers, who uses it, and the user that the servers run as."""

import fcntl
import json
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import IO

from webapp.adapters.embedded.errors import EmbeddedServerError

PATIENCE_SECONDS = 60
SERVER_USER = "nobody"
# Numbers of Linux capabilities: to read, or else to enter, folders whose permissions say no.
READING_CAPABILITIES = {"dac_read_search": 2, "dac_override": 1}


def _password() -> str:
    return secrets.token_urlsafe(24)


@dataclass
class Memory:
    """What a data folder remembers between starts, in a file that only its owner may read."""

    superuser_password: str = field(default_factory=_password)
    owner_password: str = field(default_factory=_password)
    app_password: str = field(default_factory=_password)
    redis_password: str = field(default_factory=_password)
    postgres_port: int = 0
    redis_port: int = 0


class DataFolder:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.memory = Memory()
        self._user_lock: IO[bytes] | None = None
        self._user_process = 0

    # Who uses it

    @contextmanager
    def one_at_a_time(self) -> Iterator[None]:
        """Two simultaneous starts, or a start and a stop, wait for each other."""
        with (self.path / "servers.lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    @property
    def entered(self) -> bool:
        """A forked child shares its parent's lock, but it is not the child's to let go of."""
        return self._user_lock is not None and self._user_process == os.getpid()

    def enter(self) -> None:
        """Be counted among the users of the servers."""
        if not self.entered:
            self._user_lock = (self.path / "users.lock").open("ab")
            self._user_process = os.getpid()
            fcntl.flock(self._user_lock, fcntl.LOCK_SH)
        if self._memory_file.exists():
            self.memory = Memory(**json.loads(self._memory_file.read_text()))

    def leave(self) -> bool:
        """True for the last user, who has to stop the servers."""
        if self._user_lock is None or not self.entered:
            return False
        fcntl.flock(self._user_lock, fcntl.LOCK_UN)
        self._user_lock.close()
        self._user_lock = None
        with (self.path / "users.lock").open("ab") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
        return True

    # What is in it

    def create(self) -> None:
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            if os.geteuid() == 0:
                self.path.chmod(0o711)
        except OSError as error:
            raise EmbeddedServerError(
                f"The data folder {self.path} cannot be used: {error.strerror}."
            ) from error

    def remember(self) -> None:
        """Written aside and renamed, so that an interrupted start leaves the old file whole."""
        fresh = self._memory_file.with_suffix(".fresh")
        fresh.unlink(missing_ok=True)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(asdict(self.memory), file)
        fresh.replace(self._memory_file)

    def server_folder(self, name: str) -> Path:
        path = self.path / name
        path.mkdir(mode=0o700, exist_ok=True)
        self.give_to_server(path)
        return path

    def server_file(self, name: str, content: str) -> Path:
        path = self.path / name
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(content)
        self.give_to_server(path)
        return path

    def server_log(self, name: str) -> Path:
        path = self.path / name
        path.touch(mode=0o600)
        self.give_to_server(path)
        return path

    @property
    def _memory_file(self) -> Path:
        return self.path / "servers.json"

    # The user that the servers run as: PostgreSQL refuses to be root

    def run(self, command: Sequence[str]) -> "subprocess.CompletedProcess[str]":
        """Run a server's program to its end; the server it leaves behind belongs to no terminal."""
        prefix = self._step_down(Path(command[0])) if os.geteuid() == 0 else []
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        return subprocess.run(
            [*prefix, *command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            cwd="/",
            env=environment | {"LC_ALL": "C"},
            start_new_session=True,
            check=False,
        )

    def _step_down(self, program: Path) -> list[str]:
        setpriv = shutil.which("setpriv")
        if not setpriv:
            raise EmbeddedServerError("PostgreSQL does not run as root: start Duesbook as an ordinary user.")
        user = pwd.getpwnam(SERVER_USER)
        step = [setpriv, f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
        if _open_to_all(self.path) and _open_to_all(program.parent):
            return step
        capability = _reading_capability()
        if capability is None:
            raise EmbeddedServerError(
                f"PostgreSQL does not run as root, and the user {SERVER_USER} cannot enter {self.path} and "
                f"{program.parent}: move Duesbook out of root's home, or start it as an ordinary user."
            )
        return [*step, f"--inh-caps=-all,+{capability}", f"--ambient-caps=-all,+{capability}"]

    @staticmethod
    def give_to_server(path: Path) -> None:
        if os.geteuid() == 0:
            user = pwd.getpwnam(SERVER_USER)
            os.chown(path, user.pw_uid, user.pw_gid)


def wheel_program(package: str, wheel: str, inside: str) -> str:
    """A program that a wheel brings along."""
    spec = find_spec(package)
    program = Path(spec.origin).parent / inside if spec and spec.origin else None
    if program is None or not program.exists():
        raise EmbeddedServerError(
            f"The wheel {wheel} brings no program for this machine ({sys.platform}): "
            "set DATABASE_URL and REDIS_URL to servers of your own."
        )
    return str(program)


def free_port(preferred: int) -> int:
    """The port of last time when it is free, because others may be waiting there for the server to return."""
    for port in preferred, 0:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise EmbeddedServerError("This machine has no free port left.")


def wait_until(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _open_to_all(path: Path) -> bool:
    return all(folder.stat().st_mode & 0o001 for folder in (path.resolve(), *path.resolve().parents))


def _reading_capability() -> str | None:
    status = Path("/proc/self/status").read_text()
    held = next(int(line.split()[1], 16) for line in status.splitlines() if line.startswith("CapBnd"))
    return next((name for name, number in READING_CAPABILITIES.items() if held >> number & 1), None)
