"""Mail: what becomes one, and handing it over one by one, with no transaction open meanwhile."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import groupby
from operator import attrgetter
from uuid import UUID

from webapp import wiring
from webapp.core import failpoints, tenancy
from webapp.core.db import transaction
from webapp.domain.bulk_actions import statements_on_paper
from webapp.domain.notifications import announcing, delivery, invoice_pdf, paper, sending
from webapp.domain.notifications.delivery import Mail
from webapp.domain.notifications.invoice_pdf import InvoiceLetter
from webapp.domain.notifications.letter import Letter
from webapp.domain.notifications.messages import (
    Attachment,
    Mailer,
    MailRefused,
    MailUnavailable,
    MailUncertain,
)
from webapp.domain.organizations import Organization


def announce(what: str, **ids: UUID) -> None:
    with transaction():
        announcing.announce(what, wiring.links(), **ids)


def deliver_mails(mails: str) -> None:
    """Every one of them, whatever becomes of the others; what has to wait makes the job come again."""
    with transaction() as session:
        organization = session.get_one(Organization, tenancy.organization_id())
        waiting = delivery.waiting([UUID(mail_id) for mail_id in mails.split()])
    unanswered: list[MailUnavailable | MailUncertain] = []
    with ExitStack() as stack:
        mailer = stack.enter_context(wiring.mailer_for(organization))
        for mail_id in waiting:
            try:
                deliver(mail_id, mailer)
            except (MailUnavailable, MailUncertain) as silence:
                unanswered.append(silence)
    if unanswered:
        raise unanswered[0]


def deliver(mail_id: UUID, mailer: Mailer) -> None:
    with transaction():
        outgoing = sending.prepare(mail_id, wiring.links(), test_mode=wiring.settings().test_mode)
    if outgoing is None:
        return
    attachments = list(_attachments(outgoing.letters))
    try:
        mailer.send(outgoing.envelope(wiring.mail_writer(), attachments))
        failpoints.passing("handed over")
    except MailRefused as refusal:
        with transaction():
            _held(mail_id).fail(refusal.message)
    except MailUnavailable as silence:
        with transaction():
            _held(mail_id).put_off(silence.message)
        raise
    except MailUncertain as silence:
        with transaction():
            _held(mail_id).leave_open(silence.message)
        raise
    else:
        with transaction():
            _held(mail_id).arrived()


def _attachments(letters: Sequence[Letter]) -> Iterator[Attachment]:
    """The sheets of one paper are one file."""
    for name, its in groupby(letters, key=attrgetter("file_name")):
        sheets = list(its)
        yield Attachment(name, drawn(sheets[0]) if len(sheets) == 1 else wiring.bind(map(drawn, sheets)))


def drawn(letter: Letter) -> bytes:
    """The letter's PDF; an invoice's is drawn once for as long as nothing on it changes."""
    if not isinstance(letter, InvoiceLetter):
        return wiring.printer().draw(letter)
    with transaction():
        found = invoice_pdf.kept(letter)
    if found is None:
        found = wiring.printer().draw(letter)
        with transaction():
            invoice_pdf.keep(letter, found)
    return found


def draw_letters(stack_id: UUID) -> None:
    """One stack of letters on paper."""
    content = _drawn_together(stack_id)
    if content is None:
        return
    with transaction():
        paper.keep(stack_id, content)


def _drawn_together(stack_id: UUID) -> bytes | None:
    """Invoices at once, for they are short; of a statement one sheet after the other."""
    test_mode = wiring.settings().test_mode
    with transaction() as session:
        organization = session.get_one(Organization, tenancy.organization_id())
        stack = paper.undrawn(stack_id)
        if stack is None:
            return None
        if stack.action_id is None:
            letters = paper.to_draw(stack, organization, wiring.links(), test_mode=test_mode)
            sheets = []
        else:
            letters, sheets = [], statements_on_paper.to_draw(stack, organization, test_mode=test_mode)
    if letters:
        return wiring.printer().draw_together(letters)
    return wiring.bind(map(drawn, sheets)) if sheets else b""


def _held(mail_id: UUID) -> Mail:
    return Mail.here().get(mail_id, lock=True)
