"""The text of trace_pipe, taken apart into records. No I/O here.

A record in trace_pipe begins with the name and id of the thread that printed,
the CPU and a time:

    bash-5978    [001] d..31  1291.982530: bpf_trace_printk: PID 5978 (bash) sent signal 9

Both name and message can hold newlines, so a record can run over several lines;
it ends where the next one begins, or where the read ends, since a read hands
over whole records (kernel/trace/trace.c, tracing_read_pipe).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

# A comm is at most 15 bytes, and the shortest match of this is 17: no process can name itself so
# that a record seems to begin elsewhere. The tgid column comes with the option record-tgid. What
# follows is not matched: each record counts, also one of a kind whose text is not a name and a
# colon (stack traces, the function tracer).
_START = re.compile(
    rb"-(?P<tid>\d+) +(?:\( *[\d-]+\) +)?\[(?P<cpu>\d{3,})\] \S{4,} +"
    rb"(?P<time>\d+(?:\.\d+)?): "
)
_PRINTED = b"bpf_trace_printk: "
_LOST = re.compile(rb"CPU:(?P<cpu>\d+) \[LOST(?: (?P<count>\d+))? EVENTS\]$")

# The two pieces of a call.
FIRST = re.compile(rb"PID (?P<pid>-?\d+) \((?P<comm>.*)\) sent signal (?P<signo>-?\d+) ", re.DOTALL)
SECOND = re.compile(rb"to PID (?P<target>-?\d+), ret = (?P<ret>-?\d+)")


class Record(NamedTuple):
    """One record of trace_pipe: who printed, where, when (in the trace clock's ticks), what."""

    tid: int
    cpu: int
    time: int
    message: bytes


class LostEvents(NamedTuple):
    """The kernel dropped records of a CPU before the next one. None: it does not say how many."""

    cpu: int
    dropped: int | None


def ticks(text: bytes) -> int:
    """A time as the trace clock's smallest step: µs for clocks in ns, else its own count."""
    return int(text.replace(b".", b""))


def split_records(text: bytes) -> Iterator[Record | LostEvents]:
    """The records of one read; those of other events come as records without a message."""
    current: tuple[int, int, int] | None = None
    message = b""
    for line in text.split(b"\n"):
        start, lost = _START.search(line), _LOST.match(line)
        if start or lost:
            if current:
                yield Record(*current, message)
            current = None
        if start:
            current = int(start["tid"]), int(start["cpu"]), ticks(start["time"])
            said = line[start.end() :]
            message = said.removeprefix(_PRINTED) if said.startswith(_PRINTED) else b""
        elif lost:
            yield LostEvents(int(lost["cpu"]), int(lost["count"]) if lost["count"] else None)
        elif not _complete(message):
            message += b"\n" + line
    if current:
        # The newline that ends the read.
        yield Record(*current, message.removesuffix(b"\n"))


def _complete(message: bytes) -> bool:
    """Whether a further line is no part of this message, but of the name before the next record.

    No comm is long enough to hold the end of a first half, so it cannot seem whole too early.
    """
    return bool(FIRST.fullmatch(message) or SECOND.fullmatch(message))
