from collections.abc import Sequence
from pathlib import Path

LOG_LINES_SHOWN = 8


class EmbeddedServerError(Exception):
    """A server of this machine could not be started or stopped: one sentence, then the end of its log."""

    def __init__(self, sentence: str, log_lines: Sequence[str] = ()) -> None:
        self.sentence = sentence
        self.log_lines = tuple(log_lines)[-LOG_LINES_SHOWN:]
        super().__init__("\n".join([sentence, *(f"  {line}" for line in self.log_lines)]))


def end_of(log: Path) -> list[str]:
    """The last lines of a server's log, which usually say what is wrong."""
    if not log.exists():
        return []
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 4096))
        return file.read().decode(errors="replace").splitlines()[-LOG_LINES_SHOWN:]
