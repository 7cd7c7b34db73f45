"""Whether a process that a record names still is, told from a later one of its number."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .event import Process

_TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
# Of /proc/PID/stat, counted from behind the name: proc(5), field 22, on the boot clock since 5.5.
_START_TIME = 22 - 3


def started(stat: bytes) -> int:
    """When a process started, in clock ticks since boot, as /proc/PID/stat writes it.

    Raises IndexError or ValueError for what is no such text.
    """
    return int(stat.rpartition(b")")[2].split()[_START_TIME])


def ticks(start_ns: int) -> int:
    """ns on the boot clock as /proc counts them."""
    return start_ns // _TICK_NS


def is_alive(process: Process) -> bool:
    """Whether it has not been reaped; False where this namespace has no number for it."""
    try:
        with open(f"/proc/{process.pid}/stat", "rb") as stat:
            return started(stat.read()) == ticks(process.start_ns)
    except (OSError, IndexError, ValueError):
        return False
