"""Balances per account and chapter, and per account and member, kept in the transaction of each posting.

What a transaction moves is summed up while it runs and added to the balances in one go just before it
commits: members first, then chapters, each in the order of their keys. So transactions that post to the same
accounts wait for each other only at their very end, and never in a circle.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CTE,
    ColumnElement,
    Index,
    Select,
    Text,
    Uuid,
    and_,
    bindparam,
    func,
    select,
)
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.orm import Mapped, SessionTransaction, mapped_column

from webapp.core import documents, tenancy, writing
from webapp.core.db import Base, OrganizationRow, db, references
from webapp.core.statements import made_once
from webapp.domain.ledger.chart import Account, Code
from webapp.domain.ledger.proposal import Side


class ChapterBalance(OrganizationRow, Base):
    """Sums of one account in one chapter (null: national), in minor units since the beginning."""

    __tablename__ = "chapter_balances"

    account_id: Mapped[UUID]
    chapter_id: Mapped[UUID | None]
    debits: Mapped[int] = mapped_column(default=0)
    credits: Mapped[int] = mapped_column(default=0)

    __table_args__ = (
        references("accounts", "account_id"),
        references("chapters", "chapter_id"),
        Index(
            "uq_chapter_balances_of",
            "organization_id",
            "account_id",
            "chapter_id",
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
    )


class MemberBalance(OrganizationRow, Base):
    """Sums of one sub-ledger account for one member, in minor units since the beginning."""

    __tablename__ = "member_balances"

    account_id: Mapped[UUID]
    member_id: Mapped[UUID]
    debits: Mapped[int] = mapped_column(default=0)
    credits: Mapped[int] = mapped_column(default=0)

    __table_args__ = (
        references("accounts", "account_id"),
        references("members", "member_id"),
        Index("uq_member_balances_of", "organization_id", "member_id", "account_id", unique=True),
    )


@dataclass
class Sums:
    debits: int = 0
    credits: int = 0

    def add(self, debits: int, credits: int) -> None:
        self.debits += debits
        self.credits += credits

    @property
    def net(self) -> int:
        return self.debits - self.credits


Party = tuple[UUID, UUID | None]


@dataclass
class Moved:
    """What one transaction has moved so far, by account and party."""

    transaction: SessionTransaction | None
    chapters: dict[Party, Sums] = field(default_factory=lambda: defaultdict(Sums))
    members: dict[Party, Sums] = field(default_factory=lambda: defaultdict(Sums))

    def add(self, account_id: UUID, side: Side, *, debits: int = 0, credits: int = 0) -> None:
        self.chapters[account_id, side.chapter_id].add(debits, credits)
        if side.member_id is not None:
            self.members[account_id, side.member_id].add(debits, credits)


def moved() -> Moved:
    """Of the transaction that is open; what was moved in one that was rolled back is forgotten with it."""
    session = db.session()
    current = session.info.get("moved")
    if current is None or current.transaction is not session.get_transaction():
        current = session.info["moved"] = Moved(session.get_transaction())
    assert isinstance(current, Moved)
    return current


def write_moved() -> None:
    """Add what this transaction has moved to the balances. Happens by itself before the commit."""
    writing.write_all(db.session(), *_parts())


@writing.at_the_end
def _parts() -> list[writing.Part]:
    pending = moved()
    if not pending.chapters:
        return []
    values = {
        "organization": tenancy.organization_id(),
        "moved_by_member": _written("member_id", pending.members),
        "moved_by_chapter": _written("chapter_id", pending.chapters),
    }
    pending.members.clear()
    pending.chapters.clear()
    return [(_add_moved(), values)]


def _written(party: str, sums: dict[Party, Sums]) -> str:
    return documents.written(
        [
            {"account_id": account, party: whose, "debits": one.debits, "credits": one.credits}
            for (account, whose), one in sums.items()
        ]
    )


def add_to_members(rows: Select[UUID, UUID, int, int]) -> None:
    """Add to many members' balances at once: account, member, debits and credits, each pair once, sorted."""
    lines = rows.subquery()
    db.session.connection().execute(
        _add(MemberBalance, "member_id", lines.c[0], lines.c[1], lines.c[2], lines.c[3])
    )


