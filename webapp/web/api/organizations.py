"""The organizations a token speaks for, and how they charge dues."""

from flask import g

from webapp.core.db import transaction
from webapp.core.errors import Invalid
from webapp.domain.billing.settings import Cadence, DuesSettings, LateFeeKind
from webapp.web.api import fields as f
from webapp.web.api import operations
from webapp.web.api.bearer import ADMIN, EVERYBODY, STAFF, acting
from webapp.web.api.fields import Shape, change_in
from webapp.web.api.inputs import Values
from webapp.web.api.operations import Answer
from webapp.web.api.paging import PAGED, pages_of

TOPIC = "Organization"

ORGANIZATION = Shape(
    "Organization",
    {
        "id": f.identifier("The organization"),
        "slug": f.text("Its short name in addresses and commands", "pi-chi-fraternity"),
        "name": f.text("Its name", "Pi Chi Fraternity"),
        "currency": f.currency("Of every amount of this organization"),
        "timezone": f.text("What decides which day today is", "America/New_York"),
        "today": f.day("Today, where the organization is"),
    },
)

LATE_FEE = {
    "late_fee_kind": f.choice(
        "How a late fee is worked out; null where the next wider rule counts: the organization's for a"
        " schedule, Duesbook's own for an organization",
        LateFeeKind,
    ).or_null(),
    "late_fee_amount": f.amount("The flat late fee", 2_500).or_null(),
    "late_fee_percent": f.decimal("The late fee in per cent of what is owed", "5.0", places=3).or_null(),
    "late_fee_maximum": f.amount("The most a late fee may be", 5_000).or_null(),
    "late_fee_after_days": f.whole("Days after the due date until the late fee", 15, most=730).or_null(),
}
_TERMS = {
    "cadence": f.choice("How often regular dues fall due", Cadence),
    "default_amount": f.amount("What a member pays whose status has no rate"),
    "due_after_days": f.whole("Days from a period's first day to its due date", 30, most=730),
    "grace_days": f.whole("Days after the due date before an invoice is overdue", 14, most=730),
    **LATE_FEE,
    "late_fees_since": f.day("Invoices due before this day cost no late fee; null for no limit").or_null(),
    "late_fee_goes_with_waiver": f.flag("Whether the fee is waived when all the rest of its invoice is"),
    "autopay": f.flag("Whether members may have their dues charged by themselves"),
    "refund_cap": f.amount("What one officer may refund on one invoice alone", 5_000),
    "returned_debit_fee": f.amount("What a member pays for a bank debit that came back", 0),
    "reminder_days": f.days("When to remind, in days from the due date", [-7, 0, 7, 21]),
    "card_retry_days": f.days("When to try a declined card again, in days", [3, 5, 7]),
    "prorate_late_joiners": f.flag("Whether who joins within a period pays for the rest of it only"),
    "plan_tolerance_days": f.whole("Days an installment may be late before its plan ends", 10, most=730),
    "severe_above": f.amount("Who owes more than this for over 90 days is severely delinquent", 0),
    "standing_with_kept_plan": f.flag("Whether what a kept payment plan is for leaves good standing alone"),
    "health_below": f.whole(
        "Below so many points a chapter's health raises a notice; null for none", 50, least=1, most=100
    ).or_null(),
    "health_fall": f.whole(
        "So does a fall by more points within 30 days; null for none", 15, least=1, most=100
    ).or_null(),
    "standing_after_days": f.whole("Days after its due date that a debt ends good standing", 30, most=730),
}
SETTINGS = Shape("DuesSettings", _TERMS | {"currency": f.currency()})
SETTINGS_CHANGE = change_in("DuesSettingsChange", **_TERMS, currency=f.currency())


@operations.get(
    "/organizations/",
    summary="List the organizations of this token",
    topic=TOPIC,
    gives=pages_of(ORGANIZATION),
    query=PAGED,
    allowed=EVERYBODY,
)
def list_organizations(query: Values) -> Answer:
    """A token belongs to one organization, so there is one."""
    return {"data": [ORGANIZATION.tell(g.organization)], "next_cursor": None, "next": None}


@operations.get(
    "/organizations/<uuid:organization_id>/dues-settings/",
    summary="Read the dues settings",
    topic=TOPIC,
    gives=SETTINGS,
    allowed=STAFF,
)
def read_dues_settings() -> Answer:
    """How often dues are charged, what is usual, when they are due and what being late costs."""
    return _told(DuesSettings.of(g.organization))


@operations.patch(
    "/organizations/<uuid:organization_id>/dues-settings/",
    summary="Change the dues settings",
    topic=TOPIC,
    gives=SETTINGS,
    takes=SETTINGS_CHANGE,
    allowed=ADMIN,
)
def change_dues_settings(body: Values) -> Answer:
    """Send what changes; the rest stays. Invoices that were issued keep what they say."""
    refuse_other_currency(body)
    with transaction():
        settings = DuesSettings.in_(g.organization).first(lock=True)
        assert settings is not None, "Every organization is founded with dues settings"
        settings.change(by=acting, **body)
    return _told(settings)


def refuse_other_currency(body: Values) -> None:
    """Amounts are in the organization's currency; whoever names another one means other amounts."""
    own = g.organization.currency
    if body.pop("currency", own) != own:
        raise Invalid(fields={"currency": f"This organization's amounts are in {own}."})


def _told(settings: DuesSettings) -> Answer:
    return SETTINGS.tell(settings, currency=g.organization.currency)
