"""In which container, unit and pod a process is: found from its cgroup, and remembered.

Found in user space when it is first asked for, so that neither the kernel's
programs nor the senders of signals wait for it. Nothing here raises.
"""

from __future__ import annotations

import os
import time
from collections.abc import Hashable
from typing import Generic, NamedTuple, TypeVar

from .cgroup_tree import Mount, is_it, mounts, path_of
from .places import NOWHERE, Place, place_in
from .process_cgroups import cgroups_of

#: For so many cgroups, and so many processes, what was found is remembered, or twice as many.
REMEMBERED = 4096
# A cgroup that is not found was removed and never comes back, or lies outside what is mounted
# here; so this is for what can change: the mounts, a lack of file descriptors.
_LOOK_AGAIN = 5.0
# A process can be moved to another cgroup.
_MAY_MOVE = 1.0
_FOREVER = float("inf")

_Key = TypeVar("_Key", bound=Hashable)
_Value = TypeVar("_Value")


class Recent(Generic[_Key, _Value]):
    """What was asked for last, bounded. No lock: threads share it, and a fork may come any time."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._new: dict[_Key, _Value] = {}
        self._old: dict[_Key, _Value] = {}

    def get(self, key: _Key) -> _Value | None:
        """What was put there, unless more than `size` others were asked for since."""
        found = self._new.get(key)
        if found is None:
            found = self._old.get(key)
            if found is not None:
                self.put(key, found)
        return found

    def put(self, key: _Key, value: _Value) -> None:
        """Remember it; the oldest half goes where there are too many."""
        if len(self._new) >= self._size:
            self._old, self._new = self._new, {}
        self._new[key] = value

    def __len__(self) -> int:
        return len(self._old.keys() | self._new.keys())


class _View(NamedTuple):
    """What this process sees of cgroups at all."""

    mounts: list[Mount]
    legacy: bool
    until: float


class _Found(NamedTuple):
    place: Place
    #: The cgroup's path is known.
    known: bool
    #: The process's own word would add nothing.
    settled: bool
    until: float


class Whereabouts:
    """Finds places, and remembers them."""

    def __init__(self, size: int = REMEMBERED) -> None:
        self._view = _View([], False, 0.0)
        self._cgroups: Recent[int, _Found] = Recent(size)
        self._processes: Recent[tuple[int, int, int], tuple[Place, float]] = Recent(size)

    def place_of(self, cgroup_id: int, pid: int | None, start_ns: int) -> Place:
        """Where a process is or was: by its cgroup of version 2, and where that is unknown, or
        version 1 may know more, by what /proc says of the process as long as it lives."""
        return self.place_until(cgroup_id, pid, start_ns)[0]

    def place_until(self, cgroup_id: int, pid: int | None, start_ns: int) -> tuple[Place, float]:
        """The same, with when it will be looked for again, on the monotonic clock."""
        now = time.monotonic()
        found = self._cgroups.get(cgroup_id)
        if found is None or found.until < now:
            found = self._look_up(cgroup_id)
            self._cgroups.put(cgroup_id, found)
        if found.settled or pid is None:
            return found.place, found.until
        key = (cgroup_id, pid, start_ns)
        told = self._processes.get(key)
        if told is None or told[1] < now:
            told = self._ask(found, *key), now + _MAY_MOVE
            self._processes.put(key, told)
        return told[0], min(found.until, told[1])

    def _look_up(self, cgroup_id: int) -> _Found:
        view = self._seen()
        path = path_of(cgroup_id, view.mounts)
        if path is None:
            return _Found(NOWHERE, False, False, time.monotonic() + _LOOK_AGAIN)
        place = place_in(path)
        settled = place.container is not None or not view.legacy
        # Version 1 may be mounted later, and processes be moved into it.
        until = _FOREVER if place.container is not None else time.monotonic() + _LOOK_AGAIN
        return _Found(place, True, settled, until)

    def _seen(self) -> _View:
        if self._view.until < time.monotonic():
            own = cgroups_of("self")
            try:
                mounted = mounts()
            except (OSError, ValueError):
                mounted = []
            legacy = own is not None and bool(own.legacy)
            self._view = _View(mounted, legacy, time.monotonic() + _LOOK_AGAIN)
        return self._view

    def _ask(self, found: _Found, cgroup_id: int, pid: int, start_ns: int) -> Place:
        told = cgroups_of(pid, start_ns)
        if told is None:
            return found.place
        places = [found.place, *map(place_in, told.legacy)]
        now = None if found.known else told.unified
        if now is not None and not _is_another(now, cgroup_id, self._view.mounts):
            places[0] = place_in(now)
        # One path answers for all: the first of those that say most.
        return max(places, key=lambda place: [part is not None for part in _by_weight(place)])


def _by_weight(place: Place) -> tuple[str | None, ...]:
    return place.container, place.pod, place.unit


def _is_another(path: bytes, cgroup_id: int, among: list[Mount]) -> bool:
    """Whether a path, as /proc says it, is there to be seen and is not that cgroup: the process
    has moved since."""
    return b".." not in path.split(b"/") and any(
        os.path.isdir(folder) and not is_it(folder, cgroup_id, mount)
        for mount in among
        for folder in [mount.folder + path]
        if mount.root == b"/"
    )


_whereabouts = Whereabouts()
place_of = _whereabouts.place_of
place_until = _whereabouts.place_until
