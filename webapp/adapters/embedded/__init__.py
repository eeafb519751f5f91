"""PostgreSQL and Redis for one machine, from wheels: nothing to install, nothing to configure.

Everything lives in one data folder. Whoever uses the servers holds a shared lock in it that the kernel
lets go of when the process ends, however it ends; the last one out stops the servers.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from webapp.adapters.embedded.errors import EmbeddedServerError
from webapp.adapters.embedded.folder import DataFolder
from webapp.adapters.embedded.postgres_server import APP_ROLE, DATABASE, OWNER_ROLE, SUPERUSER, PostgresServer
from webapp.adapters.embedded.redis_server import RedisServer

__all__ = ["Addresses", "EmbeddedServerError", "EmbeddedServers"]


@dataclass(frozen=True)
class Addresses:
    """Where the two servers listen, passwords included."""

    database_url: str
    database_owner_url: str
    backup_database_url: str
    redis_url: str


class EmbeddedServers:
    """The PostgreSQL and Redis of one data folder; any number of processes may start and stop them."""

    def __init__(
        self, data_dir: Path, *, durable: bool = True, postgres_settings: Mapping[str, str] | None = None
    ) -> None:
        """`durable=False` trades safety in a power cut for speed, which is right for tests alone."""
        self.folder = DataFolder(data_dir.absolute())
        self.postgres = PostgresServer(self.folder, durable=durable, settings=postgres_settings or {})
        self.redis = RedisServer(self.folder, durable=durable)

    def start(self) -> Addresses:
        """Start what does not run yet, take over what does, and say where both are."""
        self.folder.create()
        with self.folder.one_at_a_time():
            self.folder.enter()
            try:
                self.postgres.start()
                self.redis.start()
            except BaseException:
                self._leave()
                raise
        return self.addresses

    def stop(self) -> None:
        """Let go of the servers, and stop them unless another process still uses them."""
        if self.folder.entered:
            with self.folder.one_at_a_time():
                self._leave()

    def __enter__(self) -> Addresses:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def addresses(self) -> Addresses:
        """Of servers that have been started."""
        return Addresses(
            database_url=self.postgres.url(APP_ROLE, DATABASE),
            database_owner_url=self.postgres.url(OWNER_ROLE, DATABASE),
            backup_database_url=self.postgres.url(SUPERUSER, DATABASE),
            redis_url=self.redis.url,
        )

    def _leave(self) -> None:
        if self.folder.leave():
            try:
                self.redis.stop()
            finally:
                self.postgres.stop()
