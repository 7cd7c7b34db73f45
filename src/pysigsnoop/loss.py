"""Loss as it is noticed: what was lost since the last look, told in the stream."""

from __future__ import annotations

import time
from collections.abc import Callable

from .clock import rfc3339, wall_offset
from .stats import Lost, Stats

# Often enough to tell when it happened, seldom enough to cost nothing.
INTERVAL_S = 0.1


class LossWatch:
    """Compares what was lost with the last time; `unread` is left to the closing line."""

    def __init__(self, stats: Callable[[], Stats]) -> None:
        self._stats = stats
        self._told = Lost()
        self._next = 0.0

    def look(self, *, now: bool = False) -> Lost | None:
        """What was lost since the last loss told; None for nothing, or so soon after a look.

        `now` looks in any case: at the end of a trace.
        """
        clock = time.monotonic()
        if clock < self._next and not now:
            return None
        self._next = clock + INTERVAL_S
        lost = self._stats().lost._replace(unread=0)
        if lost == self._told:
            return None
        # What was skipped is reckoned from counts that move while they are read: where it shrinks,
        # what was told stands, lest it be told twice.
        most = Lost(*map(max, lost, self._told))
        news = Lost(*(a - b for a, b in zip(most, self._told, strict=True)))
        self._told = most
        return news if sum(news) else None


def as_dict(lost: Lost) -> dict[str, object]:
    """The keys of the JSON line; `unread` is no part of it."""
    now = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    reasons = lost._asdict()
    del reasons["unread"]
    return {
        "type": "lost",
        "time": rfc3339(now + wall_offset()),
        "boot_ns": now,
        "lost": sum(reasons.values()),
        **reasons,
    }
