"""A member's word that a plan's installments may be collected from a saved method: kept as it was shown,
with who gave it and when. Only the member gives it, and takes it back at any time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    Index,
    ScalarSelect,
    Select,
    and_,
    exists,
    func,
    select,
)
from sqlalchemy.orm import Mapped, mapped_column

from webapp.core import audit, clock, tenancy
from webapp.core.db import Base, OrganizationRow, belongs_to, db, new_id, references
from webapp.core.errors import Conflict, Invalid, NotAllowed
from webapp.core.jobs import Job, later
from webapp.domain.billing.settings import DuesSettings
from webapp.domain.organizations import Login, Organization, Role, RoleName
from webapp.domain.payments.processor import PaymentProcessor
from webapp.domain.payments.saved_methods import MethodState, SavedMethod
from webapp.domain.plans.plan import LIVING, PaymentPlan

TURNED_ON = "autopay turned on"
"""What the audit trail calls it: there stands from where it was said."""


class AutopayAuthorization(OrganizationRow, Base):
    """In force until it has ended, or its method is removed. `words` are what the member read and agreed to,
    `method_label` how the method looked then. `held_up_by` says what keeps it from being carried out."""

    __tablename__ = "autopay_authorizations"

    plan_id: Mapped[UUID]
    method_id: Mapped[UUID]
    method_label: Mapped[str]
    words: Mapped[str]
    given_by_id: Mapped[UUID] = mapped_column(ForeignKey("logins.id"))
    given_at: Mapped[datetime] = mapped_column(server_default=func.now())
    ended_at: Mapped[datetime | None]
    ended_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("logins.id"))
    held_up_since: Mapped[date | None]
    held_up_by: Mapped[str | None]

    method: Mapped[SavedMethod] = belongs_to("AutopayAuthorization.method_id", "SavedMethod")

    __table_args__ = (
        references("payment_plans", "plan_id"),
        references("saved_methods", "method_id"),
        CheckConstraint("words <> ''", "said_in_words"),
        CheckConstraint("(ended_at IS NULL) = (ended_by_id IS NULL)", "ended_by_somebody"),
        CheckConstraint("(held_up_since IS NULL) = (held_up_by IS NULL)", "held_up_by_something"),
        Index(
            "uq_autopay_authorizations_one",
            "organization_id",
            "plan_id",
            unique=True,
            postgresql_where="ended_at IS NULL",
        ),
        Index("ix_autopay_authorizations_plan", "organization_id", "plan_id"),
    )


@dataclass(frozen=True)
class Autopay:
    """What was said for a plan and not taken back: the member's word, the method as it looks now, and how
    many days after a decline it is tried again. In force while the method's processor is connected."""

    authorization: AutopayAuthorization
    method: SavedMethod
    retry_days: Sequence[int]
    connected: bool


class WordsChanged(Conflict):
    """Somebody agreed to what would not be done any more."""

    code = "words-changed"
    message = "What you would agree to has changed since it was shown."
    next_step = "Read it again, then turn autopay on."


@dataclass(frozen=True)
class Offer:
    """What a plan's member can choose from, and what is chosen, even if it can't be charged at present."""

    methods: Sequence[SavedMethod]
    word: Autopay | None
    retry_days: Sequence[int]


def given(*conditions: ColumnElement[bool]) -> Select[AutopayAuthorization, SavedMethod, list[int], bool]:
    """Words that nobody has ended and whose method is saved, with the columns of an Autopay."""
    authorized = and_(
        SavedMethod.organization_id == AutopayAuthorization.organization_id,
        SavedMethod.id == AutopayAuthorization.method_id,
    )
    here = AutopayAuthorization.organization_id == tenancy.organization_id()
    return (
        select(AutopayAuthorization, SavedMethod, retry_days(), connected())
        .join(SavedMethod, authorized)
        .where(
            here,
            AutopayAuthorization.ended_at.is_(None),
            SavedMethod.state == MethodState.SAVED,
            *conditions,
        )
    )


def in_force(
    *conditions: ColumnElement[bool],
) -> Select[AutopayAuthorization, SavedMethod, list[int], bool]:
    """Those whose method is saved at a processor that is connected."""
    return given(connected(), *conditions)


def of(plan_id: UUID) -> Autopay | None:
    """What is in force."""
    row = db.session.execute(in_force(AutopayAuthorization.plan_id == plan_id)).first()
    return Autopay(*row) if row else None


def of_each(plan_ids: Sequence[UUID]) -> dict[UUID, Autopay]:
    """What was said for several plans, in force or not, with one statement."""
    rows = db.session.execute(given(AutopayAuthorization.plan_id.in_(plan_ids)))
    return {row[0].plan_id: Autopay(*row) for row in rows}


