"""A mailing's statements to members without an email address: one file to print."""

from typing import Any

from sqlalchemy import Select, func

from webapp.core.db import db
from webapp.core.errors import Conflict
from webapp.domain.bulk_actions import leaving_out
from webapp.domain.bulk_actions.bulk_action import BulkAction, BulkResult, Outcome
from webapp.domain.notifications import paper, statement_mails
from webapp.domain.notifications.paper import LetterStack
from webapp.domain.notifications.statement_pdf import StatementPaper
from webapp.domain.organizations import Login, Member, Organization

MOST_OF_A_STACK = 10


def count(action: BulkAction) -> int:
    if not action.kind.is_about_members:
        return 0
    return db.session.scalar(_on_paper(action, func.count())) or 0


def ask(action: BulkAction, *, by: Login) -> int:
    """Have them drawn as they are now, in the order of names; what was drawn before goes. The action's row is
    locked. While they are being drawn, asking again changes nothing."""
    if paper.printing(action).is_under_way:
        return 0
    named = _on_paper(action, BulkResult.member_id).order_by(
        Member.last_name, Member.first_name, Member.number
    )
    ids = [str(member_id) for member_id in db.session.scalars(named)]
    if not ids:
        raise Conflict("Everybody who gets a statement has an email address, so there is nothing to print.")
    stacks = (ids[at : at + MOST_OF_A_STACK] for at in range(0, len(ids), MOST_OF_A_STACK))
    return paper.draw_anew(action, stacks, by=by)


def to_draw(stack: LetterStack, organization: Organization, *, test_mode: bool) -> list[StatementPaper]:
    """A stack's statements as of now, sheet by sheet, without those that are not fit to be sent."""
    assert stack.action_id is not None, "Only a mailing's letters are statements"
    action = BulkAction.here().get(stack.action_id)
    since, until = action.agreed.days
    members = {one.id: one for one in Member.here().all(Member.id.in_(stack.ids))}
    sheets: list[StatementPaper] = []
    for member in (members[one] for one in stack.ids):
        found = statement_mails.of_member(member.id, action.chapter_id, since, until)
        if statement_mails.why_not(found) is None:
            sheets += statement_mails.sheets(found, member, organization, test_mode=test_mode)
    return sheets


def _on_paper(action: BulkAction, *columns: Any) -> Select[Any]:
    return leaving_out.rows(action, *columns).where(
        BulkResult.outcome == Outcome.LEFT_OUT, BulkResult.note == leaving_out.NO_ADDRESS
    )
