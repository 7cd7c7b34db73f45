"""Who sent which signal to whom, by which call, and what became of it.

    from pysigsnoop import SignalTracer

    with SignalTracer(signals={"SIGKILL", "SIGTERM"}) as tracer:
        for event in tracer:
            print(event.sender, event.signal.name, event.target_arg, event.error)

SignalTracer   opens, reads, counts, closes
Event          one send; Process is its sender, or its target, Ancestor a parent of that,
               Frame a line of its stack
Columns        a batch of events as a table
Delivery       where a signal was taken; Death: where a process ended
Signal         an int with a name
Stats, Lost    where every call went
expect_signal  in tests: a signal must come while a block runs
printable      text from other processes, made safe to print
errors         PysigsnoopError and its kinds, each with a hint of what to type

The package is laid out along the way of a record: bpf_object (load, attach),
ring (batches), tracer and event (the API), views (lines), cli.
"""

from __future__ import annotations

from .errors import (
    FilterInvalid,
    LibraryMissing,
    LimitReached,
    NotPermitted,
    NotSupported,
    ObjectInvalid,
    PysigsnoopError,
    ReaderBusy,
    TracerClosed,
    TracingUnavailable,
)
from .signals import Signal
from .text import printable

__version__ = "0.1.0"

__all__ = [
    "Ancestor",
    "Columns",
    "Death",
    "Delivery",
    "Event",
    "FilterInvalid",
    "Frame",
    "LibraryMissing",
    "LimitReached",
    "Lost",
    "NotPermitted",
    "NotSupported",
    "ObjectInvalid",
    "Oom",
    "Process",
    "PysigsnoopError",
    "ReaderBusy",
    "Signal",
    "SignalTracer",
    "Stats",
    "TracerClosed",
    "TracingUnavailable",
    "expect_signal",
    "printable",
]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .columns import Columns
    from .details import Ancestor
    from .ends import Death, Delivery
    from .event import Event, Process
    from .expecting import expect_signal
    from .oom import Oom
    from .stack import Frame
    from .stats import Lost, Stats
    from .tracer import SignalTracer

# What needs something built; the rest of the package, and --help, must do without.
_BUILT = {
    "Ancestor": "details",
    "Columns": "columns",
    "Death": "ends",
    "Delivery": "ends",
    "Event": "event",
    "Frame": "stack",
    "Lost": "stats",
    "Oom": "oom",
    "Process": "event",
    "SignalTracer": "tracer",
    "Stats": "stats",
    "expect_signal": "expecting",
}


def __getattr__(name: str) -> object:
    """Imported when first asked for; the tracer needs libbpf."""
    if name in _BUILT:
        # importlib would have to be imported itself, with more.
        return getattr(__import__(_BUILT[name], globals(), None, (name,), 1), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
