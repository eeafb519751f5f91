"""Installments collected from a saved card or account: once, never too much, only on the member's word."""

import pytest

from tests.autopaying import Kept, keep, save_method
from tests.processor import Shop, fresh
from webapp.core.db import new_id, transaction
from webapp.core.errors import Conflict, Invalid, NotAllowed
from webapp.core.jobs import JobState
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.payability import PaymentUnderWay
from webapp.domain.billing.settings import DuesSettings
from webapp.domain.credits.credit_note import CreditNote
from webapp.domain.ledger import Code
from webapp.domain.notifications.delivery import Mail, MailKind, MailState
from webapp.domain.payments import saved_methods
from webapp.domain.payments.inbox import DeliveryState, ProcessorEvent
from webapp.domain.payments.payment import Allocation, Method, Payment, PaymentState
from webapp.domain.plans import autopay, ending
from webapp.domain.plans.autopay import AutopayAuthorization, WordsChanged
from webapp.domain.plans.plan import PaymentPlan, PlanState


@pytest.fixture
def kept(shop: Shop) -> Kept:
    return keep(shop)


def test_what_is_due_is_collected_and_booked_with_its_fee_over_the_plan_s_invoices(kept: Kept) -> None:
    kept.turn_on()

    kept.night()
    kept.due_night(1)

    assert kept.owed == [0, 0, 10_000, 10_000]
    first, second = kept.payments
    assert (first.state, first.amount, first.method, first.payer_detail) == (
        PaymentState.SUCCEEDED, 10_000, Method.CARD, "Visa •••• 4242",
    )  # fmt: skip
    assert first.fee == 320 and second.fee == 320 and first.received_on == kept.shop.organization.today
    assert [fresh(Invoice, one.id).paid for one in kept.invoices] == [20_000, 0]
    assert kept.shop.balance(Code.BANK_CHARGES) == 640
    assert "payment_received" in kept.shop.announced()


def test_one_charge_pays_the_rest_of_one_invoice_and_the_beginning_of_the_next(kept: Kept) -> None:
    kept.turn_on()
    kept.shop.record(kept.invoices[0], 20_000)

    kept.due_night(2)

    [charged] = [one for one in kept.payments if one.processor_id]
    parts = Allocation.here().all(Allocation.payment_id == charged.id, order_by=Allocation.id)
    assert [(one.invoice_id, one.amount) for one in parts] == [
        (kept.invoices[0].id, 5_000),
        (kept.invoices[1].id, 5_000),
    ]


def test_nothing_is_collected_before_its_day_or_without_the_member_s_word(kept: Kept) -> None:
    save_method(kept.shop)
    kept.night()
    assert kept.payments == []

    kept.choose(save_method(kept.shop))
    kept.night()
    kept.night(days=1)
    kept.collect(days=1, position=1)

    assert kept.owed == [0, 10_000, 10_000, 10_000] and len(kept.payments) == 1


def test_only_the_member_turns_it_on_with_an_own_method_in_the_words_that_were_shown(kept: Kept) -> None:
    method = save_method(kept.shop)
    for officer in (kept.treasurer,):
        with pytest.raises(NotAllowed):
            kept.choose(method, by=officer)
    with transaction(), pytest.raises(WordsChanged):
        held = PaymentPlan.here().get(kept.plan_id, lock=True)
        autopay.turn_on(held, method.id, shown="Yes", organization=kept.shop.organization, by=kept.ana)
    said = kept.words
    with transaction(), pytest.raises(Invalid):
        held = PaymentPlan.here().get(kept.plan_id, lock=True)
        autopay.turn_on(held, held.id, shown=said, organization=kept.shop.organization, by=kept.ana)

    kept.choose(method)

    [word] = AutopayAuthorization.here().all()
    assert (word.words, word.method_label, word.given_by_id) == (said, "Visa ending 4242", kept.ana.id)


def test_turning_it_off_or_removing_the_method_ends_it_and_the_word_is_kept(kept: Kept) -> None:
    method = kept.turn_on()
    with transaction():
        autopay.turn_off(PaymentPlan.here().get(kept.plan_id, lock=True), by=kept.ana)
    kept.night()
    assert kept.payments == []

    kept.choose(method)
    with transaction():
        saved_methods.remove(method.id, member_id=kept.shop.member_id, by=kept.ana)
    kept.night(days=1)

    assert kept.payments == []
    assert [bool(one.words) for one in AutopayAuthorization.here().all()] == [True, True]
    with transaction(), pytest.raises(Conflict):
        autopay.turn_off(PaymentPlan.here().get(kept.plan_id, lock=True), by=kept.ana)
        autopay.turn_off(PaymentPlan.here().get(kept.plan_id, lock=True), by=kept.ana)


