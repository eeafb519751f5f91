"""Small true worlds to test in. Each function makes one thing, with believable defaults, and commits it."""

from dataclasses import dataclass
from datetime import date
from itertools import count
from typing import Any
from uuid import UUID

from webapp.core import tenancy
from webapp.core.db import db, transaction
from webapp.domain.approvals import Action, policy
from webapp.domain.approvals.policy import Place, Right
from webapp.domain.billing import confirming, rates, run, schedules
from webapp.domain.billing.batch import bill_batch
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.periods import BillingPeriod
from webapp.domain.billing.rates import DuesRate
from webapp.domain.billing.run import BillingRun
from webapp.domain.billing.schedules import AssessmentSchedule, Basis, ScheduleKind
from webapp.domain.billing.settings import Cadence
from webapp.domain.organizations import Chapter, Login, Member, MemberStatus, Organization, Role, RoleName

_next = count(1)


def make_organization(name: str = "Pi Chi Fraternity", **changes: Any) -> Organization:
    number = next(_next)
    values = {
        "slug": f"pi-chi-{number}",
        "name": name,
        "currency": "USD",
        "timezone": "America/New_York",
        "address": "1 Main Street\nSpringfield, OH 45501",
    }
    organization = Organization(**(values | changes))
    with transaction() as session:
        session.add(organization)
    return organization


def found(organization: Organization) -> None:
    """What every organization starts with: chart of accounts, dues settings, the standard schedule."""
    from webapp.domain.billing import schedules, settings
    from webapp.domain.ledger import chart

    with transaction():
        chart.open_standard_chart()
        settings.open_standard()
        schedules.open_standard()


WITHOUT_MONEY = frozenset({
    "accounts", "api_tokens", "approval_policies", "assessment_schedules", "audit_entries",
    "authenticator_apps", "billing_periods", "chapters", "closed_spans", "column_mappings", "daily_runs",
    "drafts", "dues_rates", "dues_settings", "invitations", "login_sessions", "logins", "mails",
    "member_statuses", "members", "organizations", "outbox", "passkey_challenges", "passkeys",
    "payment_processors", "pledge_classes", "processor_customers", "recovery_codes", "request_keys", "roles",
    "roster_import_rows", "roster_imports", "saved_methods", "saved_views", "seals", "sign_in_links",
    "signs_of_life", "verifications",
})  # fmt: skip
"""Where only these tables have rows, the books are empty and there is nothing to verify."""


def verify_books(organization: Organization) -> None:
    """The invariant after every test: balances equal postings equal documents."""
    from webapp.domain.reporting.verification import books as verification

    found = verification.verify(organization)
    assert not found, "\n".join(difference.sentence(organization.currency) for difference in found)


def make_chapter(code: str = "ALP", name: str = "Alpha Chapter", **changes: Any) -> Chapter:
    return _add(Chapter(code=code, name=name, **changes))


def make_status(code: str = "undergraduate", *, billable: bool = True, **changes: Any) -> MemberStatus:
    values = {"label": code.replace("_", " ").capitalize()} | changes
    return _add(MemberStatus(code=code, billable=billable, **values))


def make_member(chapter: Chapter, status: MemberStatus, **changes: Any) -> Member:
    number = next(_next)
    values = {
        "number": f"PX{number:05d}",
        "first_name": "Ana",
        "last_name": f"Núñez {number}",
        "email": f"ana{number}@members.example.org",
        "chapter_id": chapter.id,
        "status_id": status.id,
        "joined_on": date(2025, 9, 1),
    }
    return _add(Member(**(values | changes)))


def make_login(name: str = "Wendy Taylor", **changes: Any) -> Login:
    number = next(_next)
    return _add(Login(**({"name": name, "email": f"person{number}@example.org"} | changes)))


def make_role(
    login: Login,
    role: RoleName,
    *,
    chapter: Chapter | None = None,
    member: Member | None = None,
) -> Role:
    return _add(
        Role(
            login_id=login.id,
            role=role,
            chapter_id=chapter.id if chapter else None,
            member_id=member.id if member else None,
        )
    )


def make_admin(name: str = "Nora Admin") -> Login:
    login = make_login(name)
    make_role(login, RoleName.NATIONAL_ADMIN)
    return login


def allow_alone(role: RoleName, action: Action, up_to: int | None) -> None:
    """Up to this amount the role needs no second person."""
    with transaction():
        policy.set_limit(Place(role, action, Right.ALONE), up_to, by=None)


def here() -> UUID:
    return tenancy.organization_id()


def _add(row: Any) -> Any:
    with transaction() as session:
        session.add(row)
    return row


def make_period(code: str = "2026-fall", **changes: Any) -> BillingPeriod:
    values = {
        "name": "Fall 2026",
        "cadence": Cadence.SEMESTER,
        "starts_on": date(2026, 7, 1),
        "ends_on": date(2026, 12, 31),
        "due_on": date(2026, 7, 31),
        "grace_ends_on": date(2026, 8, 15),
    }
    return _add(BillingPeriod(code=code, **(values | changes)))


def make_schedule(name: str = "Roof fund", **changes: Any) -> AssessmentSchedule:
    values = {"kind": ScheduleKind.SPECIAL_ASSESSMENT, "basis": Basis.FLAT, "amount": 10_000}
    return _add(AssessmentSchedule(name=name, **(values | changes)))


def standard_schedule() -> AssessmentSchedule:
    return schedules.standard()


def make_rate(
    status: MemberStatus,
    amount: int,
    *,
    chapter: Chapter | None = None,
    by: Login | None = None,
    **dates: Any,
) -> DuesRate:
    with transaction():
        return rates.set_rate(status, amount, chapter=chapter, by=by, **dates)


def bill(
    period: BillingPeriod,
    schedule: AssessmentSchedule | None = None,
    *,
    dated: date = date(2026, 7, 1),
    by: Login | None = None,
    members_per_batch: int = 1000,
) -> BillingRun:
    """A whole billing run, as the worker does it."""
    organization = HereOrganization(tenancy.organization_id())
    with transaction():
        confirmed = confirming.confirm(
            organization, schedule or standard_schedule(), period, dated=dated, by=by
        )
    with transaction():
        run.start(confirmed.id, members_per_batch=members_per_batch)
    for batch_id in run.batches_left(confirmed.id):
        db.session.rollback()
        with transaction():
            bill_batch(confirmed.id, batch_id)
    return BillingRun.open(confirmed.id)


@dataclass(frozen=True)
class HereOrganization:
    id: UUID


def make_invoice(
    amount: int = 10_000, *, member: Member | None = None, dated: date = date(2026, 7, 1), **dates: Any
) -> Invoice:
    """One issued invoice, made by a real run of a schedule and period of its own."""
    if member is None:
        member = make_member(make_chapter(f"C{next(_next)}"), make_status(f"status-{next(_next)}"))
    number = next(_next)
    period = make_period(f"period-{number}", **dates)
    schedule = make_schedule(f"Assessment {number}", amount=amount, status_id=member.status_id)
    bill(period, schedule, dated=dated)
    return db.session.scalars(
        Invoice.here().select(Invoice.schedule_id == schedule.id, Invoice.member_id == member.id)
    ).one()
