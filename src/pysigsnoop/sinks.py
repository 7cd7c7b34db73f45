"""Events as lines: columns for people, JSON for programs. Pure text; writing is the caller's."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from .text import printable, quoted

if TYPE_CHECKING:
    from .ends import Death, Delivery
    from .event import Event
    from .stack import Frame
    from .stats import Lost, Stats
    from .trace_assembly import Call

HEADER = f"{'TIME':12} {'PID':>7} {'COMM':15} {'HOW':10} {'SIGNAL':11} {'TARGET':>8} RESULT"


def text_line(event: Event | Delivery | Death) -> str:
    """Columns under `HEADER`, below 80 wide with ordinary names; local time, to the ms.

    What became of a send is told under the target that it became of.
    """
    seconds, ns = divmod(event.time_ns, 1_000_000_000)
    clock = time.strftime("%H:%M:%S", time.localtime(seconds))
    number = event.signal
    signal = "-" if number is None else number.name or str(int(number))
    if event.type == "send":
        how, who, answer = _how(event), _sender(event), _answer(event)
    else:
        how, who, answer = event.type, f"{'-':>7} {'-':15}", _end(event)
    clock = f"{clock}.{ns // 1_000_000:03d}"
    line = f"{clock} {who} {how:10} {signal:11} {_target(event):>8} {answer}"
    stack = event.stack if event.type == "send" else None
    return "\n".join([line, *map(_frame, stack or ())])


_ACTIONS = {"handler": "handled", "stop": "stopped", "ignore": "nothing", "killed": "died"}


def _end(event: Delivery | Death) -> str:
    """What it did, and how long after its send."""
    if event.type == "death" and event.signal is None:
        return f"exited {event.status}"
    did = _ACTIONS.get(event.action, event.action)
    if event.type == "death" and event.core:
        did += ", core"
    if event.delay_ns is None:
        return f"{did}, send {event.no_send}"
    return f"{did} +{_span(event.delay_ns)}"


def _span(ns: int) -> str:
    """A span of time in three digits or so."""
    for unit, size in (("s", 1_000_000_000), ("ms", 1_000_000)):
        if ns >= size:
            return f"{ns / size:.3g} {unit}"
    return f"{ns / 1000:.3g} us"


def _frame(frame: Frame) -> str:
    """A line of a stack, below the event's own."""
    symbol = "?" if frame.address is None else f"{frame.address:#x}"
    if frame.symbol is not None:
        symbol = f"{_safe(frame.symbol)}+{frame.offset:#x}"
    where = "" if frame.module is None else _safe(frame.module)
    if frame.symbol is None and frame.module_offset is not None:
        where = f"{where or frame.build_id}+{frame.module_offset:#x}"
    if frame.file is not None:
        where = f"{_safe(frame.file)}:{frame.line}"
    return f"    {symbol} {where}".rstrip()


def _safe(text: str) -> str:
    return printable(text.encode())


def _sender(event: Event) -> str:
    sender = event.sender
    if sender is None:
        return f"{'-':>7} {'-':15}"
    return f"{sender.pid or '-':>7} {printable(sender.comm_bytes):15}"


# The columns above with the longest word that is common.
_WIDE = len(HEADER) + 2


def verbose_line(event: Event | Delivery | Death) -> str:
    """The same, and who the sender is: user and command line; `...` where there is more of it."""
    sender = event.sender if event.type == "send" else None
    arguments = None if sender is None else sender.cmdline_bytes
    line = "-" if arguments is None else quoted(arguments)
    if sender is not None and sender.cmdline_truncated:
        line += " ..."
    return f"{text_line(event):{_WIDE}} {'-' if sender is None else sender.uid:>6} {line}"


# Long names, shortened where a column is narrow.
_SHORT = {"rt_sigqueueinfo": "sigqueue", "rt_tgsigqueueinfo": "tgsigqueue"}
_SHORT |= {"pidfd_send_signal": "pidfd", "parent-death": "parent", "cgroup.kill": "cgroup"}


def _how(event: Event) -> str:
    return _SHORT.get(event.origin, event.origin)


def _target(event: Event | Delivery | Death) -> str:
    """The process reached, `-` where it has no number here; where none was, the argument."""
    if event.type == "send" and event.target is None:
        number = event.target_arg
    else:
        number = event.target.pid if event.target else None
    return "-" if number is None else str(number)


def _answer(event: Event) -> str:
    """One word: the error, or what became of it as far as is known; 0 where nothing was sent."""
    if event.error is not None:
        return event.error
    if event.outcome in ("delivered", "stopped", "continued", "died"):
        return event.outcome
    if event.result is None:
        return str(event.ret)
    if event.result != "queued":
        return event.result.removeprefix("already_").replace("_", " ")
    if event.blocked:
        return "blocked"
    return "fatal" if event.fatal else "queued"


def text_loss(lost: Lost) -> str:
    """A loss, between the lines where it was noticed."""
    return f"-- {sum(lost)} lost{_reasons(lost)}"


def _reasons(lost: Lost) -> str:
    reasons = [f"{name.replace('_', ' ')} {n}" for name, n in lost._asdict().items() if n]
    return f" ({', '.join(reasons)})" if reasons else ""


class Lines(NamedTuple):
    """How one format writes what."""

    header: list[str]
    event: Callable[[Event], str]
    lost: Callable[[Lost], str]


TEXT = Lines([HEADER], text_line, text_loss)
VERBOSE = Lines([f"{HEADER:{_WIDE}} {'UID':>6} COMMAND"], verbose_line, text_loss)


def json_lines() -> Lines:
    """One JSON object a line, ASCII only, so no byte of a name reaches a terminal raw."""
    import json  # not needed by those who only look

    from . import loss

    encode = json.JSONEncoder(separators=(", ", ": ")).encode
    return Lines([], lambda event: encode(event.as_dict()), lambda lost: encode(loss.as_dict(lost)))


def original_line(call: Call) -> str:
    """The original program's two pieces as the one line that they make."""
    return (
        f"PID {call.pid} ({printable(call.comm)}) sent signal {call.signo} "
        f"to PID {call.target}, ret = {call.ret}"
    )


def summary(stats: Stats, *, limited: bool) -> str:
    """The closing line. `limited`: the user asked for no more, so what is unread is not lost."""
    lost = stats.lost._replace(unread=0) if limited else stats.lost
    line = f"{stats.received} received, {sum(lost)} lost{_reasons(lost)}"
    if limited and stats.lost.unread:
        line += f", {stats.lost.unread} unread"
    if stats.in_flight:
        line += f", {stats.in_flight} in flight"
    return line
