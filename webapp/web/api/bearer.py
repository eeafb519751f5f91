"""Who asks: the organization token in the Authorization header, and how far its role reaches.

Cookies mean nothing here: a signed-in browser can't be made to call the API.
"""

from typing import TYPE_CHECKING, Any
from uuid import UUID

from flask import Response, after_this_request, g, request
from sqlalchemy import Select
from sqlalchemy.orm import QueryableAttribute
from werkzeug.local import LocalProxy

from webapp.core import audit, tenancy
from webapp.core.db import noting, transaction
from webapp.core.errors import Invalid, NotAllowed, NotFound, Refusal
from webapp.domain.organizations import Login, Member, RoleName, tokens
from webapp.domain.organizations.access import Access
from webapp.domain.organizations.tokens import Program
from webapp.web import again, pace

ADMIN = frozenset({RoleName.NATIONAL_ADMIN})
NATIONAL = ADMIN | {RoleName.AUDITOR}
OFFICERS = ADMIN | {RoleName.TREASURER}
STAFF = NATIONAL | OFFICERS
PAYERS = OFFICERS | {RoleName.MEMBER}
EVERYBODY = frozenset(RoleName)

if TYPE_CHECKING:
    program: Program
    acting: Login
else:
    program = LocalProxy(lambda: g.program)
    acting = LocalProxy(lambda: g.program.login)


class TokenNeeded(Refusal):
    status = 401
    code = "token-needed"
    message = "This needs a token of your organization that works."
    next_step = (
        "Send it as “Authorization: Bearer duesbook_…”. A national admin makes tokens under API tokens."
    )


def let_in() -> None:
    """Act for the token's organization, as the token's login, if neither asks too fast."""
    pace.count_address()
    with transaction():
        found = tokens.authenticate(_token())
    if found is None:
        after_this_request(_ask_for_token)
        raise TokenNeeded
    g.program, g.organization, g.access = found, found.organization, Access((found.role,))
    audit.came_with(found.token.id)
    tenancy.enter(found.organization.id, found.login.id)
    pace.count_call(str(found.login.id))
    if found.token.use_is_due:
        with noting():
            tokens.saw(found.token)
    again.still_at_the_door()


def require(allowed: frozenset[RoleName]) -> None:
    role = program.role.role
    if role in allowed:
        return
    if role is RoleName.AUDITOR:
        raise NotAllowed(
            "Auditors read everything and change nothing.", next_step="Use a token of an officer."
        )
    raise NotAllowed(f"A {role.label}'s token can't do this.", next_step="Use a token with another role.")


def own_chapter() -> UUID | None:
    """The only chapter whose rows this token finds; None when it finds those of all chapters."""
    return program.role.chapter_id


def own_member() -> UUID | None:
    """The only member whose rows this token finds; None when it finds those of all members."""
    return program.role.member_id


def reached(
    found: Select[Any], chapter: QueryableAttribute[Any], member: QueryableAttribute[Any] | None = None
) -> Select[Any]:
    """Of what the statement finds, the rows of the token's own chapter and, where `member` says whose a row
    is, of its own member."""
    if own := own_chapter():
        found = found.where(chapter == own)
    if member is not None and (me := own_member()):
        found = found.where(member == me)
    return found


def in_reach(*, chapter_id: UUID | None, member_id: UUID | None = None) -> None:
    """Rows beyond the token's chapter or member are not there."""
    if own_chapter() not in (None, chapter_id) or own_member() not in (None, member_id):
        raise NotFound


def reach_member(member_id: UUID, *, lock: bool = False) -> Member:
    member = Member.here().get(member_id, lock=lock)
    in_reach(chapter_id=member.chapter_id, member_id=member.id)
    return member


def member_named(member_id: UUID) -> Member:
    """The member whom the body names as `member_id`; the field is refused when they are out of reach."""
    try:
        return reach_member(member_id)
    except NotFound as error:
        raise Invalid(fields={"member_id": "There is no member with this id."}) from error


def _token() -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _ask_for_token(response: Response) -> Response:
    response.headers["WWW-Authenticate"] = 'Bearer realm="Duesbook"'
    return response
