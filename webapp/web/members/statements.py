"""The member's own statement."""

from werkzeug.wrappers import Response

from webapp.web.gates import current_member
from webapp.web.members import members
from webapp.web.statements import Whose, show


@members.get("/statement/")
def statement() -> Response:
    return show("members", Whose.member(current_member))
