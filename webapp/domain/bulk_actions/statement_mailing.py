"""A statement by mail at each member's turn: written down, handed over by whoever asks, then its outcome.

However often a turn is taken, and by however many at once, the member gets one mail of it.
"""

from uuid import UUID

from webapp.domain.bulk_actions.bulk_action import BulkAction, BulkResult, Outcome
from webapp.domain.bulk_actions.carrying_out import begin
from webapp.domain.notifications.delivery import Mail, MailKind, MailState, written
from webapp.domain.notifications.links import Links
from webapp.domain.organizations import Member

MAY_HAVE_ARRIVED = "It was handed over, and no answer came. It may have arrived."


def write(result_id: UUID, links: Links) -> UUID | None:
    """The mail of this turn; None where the member gets none."""
    turn = begin(result_id)
    if turn is None:
        return None
    member, (since, until) = turn.about, turn.action.agreed.days
    assert isinstance(member, Member), "A statement goes to a member"
    mail = _mail(turn.result)
    if mail is not None:
        if mail.state in (MailState.FAILED, MailState.DROPPED):
            mail.begin_anew(member.email or "")
        return mail.id
    days = {"since": since.isoformat(), "until": until.isoformat()}
    chapter = {"chapter_id": str(turn.action.chapter_id)} if turn.action.chapter_id else {}
    [mail_id] = written(
        MailKind.STATEMENT,
        member.email,
        once=_once(turn.result),
        domain=links.domain,
        member_id=member.id,
        details=days | chapter,
    )
    return mail_id


def settle(result_id: UUID) -> bool:
    """What became of the mail is what became of the turn. False while it waits to be handed over."""
    result = BulkResult.here().get(result_id, lock=True)
    mail = _mail(result)
    if mail is None:
        return True
    if mail.state is MailState.QUEUED:
        result.note = mail.note
        return False
    outcome, note = _OUTCOMES[mail.state], MAY_HAVE_ARRIVED if mail.may_have_arrived else mail.note
    if (result.outcome, result.note) != (outcome, note):
        result.settle(outcome, note)
    return True


def is_mailing(action_id: UUID) -> bool:
    return BulkAction.here().get(action_id).kind.is_about_members


_OUTCOMES = {
    MailState.SENT: Outcome.DONE,
    MailState.SENDING: Outcome.DONE,
    MailState.FAILED: Outcome.REFUSED,
    MailState.DROPPED: Outcome.LEFT_OUT,
}


def _mail(result: BulkResult) -> Mail | None:
    return Mail.here().first(Mail.once == _once(result))


def _once(result: BulkResult) -> str:
    return f"{MailKind.STATEMENT.value}:{result.action_id}:{result.member_id}"
