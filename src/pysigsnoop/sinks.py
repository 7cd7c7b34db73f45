"""What a form of lines is, and those that need no file of their own: JSON, losses, the closing
line. Pure text; writing is the caller's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from .text import printable

if TYPE_CHECKING:
    from .event import Event
    from .stats import Lost, Stats
    from .trace_assembly import Call

#: The lines of so many events are made and written together: enough for a system call, and little
#: enough that it takes memory that was just used, not pages that the kernel has to clear.
TOGETHER = 64


def text_loss(lost: Lost) -> str:
    """A loss, between the lines where it was noticed."""
    return f"-- {sum(lost)} lost{_reasons(lost)}"


def _reasons(lost: Lost) -> str:
    reasons = [f"{name.replace('_', ' ')} {n}" for name, n in lost._asdict().items() if n]
    return f" ({', '.join(reasons)})" if reasons else ""


class Lines(NamedTuple):
    """How one form writes what."""

    header: list[str]
    event: Callable[[Event], str]
    lost: Callable[[Lost], str]
    #: The same for many, where they are written faster together.
    events: Callable[[Iterable[Event]], list[str]] | None = None
    #: Whether a loss has no place among the lines, and is said beside them.
    loss_aside: bool = False

    def of(self, events: Iterable[Event]) -> Iterable[str]:
        """The lines of some events."""
        return self.events(events) if self.events else map(self.event, events)


def parts(events: list[Event]) -> Iterator[list[Event]]:
    """Those of a read, as they are written; at least one part, if an empty one."""
    for at in range(0, len(events) or 1, TOGETHER):
        yield events[at : at + TOGETHER]


def json_lines() -> Lines:
    """One JSON object a line, ASCII only, so no byte of a name reaches a terminal raw."""
    from . import loss
    from .json_lines import JsonLines  # not needed by those who only look

    lines = JsonLines()
    return Lines([], lines.line, lambda lost: lines.encode(loss.as_dict(lost)), lines.lines)


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
