"""Is it working? Each answer is a line in plain words: what, how it stands, and what to do about it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Protocol

from babel.dates import format_timedelta

from webapp.core import clock, signs
from webapp.core.jobs import Job
from webapp.core.signs import Sign

PROMPT, LATE = timedelta(minutes=2), timedelta(minutes=15)
"""Background work begins within seconds. Later than the first is slow, later than the second stands still."""
FRESH_LIBRARIES, OLD_LIBRARIES = timedelta(days=35), timedelta(days=100)
"""They are renewed every month."""
FRESH_BACKUP, OLD_BACKUP = timedelta(hours=26), timedelta(days=8)


class Mark(StrEnum):
    """The tone of its tag: as it should be, worth a look, or somebody has to act."""

    GOOD = "good"
    LOOK = "warn"
    ACT = "bad"

    @property
    def label(self) -> str:
        return {Mark.GOOD: "Yes", Mark.LOOK: "Look", Mark.ACT: "No"}[self]


@dataclass(frozen=True)
class Line:
    subject: str
    mark: Mark
    said: str
    advice: str = ""


class Pulse(Protocol):
    """What only the queue knows."""

    def workers(self) -> Mapping[str, int] | None:
        """How many workers listen to each queue; None when Redis does not answer."""
        ...


def installation(pulse: Pulse) -> Iterator[Line]:
    """What all organizations share: the queue, the workers, the scheduler, the backup."""
    now = clock.now()
    seen = signs.seen()
    workers = pulse.workers()
    yield Line("Database", Mark.GOOD, "It answers.")
    yield from _queue(workers)
    yield _scheduler(seen.get(Sign.SCHEDULER), now)
    yield _backup(seen.get(Sign.BACKUP), now)


def waiting(since: timedelta | None, *, of: str = "Background work") -> Line:
    """How long the oldest piece of it has been due."""
    if since is None:
        return Line(of, Mark.GOOD, "Nothing waits.")
    mark = Mark.GOOD if since < PROMPT else Mark.LOOK if since < LATE else Mark.ACT
    advice = "" if mark is Mark.GOOD else "It is done by itself once the workers keep up. Look at them first."
    return Line(of, mark, f"The oldest has been waiting for {in_words(since)}.", advice)


def in_words(span: timedelta) -> str:
    return str(format_timedelta(span, threshold=1.5, locale="en"))


def libraries(chosen_on: date) -> Line:
    """How long ago the versions of everything we build on were chosen."""
    ago, said = clock.now().date() - chosen_on, f"Their versions were chosen on {chosen_on}."
    if ago < FRESH_LIBRARIES:
        return Line("Libraries", Mark.GOOD, said)
    advice = "Install the latest release of Duesbook, or run make lock: weaknesses are mended there."
    return Line("Libraries", Mark.LOOK if ago < OLD_LIBRARIES else Mark.ACT, said, advice)


def _queue(workers: Mapping[str, int] | None) -> Iterator[Line]:
    if workers is None:
        advice = "Start it. Payments and webhooks are taken in meanwhile; what waits is caught up by itself."
        yield Line("Queue (Redis)", Mark.ACT, "It does not answer.", advice)
        return
    yield Line("Queue (Redis)", Mark.GOOD, "It answers.")
    wanted = sorted({job.work.queue for job in Job})
    idle = [name for name in wanted if not workers.get(name)]
    if idle:
        start = f"Start one: python -m webapp.workers {' '.join(idle)}"
        yield Line("Workers", Mark.ACT, f"Nobody works on: {', '.join(idle)}.", start)
    else:
        counts = ", ".join(f"{name} {workers[name]}" for name in wanted)
        yield Line("Workers", Mark.GOOD, f"Listening: {counts}.")


def _scheduler(ticked: datetime | None, now: datetime) -> Line:
    advice = (
        "Daily work, reminders and second attempts stand still. Start it: python -m webapp.workers.schedule"
    )
    if ticked is None:
        return Line("Scheduler", Mark.ACT, "It never ran.", advice)
    ago = now - ticked
    said = f"It ticked {in_words(ago)} ago."
    return Line("Scheduler", Mark.GOOD, said) if ago < PROMPT else Line("Scheduler", Mark.ACT, said, advice)


def _backup(made: datetime | None, now: datetime) -> Line:
    advice = "Make one every night: flask duesbook backup FOLDER. Ignore this if you back up another way."
    if made is None:
        return Line("Backup", Mark.LOOK, "None was made with Duesbook's own command.", advice)
    ago = now - made
    mark = Mark.GOOD if ago < FRESH_BACKUP else Mark.LOOK if ago < OLD_BACKUP else Mark.ACT
    return Line("Backup", mark, f"The latest is {in_words(ago)} old.", "" if mark is Mark.GOOD else advice)
