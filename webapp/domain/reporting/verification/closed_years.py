"""Whether the net assets are what closed years brought to them."""

from uuid import UUID

from sqlalchemy import and_, func, select

from webapp.core.db import db
from webapp.domain.ledger import Account, Code, Difference, YearClosing, YearClosingPart
from webapp.domain.ledger.balances import ChapterBalance
from webapp.domain.organizations import Chapter, Organization


def differences(organization: Organization) -> list[Difference]:
    """Chapters whose account of net assets holds something else than the years that are closed brought."""
    expected = _brought(organization)
    held = _held(organization)
    names = {chapter.id: f"chapter {chapter.code}" for chapter in Chapter.in_(organization).all()}
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


def _brought(organization: Organization) -> dict[UUID | None, int]:
    its = and_(
        YearClosing.organization_id == YearClosingPart.organization_id,
        YearClosing.id == YearClosingPart.closing_id,
    )
    rows = db.session.execute(
        select(YearClosingPart.chapter_id, func.sum(YearClosingPart.result))
        .join(YearClosing, its)
        .where(YearClosingPart.organization_id == organization.id, YearClosing.reopened_at.is_(None))
        .group_by(YearClosingPart.chapter_id)
    )
    return {chapter_id: int(result) for chapter_id, result in rows}


def _held(organization: Organization) -> dict[UUID | None, int]:
    account = and_(
        Account.organization_id == ChapterBalance.organization_id, Account.id == ChapterBalance.account_id
    )
    rows = db.session.execute(
        select(ChapterBalance.chapter_id, ChapterBalance.credits - ChapterBalance.debits)
        .join(Account, account)
        .where(ChapterBalance.organization_id == organization.id, Account.code == Code.NET_ASSETS)
    )
    return {chapter_id: int(amount) for chapter_id, amount in rows}
