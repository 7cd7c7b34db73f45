"""Opens and closes tracers in one process, and prints what it holds after each.

`python -m tests.load.cycling COUNT`: a line of JSON for each cycle, see Cycle. `test_cycles.EXACT`
is the environment in which `allocated` is all of Python's memory too, and no more than is in use.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any, NamedTuple

from pysigsnoop import FilterInvalid, SignalTracer
from pysigsnoop.filters import PID_MAX

from ..live.actors import until
from ..live.commands import ATTACH
from ..live.kernel_objects import objects_of
from .held import held_by, resident

#: What this process sends itself under each tracer: what fails, nothing, what it ignores.
SIGNALS = (65, 0, int(signal.SIGUSR1))
TIMES = 11
#: What this process is called.
COMM = b"cycling"

#: Ways to open, in turn.
WAYS: tuple[dict[str, Any], ...] = (
    {},
    {"outcomes": True, "exits": True},
    {"details": True, "stacks": True},
    {"follow": os.getpid()},
    {"sender_uid": [*range(3000)], "sender_comm": [COMM, *(f"name-{n}" for n in range(1000))]},
)

#: More strings than CPython's table has places: 43,690, up to 21,845 strings (3.11).
STRINGS = 50_000

#: After so many cycles each was read, and was closed unread.
ROUND = 2 * len(WAYS)


class Cycle(NamedTuple):
    """After one cycle."""

    #: Which of WAYS it was.
    way: int
    #: BPF objects that the tracer held: kind and id.
    objects: list[tuple[str, int]]
    descriptors: int
    threads: int
    children: int
    #: Bytes that the C library has handed out and not got back.
    allocated: int
    #: Bytes of memory in use.
    resident: int


class _Mallinfo(ctypes.Structure):
    """What mallinfo2 returns."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            *("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks"),
            *("uordblks", "fordblks", "keepcost"),
        )
    ]


_libc = ctypes.CDLL(None)
_libc.mallinfo2.restype = _Mallinfo


def _traced(way: dict[str, Any], *, read: bool) -> list[tuple[str, int]]:
    """One cycle; what is not read is unread at the close."""
    me = os.getpid()
    tracer = SignalTracer(attach=ATTACH, **{"sender_pid": me} | way)
    with tracer:
        held = [*objects_of(me)]
        for number in SIGNALS * TIMES:
            _libc.kill(me, number)
        if read:
            tracer.stop()
            for event in tracer:
                # Told as a line would, so that all that reads a record has run.
                json.dumps(event.as_dict())
    stats = tracer.stats
    calls = len(SIGNALS) * TIMES
    assert stats.calls.received + stats.calls.lost == calls, stats
    assert stats.calls.received == (calls if read else 0), stats
    return held


def _refused() -> None:
    """All is loaded and attached when it turns out that there is no such process."""
    try:
        SignalTracer(attach=ATTACH, follow=PID_MAX).open()
    except FilterInvalid:
        return
    raise AssertionError("it opened")


def _renew_interned() -> None:
    """Have CPython make its table of interned strings anew, for as many as there are.

    It keeps a place for each that is gone until it runs out of them, perhaps 900 cycles later, and
    the table that it makes then may be 0.5 MB larger.
    """
    for number in range(STRINGS):
        sys.intern(f"no such name {number}")


def main(count: int) -> None:
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    me = os.getpid()
    Path(f"/proc/{me}/comm").write_bytes(COMM)
    for number in range(count):
        way = number % len(WAYS)
        held = _traced(WAYS[way], read=number % 2 == 0)
        if way == 0:
            _refused()
        gc.collect()
        # All is imported by then. Once, for in CPython 3.12 such a string may stay for good.
        if number == ROUND - 1:
            _renew_interned()
        # A thread that was joined is in /proc for a moment more.
        until("joined threads are gone", lambda: held_by(me).threads == 1)
        memory = _libc.mallinfo2()
        cycle = Cycle(way, held, *held_by(me), memory.uordblks + memory.hblkhd, resident(me))
        print(json.dumps(cycle), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))
