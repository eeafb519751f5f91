"""Money that comes in by hand, and payment pages, told to the product and to the books kept by hand."""

from datetime import timedelta
from fractions import Fraction
from typing import NamedTuple

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.processor import ADDRESSES
from tests.properties.documents import Bill, Page, Receipt
from tests.properties.dues import Person
from tests.properties.happenings import Billing, Membership, any_one, one_of
from tests.properties.office import refused_if
from webapp.core.db import transaction
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.spreading import Spread, as_named, in_proportion, oldest_first, only
from webapp.domain.payments.offline import record_offline
from webapp.domain.payments.payment import Method
from webapp.web import paying

LEAST_ONLINE = 50
"""The processor takes no smaller payment."""


class Parted(NamedTuple):
    """Which bill gets what, how the product is told, and whether it has to say no."""

    parts: list[tuple[Bill, int]]
    told: Spread
    is_impossible: bool = False


class Paying(Billing, Membership):
    """Money that comes in by hand, and payment pages."""

    @rule(
        who=any_one,
        how_much=st.sampled_from(["a part", "all", "one", "more", "nothing"]),
        method=st.sampled_from([Method.CASH, Method.CHECK, Method.BANK_TRANSFER, Method.PAYROLL_DEDUCTION]),
        ago=st.sampled_from([0, 0, 0, -1, 1, 12, 25, 45]),
        way=st.sampled_from(["oldest first", "in proportion", "one", "named", "too much named"]),
        which=any_one,
    )
    def money_is_recorded(
        self, who: int, how_much: str, method: Method, ago: int, way: str, which: int
    ) -> None:
        office, books = self.office, self.office.books
        person = one_of(list(office.roll.people.values()), who)
        owed = books.owed_by(person.number)
        whole = sum(bill.owed for bill in owed)
        first = one_of(owed, which).owed if owed else 7
        amount = {"a part": whole // 3, "all": whole, "one": first, "more": whole + 77, "nothing": 0}[
            how_much
        ]
        self.take_in(person, amount, method, ago, self.spread(way, amount, owed, which))

    def take_in(self, person: Person, amount: int, method: Method, ago: int, spread: Parted) -> None:
        """Money that came some days ago."""
        books = self.office.books
        day, name = books.today - timedelta(ago), f"R{len(books.receipts)}"
        refused = amount <= 0 or day > books.today or books.is_closed(day) or spread.is_impossible
        with refused_if(refused), transaction():
            record_offline(
                self.member(person),
                amount,
                method=method,
                on=day,
                by=None,
                spread=spread.told,
                reference=name,
            )
        if refused:
            return
        settled = [bill.chapter for bill, _ in spread.parts]
        own = person.chapter in settled or not settled
        chapter = person.chapter if own else settled[0]
        books.receive(Receipt(person.number, chapter, amount, day, name=name), spread.parts)
        for bill, _ in spread.parts:
            if books.unfinished(bill):
                self.close_page_later(bill)

    def spread(self, way: str, amount: int, owed: list[Bill], which: int) -> Parted:
        """A bill that is being paid already is left out, or refused where it is named."""
        free = [bill for bill in owed if not self.office.books.is_under_way(bill)]
        if way == "in proportion":
            return Parted(in_parts(amount, free), in_proportion)
        if way == "oldest first" or not owed:
            return Parted(filled(amount, free), oldest_first)
        bill = one_of(owed, which)
        invoice_id = self.office.invoice_id(bill.number)
        if way == "one":
            return Parted(filled(amount, [bill]), only(Invoice.here().get(invoice_id)), bill not in free)
        part = bill.owed + 1 if way == "too much named" else max(1, min(amount, bill.owed) // 2)
        impossible = part > min(amount, bill.owed) or bill not in free
        return Parted([(bill, part)], as_named({invoice_id: part}), impossible)

    @precondition(lambda self: self.office.books.bills)
    @rule(which=any_one)
    def a_page_is_opened(self, which: int) -> None:
        """The one that is open, or a new one; a page for another sum is closed first."""
        office, books = self.office, self.office.books
        bill = one_of(list(books.bills.values()), which)
        if self.can_be_paid(bill):
            books.close_page(bill)
        unfinished = books.unfinished(bill)
        too_little = unfinished is None and bill.owed < LEAST_ONLINE
        refused = not self.can_be_paid(bill) or too_little
        with refused_if(refused):
            checkout = paying.open_checkout(office.invoice_id(bill.number), ADDRESSES)
        if not refused and unfinished is None:
            books.pages.append(Page(bill, bill.owed))
            office.remember(checkout)
        elif unfinished is not None and not refused:
            assert checkout.url == office.at_processor(unfinished, "url")

    def can_be_paid(self, bill: Bill) -> bool:
        return bill.owed > 0 and not self.office.books.is_under_way(bill)


def filled(amount: int, owed: list[Bill]) -> list[tuple[Bill, int]]:
    parts = []
    for bill in owed:
        part = min(amount, bill.owed)
        amount -= part
        if part:
            parts.append((bill, part))
    return parts


def in_parts(amount: int, owed: list[Bill]) -> list[tuple[Bill, int]]:
    """Each its share; cents that are left go to the largest remainders, of equals to the one due first."""
    whole = sum(bill.owed for bill in owed)
    amount = min(amount, whole)
    exact = [Fraction(amount * bill.owed, whole) for bill in owed]
    parts = [int(part) for part in exact]
    by_remainder = sorted(range(len(owed)), key=lambda place: parts[place] - exact[place])
    for place in by_remainder[: amount - sum(parts)]:
        parts[place] += 1
    return [(bill, part) for bill, part in zip(owed, parts, strict=True) if part]
