"""A member's statement by mail: what it says in short; the whole of it comes with it on paper."""

from collections.abc import Iterator
from datetime import date
from uuid import UUID

from webapp.domain.notifications import statement_pdf
from webapp.domain.notifications.delivery import Mail
from webapp.domain.notifications.messages import Message
from webapp.domain.notifications.statement_pdf import Holder, StatementPaper
from webapp.domain.notifications.wording import Voice, dear
from webapp.domain.organizations import Member, Organization
from webapp.domain.reporting import statements
from webapp.domain.reporting.statement_events import Account
from webapp.domain.reporting.statements import Statement


def stated(mail: Mail) -> Statement:
    """Of the days the mail is about; of one chapter where its treasurer sends it."""
    details = mail.details
    assert mail.member_id is not None, "A statement by mail is a member's"
    chapter_id = UUID(details["chapter_id"]) if "chapter_id" in details else None
    days = date.fromisoformat(details["since"]), date.fromisoformat(details["until"])
    return of_member(mail.member_id, chapter_id, *days)


def of_member(member_id: UUID, chapter_id: UUID | None, since: date, until: date) -> Statement:
    """As of now; all of it, or what one chapter has of it."""
    return statements.statement(Account(member_id, chapter_id), since, until)


def why_not(found: Statement) -> str | None:
    if not found.agrees:
        return "The documents and the books do not agree on it, so it was not sent."
    if found.count > statement_pdf.MOST_LINES:
        return statement_pdf.TooLong.message
    return None


def message(voice: Voice, member: Member, found: Statement) -> Message:
    since, until = voice.day(found.since), voice.day(found.until)
    held = "A balance below zero is held for you."
    return Message(
        subject=f"Your statement of account, {since} to {until}",
        title="Your statement of account",
        greeting=dear(member),
        paragraphs=[
            f"Attached is your account with {voice.name} from {since} to {until}: what was owed before, what"
            " happened, and what was owed after each."
        ],
        rows=[(f"Balance before {since}", found.opening), ("Since then", found.closing - found.opening)],
        total=(f"Balance at the end of {until}", found.closing),
        afterwards=[
            *([held] if min(found.opening, found.closing) < 0 else []),
            "Is something wrong on it? Then answer this mail, and your treasurer looks into it.",
        ],
    )


def sheets(
    found: Statement, member: Member, organization: Organization, *, test_mode: bool
) -> Iterator[StatementPaper]:
    holder = Holder(member.name, member.number, member.address)
    return statement_pdf.papers_of(found, holder, organization, test_mode=test_mode)
