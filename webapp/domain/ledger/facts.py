"""What the guards look at before an entry is written, as far as it is not known already."""

from uuid import UUID

from sqlalchemy import ColumnElement, Select, Text, Uuid, bindparam, cast, exists, func, select

from webapp.core import tenancy, writing
from webapp.core.db import db
from webapp.core.statements import shared
from webapp.domain.ledger import balances, books, guards
from webapp.domain.ledger.books import Books
from webapp.domain.ledger.chart import Account, Code
from webapp.domain.ledger.guards import Facts
from webapp.domain.ledger.journal import JournalEntry
from webapp.domain.ledger.periods import ClosedSpan
from webapp.domain.ledger.proposal import Proposal
from webapp.domain.organizations import Organization


def gather(proposal: Proposal) -> Facts:
    """The books are held open by now."""
    sides = proposal.sides
    accounts = frozenset(side.account for side in sides)
    seen, posted_before = _look(proposal, accounts)
    currency = getattr(proposal.source, "currency", None)
    return Facts(
        account_ids=seen.ids_of(accounts),
        accounts=accounts,
        without_party=frozenset(side.account for side in sides if not side.names_its_party),
        book_currency=seen.currency,
        foreign_currency=currency if currency != seen.currency else None,
        closed_until=seen.closed_until(proposal.on),
        posted_before=posted_before,
        overdrawn=_overdraws(proposal),
        raised=guards.objections_of(proposal.source, proposal.event),
    )


def _look(proposal: Proposal, accounts: frozenset[Code]) -> tuple[Books, bool]:
    """Into the books, and whether they have this already. Not again where both are known."""
    known = books.known()
    if known and accounts <= known.accounts.keys() and _can_not_be_there(proposal):
        return known, False
    asked = {
        "source": proposal.source.id,
        "event": proposal.event.value,
        "reverses": proposal.reverses_id,
    }
    statement = _LOOK if proposal.reverses_id is None else _LOOK_FOR_REVERSAL
    answer = db.session.connection().execute(statement, asked, execution_options=writing.aside(JournalEntry))
    said, posted_before = answer.one()
    return books.know(said), posted_before


def _can_not_be_there(proposal: Proposal) -> bool:
    """Nobody has posted a document that still waits to be written itself, unless that waits as well."""
    waits = proposal.reverses_id is None and writing.waits(proposal.source)
    return waits and not writing.any_waits(JournalEntry)


_CURRENCY = select(Organization.currency).where(Organization.id == tenancy.HERE).scalar_subquery()
_ACCOUNTS = (
    select(func.json_object_agg(Account.code, Account.id))
    .where(Account.organization_id == tenancy.HERE)
    .scalar_subquery()
)
_CLOSED = (
    select(func.json_agg(func.json_build_array(ClosedSpan.starts_on, ClosedSpan.ends_on)))
    .where(ClosedSpan.organization_id == tenancy.HERE, ClosedSpan.reopened_at.is_(None))
    .scalar_subquery()
)
BOOKS = cast(func.json_build_object("currency", _CURRENCY, "accounts", _ACCOUNTS, "closed", _CLOSED), Text)
"""What `books.know` is told: a column of any question that is asked while they are held open."""


def _looking(*posted_before: ColumnElement[bool]) -> Select[str, bool]:
    entry = select(JournalEntry.id).where(JournalEntry.organization_id == tenancy.HERE, *posted_before)
    return select(BOOKS, exists(entry))


_LOOK = shared(
    _looking(
        JournalEntry.source_id == bindparam("source", type_=Uuid()),
        JournalEntry.event == bindparam("event", type_=Text()),
        JournalEntry.reverses_id.is_(None),
    )
)
_LOOK_FOR_REVERSAL = shared(_looking(JournalEntry.reverses_id == bindparam("reverses", type_=Uuid())))


def _overdraws(proposal: Proposal) -> bool:
    """Whether a wallet would hold less than nothing. All wallets it touches stay locked from here on."""
    taken: dict[UUID, int] = {}
    for move in proposal.moves:
        for side, amount in ((move.debit, move.amount), (move.credit, -move.amount)):
            if side.account is Code.MEMBER_WALLETS and side.member_id is not None:
                taken[side.member_id] = taken.get(side.member_id, 0) + amount
    left = [balances.locked_wallet(member_id) - taken[member_id] for member_id in sorted(taken)]
    return min(left, default=0) < 0
