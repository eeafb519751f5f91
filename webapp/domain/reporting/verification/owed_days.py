"""Day by day, what documents change of what members owe is what the books moved on account 1200."""

from typing import Any

from sqlalchemy import CompoundSelect, Select, and_, func, select

from webapp.core.db import db
from webapp.core.statements import made_once
from webapp.core.tenancy import HERE
from webapp.domain.ledger import Code, Difference
from webapp.domain.organizations import Chapter, Member
from webapp.domain.reporting import receivables
from webapp.domain.reporting.verification import booked

_KEYS = ("member_id", "chapter_id", "dated")


def differences() -> list[Difference]:
    """Days, members and chapters of which the documents say something else than the books; the earliest
    first, for whatever is owed on a later day is wrong by as much."""
    return [
        Difference(
            "Documents of a day against account 1200",
            f"{day}, member {number} in chapter {code}",
            int(of_documents),
            int(of_books),
        )
        for day, number, code, of_documents, of_books in db.session.execute(_that_differ())
    ]


@made_once
def _that_differ() -> Select[*tuple[Any, ...]]:
    documents, books = _summed(receivables.changes()), _summed(booked.moves(Code.RECEIVABLE))
    same = and_(*(documents.c[name] == books.c[name] for name in _KEYS))
    member_id, chapter_id, dated = (func.coalesce(documents.c[name], books.c[name]) for name in _KEYS)
    expected, found = func.coalesce(documents.c.total, 0), func.coalesce(books.c.total, 0)
    return (
        select(dated, Member.number, Chapter.code, expected, found)
        .select_from(documents.join(books, same, full=True))
        .join(Member, and_(Member.organization_id == HERE, Member.id == member_id))
        .join(Chapter, and_(Chapter.organization_id == HERE, Chapter.id == chapter_id))
        .where(expected != found)
        .order_by(dated, Member.number, Chapter.code)
        .limit(1000)
    )


def _summed(moves: CompoundSelect[Any]) -> Any:
    found = moves.subquery()
    keys = [found.c[name] for name in _KEYS]
    return select(*keys, func.sum(found.c.amount).label("total")).group_by(*keys).subquery()
