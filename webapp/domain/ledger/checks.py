"""Whether the books agree with themselves: every balance is the sum of its postings, every entry is whole."""

from dataclasses import dataclass
from decimal import Decimal
from secrets import randbits
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, Numeric, SQLColumnExpression, cast, func, select, text

from webapp.core import money
from webapp.core.db import db
from webapp.domain.ledger.balances import ChapterBalance, MemberBalance, write_moved
from webapp.domain.ledger.journal import Posting
from webapp.domain.organizations import Organization


@dataclass(frozen=True)
class Difference:
    """Two figures that should be one. Amounts in minor units, debits less credits."""

    what: str
    where: str
    expected: int
    found: int

    def sentence(self, currency: str) -> str:
        expected, found = money.plain(self.expected, currency), money.plain(self.found, currency)
        return f"{self.what}, {self.where}: should be {expected} {currency}, is {found} {currency}"


def verify(organization: Organization) -> list[Difference]:
    """Recompute every balance from the postings and look at every entry; nothing may differ."""
    write_moved()
    db.session.execute(_ALL_HANDS)
    here, found = {"organization": organization.id}, []
    if not _balances_agree(organization.id):
        found += [Difference(*row) for row in db.session.execute(_BALANCES, here)]
    if not db.session.scalar(_ALL_WHOLE, here):
        found += [
            Difference("Entries that are not whole", *row) for row in db.session.execute(_ENTRIES, here)
        ]
    return found


def _balances_agree(organization_id: UUID) -> bool:
    """Whether all postings, each times a weight of its account and party, add up to what all balances do.

    The weights are others each time, so no mistake hides behind another one. To sum up each balance by
    itself takes half as long again; that is done to name them when these disagree.
    """
    seed, posting = randbits(63), Posting
    debit, credit = posting.debit_account_id, posting.credit_account_id
    moved = (
        _weighed(posting.amount, debit, posting.debit_chapter_id, seed, nobody=organization_id),
        _weighed(posting.amount, credit, posting.credit_chapter_id, seed, nobody=organization_id),
        _weighed(posting.amount, debit, posting.debit_member_id, seed),
        _weighed(posting.amount, credit, posting.credit_member_id, seed),
    )
    chapter, member = ChapterBalance, MemberBalance
    of_chapters = (
        _weighed(chapter.debits, chapter.account_id, chapter.chapter_id, seed, nobody=organization_id),
        _weighed(chapter.credits, chapter.account_id, chapter.chapter_id, seed, nobody=organization_id),
    )
    of_members = (
        _weighed(member.debits, member.account_id, member.member_id, seed),
        _weighed(member.credits, member.account_id, member.member_id, seed),
    )
    sums = [
        db.session.execute(select(*columns).where(kind.organization_id == organization_id)).one()
        for kind, columns in ((posting, moved), (chapter, of_chapters), (member, of_members))
    ]
    return tuple(sums[0]) == (*sums[1], *sums[2])


def _weighed(
    amount: SQLColumnExpression[int],
    account: SQLColumnExpression[UUID],
    party: SQLColumnExpression[Any],
    seed: int,
    *,
    nobody: UUID | None = None,
) -> ColumnElement[Decimal]:
    """`nobody` stands for no party, where that has a balance too."""
    of_account = func.uuid_hash_extended(account, cast(seed, BigInteger()))
    weight = func.uuid_hash_extended(func.coalesce(party, nobody), of_account)
    return func.coalesce(func.sum(amount * cast(weight, Numeric())), 0)


_ALL_HANDS = text(
    "SELECT set_config('work_mem', '64MB', true), set_config('parallel_setup_cost', '0', true),"
    " set_config('parallel_tuple_cost', '0', true)"
)
"""For the rest of this transaction: every row is read, so the cores share them, and sums stay in memory."""

