"""The lists behind a snapshot's figures: the lines that one of them is the sum of, and whose debt changed."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Select

from webapp.domain.organizations import member_search
from webapp.domain.reporting import snapshot_reading
from webapp.domain.reporting.snapshots import AMOUNTS, Place, SnapshotLine

_EVERYWHERE = Place()


@dataclass(frozen=True)
class Wanted:
    """One of AMOUNTS, everywhere or in a chapter or pledge class; of whom `q` names, or of all."""

    amount: str = "owed"
    place: Place = _EVERYWHERE
    q: str = ""

    def __post_init__(self) -> None:
        assert self.amount in AMOUNTS, "A snapshot has no other figures"


def lines(snapshot_id: UUID, own: Place, wanted: Wanted) -> Select[Any]:
    """As `by_member`, of who is in both places and has something of the amount."""
    found = snapshot_reading.by_member(snapshot_id, own).where(getattr(SnapshotLine, wanted.amount) != 0)
    return found.where(*wanted.place.of(SnapshotLine), *member_search.named(wanted.q))


def changes(before: UUID, after: UUID, own: Place, wanted: Wanted) -> Select[Any]:
    """As `members_compared`."""
    found = snapshot_reading.members_compared(before, after, own)
    return found.where(*wanted.place.of(SnapshotLine), *member_search.named(wanted.q))
