"""Where this login is signed in, and signing it out from afar."""

from uuid import UUID

from flask import g
from flask_login import current_user
from werkzeug.wrappers import Response

from webapp.core.db import db, transaction
from webapp.core.errors import NotFound
from webapp.domain.organizations import LoginSession, sessions
from webapp.web.account import account
from webapp.web.confirmation import confirmed
from webapp.web.htmx import see_other


@account.post("/sessions/<uuid:session_id>/end")
@confirmed
def end_session(session_id: UUID) -> Response:
    with transaction():
        found = db.session.get(LoginSession, session_id)
        if found is None or found.login_id != current_user.id:
            raise NotFound
        found.end()
    return see_other("account.show", notice="That browser is signed out.")


@account.post("/sessions/end")
@confirmed
def end_other_sessions() -> Response:
    with transaction():
        sessions.end_all(current_user, but=g.login_session.id)
    return see_other("account.show", notice="Every other browser is signed out.")
