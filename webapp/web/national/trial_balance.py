"""Every account at the end of a day, and whether both sides agree."""

from typing import Any

from werkzeug.wrappers import Response

from webapp.core import money
from webapp.domain.ledger import TrialBalance, trial_balance
from webapp.web import books
from webapp.web.gates import current_organization
from webapp.web.htmx import respond
from webapp.web.lists import stream_csv, wants_csv
from webapp.web.national import national

_HEADER = ("account", "name", "kind", "debit", "credit", "currency")


@national.get("/trial-balance/", endpoint="trial_balance")
def index() -> Response:
    trial = trial_balance(books.day("as_of") or current_organization.today)
    if wants_csv():
        return stream_csv(f"trial-balance-{trial.as_of}.csv", _HEADER, _as_rows(trial))
    return respond("national/trial_balance/index.html", "national/trial_balance/_table.html", trial=trial)


def _as_rows(trial: TrialBalance) -> list[tuple[Any, ...]]:
    currency = current_organization.currency
    return [
        (
            line.code,
            line.name,
            line.kind.value,
            money.to_decimal(line.debit, currency),
            money.to_decimal(line.credit, currency),
            currency,
        )
        for line in trial.lines
    ]
