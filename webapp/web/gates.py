"""One gate per blueprint: who may pass, and what they find behind it. Another organization's id is a 404."""

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, cast
from uuid import UUID

from flask import Blueprint, g, request
from flask.typing import ResponseReturnValue
from flask_login import current_user
from werkzeug.local import LocalProxy
from werkzeug.wrappers import Response

from webapp.core import tenancy
from webapp.core.errors import NotAllowed, NotFound
from webapp.domain.organizations import Chapter, Member, Organization, roles
from webapp.domain.organizations.access import Access
from webapp.web import auth, pace, views_of_lists
from webapp.web.htmx import see_other

P = ParamSpec("P")
SAFE = ("GET", "HEAD", "OPTIONS")

if TYPE_CHECKING:
    current_organization: Organization
    current_chapter: Chapter
    current_member: Member
    current_access: Access
else:
    current_organization = LocalProxy(lambda: g.organization)
    current_chapter = LocalProxy(lambda: g.chapter)
    current_member = LocalProxy(lambda: g.member)
    current_access = LocalProxy(lambda: g.access)


def inside_organization(blueprint: Blueprint) -> Blueprint:
    """The address names the organization by its slug; everything behind it acts for that one."""

    @blueprint.url_value_preprocessor
    def _take(_: str | None, values: dict[str, Any] | None) -> None:
        g.slug = (values or {}).pop("org", "")

    @blueprint.before_request
    def _find() -> None:
        if "organization" not in g:
            raise NotFound

    @blueprint.url_defaults
    def _name(_: str, values: dict[str, Any]) -> None:
        if organization := g.get("organization"):
            values.setdefault("org", organization.slug)

    return blueprint


def _require_role() -> Response | None:
    """Strangers to this organization learn nothing about it; nobody signed in is asked to sign in."""
    if not current_user.is_authenticated:
        return auth.ask_to_sign_in()
    g.access = g.arrival.access
    if g.access.is_stranger:
        raise NotFound
    pace.count_act(str(current_user.id))
    return _require_second_factor() or views_of_lists.lead_to(g.access.usual_view)


def _require_second_factor() -> Response | None:
    """A national admin's password alone opens nothing here; it leads to where a second step is set up."""
    return _ask_for_second_step() if g.access.is_national_admin else None


def _ask_for_second_step() -> Response | None:
    session = auth.current_session()
    if session is None or session.is_strong:
        return None
    auth.remember_wanted()
    return see_other("account.second_factor")


def in_two_steps(view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
    """For what is done in the place of a national admin: it takes as much to sign in for it."""

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        return _ask_for_second_step() or view(*args, **kwargs)

    return guarded


def _refused(message: str) -> NotAllowed:
    """Says whom to ask, by name."""
    admins = " or ".join(roles.national_admins()[:3])
    return NotAllowed(message, next_step=f"Ask {admins}, national admin here." if admins else None)


def national_gate(blueprint: Blueprint) -> Blueprint:
    """National admins; auditors may look and change nothing."""
    inside_organization(blueprint)

    @blueprint.before_request
    def _guard() -> Response | None:
        if asked := _require_role():
            return asked
        if not g.access.can_read_organization():
            raise _refused("This page is for national admins.")
        if request.method not in SAFE and not g.access.can_change_organization():
            raise _refused("Auditors read everything and change nothing. A national admin can do this.")
        return None

    return blueprint


def treasurers_gate(blueprint: Blueprint) -> Blueprint:
    """The chapter's treasurer and national admins; auditors may look and change nothing."""
    inside_organization(blueprint)

    @blueprint.url_value_preprocessor
    def _pull(_: str | None, values: dict[str, Any] | None) -> None:
        g.chapter_code = (values or {}).pop("chapter", "").upper()

    @blueprint.url_defaults
    def _name(_: str, values: dict[str, Any]) -> None:
        if chapter := g.get("chapter"):
            values.setdefault("chapter", chapter.code)

    @blueprint.before_request
    def _guard() -> Response | None:
        if asked := _require_role():
            return asked
        g.chapter = _chapter_for(g.access)
        return None

    return blueprint


def _chapter_for(access: Access) -> Chapter:
    chapter = access.chapter
    if chapter is None or not access.is_staff:
        raise NotFound
    if not access.can_read_chapter(chapter.id):
        raise _refused(f"This page is for the treasurer of {chapter.name}.")
    if request.method not in SAFE and not access.can_change_chapter(chapter.id):
        raise _refused("Auditors read everything and change nothing. The treasurer can do this.")
    return chapter


def chapter_member(member_id: UUID) -> Member:
    """Of the chapter that the address names; NotFound when they are of another."""
    member = Member.here().get(member_id)
    if member.chapter_id != current_chapter.id:
        raise NotFound
    return member


def members_gate(blueprint: Blueprint) -> Blueprint:
    """A member, for what is the member's own."""
    inside_organization(blueprint)

    @blueprint.before_request
    def _guard() -> Response | None:
        if asked := _require_role():
            return asked
        found = g.access.member_roles
        if not found:
            raise _refused("This page is for members. Your role has its own pages.")
        g.member = found[0].member
        return None

    return blueprint


def role_gate(blueprint: Blueprint) -> Blueprint:
    """Anybody with a role here; what each of them finds behind it is asked row by row."""
    inside_organization(blueprint)

    @blueprint.before_request
    def _guard() -> Response | None:
        if asked := _require_role():
            return asked
        access: Access = g.access
        if access.can_read_organization():
            g.persona = "national"
        elif access.is_staff:
            g.persona, g.chapter = "treasurers", next(role.chapter for role in access.roles if role.chapter)
        else:
            g.persona, g.member = "members", access.member_roles[0].member
        return None

    return blueprint


def leave(_: BaseException | None = None) -> None:
    tenancy.leave()


def organization_or_none() -> Organization | None:
    return cast("Organization | None", g.get("organization"))
