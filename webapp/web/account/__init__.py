"""Somebody's own login, in whichever organizations it works."""

from flask import Blueprint, g
from flask_login import current_user
from werkzeug.wrappers import Response

from webapp.domain.organizations import roles
from webapp.web import auth

account = Blueprint("account", __name__, url_prefix="/account")


@account.before_request
def _guard() -> Response | None:
    """Behind it, times are those of the person's own organization."""
    if not current_user.is_authenticated:
        return auth.ask_to_sign_in()
    g.organizations = roles.organizations_of(current_user)
    g.timezone = next((organization.timezone for organization in g.organizations), "UTC")
    return None
