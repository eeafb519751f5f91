"""Who hears of a request for approval, and what they read. The link opens a page and decides nothing."""

from uuid import UUID

from sqlalchemy.orm import joinedload

from webapp.core import tenancy
from webapp.core.db import db
from webapp.domain.approvals import ApprovalRequest, ApprovalState
from webapp.domain.approvals.deciders import deciders_of
from webapp.domain.notifications.delivery import Mail, MailKind, write_down
from webapp.domain.notifications.links import Links
from webapp.domain.notifications.messages import Message
from webapp.domain.notifications.wording import Voice
from webapp.domain.organizations import Login, Organization

_HAPPENED = {
    ApprovalState.APPROVED: ("was approved", "{by} approved it, and it is done as you asked for it."),
    ApprovalState.DENIED: ("was denied", "{by} denied it. Nothing was changed."),
    ApprovalState.HELD: ("is on hold", "It is not decided yet, and waits apart for now."),
    ApprovalState.WITHDRAWN: ("is over", "It does not need a decision any more, and nothing was done."),
    ApprovalState.ASKED_BACK: ("needs your answer", "It can't be decided before you have answered."),
}


def tell_deciders(links: Links, approval_id: UUID, about_id: UUID) -> None:
    """Everybody who can be the second person; `about_id` is this time that it waits."""
    organization = db.session.get_one(Organization, tenancy.organization_id())
    for login in deciders_of(_request(approval_id), on=organization.today):
        _write(MailKind.APPROVAL_WAITING, login, links, approval_id, about_id)


def tell_requester(links: Links, approval_id: UUID, about_id: UUID) -> None:
    """Whoever asked, if by a login. Members hear of decisions by the mails about what was done."""
    request = _request(approval_id)
    own = request.requested_by_id == request.member.login_id and not request.is_open
    if request.requested_by is not None and request.requested_by.email and not own:
        facts = {"state": request.state.value}
        _write(MailKind.APPROVAL_NEWS, request.requested_by, links, approval_id, about_id, **facts)


def waiting(voice: Voice, links: Links, mail: Mail) -> Message | None:
    """None when it does not wait any more."""
    request = _request(UUID(mail.details["approval_id"]))
    if request.state is not ApprovalState.PENDING:
        return None
    title = f"{voice.money(request.amount)} for {request.member.name} waits for your decision"
    facts = [("Asked by", request.requester), ("Why", request.reason)]
    if request.remark:
        facts.append(("Answer to your question", request.remark))
    return Message(
        subject=title,
        title=title,
        greeting=f"Hello {mail.details['name']},",
        paragraphs=[f"A {request.action.label} needs a second person, and you can be that person."],
        amount=(request.action.label.capitalize(), request.amount),
        facts=facts,
        button=("Look at the request", links.approval(voice.organization, request.id)),
        afterwards=["Nothing is decided by opening the link. Whoever decides first settles it for all."],
    )


def news(voice: Voice, links: Links, mail: Mail) -> Message | None:
    """None when something else has happened to it since."""
    request = _request(UUID(mail.details["approval_id"]))
    state = ApprovalState(mail.details["state"])
    if request.state is not state:
        return None
    happened, sentence = _HAPPENED[state]
    title = f"Your {request.action.label} for {request.member.name} {happened}"
    words = request.remark if request.is_open else request.decision_reason
    says = "The question" if state is ApprovalState.ASKED_BACK else "The reason"
    return Message(
        subject=title,
        title=title,
        greeting=f"Hello {mail.details['name']},",
        paragraphs=[sentence.format(by=request.decided_by.name if request.decided_by else "")],
        amount=(request.action.label.capitalize(), request.amount),
        facts=[(says, words)] if words and state is not ApprovalState.APPROVED else [],
        button=("Look at the request", links.approval(voice.organization, request.id)),
    )


def _request(approval_id: UUID) -> ApprovalRequest:
    found = ApprovalRequest.here().select(ApprovalRequest.id == approval_id)
    parts = (
        ApprovalRequest.member,
        ApprovalRequest.requested_by,
        ApprovalRequest.requested_by_token,
        ApprovalRequest.decided_by,
    )
    return db.session.scalars(found.options(*(joinedload(part) for part in parts))).one()


def _write(kind: MailKind, to: Login, links: Links, approval_id: UUID, about_id: UUID, **facts: str) -> None:
    write_down(
        kind,
        to.email,
        once=f"{kind.value}:{about_id}:{to.id}",
        domain=links.domain,
        details={"approval_id": str(approval_id), "name": to.name} | facts,
    )
