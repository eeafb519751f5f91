"""One slice of a bulk action: each of the chosen in a transaction of its own."""

from collections.abc import Sequence
from uuid import UUID

from webapp import wiring
from webapp.core import tenancy
from webapp.core.db import transaction
from webapp.core.errors import Refusal
from webapp.domain.bulk_actions import carrying_out, statement_mailing
from webapp.domain.notifications.messages import Mailer, MailUnavailable, MailUncertain
from webapp.domain.organizations import Organization
from webapp.workers.notifications import deliver


def carry_out_bulk_action(action_id: UUID) -> None:
    """One that is refused doesn't stop the others."""
    with transaction() as session:
        results = carrying_out.waiting(action_id)
        by_mail = statement_mailing.is_mailing(action_id)
        organization = session.get_one(Organization, tenancy.organization_id())
    if by_mail:
        _mail(results, organization)
    else:
        _carry_out(results)
    with transaction():
        carrying_out.go_on(action_id)


def _carry_out(results: Sequence[UUID]) -> None:
    for result_id in results:
        try:
            with transaction():
                carrying_out.carry_out(result_id, wiring.links())
        except Refusal as refusal:
            _refuse(result_id, refusal)


def _mail(results: Sequence[UUID], organization: Organization) -> None:
    """What the mail server does not take now has another turn after the others. The job comes again when it
    took none."""
    silences = []
    with wiring.mailer_for(organization) as mailer:
        for result_id in results:
            try:
                _mail_one(result_id, mailer)
            except (MailUnavailable, MailUncertain) as silence:
                with transaction():
                    if not statement_mailing.settle(result_id):
                        silences.append(silence)
            except Refusal as refusal:
                _refuse(result_id, refusal)
    if results and len(silences) == len(results):
        raise silences[0]


def _mail_one(result_id: UUID, mailer: Mailer) -> None:
    with transaction():
        mail_id = statement_mailing.write(result_id, wiring.links())
    if mail_id is not None:
        deliver(mail_id, mailer)
        with transaction():
            statement_mailing.settle(result_id)


def _refuse(result_id: UUID, refusal: Refusal) -> None:
    with transaction():
        carrying_out.refuse(result_id, refusal)
