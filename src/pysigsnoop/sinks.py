"""Events as lines: columns for people, JSON for programs. Pure text; writing is the caller's."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from .text import printable

if TYPE_CHECKING:
    from .event import Event
    from .stats import Stats
    from .trace_assembly import Call

    #: One event as one line, without its newline.
    Line = Callable[[Event], str]

HEADER = f"{'TIME':15} {'PID':>7} {'COMM':15} {'SIGNAL':11} {'TARGET':>8} RESULT"


def text_line(event: Event) -> str:
    """Columns under `HEADER`, below 80 wide; local time, to the µs."""
    seconds, ns = divmod(event.time_ns, 1_000_000_000)
    clock = time.strftime("%H:%M:%S", time.localtime(seconds))
    sender = event.sender
    pid = "-" if sender.pid is None else sender.pid
    signal = event.signal.name or str(int(event.signal))
    return (
        f"{clock}.{ns // 1000:06d} {pid:>7} {printable(sender.comm_bytes):15} "
        f"{signal:11} {event.target_arg:>8} {event.error or event.ret}"
    )


def json_line() -> Line:
    """One JSON object a line, ASCII only, so no byte of a name reaches a terminal raw."""
    import json  # not needed by those who only look

    encode = json.JSONEncoder(separators=(", ", ": ")).encode
    return lambda event: encode(event.as_dict())


def original_line(call: Call) -> str:
    """The original program's two pieces as the one line that they make."""
    return (
        f"PID {call.pid} ({printable(call.comm)}) sent signal {call.signo} "
        f"to PID {call.target}, ret = {call.ret}"
    )


def summary(stats: Stats, *, limited: bool) -> str:
    """The closing line. `limited`: the user asked for no more, so what is unread is not lost."""
    lost = stats.lost._replace(unread=0) if limited else stats.lost
    reasons = ", ".join(
        f"{name.replace('_', ' ')} {count}" for name, count in lost._asdict().items() if count
    )
    line = f"{stats.received} received, {sum(lost)} lost"
    if reasons:
        line += f" ({reasons})"
    if limited and stats.lost.unread:
        line += f", {stats.lost.unread} unread"
    if stats.in_flight:
        line += f", {stats.in_flight} in flight"
    return line
