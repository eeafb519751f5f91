"""Lists as Stripe pages them: newest first, from a cursor."""

from webapp.sandbox.account import Account
from webapp.sandbox.errors import InvalidRequest, NotFound
from webapp.sandbox.specification import Json
from webapp.sandbox.store import FOREVER, Resource

MOST = 100
PAGING = {"limit", "starting_after", "ending_before", "created", "types", "delivery_success"}


def page(account: Account, kind: str, url: str, params: Json) -> Json:
    """Every parameter that is not about paging is a field that has to have this value."""
    limit = params.get("limit", 10)
    if not 1 <= limit <= MOST:
        raise InvalidRequest(
            "Limit must be between 1 and 100.", code="parameter_invalid_integer", param="limit"
        )
    backwards = "ending_before" in params
    since, until = _moments(params.get("created", {}))
    found = account.store.select(
        kind,
        account=account.id,
        matching=_matching(params),
        since=since,
        until=until,
        limit=limit + 1,
        before=_place(account, kind, params, "starting_after", FOREVER),
        oldest_first=backwards,
        after=_place(account, kind, params, "ending_before", 0),
        delivered=params.get("delivery_success"),
    )
    shown = found[:limit][::-1] if backwards else found[:limit]
    return listed(shown, url, has_more=len(found) > limit)


def listed(items: list[Resource] | list[Json], url: str, *, has_more: bool = False) -> Json:
    return {"object": "list", "data": list(items), "has_more": has_more, "url": url}


def _matching(params: Json) -> dict[str, list[str]]:
    matching = {name: [value] for name, value in params.items() if name not in PAGING}
    return matching | ({"type": params["types"]} if "types" in params else {})


def _place(account: Account, kind: str, params: Json, name: str, otherwise: int) -> int:
    if name not in params:
        return otherwise
    place = account.store.place(params[name])
    if place == 0:
        raise NotFound(kind, params[name], param=name, status=400)
    return place


def _moments(created: Json | int) -> tuple[int, int]:
    if isinstance(created, int):
        return created, created
    since = max(created.get("gte", 0), created.get("gt", -1) + 1)
    until = min(created.get("lte", FOREVER), created.get("lt", FOREVER) - 1)
    return since, until