def _add(
    kind: type[ChapterBalance] | type[MemberBalance],
    party: str,
    *columns: ColumnElement[object],
    after: CTE | None = None,
) -> Insert:
    """`after`: what is written first, for a statement otherwise chooses the order of its parts itself."""
    organization = bindparam("organization", type_=Uuid(), callable_=tenancy.organization_id)
    lines = select(organization, func.gen_random_uuid(), *columns)
    if after is not None:
        lines = lines.where(select(func.count()).select_from(after).scalar_subquery() >= 0)
    adding = insert(kind).from_select(
        ["organization_id", "id", "account_id", party, "debits", "credits"],
        lines.order_by(columns[1], columns[0]),
    )
    return adding.on_conflict_do_update(
        index_elements=["organization_id", "account_id", party],
        set_={
            "debits": kind.debits + adding.excluded.debits,
            "credits": kind.credits + adding.excluded.credits,
        },
    )


def _sent(kind: type[ChapterBalance] | type[MemberBalance], party: str, name: str) -> Sequence[Any]:
    """The columns of a document of what was moved."""
    table = Base.metadata.tables[kind.__tablename__]
    columns = ("account_id", party, "debits", "credits")
    return list(documents.read(bindparam(name, type_=Text()), table, columns, f"{name}_sent").c)


@made_once
def _add_moved() -> CTE:
    members = _add(MemberBalance, "member_id", *_sent(MemberBalance, "member_id", "moved_by_member"))
    first = members.returning(MemberBalance.id).cte("members")
    sent = _sent(ChapterBalance, "chapter_id", "moved_by_chapter")
    then = _add(ChapterBalance, "chapter_id", *sent, after=first)
    return then.returning(ChapterBalance.id).cte("chapters")


def member_balance(member_id: UUID, code: Code) -> int:
    """Minor units, positive on the account's usual side: what the member owes (1200), holds (2200)."""
    return _balance(MemberBalance, MemberBalance.member_id == member_id, moved().members, member_id, code)


def locked_wallet(member_id: UUID) -> int:
    """What a wallet holds, in minor units; locked until the transaction ends, so nobody spends it twice."""
    wallets = select(Account.id).where(Account.code == Code.MEMBER_WALLETS).scalar_subquery()
    MemberBalance.here().first(
        MemberBalance.member_id == member_id, MemberBalance.account_id == wallets, lock=True
    )
    return member_balance(member_id, Code.MEMBER_WALLETS)


def chapter_balance(chapter_id: UUID | None, code: Code) -> int:
    """Minor units, positive on the account's usual side. Without a chapter: what is booked nationally."""
    is_its_own = ChapterBalance.chapter_id.is_not_distinct_from(chapter_id)
    return _balance(ChapterBalance, is_its_own, moved().chapters, chapter_id, code)


def _balance(
    kind: type[ChapterBalance] | type[MemberBalance],
    is_its_own: ColumnElement[bool],
    pending: dict[Party, Sums],
    party: UUID | None,
    code: Code,
) -> int:
    same_account = and_(kind.organization_id == Account.organization_id, kind.account_id == Account.id)
    found = db.session.execute(
        select(Account.id, func.coalesce(kind.debits - kind.credits, 0))
        .outerjoin(kind, and_(same_account, is_its_own))
        .where(Account.organization_id == tenancy.organization_id(), Account.code == code)
    ).first()
    if found is None:
        return 0
    account_id, stored = found
    net: int = stored + pending.get((account_id, party), Sums()).net
    return net if code.kind.grows_on_debit else -net
