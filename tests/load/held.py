"""What a process holds, by the kernel's word: descriptors, threads, children, memory."""

from __future__ import annotations

import gc
import os
from pathlib import Path
from typing import NamedTuple


class Held(NamedTuple):
    """What must be as it was, once all is closed."""

    descriptors: int
    threads: int
    children: int


def held_by(pid: int) -> Held:
    """What a process holds now."""
    tasks = [*Path(f"/proc/{pid}/task").iterdir()]
    children = [child for task in tasks for child in (task / "children").read_text().split()]
    return Held(len([*Path(f"/proc/{pid}/fd").iterdir()]), len(tasks), len(children))


def held_here() -> Held:
    """What this process holds, without what only waits for the garbage collector.

    A test before this one may have left an exception whose frames still hold a tracer.
    """
    gc.collect()
    return held_by(os.getpid())


def resident(pid: int) -> int:
    """Bytes of memory, all that is mapped and there."""
    text = Path(f"/proc/{pid}/status").read_text()
    (kilobytes,) = (line.split()[1] for line in text.splitlines() if line.startswith("VmRSS:"))
    return int(kilobytes) << 10
