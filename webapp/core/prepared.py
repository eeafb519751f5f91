"""What a connection has prepared stays prepared when a page is over.

A page that only reads takes its transaction back in the end. The driver then lets go of all that it had
prepared, for something made in that transaction might be gone. Nothing is ever made in ours, and without
this the statements of every page would be read and planned anew, however often they were asked before.
"""

from typing import Any

import psycopg
from psycopg.pq import ExecStatus, TransactionStatus
from sqlalchemy import Engine, event


def keep(engine: Engine) -> None:
    event.listen(engine, "do_connect", _connect)


class _Connection(psycopg.Connection[Any]):
    def rollback(self) -> None:
        """In the driver's own way after a failure, for what is prepared may be what failed."""
        if not self._is_taken_back():
            super().rollback()

    def _is_taken_back(self) -> bool:
        match self.pgconn.transaction_status:
            case TransactionStatus.IDLE:
                return True  # as after a commit: there is nothing to take back
            case TransactionStatus.INTRANS:
                return self.pgconn.exec_(b"ROLLBACK").status is ExecStatus.COMMAND_OK
        return False


def _connect(_: Any, __: Any, addresses: list[str], options: dict[str, Any]) -> _Connection:
    return _Connection.connect(*addresses, **options)
