"""Small true worlds to test in. Each function makes one thing, with believable defaults, and commits it."""

from datetime import date
from itertools import count
from typing import Any
from uuid import UUID

from webapp.core import tenancy
from webapp.core.db import transaction
from webapp.domain.organizations import Chapter, Login, Member, MemberStatus, Organization, Role, RoleName

_next = count(1)


def make_organization(name: str = "Pi Chi Fraternity", **changes: Any) -> Organization:
    number = next(_next)
    values = {
        "slug": f"pi-chi-{number}",
        "name": name,
        "currency": "USD",
        "timezone": "America/New_York",
        "address": "1 Main Street\nSpringfield, OH 45501",
    }
    organization = Organization(**(values | changes))
    with transaction() as session:
        session.add(organization)
    return organization


def found(organization: Organization) -> None:
    """What every organization starts with: chart of accounts, dues settings, the standard schedule."""
    from webapp.domain.ledger import chart

    with transaction():
        chart.open_standard_chart()


def verify_books(organization: Organization) -> None:
    """The invariant after every test: balances equal postings equal documents."""
    from webapp.domain.reporting import verification

    found = verification.verify(organization)
    assert not found, "\n".join(difference.sentence(organization.currency) for difference in found)


def make_chapter(code: str = "ALP", name: str = "Alpha Chapter", **changes: Any) -> Chapter:
    return _add(Chapter(code=code, name=name, **changes))


def make_status(code: str = "undergraduate", *, billable: bool = True, **changes: Any) -> MemberStatus:
    values = {"label": code.replace("_", " ").capitalize()} | changes
    return _add(MemberStatus(code=code, billable=billable, **values))


def make_member(chapter: Chapter, status: MemberStatus, **changes: Any) -> Member:
    number = next(_next)
    values = {
        "number": f"PX{number:05d}",
        "first_name": "Ana",
        "last_name": f"Núñez {number}",
        "email": f"ana{number}@members.example.org",
        "chapter_id": chapter.id,
        "status_id": status.id,
        "joined_on": date(2025, 9, 1),
    }
    return _add(Member(**(values | changes)))


def make_login(name: str = "Wendy Taylor", **changes: Any) -> Login:
    number = next(_next)
    return _add(Login(**({"name": name, "email": f"person{number}@example.org"} | changes)))


def make_role(
    login: Login,
    role: RoleName,
    *,
    chapter: Chapter | None = None,
    member: Member | None = None,
) -> Role:
    return _add(
        Role(
            login_id=login.id,
            role=role,
            chapter_id=chapter.id if chapter else None,
            member_id=member.id if member else None,
        )
    )


def make_admin(name: str = "Nora Admin") -> Login:
    login = make_login(name)
    make_role(login, RoleName.NATIONAL_ADMIN)
    return login


def here() -> UUID:
    return tenancy.organization_id()


def _add(row: Any) -> Any:
    with transaction() as session:
        session.add(row)
    return row
