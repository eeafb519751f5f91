"""Payment plans: proposed, answered, changed, paid and called off, told to the product and to the books."""

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.properties.agreements import TOLERANCE, Plan, StandingRule
from tests.properties.documents import Bill
from tests.properties.dues import Person
from tests.properties.happenings import any_one, one_of
from tests.properties.office import PLANNED_ALONE, Wish, refused_if
from tests.properties.officers import officers
from tests.properties.paying import Parted, filled
from tests.properties.refunding import Refunding
from webapp.core.db import transaction
from webapp.domain.billing.settings import DuesSettings
from webapp.domain.billing.spreading import as_named
from webapp.domain.organizations import Login
from webapp.domain.payments.payment import Method
from webapp.domain.plans import answering, ending, following, proposing
from webapp.domain.plans.following import NextPayment
from webapp.domain.plans.plan import PaymentPlan
from webapp.domain.plans.terms import Terms

MEMBER = "the member"
speakers = st.sampled_from([MEMBER, "Nora", "Omar"])


class Planning(Refunding):
    @precondition(lambda self: self.owing())
    @rule(
        who=any_one,
        parts=st.sampled_from([1, 2, 3, 4, 4, 70]),
        down=st.sampled_from(["none", "none", "a part", "all"]),
        day=st.sampled_from([1, 15, 31]),
        starts=st.sampled_from([0, 0, 1, 20, -1]),
        rate=st.sampled_from([None, "12", "36.5"]),
        speaker=speakers,
        changes=st.booleans(),
    )
    def a_plan_is_proposed(
        self,
        who: int,
        parts: int,
        down: str,
        day: int,
        starts: int,
        rate: str | None,
        speaker: str,
        changes: bool,
    ) -> None:
        """About all that can be in one, or all that is owed, in place of a kept one or beside it."""
        office, books = self.office, self.office.books
        person = one_of(self.owing(), who)
        kept = [plan for plan in books.plans if plan.is_kept and plan.person == person.number]
        old = one_of(kept, who) if kept and changes else None
        bills = self.plannable(person, old) or books.owed_by(person.number)
        plan = Plan(
            person=person.number,
            amounts={bill: bill.owed for bill in bills},
            starts_on=books.today + timedelta(starts),
            payment_day=day,
            parts=parts,
            down_payment={"none": 0, "a part": bills[0].owed // 3, "all": sum(one.owed for one in bills)}[
                down
            ],
            rate=Fraction(rate) if rate else None,
            by_member=speaker == MEMBER,
            replaces=old,
        )
        refused = starts < 0 or bills != self.plannable(person, old) or plan.down_payment >= plan.total
        refused = refused or parts > min(60, plan.total - plan.down_payment)
        refused = refused or any(one.is_open and one.replaces is old for one in books.plans if old)
        with refused_if(refused), transaction():
            made = proposing.propose(
                self.member(person),
                proposing.Wish(
                    [office.invoice_id(bill.number) for bill in bills],
                    terms_of(plan, rate),
                    replaces=self.real(old) if old else None,
                ),
                as_member=plan.by_member,
                by=self.voice(plan, speaker),
                on=books.today,
            )
        if not refused:
            plan.plan_id = made.id
            books.plans.append(plan)
            if not plan.by_member and plan.total > PLANNED_ALONE:
                self.asked_about(plan, speaker)

    @precondition(lambda self: self.owing())
    @rule(who=any_one, parts=st.integers(2, 4), rate=st.sampled_from([None, "36.5"]), asks=st.booleans())
    def a_plan_is_agreed(self, who: int, parts: int, rate: str | None, asks: bool) -> None:
        """All at once: proposed, approved where it has to be, and accepted."""
        office, before = self.office, len(self.office.books.plans)
        first, other = (MEMBER, "Nora") if asks else ("Nora", MEMBER)
        self.a_plan_is_proposed(who, parts, "none", 31, 0, rate, first, changes=False)
        for plan in office.books.plans[before:]:
            for speaker in (first, other):
                if speaker is other:
                    self.a_plan_is_answered(office.books.open_plans().index(plan), "accept", other)
                if plan.state == "waiting":
                    self.somebody_decides(len(office.wishes) - 1, "approve", "Omar")

    @precondition(lambda self: self.office.books.plans)
    @rule(
        which=any_one,
        how=st.sampled_from(["accept", "accept", "accept", "refuse", "withdraw"]),
        speaker=speakers,
    )
    def a_plan_is_answered(self, which: int, how: str, speaker: str) -> None:
        books = self.office.books
        plan = one_of(books.open_plans() or books.plans, which)
        as_member = speaker == MEMBER
        alone = as_member or plan.total <= PLANNED_ALONE
        own = as_member == plan.by_member
        refused = own is not (how == "withdraw")
        refused = refused or not (plan.state == "proposed" or (how == "withdraw" and plan.state == "waiting"))
        refused = refused or (
            how == "accept" and not (self.fits(plan) and (self.can_begin(plan) or not alone))
        )
        with refused_if(refused), transaction():
            real = PaymentPlan.here().get(plan.plan_id, lock=True)
            told: dict[str, Any] = {
                "as_member": as_member, "by": self.voice(plan, speaker), "on": books.today,
            }  # fmt: skip
            if how == "accept":
                answering.accept(real, **told)
            elif how == "refuse":
                answering.refuse(real, reason="Too long", **told)
            else:
                answering.withdraw(real, **told)
        if refused:
            return
        if how != "accept":
            books.end_plan(plan, "refused" if how == "refuse" else "withdrawn")
        elif alone:
            books.agree(plan)
        else:
            self.asked_about(plan, speaker)

    @precondition(lambda self: self.kept())
    @rule(which=any_one, reason=st.sampled_from(["Pays at once", " "]), by=officers)
    def a_plan_is_called_off(self, which: int, reason: str, by: str) -> None:
        plan = one_of(self.kept(), which)
        with refused_if(not reason.strip()), transaction():
            held = PaymentPlan.here().get(plan.plan_id, lock=True)
            ending.cancel(held, by=self.office.login(by), reason=reason, on=self.office.books.today)
        if reason.strip():
            self.office.books.end_plan(plan, "cancelled")

    @precondition(lambda self: self.kept())
    @rule(which=any_one, all_of_it=st.booleans(), ago=st.sampled_from([0, 0, 3]))
    def an_installment_is_paid(self, which: int, all_of_it: bool, ago: int) -> None:
        """What is to pay next, or early all that is left."""
        office, books = self.office, self.office.books
        plan = one_of(self.kept(), which)
        payable = [bill for bill in plan.amounts if bill.owed and not books.is_under_way(bill)]
        wanted = min(plan.to_pay(books.today), payable[0].owed) if payable else 0
        foreseen = following.next_payment(self.real(plan), on=books.today)
        expected = NextPayment(office.invoice_id(payable[0].number), wanted) if wanted else None
        assert foreseen == expected
        if wanted:
            whole = sum(bill.owed for bill in payable)
            parts = filled(whole if all_of_it else wanted, payable)
            named = as_named({office.invoice_id(bill.number): part for bill, part in parts})
            person = office.roll.people[plan.person]
            self.take_in(person, sum(part for _, part in parts), Method.CHECK, ago, Parted(parts, named))

    @precondition(lambda self: self.kept())
    @rule(which=any_one, late=st.sampled_from([0, 0, TOLERANCE.days + 1]))
    def an_installment_falls_due(self, which: int, late: int) -> None:
        """Time passes to its day, or until it is missed."""
        steps, today = one_of(self.kept(), which).steps(), self.office.books.today
        ahead = [(step.due.day - today).days + late for step in steps if step.owed]
        self.office.pass_days(max(1, ahead[0]) if ahead else 1)

    @rule(after=st.sampled_from([0, 5, 30]), with_kept_plan=st.booleans())
    def good_standing_is_judged_otherwise(self, after: int, with_kept_plan: bool) -> None:
        with transaction():
            DuesSettings.of(self.office.organization()).change(
                by=None, standing_after_days=after, standing_with_kept_plan=with_kept_plan
            )
        self.office.books.standing_rule = StandingRule(timedelta(after), with_kept_plan)

    def asked_about(self, plan: Plan, by: str) -> None:
        """A second officer decides about what this one has said to the plan."""
        books, plan.state = self.office.books, "waiting"

        def granted() -> None:
            if plan.by_member:
                books.agree(plan)
            else:
                plan.state = "proposed"

        def withdrawn() -> None:
            if plan.by_member:
                plan.state = "proposed"
            else:
                books.end_plan(plan, "withdrawn")

        assert plan.plan_id is not None
        self.office.wishes.append(
            Wish(
                by,
                plan.plan_id,
                lambda: not plan.by_member or (self.fits(plan) and self.can_begin(plan)),
                granted,
                lambda: books.end_plan(plan, "refused"),
                lambda: plan.state != "waiting",
                withdrawn,
            )
        )

    def fits(self, plan: Plan) -> bool:
        """Whether its bills owe what it says and are in no other plan, and its first day is to come."""
        books = self.office.books
        free = all(
            bill.owed == amount
            and not books.is_under_way(bill)
            and not books.is_taken(bill, plan, plan.replaces)
            for bill, amount in plan.amounts.items()
        )
        return free and plan.days()[0] >= books.today

    def can_begin(self, plan: Plan) -> bool:
        return plan.replaces is None or plan.replaces.is_kept

    def plannable(self, person: Person, old: Plan | None) -> list[Bill]:
        books = self.office.books
        free = [one for one in books.payable_by(person.number) if not books.is_taken(one, old)]
        return [bill for bill in free if bill.chapter == person.chapter]

    def owing(self) -> list[Person]:
        people, books = self.office.roll.people.values(), self.office.books
        return [person for person in people if books.owed_by(person.number)]

    def kept(self) -> list[Plan]:
        return [plan for plan in self.office.books.plans if plan.is_kept]

    def real(self, plan: Plan) -> PaymentPlan:
        return PaymentPlan.here().get(UUID(str(plan.plan_id)))

    def voice(self, plan: Plan, speaker: str) -> Login:
        return self.office.login(plan.person if speaker == MEMBER else speaker)


def terms_of(plan: Plan, rate: str | None) -> Terms:
    return Terms(
        plan.starts_on,
        plan.payment_day,
        installments=plan.parts,
        down_payment=plan.down_payment,
        interest_rate=Decimal(rate) if rate else None,
    )