_BALANCES = text(
    """
    WITH pairs AS MATERIALIZED (
        SELECT debit_account_id, debit_chapter_id, debit_member_id,
               credit_account_id, credit_chapter_id, credit_member_id, sum(amount) AS amount
        FROM postings WHERE organization_id = :organization
        GROUP BY 1, 2, 3, 4, 5, 6
    ), chapters_should AS (
        SELECT account_id, chapter_id, sum(debits)::bigint AS debits, sum(credits)::bigint AS credits
        FROM (
            SELECT debit_account_id, debit_chapter_id, amount, 0 FROM pairs
            UNION ALL
            SELECT credit_account_id, credit_chapter_id, 0, amount FROM pairs
        ) AS sides (account_id, chapter_id, debits, credits)
        GROUP BY 1, 2
    ), members_should AS (
        SELECT account_id, member_id, sum(debits)::bigint AS debits, sum(credits)::bigint AS credits
        FROM (
            SELECT debit_account_id, debit_member_id, amount, 0 FROM pairs WHERE debit_member_id IS NOT NULL
            UNION ALL
            SELECT credit_account_id, credit_member_id, 0, amount FROM pairs
            WHERE credit_member_id IS NOT NULL
        ) AS sides (account_id, member_id, debits, credits)
        GROUP BY 1, 2
    ), differences AS (
        SELECT coalesce(s.account_id, b.account_id) AS account_id,
               coalesce(s.chapter_id, b.chapter_id) AS chapter_id, NULL::uuid AS member_id,
               coalesce(s.debits - s.credits, 0) AS expected, coalesce(b.debits - b.credits, 0) AS found
        FROM chapters_should s
        FULL JOIN (SELECT * FROM chapter_balances WHERE organization_id = :organization) b
          ON b.account_id = s.account_id
         AND coalesce(b.chapter_id, b.organization_id) = coalesce(s.chapter_id, :organization)
        WHERE (coalesce(s.debits, 0), coalesce(s.credits, 0))
           <> (coalesce(b.debits, 0), coalesce(b.credits, 0))
        UNION ALL
        SELECT coalesce(s.account_id, b.account_id), NULL, coalesce(s.member_id, b.member_id),
               coalesce(s.debits - s.credits, 0), coalesce(b.debits - b.credits, 0)
        FROM members_should s
        FULL JOIN (SELECT * FROM member_balances WHERE organization_id = :organization) b
          ON b.account_id = s.account_id AND b.member_id = s.member_id
        WHERE (coalesce(s.debits, 0), coalesce(s.credits, 0))
           <> (coalesce(b.debits, 0), coalesce(b.credits, 0))
    )
    SELECT 'Balance of ' || a.code || ' ' || a.name,
           coalesce('member ' || m.number, 'chapter ' || c.code, 'national'), d.expected, d.found
    FROM differences d
    JOIN accounts a ON a.organization_id = :organization AND a.id = d.account_id
    LEFT JOIN chapters c ON c.organization_id = :organization AND c.id = d.chapter_id
    LEFT JOIN members m ON m.organization_id = :organization AND m.id = d.member_id
    ORDER BY 1, 2
    LIMIT 1000
    """
)

_ALL_WHOLE = text(
    """
    SELECT (
        SELECT row(count(*), sum(uuid_hash_extended(id, dated - DATE '2000-01-01')))
        FROM journal_entries WHERE organization_id = :organization
    ) = (
        SELECT row(count(*), sum(uuid_hash_extended(entry_id, dated - DATE '2000-01-01')))
        FROM postings WHERE organization_id = :organization AND get_byte(uuid_send(id), 15) = 0
    )
    """
)
"""Whether each entry has its first posting (`posting_id` 0), on its day: numbers and sums of hashes agree.

To look for entries without any takes six times as long; that is done to name them when these disagree.
"""

_ENTRIES = text(
    """
    SELECT e.event || ' of ' || e.dated || ' (' || e.id || ')', 1, 0
    FROM journal_entries e
    WHERE e.organization_id = :organization
      AND NOT EXISTS (
        SELECT FROM postings p
        WHERE p.organization_id = :organization AND p.entry_id = e.id AND p.dated = e.dated
      )
    LIMIT 1000
    """
)
