"""Process 1, in which some kernels run no BPF program: what fires then, no tracer is shown.

Seen on one 6.18 kernel built for micro virtual machines. Of 1,420,000 signals of POSIX timers
those that fired while a thread of process 1 was current, 6,269 by the kernel's own trace buffer,
were exactly those that two tracers did not tell; the kernel counted no program as skipped. Debian's
kernels run programs in process 1 as in any other.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

_Result = TypeVar("_Result")
# How often process 1 may come in between before the scene counts as it is.
_ATTEMPTS = 20


def _turns() -> dict[str, str]:
    """How often each thread of process 1 ran on a CPU, and how long; empty where not told."""
    turns = {}
    with contextlib.suppress(OSError):
        for thread in Path("/proc/1/task").iterdir():
            # A thread that ended meanwhile has left the others as they are.
            with contextlib.suppress(OSError):
                turns[thread.name] = (thread / "schedstat").read_text()
    return turns


def undisturbed(scene: Callable[[], _Result], complete: Callable[[_Result], bool]) -> _Result:
    """What a scene gave in which timers interrupt whoever runs; for the caller to judge.

    It is played again only where it is not complete and process 1 ran meanwhile.
    """
    for _ in range(_ATTEMPTS):
        before = _turns()
        result = scene()
        if complete(result) or _turns() == before:
            break
    return result
