"""Whether every seal still holds: what it sealed is there, all of it and nothing else, as it was then."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC

from webapp.core.db import db
from webapp.domain.reporting.verification.seals import MOST, Seal, contents_of


@dataclass(frozen=True)
class Inspection:
    """How many seals there are, and what is wrong with the first that does not hold."""

    seals: int
    broken: str | None


def inspect(*, most: int = 4 * MOST) -> Inspection:
    """Compute every seal of this organization anew, from the first, so many rows in a statement."""
    seals = db.session.scalars(Seal.here().select().order_by(Seal.number)).all()
    return Inspection(len(seals), next(_faults(seals, most), None))


def _faults(seals: Sequence[Seal], most: int) -> Iterator[str]:
    """In the order of the seals; the chain itself first, for a seal outside of it proves nothing."""
    previous = ""
    for place, seal in enumerate(seals, start=1):
        if seal.number != place:
            yield f"Seal {place} is missing."
        if seal.previous != previous:
            yield f"Seal {seal.number} does not follow the seal before it: one of them was exchanged."
        if seal.fingerprint != seal.computed_fingerprint():
            yield f"Seal {seal.number} itself was changed."
        previous = seal.fingerprint
    before = seals[0] if seals else None
    for stretch in _stretches(seals[1:], most):
        untils = [seal.until for seal in stretch if seal.until is not None]
        assert before is not None and len(untils) == len(stretch), "Only the first seal holds nothing"
        for seal, found in zip(stretch, contents_of(untils, since=before.until), strict=True):
            for table in found:
                yield from _disagreement(seal, table, found[table])
        before = stretch[-1]


def _stretches(seals: Sequence[Seal], most: int) -> Iterator[list[Seal]]:
    """So many at a time that a statement stays short, however long the history is."""
    stretch: list[Seal] = []
    for seal in seals:
        if stretch and sum(one.rows for one in stretch) + seal.rows > most:
            yield stretch
            stretch = []
        stretch.append(seal)
    if stretch:
        yield stretch


def _disagreement(seal: Seal, table: str, found: dict[str, object]) -> Iterator[str]:
    sealed = seal.contents.get(table, {})
    if sealed == found:
        return
    where = (
        f"Seal {seal.number} of {seal.made_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC, {table.replace('_', ' ')}"
    )
    if sealed.get("rows") != found["rows"]:
        yield f"{where}: {sealed.get('rows')} rows were sealed, {found['rows']} are there."
    else:
        yield f"{where}: the number of rows is the same, and what stands in them is not."
