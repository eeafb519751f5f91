"""`expand[]`: whole objects instead of their ids."""

from collections.abc import Callable
from typing import Any

from webapp.sandbox.account import Account
from webapp.sandbox.errors import InvalidRequest
from webapp.sandbox.listing import listed
from webapp.sandbox.specification import Json, expandable
from webapp.sandbox.store import Resource

DEEPEST = 4


def expanded(account: Account, answer: Json, paths: list[str]) -> Json:
    for path in paths:
        steps = path.split(".")
        if len(steps) > DEEPEST:
            raise InvalidRequest(
                f"You cannot expand more than {DEEPEST} levels of a property.", param="expand"
            )
        answer = _expand(account, answer, steps, path)
    return answer


def _expand(account: Account, value: Any, steps: list[str], path: str) -> Any:
    if isinstance(value, list):
        return [_expand(account, item, steps, path) for item in value]
    if not steps or value is None:
        return value
    step, *rest = steps
    if not isinstance(value, dict) or not _may_expand(value, step):
        raise InvalidRequest(f"This property cannot be expanded ({path}).", param="expand")
    inner = _found(account, value, step)
    return value | {step: _expand(account, inner, rest, path)}


def _may_expand(value: Json, step: str) -> bool:
    kind = value.get("object")
    if kind == "list":
        return step == "data"
    return step in (expandable(kind) if isinstance(kind, str) else value)


def _found(account: Account, value: Json, step: str) -> Any:
    included = INCLUDED.get((str(value.get("object")), step))
    inner = value.get(step)
    if included and inner is None:
        return included(account, value)
    found = account.store.find(inner) if isinstance(inner, str) else None
    return found if found is not None and found.account == account.id else inner


def line_items(account: Account, session: Json) -> Json:
    saved = account.find("checkout.session", session["id"])
    return listed(saved.hidden["line_items"], f"/v1/checkout/sessions/{saved.id}/line_items")


def _refunds(account: Account, charge: Json) -> Json:
    refunds: list[Resource] = account.store.select(
        "refund", account=account.id, matching={"charge": [charge["id"]]}
    )
    return listed(refunds, f"/v1/charges/{charge['id']}/refunds")


INCLUDED: dict[tuple[str, str], Callable[[Account, Json], Json]] = {
    ("checkout.session", "line_items"): line_items,
    ("charge", "refunds"): _refunds,
}
