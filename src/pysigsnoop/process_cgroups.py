"""The cgroups of a living process, from /proc: all there is to know where version 1 is in use."""

from __future__ import annotations

import contextlib
import os
from typing import NamedTuple

from .alive import started, ticks

# The hierarchies of one process, each with a path: a few KiB at most.
_MOST = 1 << 16
# Those that engines and systemd fill before the others.
_FIRST = (b"name=systemd", b"pids", b"memory")
_DELETED = b" (deleted)"


class Cgroups(NamedTuple):
    """Paths as /proc/PID/cgroup writes them."""

    #: In version 2; None where the kernel does not say.
    unified: bytes | None
    #: In the hierarchies of version 1, those that say most first.
    legacy: list[bytes]


def cgroups_of(pid: int | str, start_ns: int | None = None) -> Cgroups | None:
    """The cgroups of a process, as they are now; None once it has ended.

    With `start_ns` also where another has its number by now: it is held against
    what /proc says of the start, to the clock tick. Never fails.
    """
    with contextlib.suppress(OSError, ValueError, IndexError):
        # Whatever is read below this descriptor is of one process, or of none.
        process = os.open(f"/proc/{pid}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            if start_ns is None or started(_read("stat", process)) == ticks(start_ns):
                return _parsed(_read("cgroup", process))
        finally:
            os.close(process)
    return None


def _read(name: str, folder: int) -> bytes:
    fd = os.open(name, os.O_RDONLY | os.O_CLOEXEC, dir_fd=folder)
    try:
        return os.read(fd, _MOST)
    finally:
        os.close(fd)


def _parsed(text: bytes) -> Cgroups:
    unified, legacy = None, {}
    for line in text.splitlines():
        number, controllers, path = line.split(b":", 2)
        if number == b"0":
            unified = path.removesuffix(_DELETED)
        else:
            for controller in controllers.split(b","):
                legacy[controller] = path
    first = [legacy[name] for name in _FIRST if name in legacy]
    return Cgroups(unified, list(dict.fromkeys([*first, *legacy.values()])))
