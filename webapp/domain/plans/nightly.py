"""What the passing of a day does to payment plans."""

from datetime import date

from webapp.domain.organizations import Organization
from webapp.domain.plans import charging, collecting, ending


def pass_day(organization: Organization, on: date) -> dict[str, int]:
    """What was paid off ends first, so that it costs nothing more; what is due is collected with its
    interest; what was missed ends last. How many."""
    return {
        "plans_completed": ending.complete(on),
        "plan_interest": charging.charge_interest(organization, on),
        **collecting.promise(organization, on),
        "plans_defaulted": ending.default(organization, on),
    }
