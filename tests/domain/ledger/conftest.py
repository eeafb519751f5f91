"""A chapter with two members, and papers to post: documents as the ledger sees them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from tests import factories
from webapp.core import tenancy
from webapp.core.db import db, new_id, transaction
from webapp.domain import ledger
from webapp.domain.ledger import Code, Event, JournalEntry, Move, Objection, Side

TODAY = date(2026, 3, 5)


@pytest.fixture
def organization(app: Any) -> Iterator[Any]:
    """As everywhere, but papers are no invoices: afterwards the books are verified by themselves."""
    made = factories.make_organization()
    with tenancy.acting_for(made.id):
        factories.found(made)
        yield made
        db.session.rollback()
        assert ledger.verify(made) == []


@dataclass
class Paper:
    """A document with an opinion of its own, such as a void invoice, or a payment whose fee is awaited."""

    id: UUID = field(default_factory=new_id)
    currency: str = "USD"
    objections: tuple[Objection, ...] = ()
    __tablename__ = "papers"

    def posting_objections(self, event: Event) -> Iterator[Objection]:
        yield from self.objections


@pytest.fixture
def world(organization: Any) -> SimpleNamespace:
    chapter = factories.make_chapter()
    status = factories.make_status()
    return SimpleNamespace(
        organization=organization,
        chapter=chapter,
        other_chapter=factories.make_chapter("BET", "Beta Chapter"),
        ana=factories.make_member(chapter, status),
        ben=factories.make_member(chapter, status, first_name="Ben"),
    )


def dues(world: SimpleNamespace, amount: int, *, member: Any = None, chapter: Any = None) -> Move:
    """Dues billed to a member."""
    chapter = chapter or world.chapter
    return Move(
        amount,
        debit=Side(Code.RECEIVABLE, chapter.id, (member or world.ana).id),
        credit=Side(Code.DUES_INCOME, chapter.id),
    )


def cash(world: SimpleNamespace, amount: int, *, member: Any = None) -> Move:
    """Cash that a member hands over for what is owed."""
    return Move(
        amount,
        debit=Side(Code.BANK, world.chapter.id),
        credit=Side(Code.RECEIVABLE, world.chapter.id, (member or world.ana).id),
    )


def write(
    *moves: Move, paper: Paper | None = None, event: Event = Event.INVOICE_ISSUED, **more: Any
) -> JournalEntry:
    values = {"on": TODAY, "by": None, "description": "Spring 2026 dues"} | more
    with transaction():
        entry_id = ledger.post(event, source=paper or Paper(), moves=moves, **values)
    return JournalEntry.here().get(entry_id)


def take_back(entry: JournalEntry, **more: Any) -> JournalEntry:
    values = {"source": Paper(), "on": TODAY, "by": None, "description": "Taken back"} | more
    with transaction():
        entry_id = ledger.reverse(entry, **values)
    return JournalEntry.here().get(entry_id)
