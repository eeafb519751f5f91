"""Day by day, what documents change of what members owe is what the books moved on account 1200."""

from typing import Any

from sqlalchemy import CompoundSelect, and_, func, select

from webapp.core.db import db
from webapp.domain.ledger import Code, Difference
from webapp.domain.organizations import Chapter, Member, Organization
from webapp.domain.reporting import receivables
from webapp.domain.reporting.verification import booked

_KEYS = ("member_id", "chapter_id", "dated")


def differences(organization: Organization) -> list[Difference]:
    """Days, members and chapters of which the documents say something else than the books; the earliest
    first, for whatever is owed on a later day is wrong by as much."""
    documents, books = _summed(receivables.changes()), _summed(booked.moves(Code.RECEIVABLE))
    same = and_(*(documents.c[name] == books.c[name] for name in _KEYS))
    member_id, chapter_id, dated = (func.coalesce(documents.c[name], books.c[name]) for name in _KEYS)
    expected, found = func.coalesce(documents.c.total, 0), func.coalesce(books.c.total, 0)
    here = Member.organization_id == organization.id, Chapter.organization_id == organization.id
    rows = db.session.execute(
        select(dated, Member.number, Chapter.code, expected, found)
        .select_from(documents.join(books, same, full=True))
        .join(Member, and_(here[0], Member.id == member_id))
        .join(Chapter, and_(here[1], Chapter.id == chapter_id))
        .where(expected != found)
        .order_by(dated, Member.number, Chapter.code)
        .limit(1000)
    )
    return [
        Difference(
            "Documents of a day against account 1200",
            f"{day}, member {number} in chapter {code}",
            int(of_documents),
            int(of_books),
        )
        for day, number, code, of_documents, of_books in rows
    ]


def _summed(moves: CompoundSelect[Any]) -> Any:
    found = moves.subquery()
    keys = [found.c[name] for name in _KEYS]
    return select(*keys, func.sum(found.c.amount).label("total")).group_by(*keys).subquery()
