"""A list as somebody likes to see it, under a name of their own."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    ForeignKey,
    Index,
    ScalarSelect,
    Text,
    UniqueConstraint,
    bindparam,
    false,
    func,
    select,
    update,
)
from sqlalchemy.orm import Mapped, mapped_column

from webapp.core.db import Base, OrganizationRow, db, new_id, references_organization
from webapp.core.errors import Invalid, NotFound
from webapp.domain.organizations.login import Login

MOST = 30
"""So many views may somebody keep of one list."""


class SavedView(OrganizationRow, Base):
    """`address` is the list's path, `asked` the filters and the order as they stand behind the path.

    The one that `is_usual` is shown to whoever opens the list without asking for anything.
    """

    __tablename__ = "saved_views"

    login_id: Mapped[UUID] = mapped_column(ForeignKey("logins.id"))
    address: Mapped[str]
    name: Mapped[str]
    asked: Mapped[str]
    is_usual: Mapped[bool] = mapped_column(server_default=false())

    __table_args__ = (
        references_organization(),
        UniqueConstraint("organization_id", "login_id", "address", "name"),
        Index(
            "uq_saved_views_usual",
            "organization_id",
            "login_id",
            "address",
            unique=True,
            postgresql_where="is_usual",
        ),
    )

    @property
    def href(self) -> str:
        return f"{self.address}?{self.asked}"

    @classmethod
    def of(cls, login: Login, address: str) -> Sequence["SavedView"]:
        return cls.here().all(cls.login_id == login.id, cls.address == address, order_by=func.lower(cls.name))

    @classmethod
    def own(cls, view_id: UUID, login: Login) -> "SavedView":
        found = cls.here().first(cls.id == view_id, cls.login_id == login.id, lock=True)
        if found is None:
            raise NotFound
        return found

    def make_usual(self, wanted: bool) -> None:
        """There is one usual view of a list at most."""
        others = (
            SavedView.organization_id == self.organization_id,
            SavedView.login_id == self.login_id,
            SavedView.address == self.address,
        )
        db.session.execute(update(SavedView).where(*others).values(is_usual=False))
        self.is_usual = wanted

    def remove(self) -> None:
        db.session.delete(self)


def save(login: Login, address: str, name: str, asked: str) -> SavedView:
    """A name that is taken stands for the new filters from now on."""
    known = SavedView.of(login, address)
    found = next((view for view in known if view.name.lower() == name.lower()), None)
    if found is None and len(known) >= MOST:
        raise Invalid(fields={"name": f"You keep {MOST} views of this list. Remove one first."})
    if found is None:
        found = SavedView(id=new_id(), login_id=login.id, address=address, name=name)
        db.session.add(found)
    found.asked = asked
    db.session.flush()
    return found


def usual(organization: ColumnElement[UUID], login: ColumnElement[UUID]) -> ScalarSelect[str]:
    """What somebody is led to who opens a list without asking for anything: to be asked with who they are."""
    return (
        select(SavedView.asked)
        .where(
            SavedView.organization_id == organization,
            SavedView.login_id == login,
            SavedView.address == bindparam("list_at", type_=Text()),
            SavedView.is_usual,
        )
        .scalar_subquery()
    )
