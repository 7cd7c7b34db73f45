"""Where every call went: to the reader, to a filter, or lost, and why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ._records import COUNTER

_N = COUNTER


class Lost(NamedTuple):
    """Calls that the reader never saw, each counted once, by where it was lost."""

    #: Complete, but the ring had no room: the reader was too slow, or the ring too small.
    ring_full: int = 0
    #: Seen at enter, with no room to remember it until its exit.
    table_full: int = 0
    #: The kernel skipped the program because it was already running on that CPU.
    skipped: int = 0
    #: Handed over, and still unread at close.
    unread: int = 0


class Stats(NamedTuple):
    """Exact counts of calls since the trace began.

    received + filtered + sum(lost) + in_flight is every call that was in
    progress at any time of the trace. Exact once the tracer has stopped; before
    that, calls under way and records not yet read are in none of them.
    """

    #: Handed to the caller.
    received: int = 0
    #: Refused by a filter, in the kernel.
    filtered: int = 0
    #: Lost, by reason.
    lost: Lost = Lost()
    #: In progress when the trace began or when it stopped; not lost.
    in_flight: int = 0

    @property
    def lost_total(self) -> int:
        return sum(self.lost)


def account(
    counters: Sequence[int],
    *,
    received: int,
    unread: int,
    enter_misses: int,
    exit_misses: int,
    stopped: bool,
) -> Stats:
    """The books, from the kernel's counters and the reader's own.

    `counters` is summed over CPUs, indexed by `enum sigsnoop_counter`.
    """
    # A skipped exit shows twice: in the kernel's count, and when its thread enters again.
    exits_skipped = max(exit_misses, counters[_N["exit_missed"]])
    left_inside = counters[_N["remembered"]] - counters[_N["completed"]] - exits_skipped
    # An exit that nothing was stored for: refused or skipped at enter, or entered too early.
    early = counters[_N["exit_unknown"]] - counters[_N["enter_refused"]] - enter_misses
    return Stats(
        received=received,
        filtered=counters[_N["filtered"]],
        lost=Lost(
            ring_full=counters[_N["ring_full"]],
            table_full=counters[_N["table_full"]],
            skipped=enter_misses + exits_skipped,
            unread=unread,
        ),
        in_flight=(max(0, left_inside) if stopped else 0) + max(0, early),
    )
