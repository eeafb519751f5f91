"""The chart of accounts every organization starts with."""

from enum import StrEnum
from uuid import UUID

from sqlalchemy import UniqueConstraint, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from webapp.core.db import Base, OrganizationRow, db, references_organization


class AccountKind(StrEnum):
    ASSET = "asset"
    LIABILITY = "liability"
    EQUITY = "equity"
    INCOME = "income"
    EXPENSE = "expense"

    @property
    def grows_on_debit(self) -> bool:
        return self in (AccountKind.ASSET, AccountKind.EXPENSE)


class Subledger(StrEnum):
    """Whose: an account kept per member or per chapter needs that party on each posting."""

    NONE = "none"
    MEMBER = "member"
    CHAPTER = "chapter"


class Code(StrEnum):
    """Account codes that events post to."""

    BANK = "1000"
    PROCESSOR_CLEARING = "1010"
    RECEIVABLE = "1200"
    DISPUTED_PAYMENTS = "1300"
    UNAPPLIED_RECEIPTS = "2100"
    CREDIT_NOTES = "2110"
    MEMBER_WALLETS = "2200"
    DUE_TO_CHAPTERS = "2300"
    NET_ASSETS = "3000"
    DUES_INCOME = "4000"
    ASSESSMENT_INCOME = "4010"
    OTHER_INCOME = "4030"
    LATE_FEE_INCOME = "4040"
    INTEREST_INCOME = "4050"
    WAIVERS = "4900"
    REFUNDS = "4910"
    BANK_CHARGES = "6100"
    DISPUTE_FEES = "6110"
    BAD_DEBT = "6200"

    @property
    def label(self) -> str:
        """As a new organization's chart calls it."""
        return _STANDARD[self][0]

    @property
    def kind(self) -> AccountKind:
        return _STANDARD[self][1]

    @property
    def subledger(self) -> Subledger:
        return _STANDARD[self][2]


_STANDARD = {
    Code.BANK: ("Bank", AccountKind.ASSET, Subledger.NONE),
    Code.PROCESSOR_CLEARING: ("Processor clearing", AccountKind.ASSET, Subledger.NONE),
    Code.RECEIVABLE: ("Accounts receivable", AccountKind.ASSET, Subledger.MEMBER),
    Code.DISPUTED_PAYMENTS: ("Disputed payments", AccountKind.ASSET, Subledger.NONE),
    Code.UNAPPLIED_RECEIPTS: ("Unapplied receipts", AccountKind.LIABILITY, Subledger.MEMBER),
    Code.CREDIT_NOTES: ("Credit notes", AccountKind.LIABILITY, Subledger.MEMBER),
    Code.MEMBER_WALLETS: ("Member wallets", AccountKind.LIABILITY, Subledger.MEMBER),
    Code.DUE_TO_CHAPTERS: ("Due to chapters", AccountKind.LIABILITY, Subledger.CHAPTER),
    Code.NET_ASSETS: ("Net assets", AccountKind.EQUITY, Subledger.NONE),
    Code.DUES_INCOME: ("Dues income", AccountKind.INCOME, Subledger.NONE),
    Code.ASSESSMENT_INCOME: ("Assessment income", AccountKind.INCOME, Subledger.NONE),
    Code.OTHER_INCOME: ("Other income", AccountKind.INCOME, Subledger.NONE),
    Code.LATE_FEE_INCOME: ("Late fee income", AccountKind.INCOME, Subledger.NONE),
    Code.INTEREST_INCOME: ("Interest income", AccountKind.INCOME, Subledger.NONE),
    Code.WAIVERS: ("Waivers and discounts", AccountKind.EXPENSE, Subledger.NONE),
    Code.REFUNDS: ("Refunds", AccountKind.EXPENSE, Subledger.NONE),
    Code.BANK_CHARGES: ("Bank charges", AccountKind.EXPENSE, Subledger.NONE),
    Code.DISPUTE_FEES: ("Dispute fees", AccountKind.EXPENSE, Subledger.NONE),
    Code.BAD_DEBT: ("Bad debt", AccountKind.EXPENSE, Subledger.NONE),
}


class Account(OrganizationRow, Base):
    __tablename__ = "accounts"

    code: Mapped[str]
    name: Mapped[str]
    kind: Mapped[AccountKind]
    subledger: Mapped[Subledger] = mapped_column(default=Subledger.NONE)

    __table_args__ = (references_organization(), UniqueConstraint("organization_id", "code"))


def open_standard_chart() -> None:
    """Give the organization this transaction acts for the standard accounts. Repeating it adds nothing."""
    rows = [
        {"code": code.value, "name": name, "kind": kind, "subledger": subledger}
        for code, (name, kind, subledger) in _STANDARD.items()
    ]
    db.session.execute(insert(Account).on_conflict_do_nothing(), rows)


def account_ids() -> dict[str, UUID]:
    """Account code to id, of this organization."""
    return {row.code: row.id for row in db.session.execute(select(Account.code, Account.id))}
