"""What the books moved on accounts that are kept by member, to compare documents with."""

from typing import Any

from sqlalchemy import CompoundSelect, Select, select, union_all

from webapp.core.tenancy import HERE
from webapp.domain.ledger import Account, Code, Posting


def moves(*codes: Code) -> CompoundSelect[Any]:
    """`member_id`, `chapter_id`, `dated`, and the `amount`: debits less credits, in minor units."""
    one = Posting
    return union_all(
        _side(codes, one.debit_account_id, one.debit_member_id, one.debit_chapter_id, one.amount),
        _side(codes, one.credit_account_id, one.credit_member_id, one.credit_chapter_id, -one.amount),
    )


def _side(
    codes: tuple[Code, ...], account_id: Any, member_id: Any, chapter_id: Any, amount: Any
) -> Select[Any]:
    wanted = select(Account.id).where(Account.organization_id == HERE, Account.code.in_(codes))
    whose = member_id.label("member_id"), chapter_id.label("chapter_id"), Posting.dated.label("dated")
    moved = select(*whose, amount.label("amount"))
    return moved.where(Posting.organization_id == HERE, account_id.in_(wanted))
