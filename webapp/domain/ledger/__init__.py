"""The books: who owes what, who holds what, and every step that led there. This is the ledger's public face.

`post`, `reverse` and `post_many` write; nothing else does. A document that is posted may implement `Postable`
to object while its state or its fee does not allow it.
"""

from webapp.domain.ledger.balances import (
    ChapterBalance,
    MemberBalance,
    chapter_balance,
    member_balance,
    write_moved,
)
from webapp.domain.ledger.books import know
from webapp.domain.ledger.bulk import BulkMove, post_many
from webapp.domain.ledger.chart import Account, AccountKind, Code, account_ids, open_standard_chart
from webapp.domain.ledger.checks import Difference, verify
from webapp.domain.ledger.extract import Extract, Key, Line
from webapp.domain.ledger.facts import BOOKS
from webapp.domain.ledger.fiscal_years import FiscalYear, YearClosing, YearClosingPart
from webapp.domain.ledger.guards import Guard, Objection, Postable, PostingBlocked
from webapp.domain.ledger.journal import Event, JournalEntry, Outcome, Posting, PostingDecision
from webapp.domain.ledger.periods import (
    ClosedSpan,
    close_span,
    close_through,
    closed_through,
    hold_open,
)
from webapp.domain.ledger.posting import (
    entry_for,
    is_entry_of,
    moves_of,
    post,
    reverse,
    standing_entries,
)
from webapp.domain.ledger.proposal import Move, Override, Side, overriding
from webapp.domain.ledger.trial_balance import TrialBalance, trial_balance
from webapp.domain.ledger.year_closing import (
    begin_years_with,
    close_year,
    latest_closing,
    reopen_year,
)

__all__ = [
    "BOOKS",
    "Account",
    "AccountKind",
    "BulkMove",
    "ChapterBalance",
    "ClosedSpan",
    "Code",
    "Difference",
    "Event",
    "Extract",
    "FiscalYear",
    "Guard",
    "JournalEntry",
    "Key",
    "Line",
    "MemberBalance",
    "Move",
    "Objection",
    "Outcome",
    "Override",
    "Postable",
    "Posting",
    "PostingBlocked",
    "PostingDecision",
    "Side",
    "TrialBalance",
    "YearClosing",
    "YearClosingPart",
    "account_ids",
    "begin_years_with",
    "chapter_balance",
    "close_span",
    "close_through",
    "close_year",
    "closed_through",
    "entry_for",
    "hold_open",
    "is_entry_of",
    "know",
    "latest_closing",
    "member_balance",
    "moves_of",
    "open_standard_chart",
    "overriding",
    "post",
    "post_many",
    "reopen_year",
    "reverse",
    "standing_entries",
    "trial_balance",
    "verify",
    "write_moved",
]
