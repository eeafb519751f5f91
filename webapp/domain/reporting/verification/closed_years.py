"""Whether the net assets are what closed years brought to them."""

from uuid import UUID

from sqlalchemy import Select, and_, func, select

from webapp.core.db import db
from webapp.core.statements import made_once
from webapp.core.tenancy import HERE
from webapp.domain.ledger import Account, Code, Difference, YearClosing, YearClosingPart
from webapp.domain.ledger.balances import ChapterBalance
from webapp.domain.organizations import Chapter


def differences() -> list[Difference]:
    """Chapters whose account of net assets holds something else than the years that are closed brought."""
    expected = _by_chapter(_brought())
    held = _by_chapter(_held())
    names = {chapter.id: f"chapter {chapter.code}" for chapter in Chapter.here().all()}
    return [
        Difference(
            f"Results of closed years against account {Code.NET_ASSETS}",
            names[chapter_id] if chapter_id else "national",
            expected.get(chapter_id, 0),
            held.get(chapter_id, 0),
        )
        for chapter_id in expected | held
        if expected.get(chapter_id, 0) != held.get(chapter_id, 0)
    ]


def _by_chapter(amounts: Select[UUID | None, int]) -> dict[UUID | None, int]:
    return {chapter_id: int(amount) for chapter_id, amount in db.session.execute(amounts)}


@made_once
def _brought() -> Select[UUID | None, int]:
    its = and_(
        YearClosing.organization_id == YearClosingPart.organization_id,
        YearClosing.id == YearClosingPart.closing_id,
    )
    return (
        select(YearClosingPart.chapter_id, func.sum(YearClosingPart.result))
        .join(YearClosing, its)
        .where(YearClosingPart.organization_id == HERE, YearClosing.reopened_at.is_(None))
        .group_by(YearClosingPart.chapter_id)
    )


@made_once
def _held() -> Select[UUID | None, int]:
    account = and_(
        Account.organization_id == ChapterBalance.organization_id, Account.id == ChapterBalance.account_id
    )
    return (
        select(ChapterBalance.chapter_id, ChapterBalance.credits - ChapterBalance.debits)
        .join(Account, account)
        .where(ChapterBalance.organization_id == HERE, Account.code == Code.NET_ASSETS)
    )
