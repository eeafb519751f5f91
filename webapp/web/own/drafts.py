"""After signing in again: what was typed, to be sent once more or thrown away."""

import re
from collections.abc import Iterator
from uuid import UUID

from flask import redirect, render_template
from flask_login import current_user
from werkzeug.wrappers import Response

from webapp import wiring
from webapp.core.db import transaction
from webapp.domain.organizations.drafts import Draft, Fields
from webapp.web.auth import own_path
from webapp.web.drafts import ASIDE
from webapp.web.htmx import see_other
from webapp.web.own import own

_FOR_PROGRAMS = re.compile(r"[0-9a-f]{8}-?[0-9a-f-]{9,}")
_NOT_TYPED = ASIDE | {"seen", "version", "window"}


@own.get("/drafts/<uuid:draft_id>")
def draft(draft_id: UUID) -> str:
    found = Draft.own(draft_id, current_user)
    fields = found.typed(wiring.key_ring())
    page = own_path(found.page)
    return render_template("own/draft.html", draft=found, fields=fields, shown=[*_shown(fields)], page=page)


@own.post("/drafts/<uuid:draft_id>/discarding")
def discard_draft(draft_id: UUID) -> Response:
    with transaction():
        found = Draft.own(draft_id, current_user)
        page = own_path(found.page)
        found.discard()
    return redirect(page, 303) if page else see_other("account.places")


def _shown(fields: Fields) -> Iterator[tuple[str, str]]:
    """What a person has typed or chosen, in words; ids and digests say nothing to anybody."""
    for name, text in fields:
        if name not in _NOT_TYPED and text.strip() and not _FOR_PROGRAMS.match(text):
            label = name.replace("_", " ").replace("-", " ").strip().capitalize()
            yield label, "Yes" if text == "y" else text
