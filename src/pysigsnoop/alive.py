"""Whether a process that a record names still is, told from a later one of its number."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .event import Process

_TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
# Of /proc/PID/stat, counted from behind the name: proc(5), field 22, on the boot clock since 5.5.
_START_TIME = 22 - 3


def start_ticks(pid: int) -> int | None:
    """When the process of this number started, in clock ticks since boot; None where there is
    none, or /proc does not show it."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
        return int(stat.rpartition(b")")[2].split()[_START_TIME])
    except (OSError, IndexError, ValueError):
        return None


def is_alive(process: Process) -> bool:
    """Whether it has not been reaped; False where this namespace has no number for it."""
    return process.pid is not None and start_ticks(process.pid) == process.start_ns // _TICK_NS
