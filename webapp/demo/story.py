"""Who is who in the demo, what they owe and how they pay. The same seed tells the same story."""

import random
from dataclasses import dataclass
from datetime import date, timedelta

from webapp.domain.organizations import RoleName
from webapp.domain.payments.payment import Method

NAME = "Pi Chi Fraternity"
ADDRESS = "National Office\n100 Heritage Row\nColumbus, OH 43210"
HOW_TO_PAY = "Or send a check, payable to Pi Chi Fraternity, with the invoice number on it."
SANDBOX_KEY = "sk_test_duesbook_demo"
WEBHOOK_SIGNING = "whsec_duesbook_demo_only"

ADMIN = ("Nora Adler", "nora@demo.example")
SECOND_ADMIN = ("Omar Haddad", "omar@demo.example")
AUDITOR = ("Ida Frost", "ida@demo.example")
TREASURER = ("Theo Marsh", "theo@demo.example", "ALP")
MEMBER_EMAIL = "member@demo.example"
PLANNER_EMAIL = "planner@demo.example"

DEFAULT_AMOUNT = 400_00
RATES = {"undergraduate": 400_00, "new_member": 275_00, "associate": 150_00}
UNBILLED = ("alumnus", "inactive")

DEPOSIT = "D-0412"
CHECKS = 8
"""So many members of the treasurer's chapter gave their checks at the chapter meeting."""
ALONE = {RoleName.TREASURER: 25_00, RoleName.NATIONAL_ADMIN: 250_00}
"""Up to what an officer may adjust an invoice without a second person."""
RETURNED_DEBIT_FEE = 15_00
HEALTH_BELOW = 40
"""Points: a few chapters are below it."""


@dataclass(frozen=True)
class Habit:
    """How a member pays: days after the invoice's due day (mean and spread), and how likely at all."""

    weight: int
    mean: int
    spread: int
    pays: float


HABITS = (
    Habit(weight=45, mean=-14, spread=9, pays=1.0),
    Habit(weight=31, mean=4, spread=9, pays=0.99),
    Habit(weight=17, mean=45, spread=20, pays=0.93),
    Habit(weight=7, mean=85, spread=30, pays=0.55),
)
_METHODS = (
    (Method.CARD, 62),
    (Method.ACH_DEBIT, 16),
    (Method.CHECK, 15),
    (Method.BANK_TRANSFER, 4),
    (Method.CASH, 3),
)


@dataclass(frozen=True)
class Receipt:
    """One payment of the story: when, how much of what is owed (minor units), and its fee."""

    on: date
    amount: int
    method: Method
    fee: int | None
    detail: str


class Payers:
    """Decides for each member and invoice, always the same way for the same seed."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def receipts(
        self, member_number: str, due_on: date, issued_on: date, owed: int, today: date
    ) -> list[Receipt]:
        """What this member had paid of this invoice by today: nothing, a part, or all of it."""
        chance = random.Random(f"{self.seed}:{member_number}")
        habit = chance.choices(HABITS, [one.weight for one in HABITS])[0]
        chance.seed(f"{self.seed}:{member_number}:{due_on}")
        if chance.random() > habit.pays:
            return []
        on = max(
            issued_on + timedelta(days=1),
            due_on + timedelta(days=round(chance.gauss(habit.mean, habit.spread))),
        )
        parts = [owed] if chance.random() > 0.06 else [owed // 2, owed - owed // 2]
        days = [on, on + timedelta(days=45)]
        method = chance.choices([one for one, _ in _METHODS], [weight for _, weight in _METHODS])[0]
        return [
            self._receipt(chance, day, amount, method)
            for day, amount in zip(days, parts, strict=False)
            if day <= today and amount
        ]

    def _receipt(self, chance: random.Random, on: date, amount: int, method: Method) -> Receipt:
        digits = f"{chance.randrange(10_000):04d}"
        if method is Method.CARD:
            return Receipt(on, amount, method, round(amount * 0.029) + 30, f"Visa ending {digits}")
        if method is Method.ACH_DEBIT:
            return Receipt(
                on, amount, method, min(round(amount * 0.008), 500), f"Bank account ending {digits}"
            )
        return Receipt(on, amount, method, None, f"No. {digits}" if method is Method.CHECK else "")
