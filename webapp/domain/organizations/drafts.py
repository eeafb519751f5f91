"""What somebody sent when their session had ended: kept, sealed, until they have signed in again."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, delete, func
from sqlalchemy.orm import Mapped, mapped_column

from webapp.core import tenancy
from webapp.core.crypto import KeyRing, Place
from webapp.core.db import Base, OrganizationRow, db, new_id, references_organization
from webapp.core.errors import NotFound
from webapp.domain.organizations import sessions
from webapp.domain.organizations.login import Login
from webapp.domain.organizations.roles import Role

KEPT = timedelta(days=1)

Fields = Sequence[tuple[str, str]]


class Draft(OrganizationRow, Base):
    """`address` is where it was sent, `page` where its form stands, `fields` what was typed, sealed."""

    __tablename__ = "drafts"

    login_id: Mapped[UUID] = mapped_column(ForeignKey("logins.id"))
    address: Mapped[str]
    page: Mapped[str | None]
    fields: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (
        references_organization(),
        UniqueConstraint("organization_id", "login_id", "address"),
        CheckConstraint("fields LIKE 'v1.%'", "fields_are_encrypted"),
        Index("ix_drafts_created_at", "organization_id", "created_at"),
    )

    @classmethod
    def own(cls, draft_id: UUID, login: Login) -> "Draft":
        """Nobody else's, and not for longer than it is kept."""
        lately = cls.created_at > func.now() - KEPT
        found = cls.here().first(cls.id == draft_id, cls.login_id == login.id, lately)
        if found is None:
            raise NotFound
        return found

    def typed(self, keys: KeyRing) -> Fields:
        return [(str(name), str(text)) for name, text in json.loads(keys.decrypt(self.fields, self._place))]

    def discard(self) -> None:
        db.session.delete(self)

    @property
    def _place(self) -> Place:
        return Place(self.organization_id, "drafts", "fields", self.id)


def keep(token: str, address: str, page: str | None, fields: Fields, *, keys: KeyRing) -> UUID | None:
    """For whom the session of this token was. None when that is nobody here. The latest takes the place of
    what the same person sent there before.
    """
    login_id = sessions.whose_was(token)
    if login_id is None or Role.here().first(Role.login_id == login_id) is None:
        return None
    here = tenancy.organization_id()
    draft = Draft(organization_id=here, id=new_id(), login_id=login_id, address=address, page=page)
    draft.fields = keys.encrypt(json.dumps(list(fields)), draft._place)
    same = (Draft.organization_id == here, Draft.login_id == login_id, Draft.address == address)
    db.session.execute(delete(Draft).where(*same))
    db.session.add(draft)
    return draft.id
