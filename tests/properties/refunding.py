"""What officers give back: of payments, of credit, through the processor or by check; and what never came."""

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.properties.at_processor import COURSES
from tests.properties.documents import Bill, Note, Page, Receipt, Refund
from tests.properties.happenings import any_one, one_of
from tests.properties.office import Wish, refused_if
from tests.properties.officers import Officers, officers
from tests.properties.paying import filled
from webapp.core.db import transaction
from webapp.domain.payments import batch_lines, batch_posting, batches, reversing
from webapp.domain.payments.batch_lines import Typed
from webapp.domain.payments.batches import Slip
from webapp.domain.payments.payment import Method
from webapp.domain.refunds import releasing, requesting
from webapp.domain.refunds.deciding import Asked
from webapp.domain.refunds.refund import How
from webapp.domain.refunds.requesting import Terms

CAP = 50_00
"""What an officer gives back alone of one invoice or credit note, unless the organization says otherwise."""

portions = st.sampled_from(["a part", "a part", "all", "too much"])


class Refunding(Officers):
    @precondition(lambda self: self.settled())
    @rule(
        which=any_one,
        how_much=portions,
        by_check=st.booleans(),
        owed_again=st.booleans(),
        by=officers,
        course=st.sampled_from(COURSES),
    )
    def money_is_given_back(
        self, which: int, how_much: str, by_check: bool, owed_again: bool, by: str, course: str
    ) -> None:
        office, books = self.office, self.office.books
        office.refunds_go(course)
        receipt, bill = one_of(self.settled(), which)
        left = self.left_for(receipt, bill)
        amount = portion(how_much, left)
        refund = Refund(
            amount, receipt, bill=bill, owed_again=owed_again, by=by, by_check=self.way(receipt, by_check)
        )
        alone = amount <= CAP - sum(one.amount for one in self.counted(by) if one.bill is bill)
        refused = not 0 < amount <= left or self.is_blocked(refund)
        with refused_if(refused), transaction():
            asked = requesting.request_refund(
                office.invoice_id(bill.number),
                self.payment_id(receipt),
                terms_of(refund),
                by=office.login(by),
                on=books.today,
            )
        if not refused:
            self.asked_for(refund, asked, alone=alone)

    @precondition(lambda self: self.office.books.open_notes())
    @rule(
        which=any_one, how_much=portions, by_check=st.booleans(), by=officers, course=st.sampled_from(COURSES)
    )
    def credit_is_given_back(self, which: int, how_much: str, by_check: bool, by: str, course: str) -> None:
        office, books = self.office, self.office.books
        office.refunds_go(course)
        if not books.open_notes():
            return
        note = one_of(books.open_notes(), which)
        left = min(note.amount, note.receipt.returnable) if note.receipt else note.amount
        amount = portion(how_much, left)
        refund = Refund(amount, note.receipt, note=note, by=by, by_check=self.way(note.receipt, by_check))
        alone = amount <= CAP - self.given_of(note, by)
        refused = not 0 < amount <= left or self.is_blocked(refund)
        with refused_if(refused), transaction():
            asked = releasing.release_of(
                self.note_id(note), terms_of(refund), by=office.login(by), on=books.today
            )
        if not refused:
            self.asked_for(refund, asked, alone=alone)

    def asked_for(self, refund: Refund, asked: Asked, *, alone: bool) -> None:
        """Within the cap it goes out at once, above it when somebody else has approved it."""
        assert (asked.approval is None) is alone
        books = self.office.books
        books.ask(refund)

        def go() -> None:
            if refund.by_check:
                books.book(refund)
            else:
                refund.here = "released"
                self.office.promise(lambda: self.submit(refund))

        def drop() -> None:
            if refund.waits:
                books.drop(refund, "dropped")

        def is_possible() -> bool:
            return refund.waits and not self.is_disputed(refund.receipt)

        if alone:
            go()
        else:
            assert refund.by is not None
            self.office.wishes.append(
                Wish(refund.by, asked.refund.id, is_possible, go, drop, lambda: not refund.waits)
            )

    def submit(self, refund: Refund) -> None:
        """The processor makes it, or has reasons of its own not to: then we look what those are."""
        page = self.the_page(refund)
        if refund.amount <= page.left_there:
            refund.course = self.office.course
            refund.there = refund.course.partition("_then_")[0]
            self.office.remember_refund(page, refund)
            self.office.books.move(refund)
        else:
            self.office.books.drop(refund, "failed")
            self.office.promise(lambda: self.office.books.look(page))

    def settled(self) -> list[tuple[Receipt, Bill]]:
        return [
            (receipt, bill)
            for receipt in self.office.books.receipts
            for bill in receipt.touched
            if receipt.settles(bill)
        ]

    def left_for(self, receipt: Receipt, bill: Bill) -> int:
        mine = [one for one in self.office.books.refunds if one.receipt is receipt and one.bill is bill]
        held = sum(one.amount for one in mine if one.is_unfinished)
        return max(0, min(receipt.settles(bill) - held, receipt.returnable))

    def counted(self, officer: str) -> list[Refund]:
        """What did not happen counts for no cap."""
        mine = [one for one in self.office.books.refunds if one.by == officer]
        return [one for one in mine if one.here not in ("failed", "dropped")]

    def given_of(self, note: Note, officer: str) -> int:
        """Of it, and of all that it was split off from or into."""
        family = [one for one in self.counted(officer) if one.note and one.note.first is note.first]
        return sum(one.amount for one in family)

    def is_blocked(self, refund: Refund) -> bool:
        """A processor gives back only what came through it, and nobody what a bank disputes."""
        offline = refund.receipt is None or refund.receipt.is_offline
        return (offline and not refund.by_check) or self.is_disputed(refund.receipt)

    def is_disputed(self, receipt: Receipt | None) -> bool:
        page = self.page_of(receipt) if receipt else None
        return page is not None and any(dispute.here == "contested" for dispute in page.disputes)

    def way(self, receipt: Receipt | None, by_check: bool) -> bool:
        """By no check while the processor has given money back that we have not heard of."""
        page = self.page_of(receipt) if receipt else None
        return by_check and not (page and any(one.here is None for one in page.refunds))

    def the_page(self, refund: Refund) -> Page:
        page = self.page_of(refund.receipt) if refund.receipt else None
        assert page is not None
        return page

    @rule(who=st.lists(any_one, min_size=1, max_size=4), is_right=st.booleans(), by=officers)
    def a_stack_is_deposited(self, who: list[int], is_right: bool, by: str) -> None:
        """Checks, each for the oldest bills of its member; if they don't come to the slip, none of them."""
        office, books = self.office, self.office.books
        people = [one_of(list(office.roll.people.values()), place) for place in who]
        checks = [(person, 1_000 * (place + 1) + 7) for place, person in enumerate(people)]
        names = [f"B{len(books.receipts) + place}" for place in range(len(checks))]
        total = sum(amount for _, amount in checks) + (0 if is_right else 1)
        with refused_if(not is_right), transaction():
            slip = Slip(Method.CHECK, books.today, "D-7", count=len(checks), total=total)
            batch = batches.open_batch(slip, chapter=None, by=office.login(by))
            rows = [
                Typed(place, person.number, f"{amount / 100:.2f}", name)
                for place, ((person, amount), name) in enumerate(zip(checks, names, strict=True), 1)
            ]
            batch_lines.write(batch, rows, office.organization())
            batch_posting.post(
                batch,
                by=office.login(by),
                version=batch.version,
                sure=True,
                organization=office.organization(),
            )
        for (person, amount), name in zip(checks if is_right else [], names, strict=False):
            parts = filled(amount, books.payable_by(person.number))
            chapters = [bill.chapter for bill, _ in parts]
            chapter = person.chapter if person.chapter in chapters or not chapters else chapters[0]
            books.receive(Receipt(person.number, chapter, amount, books.today, name=name), parts)
            for bill, _ in parts:
                self.close_page_later(bill)

    @precondition(lambda self: self.recorded())
    @rule(which=any_one, reason=st.sampled_from(["Another member's check", "Another member's check", " "]))
    def a_recorded_payment_is_reversed(self, which: int, reason: str) -> None:
        office, books = self.office, self.office.books
        receipt = one_of(self.recorded(), which)
        used = any(use.note.receipt is receipt for use in books.uses)
        held = any(note.receipt is receipt and note.is_held for note in books.notes)
        went_back = receipt.returned or receipt.reserved
        refused = not reason.strip() or receipt.is_reversed or bool(went_back) or used or held
        with refused_if(refused), transaction():
            reversing.reverse(
                self.payment_id(receipt), by=office.login("Nora"), reason=reason, on=books.today
            )
        if not refused:
            books.reverse(receipt)

    def recorded(self) -> list[Receipt]:
        return [receipt for receipt in self.office.books.receipts if receipt.is_offline]


def portion(how_much: str, left: int) -> int:
    return {"a part": -(-left // 3), "all": left, "too much": left + 1}[how_much]


def terms_of(refund: Refund) -> Terms:
    way = How.CHECK if refund.by_check else How.ORIGINAL
    return Terms(refund.amount, way, "Moved away", refund.owed_again, check_number="77")
