"""When an event was, for people: by the wall clock here or in UTC, or since the beginning."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

_S, _MS = 1_000_000_000, 1_000_000

#: What `clock` takes.
KINDS = ("wall", "utc", "relative")


class Clock(Protocol):
    """Tells times in text, all of one width, as a rule."""

    width: int

    def __call__(self, boot_ns: int, offset: int) -> str:
        """Of ns on the boot clock, and what makes them ns since 1970."""
        ...


def clock(kind: str, *, date: bool = False, began_ns: int = 0) -> Clock:
    """A clock: `wall` (local time), `utc`, or `relative` to `began_ns` on the boot clock."""
    if kind == "relative":
        return _Relative(began_ns)
    return _Wall(time.gmtime if kind == "utc" else time.localtime, date, "Z" * (kind == "utc"))


class _Wall:
    """To the ms. Events come in the order of time, mostly, so the last one's text is kept."""

    def __init__(self, split: Callable[[int], time.struct_time], date: bool, zone: str) -> None:
        self._split = split
        self._format = "%Y-%m-%d %H:%M:%S" if date else "%H:%M:%S"
        self._zone = zone
        self.width = len("2026-01-01 " * date + "00:00:00.000" + zone)
        self._second, self._until_second = -1, ""
        self._ms, self._text = -1, ""

    def __call__(self, boot_ns: int, offset: int) -> str:
        ms = (boot_ns + offset) // _MS
        if ms != self._ms:
            second, rest = divmod(ms, 1000)
            if second != self._second:
                self._second = second
                self._until_second = time.strftime(self._format, self._split(second))
            self._ms = ms
            self._text = f"{self._until_second}.{rest:03d}{self._zone}"
        return self._text


class _Relative:
    """Seconds, to the us."""

    def __init__(self, began_ns: int) -> None:
        self._began_ns = began_ns
        self.width = len("00000.000000")

    def __call__(self, boot_ns: int, offset: int) -> str:  # noqa: ARG002  # a clock's interface
        return f"{(boot_ns - self._began_ns) // 1000 / 1_000_000:12.6f}"


def span(ns: int, micro: str) -> str:
    """A span of time in three digits or so, never more than seven characters."""
    if ns < _MS - 500:
        return f"{ns / 1000:.3g} {micro}"
    if ns < _S - _MS // 2:
        return f"{ns / _MS:.3g} ms"
    seconds = ns // _S
    if seconds < 100:
        return f"{ns / _S:.3g} s"
    for first, second, size, part in (("m", "s", 60, 1), ("h", "m", 3600, 60)):
        if seconds < 100 * size:
            return f"{seconds // size}{first}{seconds % size // part:02d}{second}"
    return f"{seconds // 86400}d{seconds % 86400 // 3600:02d}h"