def test_what_missed_nights_left_is_collected_before_the_plan_is_given_up(kept: Kept) -> None:
    kept.turn_on()
    late = DuesSettings.here().all()[0].plan_tolerance_days + 1

    assert kept.promise(late)["plans_defaulted"] == 0
    kept.shop.work()

    assert kept.plan.state is PlanState.ACTIVE and kept.owed[0] == 0


def test_a_plan_that_has_ended_is_not_collected(kept: Kept) -> None:
    kept.turn_on()
    kept.promise()
    with transaction():
        held = PaymentPlan.here().get(kept.plan_id, lock=True)
        ending.cancel(held, by=kept.treasurer, reason="Moved away", on=kept.day(0))

    kept.shop.work()

    assert kept.payments == []


def test_never_more_is_collected_than_is_left_of_the_installment(kept: Kept) -> None:
    kept.turn_on()
    kept.promise()
    kept.shop.record(kept.invoices[0], 7_000)

    kept.shop.work()

    assert [one.amount for one in kept.payments if one.processor_id] == [3_000]
    assert kept.owed == [0, 10_000, 10_000, 10_000]


@pytest.mark.case("K1")
def test_an_open_page_is_closed_before_the_card_is_charged(kept: Kept) -> None:
    kept.turn_on()
    url = str(kept.shop.open(fresh(Invoice, kept.invoices[0].id)).url)

    kept.night()

    assert kept.shop.sandbox.pay(url).status == 410
    assert [one.state for one in kept.payments] == [PaymentState.EXPIRED, PaymentState.SUCCEEDED]
    assert kept.owed[0] == 0 and CreditNote.here().all() == []


@pytest.mark.case("K1")
def test_a_page_that_was_paid_before_it_could_be_closed_is_enough(kept: Kept) -> None:
    kept.turn_on()
    kept.shop.pay(kept.shop.open(fresh(Invoice, kept.invoices[0].id)))

    kept.night()

    assert [(one.amount, one.state) for one in kept.payments] == [(25_000, PaymentState.SUCCEEDED)]
    assert kept.charges == [] and CreditNote.here().all() == []


def test_a_bank_debit_under_way_keeps_everything_else_back_until_it_has_settled(kept: Kept) -> None:
    kept.turn_on("bank_waits")
    kept.night()
    [debit] = kept.payments
    assert (debit.state, debit.method) == (PaymentState.PROCESSING, Method.ACH_DEBIT)
    assert fresh(Invoice, kept.invoices[0].id).processing
    with pytest.raises(PaymentUnderWay):
        kept.shop.open(fresh(Invoice, kept.invoices[0].id))

    kept.night(days=1)
    kept.night(days=30)
    assert len(kept.payments) == 1 and kept.plan.state is PlanState.ACTIVE

    kept.shop.sandbox.act(str(debit.intent_reference), "settlement")
    kept.night(days=31)
    assert fresh(Payment, debit.id).state is PaymentState.SUCCEEDED
    assert not kept.charges[0].live and kept.owed[0] == 0


@pytest.mark.case("K5")
def test_a_debit_that_comes_back_is_tried_again_on_the_retry_days_and_then_no_more(kept: Kept) -> None:
    kept.turn_on("bank_waits")
    for days in range(8):
        kept.night(days)
        for payment in kept.payments:
            if payment.state is PaymentState.PROCESSING:
                kept.shop.sandbox.act(str(payment.intent_reference), "failure")
                kept.shop.hear("payment_intent.payment_failed")

    began = kept.plan_began
    assert [(one.tried_on - began).days for one in kept.charges] == [0, 3, 5, 7]
    assert {one.state for one in kept.payments} == {PaymentState.FAILED}
    assert not fresh(Invoice, kept.invoices[0].id).processing


@pytest.mark.parametrize(("instrument", "days"), [("declined_later", [0, 3, 5, 7]), ("authentication", [0])])
def test_what_the_bank_says_decides_whether_it_is_tried_again_and_the_member_is_told(
    kept: Kept, instrument: str, days: list[int]
) -> None:
    kept.turn_on(instrument)
    for day in range(8):
        kept.night(day)

    assert [(one.tried_on - kept.plan_began).days for one in kept.charges] == days
    kept.shop.work_and_mail()
    mails = Mail.here().all(Mail.kind == MailKind.AUTOPAY, Mail.payment_id.is_not(None))
    assert [mail.state for mail in mails] == [MailState.SENT] * len(days)
    assert kept.owed[0] == 10_000 and not fresh(Invoice, kept.invoices[0].id).processing
    assert kept.shop.sandbox.objects("charge") == [] or instrument == "declined_later"


def test_a_method_the_processor_has_lost_is_asked_for_once_and_another_one_begins_anew(kept: Kept) -> None:
    method = kept.turn_on()
    kept.shop.detach(str(method.reference))
    kept.night()
    kept.night(days=3)
    [lost] = kept.payments
    assert (lost.state, lost.failure_code) == (PaymentState.FAILED, "method_refused")

    kept.turn_on("mastercard")
    kept.night(days=4)

    assert kept.owed[0] == 0


