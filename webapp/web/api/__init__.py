"""The JSON API: one blueprint behind bearer tokens. A resource is a module of operations."""

from flask import Blueprint

from webapp.web.api import bearer
from webapp.web.security import csrf

api = Blueprint("api", __name__, url_prefix="/api")
csrf.exempt(api)
api.before_request(bearer.let_in)
