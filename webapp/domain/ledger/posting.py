"""Writing one entry: the guards are asked, then decision, entry and postings wait to be written together."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import ColumnElement, CompoundSelect, and_, exists, select
from sqlalchemy.orm import aliased

from webapp.core import audit, tenancy, writing
from webapp.core.db import OrganizationRow, db, new_id
from webapp.domain.ledger import balances, guards, periods
from webapp.domain.ledger.chart import Account, Code
from webapp.domain.ledger.facts import gather
from webapp.domain.ledger.guards import Decision, Facts, Guard, Question
from webapp.domain.ledger.journal import Event, JournalEntry, Posting, PostingDecision
from webapp.domain.ledger.proposal import Move, Override, Proposal, Side, given_word
from webapp.domain.organizations import Login


def post(
    event: Event,
    *,
    source: OrganizationRow,
    moves: Sequence[Move],
    on: date,
    by: Login | None,
    description: str,
    override: Override | None = None,
) -> UUID:
    """Write what happened into the books: its entry's id. PostingBlocked, with every reason, if a guard
    refuses."""
    return _carry_out(Proposal(event, source, moves, on, by, description, override))


def reverse(
    entry: JournalEntry, *, source: OrganizationRow, on: date, by: Login | None, description: str
) -> UUID:
    """Take an entry back by its mirror image, which names it. Once only; `source` is why, e.g. the refund."""
    moves = [move.turned_round() for move in moves_of(entry)]
    return _carry_out(Proposal(Event.REVERSAL, source, moves, on, by, description, reverses_id=entry.id))


def entry_for(source_id: UUID, event: Event) -> JournalEntry | None:
    """The entry that this document's event has in the books; reversals are not looked at."""
    return JournalEntry.here().first(
        JournalEntry.source_id == source_id,
        JournalEntry.event == event,
        JournalEntry.reverses_id.is_(None),
    )


def standing_entries(source_ids: CompoundSelect[UUID]) -> Sequence[JournalEntry]:
    """What these documents have in the books and nobody took back, oldest first."""
    reversal = aliased(JournalEntry)
    taken_back = exists().where(
        reversal.organization_id == JournalEntry.organization_id, reversal.reverses_id == JournalEntry.id
    )
    return JournalEntry.here().all(
        JournalEntry.source_id.in_(source_ids),
        JournalEntry.reverses_id.is_(None),
        ~taken_back,
        order_by=JournalEntry.id,
    )


def is_entry_of(document: type[OrganizationRow], event: Event) -> ColumnElement[bool]:
    """Joins each document with the entry of its event."""
    return and_(
        JournalEntry.organization_id == document.organization_id,
        JournalEntry.source_id == document.id,
        JournalEntry.event == event,
        JournalEntry.reverses_id.is_(None),
    )


def moves_of(*entries: JournalEntry) -> list[Move]:
    """What these entries moved, in the order it was written down."""
    debit, credit = aliased(Account), aliased(Account)
    rows = db.session.execute(
        select(Posting, debit.code, credit.code)
        .join(
            debit, (debit.organization_id == Posting.organization_id) & (debit.id == Posting.debit_account_id)
        )
        .join(
            credit,
            (credit.organization_id == Posting.organization_id) & (credit.id == Posting.credit_account_id),
        )
        .where(
            Posting.organization_id == tenancy.organization_id(),
            Posting.entry_id.in_([entry.id for entry in entries]),
        )
        .order_by(Posting.id)
    )
    return [
        Move(
            posting.amount,
            debit=Side(Code(debit_code), posting.debit_chapter_id, posting.debit_member_id),
            credit=Side(Code(credit_code), posting.credit_chapter_id, posting.credit_member_id),
        )
        for posting, debit_code, credit_code in rows
    ]


def posting_id(entry_id: UUID, position: int) -> UUID:
    """Continues the entry's id, so that postings lie in the order of their entries."""
    return UUID(f"{str(entry_id)[:-2]}{position:02x}")


def _carry_out(proposal: Proposal) -> UUID:
    assert proposal.moves, "An entry moves something"
    assert all(move.amount > 0 for move in proposal.moves), "An amount is positive; a sign is a direction"
    assert len(proposal.moves) <= 256, "One entry has at most 256 postings"
    periods.hold_open()
    facts = gather(proposal)
    decision = guards.decide(_question(proposal), facts)
    entry_id = _write(proposal, decision, facts)
    _move_balances(proposal, facts)
    if word := decision.override:
        entry, after = JournalEntry(id=entry_id), {"dated": str(proposal.on), "amount": proposal.amount}
        audit.record("posted_into_closed_books", entry, by=proposal.by, after=after, reason=word.why)
    return entry_id


def _question(proposal: Proposal) -> Question:
    return Question(
        event=proposal.event,
        source_kind=proposal.source.__tablename__,
        source_id=proposal.source.id,
        entries=1,
        amount=proposal.amount,
        by=proposal.by,
        override=proposal.override or given_word(),
    )


def _write(proposal: Proposal, decision: Decision, facts: Facts) -> UUID:
    entry_id, decision_id, source = new_id(), new_id(), proposal.source
    writing.note(PostingDecision, id=decision_id, **decision.values)
    writing.note(
        JournalEntry,
        taken=lambda: _taken(proposal),
        id=entry_id,
        event=proposal.event,
        dated=proposal.on,
        description=proposal.description,
        source_kind=source.__tablename__,
        source_id=source.id,
        reverses_id=proposal.reverses_id,
        decision_id=decision_id,
        by_id=proposal.by.id if proposal.by else None,
    )
    ids = facts.account_ids
    for position, move in enumerate(proposal.moves):
        writing.note(
            Posting,
            id=posting_id(entry_id, position),
            entry_id=entry_id,
            dated=proposal.on,
            amount=move.amount,
            debit_account_id=ids[move.debit.account],
            credit_account_id=ids[move.credit.account],
            debit_chapter_id=move.debit.chapter_id,
            credit_chapter_id=move.credit.chapter_id,
            debit_member_id=move.debit.member_id,
            credit_member_id=move.credit.member_id,
        )
    return entry_id


def _taken(proposal: Proposal) -> Exception:
    said = "Somebody else has just put this in the books."
    return guards.refusal(_question(proposal), {Guard.NOT_POSTED_BEFORE: said})


def _move_balances(proposal: Proposal, facts: Facts) -> None:
    moved = balances.moved()
    for move in proposal.moves:
        moved.add(facts.account_ids[move.debit.account], move.debit, debits=move.amount)
        moved.add(facts.account_ids[move.credit.account], move.credit, credits=move.amount)
