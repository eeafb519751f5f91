"""One account at the processor, in the middle of a piece of work. Every noun here acts through it."""

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from webapp.sandbox import specification
from webapp.sandbox.errors import NotFound
from webapp.sandbox.identifiers import new_id
from webapp.sandbox.settings import Settings
from webapp.sandbox.specification import Json
from webapp.sandbox.store import Resource, Store

if TYPE_CHECKING:
    from webapp.sandbox.processor import Processor


@dataclass(frozen=True)
class Cause:
    """The API request that led to an event; empty when the payer or the bank did."""

    request_id: str | None = None
    idempotency_key: str | None = None


NOBODY = Cause()


@dataclass
class Account:
    id: str
    processor: "Processor"
    cause: Cause = NOBODY
    outgoing: list[int] = field(default_factory=list)
    """Deliveries to send once the work is saved."""

    @property
    def store(self) -> Store:
        return self.processor.store

    @property
    def settings(self) -> Settings:
        return self.processor.settings

    @property
    def name(self) -> str:
        row = self.store.row("SELECT name FROM accounts WHERE id = ?", (self.id,))
        return str(row["name"]) if row else self.id

    def now(self) -> int:
        return int(self.processor.clock.now())

    def create(
        self, kind: str, *, id: str | None = None, hidden: Json | None = None, **fields: Any
    ) -> Resource:
        known = {"id": id or new_id(kind), "object": kind, "created": self.now()}
        body = (
            specification.blank(kind)
            | known
            | ({} if kind in WITHOUT_LIVEMODE else {"livemode": False})
            | fields
        )
        resource = Resource(body, account=self.id, hidden=hidden or {})
        self.store.insert(resource)
        return resource

    def find(self, kind: str, object_id: str, *, param: str = "id") -> Resource:
        resource = self.store.find(object_id)
        if resource is None or resource.account != self.id or resource.kind != kind:
            raise NotFound(kind, object_id, param=param)
        return resource

    def named(self, kind: str, object_id: str, *, param: str) -> Resource:
        """An object that a parameter names; a wrong one makes the request wrong, not the address."""
        try:
            return self.find(kind, object_id)
        except NotFound as missing:
            raise NotFound(kind, object_id, param=param, status=400) from missing

    def save(self, resource: Resource) -> None:
        self.store.update(resource)

    def later(self, seconds: float | None, action: str, target: str) -> None:
        """Puts it on the agenda; without a time it waits for the control API."""
        if seconds is not None:
            self.processor.agenda.add(self, self.processor.clock.now() + seconds, action, target)

    def emit(self, type: str, subject: Resource, previous: Json | None = None) -> Resource:
        """Tells whoever registered for it, once the work is saved."""
        data: Json = {"object": json.loads(json.dumps(subject))}
        if previous is not None:
            data["previous_attributes"] = previous
        event = self.create(
            "event",
            type=type,
            api_version=specification.API_VERSION,
            data=data,
            pending_webhooks=0,
            request={"id": self.cause.request_id, "idempotency_key": self.cause.idempotency_key},
        )
        self.outgoing += self.processor.deliveries.prepare(event)
        return event


WITHOUT_LIVEMODE = {"refund", "balance_transaction", "file"}
