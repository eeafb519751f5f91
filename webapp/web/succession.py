"""Web processes that are told to go stay until those that come after them have loaded.

gunicorn tells the old ones as soon as the new ones are begun, and loading takes seconds in which nobody would
answer. A process's age is the number that the master gave it: whoever comes later has a greater one.
"""

import mmap
import struct

_NUMBER = struct.Struct("q")
_LAST_OLD, _NEWEST_LOADED = 0, _NUMBER.size


class Succession:
    """What the processes of one master have to know of each other, in memory that it shares with them: the
    age of the last one that is to go, and of the newest one that has loaded.
    """

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, 2 * _NUMBER.size)

    def begin(self, last_age: int) -> None:
        """Whoever has this age or a smaller one goes; said by the master before it begins the others."""
        _NUMBER.pack_into(self._memory, _LAST_OLD, last_age)

    def has_loaded(self, age: int) -> None:
        _NUMBER.pack_into(self._memory, _NEWEST_LOADED, max(age, self._read(_NEWEST_LOADED)))

    def is_awaited(self, age: int) -> bool:
        """Whether one of this age is to go, and nobody is there yet who would do its work."""
        last_old = self._read(_LAST_OLD)
        return age <= last_old and self._read(_NEWEST_LOADED) <= last_old

    def _read(self, place: int) -> int:
        number: int = _NUMBER.unpack_from(self._memory, place)[0]
        return number
