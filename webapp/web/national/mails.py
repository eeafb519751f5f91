"""Every mail with what became of it, for each recipient."""

from uuid import UUID

from flask import request
from flask_login import current_user
from sqlalchemy.orm import joinedload
from werkzeug.wrappers import Response

from webapp.core.db import db, transaction
from webapp.core.errors import Invalid, NotFound
from webapp.domain.notifications import search
from webapp.domain.notifications.delivery import Mail, MailKind, MailState
from webapp.web.gates import current_organization
from webapp.web.htmx import respond, see_other
from webapp.web.lists import PAGE, page_of, stream_rows, wants_csv
from webapp.web.national import national
from webapp.web.request_keys import acts_once

STATES = [
    (MailState.FAILED.value, "Failed"),
    (MailState.QUEUED.value, "Waiting to be sent"),
    (MailState.SENDING.value, "Maybe sent"),
    (MailState.SENT.value, "Sent"),
    (MailState.DROPPED.value, "Not sent"),
    (search.ON_PAPER, "No email address"),
]
_HEADER = (
    "written", "sent", "kind", "recipient", "member_number", "member", "invoice", "subject", "state", "note",
)  # fmt: skip


@national.get("/mails/", endpoint="mails")
def index() -> Response:
    wanted = _wanted()
    if wants_csv():
        return stream_rows("mails.csv", _HEADER, search.mails(current_organization, wanted), _as_row)
    after = request.args.get("after", type=UUID)
    page = search.mails(current_organization, wanted, after=after).limit(PAGE + 1)
    rows, last = page_of(db.session.scalars(page).all())
    return respond(
        "national/mails/index.html",
        "national/mails/_list.html",
        rows=rows,
        after=last.id if last else None,
        wanted=wanted,
        states=STATES,
        kinds=[(kind.value, kind.label) for kind in MailKind],
    )


@national.post("/mails/<uuid:mail_id>/deliveries")
@acts_once
def create_delivery(mail_id: UUID) -> Response:
    """Send it again, to the address the member has by now."""
    with transaction():
        statement = Mail.in_(current_organization).select(Mail.id == mail_id).options(joinedload(Mail.member))
        mail = db.session.scalars(statement.with_for_update(of=Mail)).first()
        if mail is None:
            raise NotFound
        mail.send_again(by=current_user)
    return see_other("national.mails", notice=f"The mail to {mail.recipient} is on its way again.")


def _wanted() -> search.WantedMails:
    state = request.args.get("state") or None
    if state and state not in dict(STATES):
        raise Invalid(f"There is no mail state “{state}”.")
    return search.WantedMails(
        state=state,
        kind=request.args.get("kind", type=MailKind),
        text=request.args.get("q", "").strip(),
    )


def _as_row(mail: Mail) -> tuple[str | None, ...]:
    return (
        mail.created_at.isoformat(),
        mail.sent_at.isoformat() if mail.sent_at else None,
        mail.kind.value,
        mail.recipient,
        mail.member.number if mail.member else None,
        mail.member.name if mail.member else None,
        mail.invoice.number if mail.invoice else None,
        mail.subject,
        mail.state.value,
        mail.note,
    )