def offer(plan: PaymentPlan) -> Offer:
    """With one statement, for the plan's page."""
    chosen = and_(
        AutopayAuthorization.organization_id == SavedMethod.organization_id,
        AutopayAuthorization.method_id == SavedMethod.id,
        AutopayAuthorization.plan_id == plan.id,
        AutopayAuthorization.ended_at.is_(None),
    )
    found = (
        select(AutopayAuthorization, SavedMethod, retry_days(), connected())
        .select_from(SavedMethod)
        .outerjoin(AutopayAuthorization, chosen)
        .where(
            SavedMethod.organization_id == tenancy.organization_id(),
            SavedMethod.member_id == plan.member_id,
            SavedMethod.state == MethodState.SAVED,
        )
        .order_by(SavedMethod.id.desc())
    )
    rows = db.session.execute(found).all()
    given_words = [Autopay(*row) for row in rows if row[0] is not None]
    days = rows[0][2] if rows else []
    return Offer([row[1] for row in rows if row[3]], given_words[0] if given_words else None, days)


def connected() -> ColumnElement[bool]:
    """Whether the processor that keeps the method can be asked for money."""
    return exists().where(
        PaymentProcessor.organization_id == SavedMethod.organization_id,
        PaymentProcessor.id == SavedMethod.processor_id,
        PaymentProcessor.active,
    )


def retry_days() -> ScalarSelect[list[int]]:
    mine = DuesSettings.organization_id == tenancy.organization_id()
    return select(DuesSettings.card_retry_days).where(mine).scalar_subquery()


def words(organization: Organization, retry_days: Sequence[int]) -> str:
    """What a member agrees to. It is shown and kept in these words."""
    days = sorted(day for day in retry_days if day > 0)
    again = f" If it is declined, it may be tried again {_listed(days)} days later." if days else ""
    return (
        f"I authorize {organization.name} to collect the installments of this payment plan from the payment"
        " method I choose here: on the day each is due, or soon after, what is left of it with the interest"
        f" the plan charges, and never more.{again} What is due already is collected on the next morning."
        " This holds until the plan ends, I turn autopay off or I remove the payment method. I can do that"
        " at any time."
    )


def turn_on(
    plan: PaymentPlan, method_id: UUID, *, shown: str, organization: Organization, by: Login
) -> AutopayAuthorization:
    """The locked plan's own member says so, in the words that were shown. An earlier word ends with it."""
    _refuse_others(plan, by)
    if plan.state not in LIVING:
        raise Conflict(f"This payment plan is {plan.state.label.lower()} by now.")
    said = words(organization, DuesSettings.of(organization).card_retry_days)
    if " ".join(shown.split()) != said:
        raise WordsChanged
    method = _chargeable(plan, method_id, on=organization.today)
    _end(plan, by=by)
    authorization = AutopayAuthorization(
        id=new_id(),
        plan_id=plan.id,
        method_id=method.id,
        method_label=method.label,
        words=said,
        given_by_id=by.id,
    )
    db.session.add(authorization)
    db.session.flush()
    audit.record(TURNED_ON, plan, by=by, after={"method": method.label})
    later(Job.ANNOUNCE, once=f"autopay_on:{authorization.id}", what="autopay_on", plan_id=plan.id)
    return authorization


def turn_off(plan: PaymentPlan, *, by: Login) -> None:
    """From now on nothing is collected. What the processor was asked for already goes its way."""
    _refuse_others(plan, by)
    if _end(plan, by=by) is None:
        raise Conflict("Autopay is off for this plan.")
    audit.record("autopay turned off", plan, by=by)


def _refuse_others(plan: PaymentPlan, by: Login) -> None:
    mine = Role.member_id == plan.member_id, Role.role == RoleName.MEMBER
    if Role.here().first(Role.login_id == by.id, *mine) is None:
        raise NotAllowed(
            "Only the member can say that a saved method may be charged.",
            next_step="The member turns autopay on, and off, on the plan’s own page.",
        )


def _chargeable(plan: PaymentPlan, method_id: UUID, *, on: date) -> SavedMethod:
    mine = SavedMethod.id == method_id, SavedMethod.member_id == plan.member_id
    method = SavedMethod.here().first(*mine, lock=True)
    if method is None or not method.is_saved:
        raise Invalid(fields={"method_id": "This payment method is not saved any more. Choose another one."})
    if method.has_expired(on=on):
        raise Invalid(fields={"method_id": f"{method.label} has expired. Choose another one."})
    return method


def _end(plan: PaymentPlan, *, by: Login) -> AutopayAuthorization | None:
    mine = AutopayAuthorization.plan_id == plan.id, AutopayAuthorization.ended_at.is_(None)
    current = AutopayAuthorization.here().first(*mine, lock=True)
    if current is not None:
        current.ended_at, current.ended_by_id = clock.now(), by.id
        db.session.flush()
    return current


def _listed(days: Sequence[int]) -> str:
    *first, last = map(str, days)
    return f"{', '.join(first)} and {last}" if first else last
