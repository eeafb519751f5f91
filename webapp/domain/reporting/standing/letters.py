"""Letters that say a member is in good standing, each with a code that tells whether it still holds.

A letter holds as long as everything that stands on it is still so. Once it does not, it never does again.
"""

import json
from base64 import b32encode
from collections.abc import Mapping
from datetime import date, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, UniqueConstraint, and_, func, update
from sqlalchemy.orm import Mapped, mapped_column

from webapp.core.crypto import signature, token_hash
from webapp.core.db import Base, OrganizationRow, db, new_id, references
from webapp.core.errors import Conflict
from webapp.domain.organizations import Login, Member, Organization
from webapp.domain.reporting.standing import good_standing

_CODE_LENGTH = 28
_MISREAD = str.maketrans("01", "OI")


class NoLetter(Conflict):
    message = "This member is not in good standing, so there is no letter that says so."
    next_step = "The member's page says why."


class StandingLetter(OrganizationRow, Base):
    """`stated` is all that it says, `fingerprint` the SHA-256 over that. Of its code only the hash is kept.

    `lapsed_on` is the day on which it was found to be no longer so.
    """

    __tablename__ = "standing_letters"

    member_id: Mapped[UUID]
    stated_on: Mapped[date]
    stated: Mapped[dict[str, Any]]
    fingerprint: Mapped[str]
    code_hash: Mapped[str]
    asked_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("logins.id"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    lapsed_on: Mapped[date | None]

    __table_args__ = (
        references("members", "member_id"),
        UniqueConstraint("organization_id", "code_hash"),
        Index("ix_standing_letters_member", "organization_id", "member_id"),
        Index(
            "ix_standing_letters_holding",
            "organization_id",
            "stated_on",
            postgresql_where="lapsed_on IS NULL",
        ),
    )

    def code(self, secret: str) -> str:
        """28 letters and digits that nobody can guess, in groups of four."""
        seal = signature(secret, "standing letter", f"{self.organization_id}|{self.id}".encode())
        plain = b32encode(seal).decode()[:_CODE_LENGTH]
        return "-".join(plain[at : at + 4] for at in range(0, _CODE_LENGTH, 4))


def write(member: Member, organization: Organization, *, by: Login, secret: str) -> StandingLetter:
    """Today's letter; the same one however often it is asked for."""
    today = organization.today
    row = _row_of(member.id, today)
    if not good_standing.standing_of(row).is_good:
        raise NoLetter
    stated = _stated(row, organization, on=today)
    same = StandingLetter.fingerprint == fingerprint(stated), StandingLetter.lapsed_on.is_(None)
    if found := StandingLetter.here().first(StandingLetter.member_id == member.id, *same):
        return found
    letter = StandingLetter(organization_id=organization.id, id=new_id(), member_id=member.id)
    letter.stated_on, letter.stated, letter.fingerprint = today, stated, fingerprint(stated)
    letter.code_hash, letter.asked_by_id = token_hash(_plain(letter.code(secret))), by.id
    db.session.add(letter)
    db.session.flush()
    return letter


def with_code(code: str) -> StandingLetter | None:
    """As people type it: without its dashes, in small letters, or with 0 for O."""
    return StandingLetter.here().first(StandingLetter.code_hash == token_hash(_plain(code)))


def lapsed_on(letter: StandingLetter, organization: Organization) -> date | None:
    """Since when it holds no more; None while all of it is still so."""
    if letter.lapsed_on is not None:
        return letter.lapsed_on
    today = organization.today
    now = _stated(_row_of(letter.member_id, today), organization, on=letter.stated_on)
    return None if fingerprint(now) == letter.fingerprint else today


def mark_lapsed(organization: Organization, day: date) -> int:
    """Look at all that hold: how many do so no more."""
    holding = and_(
        StandingLetter.organization_id == Member.organization_id,
        StandingLetter.member_id == Member.id,
        StandingLetter.lapsed_on.is_(None),
    )
    found = good_standing.everybody(day).join(StandingLetter, holding)
    rows = found.add_columns(
        StandingLetter.id.label("letter_id"), StandingLetter.stated_on, StandingLetter.fingerprint
    )
    lapsed = [
        row.letter_id
        for row in db.session.execute(rows)
        if fingerprint(_stated(row, organization, on=row.stated_on)) != row.fingerprint
    ]
    db.session.execute(
        update(StandingLetter)
        .where(StandingLetter.organization_id == organization.id, StandingLetter.id.in_(lapsed))
        .values(lapsed_on=day)
    )
    return len(lapsed)


def fingerprint(stated: Mapping[str, Any]) -> str:
    return sha256(json.dumps(stated, sort_keys=True).encode()).hexdigest()


def _row_of(member_id: UUID, on: date) -> Any:
    return db.session.execute(good_standing.everybody(on).where(Member.id == member_id)).one()


def _stated(row: Any, organization: Organization, *, on: date) -> dict[str, Any]:
    """What a letter of that day says, as things are now."""
    standing = good_standing.standing_of(row)
    return {
        "organization": organization.name,
        "member": f"{row.first_name} {row.last_name}".strip(),
        "number": row.number,
        "chapter": row.chapter,
        "on": on.isoformat(),
        "in_good_standing": standing.is_good,
        "because": standing.sentence(organization),
    }


def _plain(code: str) -> str:
    return "".join(one for one in code.upper() if one.isalnum()).translate(_MISREAD)
