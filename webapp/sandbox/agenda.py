"""What is to happen at which time of the sandbox's clock. Kept in the store, so a restart forgets nothing."""

from typing import TYPE_CHECKING

from webapp.sandbox.errors import InvalidRequest
from webapp.sandbox.happenings import ACTIONS

if TYPE_CHECKING:
    from webapp.sandbox.account import Account
    from webapp.sandbox.processor import Processor

DUE = "SELECT seq, account, action, target FROM agenda WHERE due <= ? ORDER BY due, seq LIMIT 1"


class Agenda:
    def __init__(self, processor: "Processor") -> None:
        self._processor = processor

    def add(self, account: "Account", due: float, action: str, target: str) -> None:
        account.store.run(
            "INSERT INTO agenda (due, account, action, target) VALUES (?, ?, ?, ?)",
            (due, account.id, action, target),
        )
        self._wake_at(due)

    def wake_for_the_rest(self) -> None:
        """After a restart."""
        for row in self._processor.store.rows("SELECT due FROM agenda"):
            self._wake_at(row["due"])

    def catch_up(self) -> None:
        """Does everything that is due by now. What was done by hand meanwhile is skipped."""
        store, clock = self._processor.store, self._processor.clock
        while (row := store.row(DUE, (clock.now(),))) is not None:
            with self._processor.acting(row["account"]) as account:
                if store.rows("DELETE FROM agenda WHERE seq = ? RETURNING seq", (row["seq"],)):
                    self._do(account, row["action"], row["target"])

    def _do(self, account: "Account", action: str, target: str) -> None:
        try:
            ACTIONS[action](account, target)
        except InvalidRequest:
            return

    def _wake_at(self, due: float) -> None:
        self._processor.schedule.after(due - self._processor.clock.now(), self.catch_up)
