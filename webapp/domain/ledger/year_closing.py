"""Closing a fiscal year and opening it again: its result goes to the net assets, chapter by chapter."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import func, select

from webapp.core import audit, clock, tenancy
from webapp.core.db import db, new_id
from webapp.core.errors import Conflict, Invalid
from webapp.domain.ledger import periods
from webapp.domain.ledger.chart import Account, AccountKind, Code, open_standard_chart
from webapp.domain.ledger.fiscal_years import FiscalYear, YearClosing, YearClosingPart
from webapp.domain.ledger.journal import Event, Posting
from webapp.domain.ledger.periods import BEGINNING, ClosedSpan
from webapp.domain.ledger.posting import entry_for, post, reverse
from webapp.domain.ledger.proposal import Move, Override, Side, overriding
from webapp.domain.organizations import Login, Organization

Results = Mapping[UUID | None, Mapping[Code, int]]


def begin_years_with(organization: Organization, month: int, *, by: Login) -> None:
    """From which month fiscal years count; not while one is closed, for its days would lie in two."""
    if not 1 <= month <= 12:
        raise Invalid(fields={"month": "Choose a month."})
    if month != organization.fiscal_year_month and latest_closing() is not None:
        raise Conflict(
            "A fiscal year is closed, so years can't begin with another month.",
            next_step="Open the closed years again first, the latest one before the others.",
        )
    organization.change({"fiscal_year_month": month}, by=by)


def close_year(year: FiscalYear, *, by: Login, today: date, reason: str | None = None) -> YearClosing:
    """Everything earned and spent up to its last day that no closing has moved yet, dated on that day; then
    the books are closed through it. Whoever is posting right now is waited for.
    """
    if year.ends_on >= today:
        raise Conflict(f"The fiscal year {year.name} is not over before {year.ends_on}.")
    periods.hold_alone()
    latest = latest_closing()
    if latest is not None and latest.ends_on >= year.ends_on:
        raise Conflict(f"The fiscal year {latest.year.name} is closed already.")
    open_standard_chart()
    results = _unclosed_results(year.ends_on)
    closing = YearClosing(
        id=new_id(),
        starts_on=year.starts_on,
        ends_on=year.ends_on,
        result=sum(sum(of_accounts.values()) for of_accounts in results.values()),
        reason=reason,
        closed_by_id=by.id,
    )
    parts = _write_parts(closing, results)
    closing.span_id = periods.close_span(BEGINNING, year.ends_on, by=by).id
    db.session.add(closing)
    db.session.flush()
    db.session.add_all(parts)
    after = {"from": str(year.starts_on), "to": str(year.ends_on), "result": closing.result}
    audit.record("year closed", closing, by=by, after=after, reason=reason)
    return closing


def reopen_year(closing: YearClosing, *, by: Login, reason: str) -> None:
    """Take its entries back, on the day they are dated, and open its books; the latest closed year only."""
    if not reason.strip():
        raise Invalid(fields={"reason": "Say why the year is opened again."})
    periods.hold_alone()
    db.session.refresh(closing, ["reopened_at"], with_for_update=True)
    if not closing.is_closed:
        raise Conflict("This fiscal year has been opened again already.")
    latest = latest_closing()
    if latest is not None and latest.id != closing.id:
        raise Conflict(f"Open the fiscal year {latest.year.name} first: it was closed on top of this one.")
    reason = reason.strip()
    with overriding(Override(by, reason)):
        for part in YearClosingPart.here().all(YearClosingPart.closing_id == closing.id):
            _take_back(part, closing, by=by)
    closing.reopened_by_id, closing.reopened_at, closing.reopening_reason = by.id, clock.now(), reason
    db.session.flush()
    span = ClosedSpan.here().get(closing.span_id, lock=True)
    if span.is_closed:
        span.reopen(by=by, reason=reason)
    after = {"from": str(closing.starts_on), "to": str(closing.ends_on)}
    audit.record("year reopened", closing, by=by, after=after, reason=reason)


def latest_closing() -> YearClosing | None:
    """The last year that is closed now."""
    closed = YearClosing.here().select(YearClosing.reopened_at.is_(None))
    return db.session.scalars(closed.order_by(YearClosing.ends_on.desc()).limit(1)).first()


def _take_back(part: YearClosingPart, closing: YearClosing, *, by: Login) -> None:
    entry = entry_for(part.id, Event.YEAR_CLOSED)
    assert entry is not None, "Each part of a closing has its entry"
    description = f"Fiscal year {closing.year.name} opened again"
    reverse(entry, source=part, on=closing.ends_on, by=by, description=description)


def _write_parts(closing: YearClosing, results: Results) -> list[YearClosingPart]:
    """One entry for each chapter, so that each chapter's accounts begin the new year at nothing."""
    parts = []
    for chapter_id, of_accounts in results.items():
        part = YearClosingPart(
            id=new_id(), closing_id=closing.id, chapter_id=chapter_id, result=sum(of_accounts.values())
        )
        parts.append(part)
        post(
            Event.YEAR_CLOSED,
            source=part,
            moves=_moves(chapter_id, of_accounts),
            on=closing.ends_on,
            by=db.session.get_one(Login, closing.closed_by_id),
            description=f"Fiscal year {closing.year.name} closed",
        )
    return parts


def _moves(chapter_id: UUID | None, of_accounts: Mapping[Code, int]) -> Sequence[Move]:
    """`of_accounts` is positive where the account raises the result."""
    net_assets = Side(Code.NET_ASSETS, chapter_id)
    return [
        Move(amount, debit=Side(code, chapter_id), credit=net_assets)
        if amount > 0
        else Move(-amount, debit=net_assets, credit=Side(code, chapter_id))
        for code, amount in of_accounts.items()
    ]


def _unclosed_results(through: date) -> Results:
    """Credits less debits of each income and expense account, by chapter; what is zero is left out."""
    codes = {
        one.id: Code(one.code)
        for one in Account.here().all(Account.kind.in_((AccountKind.INCOME, AccountKind.EXPENSE)))
    }
    found: dict[UUID | None, dict[Code, int]] = defaultdict(lambda: defaultdict(int))
    for sign, account, chapter in (
        (-1, Posting.debit_account_id, Posting.debit_chapter_id),
        (1, Posting.credit_account_id, Posting.credit_chapter_id),
    ):
        rows = db.session.execute(
            select(chapter, account, func.sum(Posting.amount))
            .where(
                Posting.organization_id == tenancy.organization_id(),
                Posting.dated <= through,
                account.in_(codes),
            )
            .group_by(chapter, account)
        )
        for chapter_id, account_id, amount in rows:
            found[chapter_id][codes[account_id]] += sign * int(amount)
    left = {
        chapter_id: {code: amount for code, amount in sorted(of_accounts.items()) if amount}
        for chapter_id, of_accounts in found.items()
    }
    return {chapter_id: of_accounts for chapter_id, of_accounts in left.items() if of_accounts}
