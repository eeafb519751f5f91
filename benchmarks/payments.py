"""What booking a payment costs, alone and in one busy chapter, and what taking in a webhook costs."""

import json
import threading
from collections.abc import Callable, Sequence
from contextvars import Context
from datetime import date
from queue import SimpleQueue
from typing import Any
from uuid import UUID

import psycopg
import stripe
from flask import Flask
from sqlalchemy import select
from werkzeug.test import Client

from benchmarks import payment_floor, webhook_floor, world
from benchmarks.measuring import Spent, Table, least, seconds, spent
from webapp import wiring
from webapp.core import jobs, tenancy
from webapp.core.db import db, new_id, transaction
from webapp.domain.organizations import Chapter, Member, Organization
from webapp.domain.payments.offline import record_offline
from webapp.domain.payments.payment import Method
from webapp.domain.payments.processor import PaymentProcessor, ProcessorKind

MEMBERS = 6_000
IN_A_ROUND, PAYMENT_ROUNDS = 10, 40
ROUNDS = 5
CLIENTS, EACH = 8, 20
DELIVERIES = 300
_ALONE = ("C0", "C3", "C4", "C5", "C6", "C7")
_DAY = date(2026, 11, 21)
_SECRET = "whsec_benchmark"
_BODY = {"id": "", "object": "event", "type": "charge.updated", "created": 1_790_000_000,
         "data": {"object": {"id": "ch_1", "object": "charge", "metadata": {}}}}  # fmt: skip


class Silence:
    """Keeps the queue's own work out of the figures; the outbox row is in both."""

    def nudge(self, nudges: Any) -> bool:
        return True


def run(table: Table) -> None:
    with world.application() as app:
        jobs.deliver_through(Silence())
        made = world.organization(MEMBERS)
        with tenancy.acting_for(made.id):
            world.bill(made, "2025-01")
            _one_payment(table, made)
            _busy_chapter(table, app, made)
            _webhooks(table, app, made)


def _one_payment(table: Table, made: Organization) -> None:
    """By turns, a round of each; each has its fastest. The floor is told the member and so are we, as where
    a treasurer's form was looked at before; looking it up in the same transaction is beside it.
    """
    members = iter(_members(Chapter.code.in_(_ALONE)))
    ways: dict[str, tuple[Callable[[list[UUID]], list[Any]], Callable[[Any], object]]] = {
        "ours": (_found, _receive),
        "ours, looking up the member": (list, _book),
        "statement": (list, lambda member_id: payment_floor.settle(made.id, member_id)),
    }
    runs: dict[str, list[Spent]] = {way: [] for way in ways}
    for _ in range(PAYMENT_ROUNDS):
        for way, (known, pay) in ways.items():
            mine = known([next(members) for _ in range(IN_A_ROUND)])
            runs[way].append(spent(lambda mine=mine, pay=pay: [pay(one) for one in mine]))
    best = {way: least(each) for way, each in runs.items()}
    clock = [(way, each.clock / IN_A_ROUND) for way, each in best.items()]
    python = [(f"{way}, in Python", each.processor / IN_A_ROUND) for way, each in best.items()]
    table.ratio("payment_vs_floor", best["ours"].clock / best["statement"].clock, *clock, *python)


def _found(ids: list[UUID]) -> list[Member]:
    with transaction():
        return [Member.here().get(one) for one in ids]


def _busy_chapter(table: Table, app: Flask, made: Organization) -> None:
    """Eight clients at once, all in one chapter, and each in a chapter of its own."""
    one, eight = [], []
    for turn in (1, 2):
        hot = _members(Chapter.code == f"C{turn}")[: CLIENTS * EACH]
        one.append(_together(app, made.id, [hot[n::CLIENTS] for n in range(CLIENTS)]))
        spread = [_members(Chapter.code == f"C{8 * turn + n}")[:EACH] for n in range(CLIENTS)]
        eight.append(_together(app, made.id, spread))
    count = CLIENTS * EACH
    table.figure(
        "payments_hot_chapter",
        min(eight) / min(one),
        ("one chapter", f"{count / min(one):,.0f} /s"),
        ("eight chapters", f"{count / min(eight):,.0f} /s"),
    )


def _together(app: Flask, organization_id: UUID, work: Sequence[Sequence[UUID]]) -> float:
    """Seconds until every client has booked its members' payments; each has a connection of its own."""
    ready, failed = threading.Barrier(len(work) + 1), SimpleQueue[BaseException]()

    def client(members: Sequence[UUID]) -> None:
        with app.app_context(), tenancy.acting_for(organization_id):
            Member.here().get(members[0])
            db.session.rollback()
            ready.wait()
            for member in members:
                _book(member)

    def guarded(members: Sequence[UUID]) -> None:
        try:
            Context().run(client, members)
        except BaseException as error:
            failed.put(error)
            raise

    threads = [threading.Thread(target=guarded, args=(members,)) for members in work]
    for thread in threads:
        thread.start()
    ready.wait()
    taken = seconds(lambda: [thread.join() for thread in threads])
    assert failed.empty()
    return taken


def _book(member_id: UUID) -> None:
    with transaction():
        _record(Member.here().get(member_id))


def _receive(member: Member) -> None:
    with transaction():
        _record(member)


def _record(member: Member) -> None:
    record_offline(member, 400_00, method=Method.CHECK, on=_DAY, by=None)


def _members(*where: Any) -> Sequence[UUID]:
    found = select(Member.id).join(Member.chapter).where(*where).order_by(Member.id)
    ids = db.session.scalars(found.where(Member.organization_id == tenancy.organization_id())).all()
    db.session.rollback()
    return ids


def _webhooks(table: Table, app: Flask, made: Organization) -> None:
    """Signed deliveries through the whole application, and a bare view that writes the same rows."""
    with transaction():
        processor = PaymentProcessor.connect(
            kind=ProcessorKind.STRIPE,
            name="Stripe",
            secret_key="sk_test_benchmark",
            webhook_secret=_SECRET,
            keys=wiring.key_ring(),
            by=None,
        )
        address = f"/api/finances/webhooks/stripe/{made.id}/{processor.id}/"
    with psycopg.connect(wiring.settings().database_url) as connection:
        bare = webhook_floor.app(connection, made.id, processor.id)
        ours, floor = [], []
        for _ in range(ROUNDS):
            ours.append(_delivered(app, address))
            floor.append(_delivered(bare, "/floor"))
    here, bare_view = least(ours), least(floor)
    table.figure(
        "webhook_vs_floor",
        bare_view.clock / here.clock,
        ("ours", f"{DELIVERIES / here.clock:,.0f} /s"),
        ("ours, of a processor", f"{here.processor / DELIVERIES * 1000:.2f} ms"),
        ("a bare view", f"{DELIVERIES / bare_view.clock:,.0f} /s"),
        ("a bare view, of a processor", f"{bare_view.processor / DELIVERIES * 1000:.2f} ms"),
    )


def _delivered(app: Flask, address: str) -> Spent:
    """What a round of new events takes; the letters are written and sealed before."""
    client = Client(app)
    letters = [_sealed() for _ in range(DELIVERIES)]

    def send() -> None:
        for body, seal in letters:
            answer = Context().run(
                client.post, address, data=body, headers={"Stripe-Signature": seal}, buffered=True
            )
            assert answer.status_code == 200, answer.text

    return spent(send)


def _sealed() -> tuple[str, str]:
    body = json.dumps(_BODY | {"id": f"evt_{new_id().hex}"})
    return body, stripe.WebhookSignature.generate_signature_header(body, _SECRET, None)
