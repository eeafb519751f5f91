"""Where a signed-in person can go: one place for each role."""

from collections.abc import Iterable
from dataclasses import dataclass

from flask import url_for

from webapp.core import tenancy
from webapp.domain.organizations import Login, Organization, Role, RoleName, roles
from webapp.domain.organizations.access import Access
from webapp.web.auth import own_path


@dataclass(frozen=True)
class Place:
    organization: Organization
    role: str
    href: str


def places_of(login: Login, organizations: Iterable[Organization]) -> list[Place]:
    found = []
    for organization in organizations:
        with tenancy.acting_for(organization.id):
            found += [_place(organization, role) for role in Access.of(login, organization).roles]
    return found


def after_sign_in(login: Login, wanted: str | None, *, enough: bool = True) -> str:
    """Back to where they were going, else to their only place, else to the choice among several.

    When the password was not `enough`, to the second step first.
    """
    if not enough:
        return url_for("public.second_factor", next=own_path(wanted))
    if path := own_path(wanted):
        return path
    places = places_of(login, roles.organizations_of(login))
    return places[0].href if len(places) == 1 else url_for("account.places")


def _place(organization: Organization, role: Role) -> Place:
    slug = organization.slug
    if role.chapter is not None:
        href = url_for("treasurers.home", org=slug, chapter=role.chapter.code)
        return Place(organization, f"Treasurer of {role.chapter.name}", href)
    if role.member is not None:
        href = url_for("members.home", org=slug)
        return Place(organization, f"{organization.vocabulary.member} {role.member.name}", href)
    label = "Auditor" if role.role is RoleName.AUDITOR else "National admin"
    return Place(organization, label, url_for("national.home", org=slug))
