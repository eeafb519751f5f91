"""A form that arrives when its session has run out is kept, and offered again after signing in."""

from urllib.parse import urlsplit

from flask import g, request, url_for

from webapp import wiring
from webapp.core.db import transaction
from webapp.domain.organizations import drafts
from webapp.web import again

SECRETS = frozenset({"password", "current", "secret_key", "webhook_secret"})
"""Fields that are kept nowhere, and no form that has one of them."""
ASIDE = frozenset({"csrf_token", "form_key"})
LARGEST = 64 * 1024
_FOR = frozenset({"members", "treasurers", "approvals", "national"})


def keep(token: str | None) -> str | None:
    """Where it is found again. None when nothing was typed, or it is nothing to keep."""
    fields = [pair for pair in request.form.items(multi=True) if pair[0] != "csrf_token"]
    if token is None or not _is_worth_it([name for name, text in fields if text.strip()]):
        return None
    with transaction():
        draft_id = drafts.keep(token, request.path, _page(), fields, keys=wiring.key_ring())
    again.still_at_the_door()
    return None if draft_id is None else url_for("own.draft", draft_id=draft_id)


def _is_worth_it(names: list[str]) -> bool:
    typed = {*names} - ASIDE
    whole = (request.content_length or 0) <= LARGEST and not any(request.files.values())
    belongs = request.method == "POST" and request.blueprint in _FOR and "organization" in g
    return belongs and whole and bool(typed) and SECRETS.isdisjoint(request.form)


def _page() -> str | None:
    """Where its form stands, as the browser says."""
    came_from = urlsplit(request.headers.get("HX-Current-URL") or request.referrer or "")
    if came_from.netloc != request.host:
        return None
    return came_from.path + (f"?{came_from.query}" if came_from.query else "")
