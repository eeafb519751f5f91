"""What the officers did by hand after the invoices were out, each through the verb that their pages call."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from uuid import UUID

from webapp import wiring
from webapp.core import money
from webapp.core.db import db, transaction
from webapp.demo import story
from webapp.domain.approvals import Action, ApprovalRequest, delegation, policy
from webapp.domain.approvals.policy import Place, Right
from webapp.domain.billing import adjusting
from webapp.domain.billing.adjustment_effect import Change
from webapp.domain.billing.adjustments import Adjustment, AdjustmentKind
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.settings import DuesSettings
from webapp.domain.billing.spreading import as_named, only
from webapp.domain.credits import applying, goodwill
from webapp.domain.ledger import periods
from webapp.domain.organizations import Chapter, Login, Member, Organization, uploads
from webapp.domain.payments import batch_lines, batch_posting, batches, reversing
from webapp.domain.payments.batch_lines import Typed
from webapp.domain.payments.batches import ReceiptBatch, ReceiptLine, Slip
from webapp.domain.payments.offline import record_offline
from webapp.domain.payments.payment import Method, Payment
from webapp.domain.plans import answering, proposing
from webapp.domain.plans.plan import PaymentPlan
from webapp.domain.plans.proposing import Wish
from webapp.domain.plans.terms import Terms
from webapp.domain.refunds import requesting
from webapp.domain.refunds.refund import How
from webapp.domain.refunds.requesting import Terms as RefundTerms

_LETTER = Path(__file__).with_name("letter.pdf")
_OTHERS = 7
"""So many invoices beside those of the checks: one for each story about what is owed."""


def set_aside() -> Sequence[UUID]:
    """The latest invoices of the treasurer's chapter, by member, unpaid when the work begins. The first is of
    the member who signs in.
    """
    latest = Invoice.here().select().with_only_columns(Invoice.period_id).order_by(Invoice.due_on.desc())
    chapters = Chapter.here().select(Chapter.code == story.TREASURER[2]).with_only_columns(Chapter.id)
    found = (
        Invoice.here()
        .select(Invoice.chapter_id.in_(chapters), Invoice.period_id == latest.limit(1).scalar_subquery())
        .join(Invoice.member)
        .order_by(Member.number)
        .with_only_columns(Invoice.id)
    )
    ids = db.session.scalars(found.limit(story.CHECKS + _OTHERS)).all()
    db.session.rollback()
    return ids


def has_stories(untouched: Sequence[UUID]) -> bool:
    return len(untouched) == story.CHECKS + _OTHERS


def tell(organization: Organization, untouched: Sequence[UUID]) -> None:
    """Last year's books are closed at the end, so that they are in nobody's way. A demo with few members has
    quiet officers.
    """
    if not has_stories(untouched):
        return
    office = Office.of(organization)
    office.set_limits()
    hardship, *checks = untouched[: story.CHECKS + 1]
    office.bank_checks(checks)
    office.hear_of_hardship(hardship)
    office.adjust(untouched[story.CHECKS + 1 :])
    office.close_last_year()


def agree_on_plans(organization: Organization, untouched: Sequence[UUID]) -> None:
    """The member who signs in has a plan to answer. Whose invoice was not waived asked for one, and is
    following it. Both are about what is owed by now.
    """
    if has_stories(untouched):
        Office.of(organization).agree_on_plans(offered_for=untouched[0], asked_for=refused(untouched))


def refused(untouched: Sequence[UUID]) -> UUID:
    """The invoice that was not waived."""
    return untouched[story.CHECKS + 3]


@dataclass(frozen=True)
class Office:
    organization: Organization
    admin: Login
    second_admin: Login
    treasurer: Login
    today: date

    @classmethod
    def of(cls, organization: Organization) -> "Office":
        people = (story.ADMIN, story.SECOND_ADMIN, story.TREASURER)
        admin, second_admin, treasurer = (Login.by_email(person[1]) for person in people)
        assert admin and second_admin and treasurer, "The story's people are there before their work"
        return cls(organization, admin, second_admin, treasurer, organization.today)

    def set_limits(self) -> None:
        with transaction():
            for role, amount in story.ALONE.items():
                policy.set_limit(Place(role, Action.ADJUSTMENT, Right.ALONE), amount, by=self.admin)
            settings = DuesSettings.of(self.organization)
            settings.change(by=self.admin, returned_debit_fee=story.RETURNED_DEBIT_FEE)
            delegation.delegate(
                self.treasurer, until=self.today + timedelta(days=10), by=self.second_admin, on=self.today
            )

    def bank_checks(self, invoice_ids: Sequence[UUID]) -> None:
        """One of the checks was put down for the member before, and is corrected."""
        with transaction():
            found = {one.id: one for one in Invoice.here().all(Invoice.id.in_(invoice_ids))}
            invoices = [found[invoice_id] for invoice_id in invoice_ids]
            members = [Member.here().get(invoice.member_id) for invoice in invoices]
            batch = self._slip(invoices, [*members[:5], members[4], *members[6:]])
        with transaction():
            self._post(batch.id)
            wrong = self._payment_of_line(batch.id, 6)
            reversing.reverse(
                wrong.id, by=self.treasurer, reason="Line 6 was somebody else's check", on=self.today
            )
            record_offline(
                members[5],
                invoices[5].billed,
                method=Method.CHECK,
                on=batch.deposited_on,
                by=self.treasurer,
                reference="No. 2206",
                deposit=story.DEPOSIT,
            )

    def _slip(self, invoices: Sequence[Invoice], payers: Sequence[Member]) -> ReceiptBatch:
        slip = Slip(
            Method.CHECK,
            max(self.today - timedelta(days=3), *(one.issued_on for one in invoices)),
            story.DEPOSIT,
            len(invoices),
            sum(one.billed for one in invoices),
            receipts=True,
        )
        chapter = Chapter.here().get(invoices[0].chapter_id)
        batch = batches.open_batch(slip, chapter=chapter, by=self.treasurer)
        typed = [
            Typed(
                position,
                payer.number,
                money.plain(invoice.billed, invoice.currency),
                f"No. {2200 + position}",
            )
            for position, (invoice, payer) in enumerate(zip(invoices, payers, strict=True), 1)
        ]
        batch_lines.write(batch, typed, self.organization)
        return batch

    def _post(self, batch_id: UUID) -> None:
        batch = batches.find(batch_id, lock=True)
        batch_posting.post(
            batch, by=self.treasurer, version=batch.version, sure=True, organization=self.organization
        )

    def _payment_of_line(self, batch_id: UUID, position: int) -> Payment:
        line = ReceiptLine.here().first(ReceiptLine.batch_id == batch_id, ReceiptLine.position == position)
        assert line is not None, "The batch has this line"
        payment = Payment.here().first(Payment.receipt_line_id == line.id)
        assert payment is not None, "A posted line has a payment"
        return payment

    def hear_of_hardship(self, invoice_id: UUID) -> None:
        """The member who signs in asks to owe less, with a letter; nobody has decided yet."""
        with transaction():
            invoice = Invoice.here().get(invoice_id, lock=True)
            member = Login.by_email(story.MEMBER_EMAIL)
            assert member is not None, "Somebody of the chapter signs in"
            letter = uploads.accepted("letter-from-the-clinic.pdf", _LETTER.read_bytes())
            adjusting.ask_for_hardship(
                invoice, 150_00, "I was in hospital for a month and lost my job.", document=letter, by=member
            )

    def adjust(self, invoice_ids: Sequence[UUID]) -> None:
        """Every way that a change goes: at once, once somebody else has approved it, not at all, not yet."""
        alone, approved, denied, overpaid, credited, lost = invoice_ids
        waiver, correction = AdjustmentKind.WAIVER, AdjustmentKind.CORRECTION
        self._change(alone, waiver, 20_00, "Helped at the founders' day all weekend")
        decided = self._change(approved, correction, 125_00, "Joined in November; billed for the whole term")
        self._decide(decided, self.admin)
        decided = self._change(denied, waiver, 200_00, "Says the house was cold in January")
        self._decide(decided, self.second_admin, "Repairs are not paid for with dues. Offer a payment plan.")
        self._change(lost, AdjustmentKind.WRITE_OFF, 400_00, "Moved abroad; two letters came back")
        self._pay_too_much(overpaid)
        self._use_credit(credited)

    def _change(self, invoice_id: UUID, kind: AdjustmentKind, most: int, reason: str) -> Adjustment:
        with transaction():
            invoice = Invoice.here().get(invoice_id, lock=True)
            change = Change(kind, min(most, invoice.owed), reason)
            return adjusting.adjust(invoice, change, by=self.treasurer, on=self.today)

    def _decide(self, adjustment: Adjustment, by: Login, denial: str = "") -> None:
        with transaction():
            request = ApprovalRequest.here().first(ApprovalRequest.subject_id == adjustment.id)
            assert request is not None, "What a treasurer may not do alone waits in the queue"
            if denial:
                request.deny(by=by, reason=denial, tell=wiring.DENIALS, on=self.today)
            else:
                carry_out = wiring.ACTIONS
                request.approve(by=by, seen=request.order_digest, carry_out=carry_out, on=self.today)

    def _pay_too_much(self, invoice_id: UUID) -> None:
        """What came too much is an open credit note; a part of what was paid goes back by check."""
        with transaction():
            invoice = Invoice.here().get(invoice_id, lock=True)
            payment = record_offline(
                Member.here().get(invoice.member_id),
                invoice.owed + 50_00,
                method=Method.BANK_TRANSFER,
                on=self.today,
                by=self.treasurer,
                reference="SEPT DUES",
                spread=only(invoice),
            )
        terms = RefundTerms(40_00, How.CHECK, "Paid for the barbecue and did not come", check_number="1188")
        with transaction():
            requesting.request_refund(invoice_id, payment.id, terms, by=self.treasurer, on=self.today)

    def _use_credit(self, invoice_id: UUID) -> None:
        """Goodwill of which a part settles the invoice; the rest is a credit note that names its parent."""
        with transaction():
            invoice = Invoice.here().get(invoice_id)
            member = Member.here().get(invoice.member_id)
            reason = "The retreat was cancelled after the fee was paid"
            note, _ = goodwill.give(member, 90_00, reason=reason, by=self.admin, on=self.today)
        assert note is not None, "The national office gives so much alone"
        with transaction():
            applying.apply(note.id, as_named({invoice_id: 60_00}), on=self.today, by=self.treasurer)

    def agree_on_plans(self, *, offered_for: UUID, asked_for: UUID) -> None:
        start = self.today + timedelta(days=14)
        with transaction():
            offer = Terms(start, 31, installments=3)
            self._propose(offered_for, offer, "So that it hurts less", by=self.treasurer)
        with transaction():
            half = Invoice.here().get(asked_for).owed // 4
            wish = Terms(start, 15, installments=4, down_payment=half)
            login = Login.by_email(story.PLANNER_EMAIL)
            assert login is not None, "Who asks can sign in"
            plan = self._propose(asked_for, wish, "I get paid in the middle of the month", by=login)
            answering.accept(plan, as_member=False, by=self.treasurer, on=self.today)

    def _propose(self, invoice_id: UUID, terms: Terms, note: str, *, by: Login) -> PaymentPlan:
        member = Member.here().get(Invoice.here().get(invoice_id).member_id)
        wish = Wish([one.id for one in proposing.plannable(member)], terms, note)
        return proposing.propose(member, wish, as_member=by is not self.treasurer, by=by, on=self.today)

    def close_last_year(self) -> None:
        with transaction():
            periods.close_through(date(self.today.year - 1, 12, 31), by=self.admin, today=self.today)
