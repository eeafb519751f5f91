"""Pages for people without a login: sign-in, invitations, and one invoice by its link.

`public` has no organization in its address; `visitors` has one, entered by its slug.
"""

from flask import Blueprint

from webapp.web import pace
from webapp.web.gates import inside_organization

public = Blueprint("public", __name__)
visitors = inside_organization(Blueprint("visitors", __name__, url_prefix="/o/<org>"))
for blueprint in (public, visitors):
    blueprint.before_request(pace.count_visit)
