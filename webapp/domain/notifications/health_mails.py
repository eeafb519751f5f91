"""What a chapter's treasurers and the national office hear of its health: once, when a notice is raised."""

from datetime import date
from typing import Protocol
from uuid import UUID

from webapp.domain.notifications.delivery import Mail, MailKind, write_down
from webapp.domain.notifications.links import Links
from webapp.domain.notifications.messages import Message
from webapp.domain.notifications.recipients import treasurers_and_admins
from webapp.domain.notifications.wording import Voice
from webapp.domain.organizations import Chapter


class Notice(Protocol):
    """Why somebody is written to: below `limit` points, or fallen by more than so many from `highest`."""

    id: UUID
    chapter_id: UUID
    raised_on: date
    points: int
    limit: int
    highest: int | None


def tell(notice: Notice, links: Links) -> None:
    for login in treasurers_and_admins(notice.chapter_id):
        write_down(
            MailKind.CHAPTER_HEALTH,
            login.email,
            once=f"health_notice:{notice.id}:{login.id}",
            domain=links.domain,
            details={
                "chapter_id": str(notice.chapter_id),
                "name": login.name,
                "on": notice.raised_on.isoformat(),
                "points": notice.points,
                "limit": notice.limit,
                "highest": notice.highest,
            },
        )


def message(voice: Voice, links: Links, mail: Mail) -> Message:
    said = mail.details
    chapter = Chapter.here().get(UUID(said["chapter_id"]))
    points, day = said["points"], voice.day(date.fromisoformat(said["on"]))
    if said["highest"] is None:
        title = f"The health of {chapter.name} is below {said['limit']}"
        happened = f"It stands at {points} of 100 points since {day}."
    else:
        title = f"The health of {chapter.name} has fallen to {points}"
        happened = f"It stood at {said['highest']} of 100 points within the 30 days before {day}."
    return Message(
        subject=title,
        title=title,
        greeting=f"Hello {said['name']},",
        paragraphs=[
            f"{happened} The page says what the score is made of, what each part brings, and what would"
            " raise it."
        ],
        button=("See what it is made of", links.chapter_health(voice.organization, chapter)),
        afterwards=[
            "Nothing more is sent about this while it lasts. Once it is over, it can be raised again."
        ],
    )
