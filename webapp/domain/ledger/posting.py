"""Writing one entry: the guards are asked, then decision, entry and postings go in with one statement."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    CompoundSelect,
    Date,
    Text,
    Uuid,
    and_,
    bindparam,
    column,
    exists,
    func,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import aliased

from webapp.core import audit, tenancy
from webapp.core.db import OrganizationRow, db, new_id
from webapp.domain.ledger import balances, guards, periods
from webapp.domain.ledger.chart import Account, Code
from webapp.domain.ledger.guards import Facts, Guard, Question
from webapp.domain.ledger.journal import Event, JournalEntry, Outcome, Posting, PostingDecision
from webapp.domain.ledger.proposal import Move, Override, Proposal, Side, given_word
from webapp.domain.organizations import Login, Organization


def post(
    event: Event,
    *,
    source: OrganizationRow,
    moves: Sequence[Move],
    on: date,
    by: Login | None,
    description: str,
    override: Override | None = None,
) -> JournalEntry:
    """Write what happened into the books. PostingBlocked, with every reason, if a guard refuses."""
    return _carry_out(Proposal(event, source, moves, on, by, description, override))


def reverse(
    entry: JournalEntry, *, source: OrganizationRow, on: date, by: Login | None, description: str
) -> JournalEntry:
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


def _carry_out(proposal: Proposal) -> JournalEntry:
    assert proposal.moves, "An entry moves something"
    assert all(move.amount > 0 for move in proposal.moves), "An amount is positive; a sign is a direction"
    assert len(proposal.moves) <= 256, "One entry has at most 256 postings"
    db.session.flush()
    periods.hold_open()
    facts = _facts(proposal)
    question = _question(proposal)
    decision = guards.decide(question, facts)
    entry = _write(proposal, decision, facts)
    if entry is None:
        raise guards.refusal(
            question, {Guard.NOT_POSTED_BEFORE: "Somebody else has just put this in the books."}
        )
    _move_balances(proposal, facts)
    if decision.outcome is Outcome.OVERRIDDEN:
        after = {"dated": str(proposal.on), "amount": proposal.amount}
        audit.record("posted_into_closed_books", entry, by=proposal.by, after=after, reason=decision.reason)
    return entry


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


def _facts(proposal: Proposal) -> Facts:
    organization = db.session.get_one(Organization, tenancy.organization_id())
    account_ids, closed_until, posted_before = db.session.execute(
        select(
            select(func.jsonb_object_agg(Account.code, Account.id))
            .where(Account.organization_id == organization.id)
            .scalar_subquery(),
            periods.closed_until(proposal.on).scalar_subquery(),
            exists(_same_event(proposal)),
        )
    ).one()
    currency = getattr(proposal.source, "currency", None)
    return Facts(
        account_ids={code: UUID(account_id) for code, account_id in (account_ids or {}).items()},
        accounts=frozenset(side.account for side in proposal.sides),
        without_party=frozenset(side.account for side in proposal.sides if not side.names_its_party),
        book_currency=organization.currency,
        foreign_currency=currency if currency != organization.currency else None,
        closed_until=closed_until,
        posted_before=posted_before,
        overdrawn=_overdraws(proposal),
        raised=guards.objections_of(proposal.source, proposal.event),
    )


def _same_event(proposal: Proposal) -> Any:
    if proposal.reverses_id is not None:
        return JournalEntry.here().select(JournalEntry.reverses_id == proposal.reverses_id)
    return JournalEntry.here().select(
        JournalEntry.source_id == proposal.source.id,
        JournalEntry.event == proposal.event,
        JournalEntry.reverses_id.is_(None),
    )


def _overdraws(proposal: Proposal) -> bool:
    """Whether a wallet would hold less than nothing. All wallets it touches stay locked from here on."""
    taken: dict[UUID, int] = {}
    for move in proposal.moves:
        for side, amount in ((move.debit, move.amount), (move.credit, -move.amount)):
            if side.account is Code.MEMBER_WALLETS and side.member_id is not None:
                taken[side.member_id] = taken.get(side.member_id, 0) + amount
    left = [balances.locked_wallet(member_id) - taken[member_id] for member_id in sorted(taken)]
    return min(left, default=0) < 0


_moves = (
    func.unnest(
        bindparam("posting_ids", type_=ARRAY(Uuid())),
        bindparam("amounts", type_=ARRAY(BigInteger())),
        bindparam("debit_accounts", type_=ARRAY(Uuid())),
        bindparam("credit_accounts", type_=ARRAY(Uuid())),
        bindparam("debit_chapters", type_=ARRAY(Uuid())),
        bindparam("credit_chapters", type_=ARRAY(Uuid())),
        bindparam("debit_members", type_=ARRAY(Uuid())),
        bindparam("credit_members", type_=ARRAY(Uuid())),
    )
    .table_valued(
        column("id", Uuid()),
        column("amount", BigInteger()),
        column("debit_account_id", Uuid()),
        column("credit_account_id", Uuid()),
        column("debit_chapter_id", Uuid()),
        column("credit_chapter_id", Uuid()),
        column("debit_member_id", Uuid()),
        column("credit_member_id", Uuid()),
    )
    .render_derived(name="moves")
)


def _writing() -> Any:
    """One statement: the entry unless it is there already, and then its decision and its postings."""
    uuid, text = Uuid(), Text()
    entry_columns: dict[str, Any] = {
        "organization_id": bindparam("organization", type_=uuid),
        "id": bindparam("entry", type_=uuid),
        "event": bindparam("event", type_=text),
        "dated": bindparam("dated", type_=Date()),
        "description": bindparam("description", type_=text),
        "source_kind": bindparam("source_kind", type_=text),
        "source_id": bindparam("source", type_=uuid),
        "reverses_id": bindparam("reverses", type_=uuid),
        "decision_id": bindparam("decision", type_=uuid),
        "by_id": bindparam("by", type_=uuid),
    }
    entry = (
        insert(JournalEntry)
        .from_select(list(entry_columns), select(*entry_columns.values()))
        .on_conflict_do_nothing()
        .returning(*JournalEntry.__table__.c)
        .cte("entry")
    )
    decision_columns: dict[str, Any] = {
        "organization_id": entry.c.organization_id,
        "id": entry.c.decision_id,
        "outcome": bindparam("outcome", type_=text),
        "event": entry.c.event,
        "source_kind": entry.c.source_kind,
        "source_id": entry.c.source_id,
        "guards": bindparam("guards", type_=JSONB()),
        "entries": bindparam("entries", type_=BigInteger()),
        "amount": bindparam("amount", type_=BigInteger()),
        "by_id": entry.c.by_id,
        "overridden_by_id": bindparam("overridden_by", type_=uuid),
        "reason": bindparam("reason", type_=text),
    }
    decision = (
        insert(PostingDecision)
        .from_select(list(decision_columns), select(*decision_columns.values()))
        .returning(PostingDecision.id)
        .cte("decision")
    )
    postings = (
        insert(Posting)
        .from_select(
            ["organization_id", "entry_id", "dated", *_moves.c.keys()],
            select(entry.c.organization_id, entry.c.id, entry.c.dated, *_moves.c).select_from(
                entry.join(_moves, true())
            ),
        )
        .returning(Posting.id)
        .cte("written")
    )
    return select(aliased(JournalEntry, entry)).add_cte(decision, postings)


_WRITING = _writing()


def _write(proposal: Proposal, decision: PostingDecision, facts: Facts) -> JournalEntry | None:
    entry_id, ids, moves = new_id(), facts.account_ids, proposal.moves
    values = {
        "organization": tenancy.organization_id(),
        "entry": entry_id,
        "event": proposal.event.value,
        "dated": proposal.on,
        "description": proposal.description,
        "source_kind": decision.source_kind,
        "source": decision.source_id,
        "reverses": proposal.reverses_id,
        "decision": new_id(),
        "by": decision.by_id,
        "outcome": decision.outcome.value,
        "guards": decision.guards,
        "entries": decision.entries,
        "amount": decision.amount,
        "overridden_by": decision.overridden_by_id,
        "reason": decision.reason,
        "posting_ids": [posting_id(entry_id, position) for position in range(len(moves))],
        "amounts": [move.amount for move in moves],
        "debit_accounts": [ids[move.debit.account] for move in moves],
        "credit_accounts": [ids[move.credit.account] for move in moves],
        "debit_chapters": [move.debit.chapter_id for move in moves],
        "credit_chapters": [move.credit.chapter_id for move in moves],
        "debit_members": [move.debit.member_id for move in moves],
        "credit_members": [move.credit.member_id for move in moves],
    }
    written: JournalEntry | None = db.session.scalars(_WRITING, values).one_or_none()
    return written


def _move_balances(proposal: Proposal, facts: Facts) -> None:
    moved = balances.moved()
    for move in proposal.moves:
        moved.add(facts.account_ids[move.debit.account], move.debit, debits=move.amount)
        moved.add(facts.account_ids[move.credit.account], move.credit, credits=move.amount)
