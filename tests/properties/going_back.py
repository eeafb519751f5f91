"""Money that goes back, by hand: refunds and what disputes take, out of credit and out of bills."""

from datetime import date

from tests.properties.credit import Credit
from tests.properties.documents import (
    BAD_DEBT,
    BANK,
    CLEARING,
    CREDIT,
    DISPUTE_FEES,
    DISPUTED,
    OTHER_INCOME,
    RECEIVABLE,
    REFUNDS,
    Bill,
    Dispute,
    Line,
    Page,
    Receipt,
    Refund,
)


class GoingBack(Credit):
    def __init__(self, today: date, returned_fee: int = 0) -> None:
        super().__init__(today)
        self.refunds: list[Refund] = []
        self.returned_fee = returned_fee
        self.charged_for: list[Receipt] = []
        self.to_close: list[Bill] = []

    def adjust(self, bill: Bill, change: int, account: str) -> None:
        raise NotImplementedError

    # Refunds

    def ask(self, refund: Refund) -> None:
        """The money is held for it, and its credit note."""
        self.refunds.append(refund)
        refund.here = "requested"
        if refund.receipt is not None:
            refund.receipt.reserved += refund.amount
        if refund.note is not None:
            refund.note.is_held = True

    def drop(self, refund: Refund, here: str) -> None:
        """It does not happen: what was held for it is free."""
        if refund.receipt is not None:
            refund.receipt.reserved -= refund.amount
        if refund.note is not None:
            refund.note.is_held = False
        refund.here = here

    def book(self, refund: Refund) -> None:
        """The money is gone: out of its own note or bill first, then out of credit, then out of the rest."""
        receipt, left = refund.receipt, refund.amount
        if receipt is not None:
            receipt.reserved -= refund.amount
        refund.here = "succeeded"
        if refund.note is not None and refund.note.is_held:
            self.end(refund.note, left)
            self._pay_out(refund, CREDIT, refund.note.chapter, refund.note.person, left)
            left = 0
        if receipt is not None:
            left -= self._out_of_bills(refund, receipt, left, own=True)
            credit = self.take_credit(receipt, left) if left else 0
            self._pay_out(refund, CREDIT, receipt.chapter, receipt.person, credit)
            left -= credit + self._out_of_bills(refund, receipt, left - credit, own=False)
            receipt.returned += refund.amount
        assert left == 0

    def take_back(self, refund: Refund) -> None:
        """It failed after all: what it took settles again what still needs it, the rest is credit."""
        receipt, refund.here = refund.receipt, "failed"
        assert receipt is not None
        for line in refund.lines:
            self.write(self.today, line.account, line.chapter, line.person, -line.amount)
        receipt.returned -= refund.amount
        self.note(receipt, refund.amount - sum(part for _, part, _ in refund.parts))
        homeless = 0
        for bill, part, owed_again in refund.parts:
            fits = min(part, bill.owed if owed_again else bill.refunded)
            if owed_again:
                bill.settle(fits, self.today)
            else:
                bill.spend(-fits, self.today)
            if fits:
                receipt.put_on(bill, fits)
            homeless += part - fits
            self._spend(bill, part - fits, owed_again=owed_again)
        self.keep(receipt, homeless)

    def make_room(self, page: Page, amount: int) -> None:
        """It is gone at the processor, so what waits for a second person gives way, the latest first."""
        receipt = page.receipt
        assert receipt is not None
        if amount > receipt.returnable:
            for refund in reversed(self.refunds):
                if refund.receipt is receipt and refund.waits and amount > receipt.returnable:
                    self.drop(refund, "dropped")
            for dispute in page.disputes:
                part = min(dispute.held, max(0, amount - receipt.returnable))
                dispute.held -= part
                receipt.reserved -= part

    def _out_of_bills(self, refund: Refund, receipt: Receipt, amount: int, *, own: bool) -> int:
        left = amount
        for part in reversed([one for one in receipt.parts if (one.bill is refund.bill) is own]):
            taken = min(left, part.amount)
            if taken:
                receipt.shrink(part, taken)
                owed_again = own and refund.owed_again
                if owed_again:
                    part.bill.settle(-taken, self.today)
                else:
                    part.bill.spend(taken, self.today)
                refund.parts.append((part.bill, taken, owed_again))
                refund.lines.append(self._spend(part.bill, taken, owed_again=owed_again))
                refund.lines.append(self._money(refund, part.bill.chapter, taken))
                left -= taken
        return amount - left

    def _spend(self, bill: Bill, amount: int, *, owed_again: bool) -> Line:
        account, person = (RECEIVABLE, bill.person) if owed_again else (REFUNDS, None)
        return self.write(self.today, account, bill.chapter, person, amount)

    def _pay_out(self, refund: Refund, account: str, chapter: str, person: str, amount: int) -> None:
        refund.lines.append(self.write(self.today, account, chapter, person, amount))
        refund.lines.append(self._money(refund, chapter, amount))

    def _money(self, refund: Refund, chapter: str, amount: int) -> Line:
        by_hand = refund.by_check or refund.receipt is None or refund.receipt.is_offline
        return self.write(self.today, BANK if by_hand else CLEARING, chapter, None, -amount)

    # What we hear of a payment that came in

    def hear_what_went_back(self, page: Page, receipt: Receipt) -> None:
        for refund in sorted(page.refunds, key=lambda one: one.name):
            self._hear_of_refund(page, refund)
        for dispute in page.disputes:
            self._hear_of_dispute(receipt, dispute)
        self.cover(receipt, page.disputes)

    def _hear_of_refund(self, page: Page, refund: Refund) -> None:
        if refund.here is None:
            if refund.there == "failed":
                return
            refund.receipt = page.receipt
            self.make_room(page, refund.amount)
            self.ask(refund)
            refund.here = "pending"
        self.move(refund)

    def move(self, refund: Refund) -> None:
        if refund.here in ("released", "pending"):
            if refund.there == "succeeded":
                self.book(refund)
            elif refund.there == "failed":
                self.drop(refund, "failed")
            else:
                refund.here = "pending"
        elif refund.here == "succeeded" and refund.there == "failed":
            self.take_back(refund)

    def _hear_of_dispute(self, receipt: Receipt, dispute: Dispute) -> None:
        """First what is lost no more, then what the processor moved, then what is lost by now."""
        receipt.reserved -= dispute.held
        dispute.here, dispute.held = dispute.there, 0
        if dispute.lost > dispute.gone:
            self._regain(receipt, dispute, dispute.lost - dispute.gone)
        for amount, fee in dispute.movements[dispute.booked :]:
            dispute.withdrawn += amount
            self.write(self.today, DISPUTED, receipt.chapter, None, amount)
            self.write(self.today, DISPUTE_FEES, receipt.chapter, None, fee)
            self.write(self.today, CLEARING, receipt.chapter, None, -amount - fee)
        dispute.booked = len(dispute.movements)
        if dispute.lost < dispute.gone:
            self._lose(receipt, dispute, dispute.gone - dispute.lost)
        dispute.held = min(dispute.at_stake, receipt.returnable)
        receipt.reserved += dispute.held

    def cover(self, receipt: Receipt, disputes: list[Dispute]) -> None:
        """What a dispute took beside a refund is owed again as soon as that refund does not happen.

        One that still waits for a second person gives way.
        """
        for dispute in disputes:
            waiting = [one for one in self.refunds if one.receipt is receipt and one.waits]
            while dispute.is_short and (receipt.returnable or waiting):
                if not receipt.returnable:
                    self.drop(waiting.pop(), "dropped")
                part = min(dispute.lost - dispute.taken, receipt.returnable)
                dispute.taken += part
                self._take_out(receipt, part)
                self.write(self.today, BAD_DEBT, receipt.chapter, None, -part)

    def _lose(self, receipt: Receipt, dispute: Dispute, amount: int) -> None:
        taken = min(amount, receipt.returnable)
        self._take_out(receipt, taken)
        self.write(self.today, BAD_DEBT, receipt.chapter, None, amount - taken)
        self.write(self.today, DISPUTED, receipt.chapter, None, -amount)
        dispute.lost += amount
        dispute.taken += taken
        owing = owing_of(receipt)
        if self.returned_fee and dispute.is_returned_debit and owing and receipt not in self.charged_for:
            self.charged_for.append(receipt)
            self.adjust(owing[0], self.returned_fee, OTHER_INCOME)
            self.to_close.append(owing[0])

    def _regain(self, receipt: Receipt, dispute: Dispute, amount: int) -> None:
        put = left = min(amount, dispute.taken)
        receipt.returned -= put
        if put:
            owing = owing_of(receipt)
            for bill in owing:
                part = min(left, bill.owed)
                if part:
                    self.put_on(receipt, bill, part)
                left -= part
            self.to_close += owing
            self.keep(receipt, left)
        self.write(self.today, BAD_DEBT, receipt.chapter, None, put - amount)
        self.write(self.today, DISPUTED, receipt.chapter, None, amount)
        dispute.taken -= put
        dispute.lost -= amount

    def _take_out(self, receipt: Receipt, amount: int) -> None:
        """Credit first, then the bills settled last: those are owed again."""
        credit = self.take_credit(receipt, amount)
        self.write(self.today, CREDIT, receipt.chapter, receipt.person, credit)
        left = amount - credit
        for part in reversed(list(receipt.parts)):
            taken = min(left, part.amount)
            if taken:
                receipt.shrink(part, taken)
                part.bill.settle(-taken, self.today)
                self.write(self.today, RECEIVABLE, part.bill.chapter, part.bill.person, taken)
                left -= taken
        receipt.returned += amount
        assert left == 0


def owing_of(receipt: Receipt) -> list[Bill]:
    """What is owed of the bills it settles or settled, the one due first in front."""
    owing = [bill for bill in receipt.touched if bill.owed]
    return sorted(owing, key=lambda bill: (bill.due_on, bill.number))
