"""Day by day, what documents change of what members owe is what the books moved on account 1200."""

from typing import Any

from sqlalchemy import CompoundSelect, Select, and_, func, select, union_all

from webapp.core import tenancy
from webapp.core.db import db
from webapp.domain.ledger import Account, Code, Difference, Posting
from webapp.domain.organizations import Chapter, Member, Organization
from webapp.domain.reporting import receivables

_KEYS = ("member_id", "chapter_id", "dated")


def differences(organization: Organization) -> list[Difference]:
    """Days, members and chapters of which the documents say something else than the books; the earliest
    first, for whatever is owed on a later day is wrong by as much."""
    documents, books = _summed(receivables.changes()), _summed(_moved())
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


def _moved() -> CompoundSelect[Any]:
    one = Posting
    return union_all(
        _side(one.debit_account_id, one.debit_member_id, one.debit_chapter_id, one.amount),
        _side(one.credit_account_id, one.credit_member_id, one.credit_chapter_id, -one.amount),
    )


def _side(account_id: Any, member_id: Any, chapter_id: Any, amount: Any) -> Select[Any]:
    receivable = (
        select(Account.id)
        .where(Account.organization_id == tenancy.organization_id(), Account.code == Code.RECEIVABLE)
        .scalar_subquery()
    )
    whose = member_id.label("member_id"), chapter_id.label("chapter_id"), Posting.dated.label("dated")
    moved = select(*whose, amount.label("amount"))
    return moved.where(Posting.organization_id == tenancy.organization_id(), account_id == receivable)
