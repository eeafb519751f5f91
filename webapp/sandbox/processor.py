"""The whole make-believe processor: its accounts, clock, settings, agenda and post."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

from webapp.sandbox.account import NOBODY, Account, Cause
from webapp.sandbox.agenda import Agenda
from webapp.sandbox.delivery import Deliveries
from webapp.sandbox.faults import Faults
from webapp.sandbox.idempotency import Answers
from webapp.sandbox.schedule import Schedule
from webapp.sandbox.settings import Clock, Settings
from webapp.sandbox.store import Store


class Processor:
    def __init__(self, store: Store, *, public_url: str = "") -> None:
        self.store = store
        self.public_url = public_url.rstrip("/")
        self.clock = Clock(store)
        self.settings = Settings.read(store)
        self.faults = Faults()
        self.schedule = Schedule()
        self.deliveries = Deliveries(store, self.schedule, self.clock)
        self.agenda = Agenda(self)
        self.answers = Answers(store, self.clock)

    def start(self) -> None:
        """Goes on where an earlier run stopped."""
        self.agenda.wake_for_the_rest()
        self.deliveries.send_the_rest()

    def stop(self) -> None:
        self.schedule.stop()
        self.deliveries.stop()

    @contextmanager
    def acting(self, account_id: str, cause: Cause = NOBODY) -> Iterator[Account]:
        """Work on one account: saved as a whole or not at all, and only then do its events leave."""
        account = Account(account_id, self, cause)
        with self.store.transaction():
            yield account
        self.deliveries.send(account.outgoing)

    def account_of(self, secret_key: str) -> str:
        """Every secret key is an account of its own, opened when the key is first used."""
        account_id = "acct_1" + hashlib.sha256(secret_key.encode()).hexdigest()[:15]
        self.store.run(
            "INSERT INTO accounts (id, name) VALUES (?, ?) ON CONFLICT DO NOTHING",
            (account_id, "Sandbox organization"),
        )
        return account_id

    def change_settings(self, values: dict[str, object]) -> Settings:
        self.settings = self.settings.changed(values)
        self.settings.write(self.store)
        return self.settings

    def advance(self, seconds: int) -> None:
        self.clock.advance(seconds)
        self.agenda.catch_up()

    def reset(self) -> None:
        """Forgets everything: accounts, payments, endpoints, settings, and the time it was ahead."""
        self.schedule.clear()
        self.faults.clear()
        self.store.empty()
        self.clock.reset()
        self.settings = Settings()
