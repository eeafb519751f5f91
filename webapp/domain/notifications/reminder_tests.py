"""A reminder that is being written, mailed to its writer."""

from dataclasses import asdict

from webapp.core.db import new_id
from webapp.core.errors import Invalid
from webapp.domain.notifications import reminders
from webapp.domain.notifications.delivery import MailKind, write_down
from webapp.domain.notifications.links import Links
from webapp.domain.notifications.reminder_texts import Wording
from webapp.domain.organizations import Login, Organization


def promise(
    organization: Organization, days: int, language: str, said: Wording, *, to: Login, links: Links
) -> None:
    """About an invoice that would get it, as on the day it would; it goes to nobody else."""
    said.refuse_impossible()
    invoice_id = reminders.example(organization, days, organization.tomorrow)
    if invoice_id is None:
        raise Invalid("There is no unpaid invoice yet to try the text on.")
    write_down(
        MailKind.REMINDER_TEST,
        to.email,
        once=f"{MailKind.REMINDER_TEST.value}:{new_id()}",
        domain=links.domain,
        details={
            "said": asdict(said),
            "days": days,
            "language": language,
            "invoice_id": str(invoice_id),
        },
    )
