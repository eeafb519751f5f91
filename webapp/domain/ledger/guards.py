"""What is asked before every entry. Each guard has a name, and each of them always speaks.

All guards look at the same facts, so one that refuses doesn't silence the next, and whoever is refused reads
every reason at once. What they said is kept with the entry, or without one when it was blocked.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import exists, select

from webapp.core.db import OrganizationRow, db, keep_even_if_refused, new_id
from webapp.core.errors import Conflict
from webapp.domain.ledger.chart import Code
from webapp.domain.ledger.journal import Event, Outcome, PostingDecision
from webapp.domain.ledger.proposal import Override
from webapp.domain.organizations import Login, Role, RoleName


class Guard(StrEnum):
    ACCOUNTS_BELONG = "accounts_belong"
    CURRENCY_MATCHES = "currency_matches"
    PERIOD_IS_OPEN = "period_is_open"
    SOURCE_STATE_ALLOWS = "source_state_allows"
    NOT_POSTED_BEFORE = "not_posted_before"
    FEE_IS_CONFIRMED = "fee_is_confirmed"
    WALLET_NOT_NEGATIVE = "wallet_not_negative"


Objection = tuple[Guard, str]


class Postable(Protocol):
    """A document that has a say in whether it may be posted: an invoice in its state, a payment's fee.

    It answers with the guard that objects and the sentence why, as often as it has an objection.
    """

    def posting_objections(self, event: Event) -> Iterator[Objection]: ...


def objections_of(source: OrganizationRow, event: Event) -> dict[Guard, str]:
    raised: dict[Guard, str] = {}
    objecting = getattr(source, "posting_objections", None)
    for guard, sentence in objecting(event) if objecting else ():
        raised[guard] = f"{raised[guard]} {sentence}" if guard in raised else sentence
    return raised


@dataclass(frozen=True)
class Facts:
    """What the guards look at."""

    account_ids: Mapping[str, UUID]
    accounts: frozenset[Code]
    without_party: frozenset[Code]
    book_currency: str
    foreign_currency: str | None
    closed_until: date | None
    posted_before: bool
    overdrawn: bool
    raised: Mapping[Guard, str] = field(default_factory=dict)


def _accounts_belong(facts: Facts) -> str:
    missing = sorted(facts.accounts - set(facts.account_ids))
    if missing:
        return f"The chart of accounts has no account {', '.join(missing)}."
    if facts.without_party:
        return f"Account {', '.join(sorted(facts.without_party))} is kept by party, and none was named."
    return ""


def _currency_matches(facts: Facts) -> str:
    if facts.foreign_currency is None:
        return ""
    return f"The amount is in {facts.foreign_currency}, but the books are kept in {facts.book_currency}."


def _period_is_open(facts: Facts) -> str:
    if facts.closed_until is None:
        return ""
    return f"The books are closed through {facts.closed_until}. Date the entry after that day."


def _source_state_allows(facts: Facts) -> str:
    return facts.raised.get(Guard.SOURCE_STATE_ALLOWS, "")


def _not_posted_before(facts: Facts) -> str:
    return "This is in the books already." if facts.posted_before else ""


def _fee_is_confirmed(facts: Facts) -> str:
    return facts.raised.get(Guard.FEE_IS_CONFIRMED, "")


def _wallet_not_negative(facts: Facts) -> str:
    return "The wallet does not hold that much." if facts.overdrawn else ""


CHECKS: Mapping[Guard, Callable[[Facts], str]] = {
    Guard.ACCOUNTS_BELONG: _accounts_belong,
    Guard.CURRENCY_MATCHES: _currency_matches,
    Guard.PERIOD_IS_OPEN: _period_is_open,
    Guard.SOURCE_STATE_ALLOWS: _source_state_allows,
    Guard.NOT_POSTED_BEFORE: _not_posted_before,
    Guard.FEE_IS_CONFIRMED: _fee_is_confirmed,
    Guard.WALLET_NOT_NEGATIVE: _wallet_not_negative,
}


class PostingBlocked(Conflict):
    """At least one guard refused, and nothing was written. `guards` are the names of those that did."""

    code = "posting-blocked"
    next_step = "Nothing was written into the books. Settle what is named here first, then try again."

    def __init__(self, objections: Mapping[Guard, str]) -> None:
        self.guards = tuple(objections)
        super().__init__(" ".join(objections.values()))


@dataclass(frozen=True)
class Question:
    """What the decision is about: one entry, or a bulk run's batch of them."""

    event: Event
    source_kind: str
    source_id: UUID
    entries: int
    amount: int
    by: Login | None
    override: Override | None = None


@dataclass(frozen=True)
class Decision:
    """What came of the question. `objections` is what the guards that refused said."""

    question: Question
    outcome: Outcome
    objections: Mapping[Guard, str]
    override: Override | None = None

    @property
    def values(self) -> dict[str, Any]:
        """Of its PostingDecision."""
        question, override = self.question, self.override
        return {
            "outcome": self.outcome,
            "event": question.event,
            "source_kind": question.source_kind,
            "source_id": question.source_id,
            "guards": {guard.value: self.objections.get(guard, True) for guard in Guard},
            "entries": question.entries,
            "amount": question.amount,
            "by_id": question.by.id if question.by else None,
            "overridden_by_id": override.by.id if override else None,
            "reason": override.why if override else None,
        }


def decide(question: Question, facts: Facts) -> Decision:
    """Let every guard speak. The decision to post, or PostingBlocked with every reason."""
    objections = {guard: said for guard, check in CHECKS.items() if (said := check(facts))}
    override = question.override
    if not objections:
        return Decision(question, Outcome.ALLOWED, objections)
    if override is None or set(objections) != {Guard.PERIOD_IS_OPEN}:
        raise refusal(question, objections)
    if not override.why or not _is_national_admin(override.by):
        told = "Only a national admin can post into closed books, and has to say why."
        raise refusal(question, {Guard.PERIOD_IS_OPEN: f"{objections[Guard.PERIOD_IS_OPEN]} {told}"})
    return Decision(question, Outcome.OVERRIDDEN, objections, override)


def refusal(question: Question, objections: Mapping[Guard, str]) -> PostingBlocked:
    """The error to raise. Its decision stays, though everything else of the transaction is undone."""
    decision = Decision(question, Outcome.BLOCKED, objections)
    blocked = PostingDecision(id=new_id(), **decision.values)
    db.session.add(blocked)
    keep_even_if_refused(db.session(), blocked)
    return PostingBlocked(objections)


def _is_national_admin(login: Login) -> bool:
    held = Role.here().select(Role.login_id == login.id, Role.role == RoleName.NATIONAL_ADMIN)
    return bool(db.session.scalar(select(exists(held))))