@pytest.mark.case("K2")
def test_a_lost_answer_is_looked_up_and_never_charged_twice(kept: Kept) -> None:
    kept.turn_on()
    kept.shop.sandbox.fault(
        "server_error", method="POST", path="/v1/payment_intents", count=2, carried_out=True
    )
    kept.night()
    [asked] = kept.payments
    assert asked.state is PaymentState.UNKNOWN and fresh(Invoice, kept.invoices[0].id).processing
    kept.shop.sandbox.no_faults()

    kept.shop.work_later()

    assert len(kept.shop.sandbox.objects("payment_intent")) == 1
    assert fresh(Payment, asked.id).state is PaymentState.SUCCEEDED and kept.owed[0] == 0


@pytest.mark.case("K2")
def test_a_question_that_never_arrived_is_asked_again_with_the_same_key(kept: Kept) -> None:
    kept.turn_on()
    kept.shop.sandbox.fault("server_error", method="POST", path="/v1/payment_intents", count=2)
    kept.night()
    kept.shop.sandbox.no_faults()

    kept.shop.work_later()

    keys = {one["idempotency_key"] for one in kept.shop.sandbox.requests("/v1/payment_intents", "POST")}
    assert len(keys) == 1 and len(kept.payments) == 1 and kept.owed[0] == 0


def test_what_was_never_asked_and_is_not_wanted_any_more_is_dropped(kept: Kept) -> None:
    kept.turn_on()
    kept.shop.sandbox.fault("server_error", method="POST", path="/v1/payment_intents", count=2)
    kept.night()
    kept.shop.sandbox.no_faults()
    with transaction():
        autopay.turn_off(PaymentPlan.here().get(kept.plan_id, lock=True), by=kept.ana)

    kept.shop.work_later()

    assert [one.state for one in kept.payments] == [PaymentState.EXPIRED]
    assert kept.shop.sandbox.objects("payment_intent") == []
    assert not fresh(Invoice, kept.invoices[0].id).processing


@pytest.mark.case("K1")
def test_what_was_given_up_and_charged_after_all_becomes_credit(kept: Kept) -> None:
    kept.turn_on()
    kept.shop.sandbox.fault(
        "server_error", method="POST", path="/v1/payment_intents", count=2, carried_out=True
    )
    kept.night()
    kept.shop.sandbox.no_faults()
    with transaction():
        for invoice in Invoice.here().all():
            Invoice.here().get(invoice.id, lock=True).set_processing(False)
    for invoice in kept.invoices:
        kept.shop.record(fresh(Invoice, invoice.id), invoice.billed)

    kept.shop.hear("payment_intent.succeeded")

    charged = next(one for one in kept.payments if one.processor_id)
    assert (charged.state, charged.credited) == (PaymentState.SUCCEEDED, 10_000)
    assert "paid_twice" in kept.shop.announced()


@pytest.mark.parametrize("first", ["letter", "answer"])
def test_the_processor_s_letter_and_its_answer_book_it_once_whichever_comes_first(
    kept: Kept, first: str
) -> None:
    kept.turn_on()
    if first == "letter":
        kept.shop.sandbox.fault(
            "server_error", method="POST", path="/v1/payment_intents", count=2, carried_out=True
        )
        kept.night()
        kept.shop.sandbox.no_faults()
        kept.shop.hear()
        assert kept.owed[0] == 0
        kept.shop.work_later()
    else:
        kept.night()
        kept.shop.hear()

    assert kept.owed[0] == 0 and len(kept.payments) == 1
    assert len(kept.shop.sandbox.objects("payment_intent")) == 1
    about = ProcessorEvent.here().all(ProcessorEvent.kind == "payment_intent.succeeded")
    assert [event.state for event in about] == [DeliveryState.DONE]


def test_two_nights_at_once_and_a_job_that_runs_twice_collect_once(kept: Kept) -> None:
    kept.turn_on()
    kept.promise()
    kept.promise()
    kept.collect()
    kept.collect()

    assert len(kept.payments) == 1 and len(kept.shop.sandbox.objects("payment_intent")) == 1
    assert {one.state for one in kept.shop.jobs.named("collect_installment")} == {JobState.DONE}


def test_a_restored_database_finds_what_was_charged_since_and_charges_nothing_again(kept: Kept) -> None:
    method, forgotten = kept.turn_on(), new_id()
    kept.shop.charge_saved(
        str(method.reference),
        10_000,
        organization_id=kept.shop.organization.id,
        payment_id=forgotten,
        installment_id=kept.parts[0].id,
    )

    kept.night()

    assert [(one.id, one.state) for one in kept.payments] == [(forgotten, PaymentState.SUCCEEDED)]
    assert kept.owed[0] == 0 and len(kept.shop.sandbox.objects("payment_intent")) == 1
