"""What a user of the live view has chosen by key: order, grouping, what is looked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from .text import printable
from .top_table import GROUPS, End, Row

#: What rows can be sorted by; numbers and times begin with the largest.
SORTS = ("now", "total", "failed", "died", "last", "sender", "signal", "target")
_WORDS = {"sender", "signal", "target"}

#: Each key, as it is typed, and what it does.
HELP = (
    ("q", "quit, as Ctrl-C does"),
    ("p, space", "pause the picture; counting goes on"),
    ("s, S", "sort by the next column, the one before"),
    ("r", "reverse the order"),
    ("g, G", "a row for each pair, by name, sender, target or signal"),
    ("/, f", "only rows with a text: Enter keeps it, Escape ends it"),
    ("x, d", "only rows with failures, with deaths; Escape: all rows"),
    ("z", "count again from zero"),
    ("+, -", "frames twice as often, half as often"),
    ("up, down", "move in the list; so do j, k, PgUp, PgDn, Home, End"),
    ("Ctrl-L", "draw the screen anew"),
    ("?, h", "this help, and back"),
)

_FASTEST_S, _SLOWEST_S = 0.1, 60.0
_FIND_LONGEST = 40


def shown(end: End, group: str) -> str:
    """An end of a signal, safe to print: numbers below each other, and names."""
    if end.word:
        # The kernel's reason, or a number.
        return end.word if end.word.startswith("(") or group == "name" else f"{end.word:>7}"
    name = printable(end.comm)
    return name if group == "name" else f"{end.pid or '-':>7} {name}"


class Choices:
    """The choices, and `press`, by which they change."""

    def __init__(self, interval: float) -> None:
        self.interval = interval
        self.sort = SORTS[0]
        self.group = GROUPS[0]
        self.reverse = self.failed_only = self.died_only = False
        #: Only rows with this text; `typing` while it is typed.
        self.find = ""
        self.typing = self.paused = self.help = self.ended = False
        #: How many rows are above the screen, and how many fit on it.
        self.first = 0
        self.page = 10
        #: Asked for, and not yet done: by whoever counts and draws.
        self.zero = self.redraw = False

    def press(self, key: str) -> None:
        """A key of `keys.Keys`; what it means depends on what is on the screen."""
        if self.typing:
            self._type(key)
        elif self.help and key in ("escape", "q", "enter"):
            self.help = False
        else:
            action = _ACTIONS.get(key)
            if action:
                action(self)

    def _type(self, key: str) -> None:
        if key == "enter":
            self.typing = False
        elif key == "escape":
            self.typing, self.find = False, ""
        elif key == "backspace":
            self.find = self.find[:-1]
        elif key == "clear":
            self.find = ""
        elif len(key) == 1 and len(self.find) < _FIND_LONGEST:
            self.find += key
        self.first = 0

    def toggle(self, name: str) -> None:
        setattr(self, name, not getattr(self, name))

    def escape(self) -> None:
        """Back to all rows."""
        self.find, self.failed_only, self.died_only = "", False, False
        self.first = 0

    def next_sort(self, step: int) -> None:
        self.sort = SORTS[(SORTS.index(self.sort) + step) % len(SORTS)]

    def next_group(self, step: int) -> None:
        self.group = GROUPS[(GROUPS.index(self.group) + step) % len(GROUPS)]
        self.first = 0

    def move(self, rows: int) -> None:
        self.first = max(0, self.first + rows)

    def pace(self, factor: float) -> None:
        self.interval = min(_SLOWEST_S, max(_FASTEST_S, self.interval * factor))

    def wanted(self, rows: Iterable[Row]) -> list[Row]:
        """Of these rows those that were asked for, in the order that was asked for."""
        found = [row for row in rows if self._keeps(row)]
        # By total where the first is equal, and where that is too as they came.
        found.sort(key=lambda row: (row.total, row.last_ns), reverse=True)
        found.sort(key=_KEYS[self.sort], reverse=(self.sort in _WORDS) == self.reverse)
        return found

    @property
    def picky(self) -> bool:
        """Whether some rows are left out."""
        return bool(self.find) or self.failed_only or self.died_only

    def _keeps(self, row: Row) -> bool:
        if (self.failed_only and not row.failed) or (self.died_only and not row.died):
            return False
        if not self.find:
            return True
        # Of one end or the signal the rest is of its latest send: rows would come and go with it.
        parts = {
            "sender": shown(row.sender, self.group),
            "signal": row.signal,
            "target": shown(row.target, self.group),
        }
        words = [parts[self.group]] if self.group in parts else [*parts.values()]
        words += [*row.how, *row.errors]
        return self.find.casefold() in " ".join(words).casefold()


def _end(end: End) -> tuple[str, int, str]:
    return (end.comm.decode("latin-1"), end.pid or 0, end.word)


_KEYS: dict[str, Callable[[Row], Any]] = {
    "now": lambda row: row.now,
    "total": lambda row: row.total,
    "failed": lambda row: row.failed,
    "died": lambda row: row.died,
    "last": lambda row: row.last_ns,
    "sender": lambda row: _end(row.sender),
    "signal": lambda row: row.signal,
    "target": lambda row: _end(row.target),
}

_ACTIONS: dict[str, Callable[[Choices], None]] = {
    "q": lambda it: it.toggle("ended"),
    "p": lambda it: it.toggle("paused"),
    " ": lambda it: it.toggle("paused"),
    "s": lambda it: it.next_sort(1),
    "S": lambda it: it.next_sort(-1),
    "r": lambda it: it.toggle("reverse"),
    "g": lambda it: it.next_group(1),
    "tab": lambda it: it.next_group(1),
    "G": lambda it: it.next_group(-1),
    "back tab": lambda it: it.next_group(-1),
    "/": lambda it: it.toggle("typing"),
    "f": lambda it: it.toggle("typing"),
    "x": lambda it: it.toggle("failed_only"),
    "d": lambda it: it.toggle("died_only"),
    "z": lambda it: it.toggle("zero"),
    "+": lambda it: it.pace(0.5),
    "-": lambda it: it.pace(2),
    "up": lambda it: it.move(-1),
    "down": lambda it: it.move(1),
    "k": lambda it: it.move(-1),
    "j": lambda it: it.move(1),
    "page up": lambda it: it.move(-it.page),
    "page down": lambda it: it.move(it.page),
    "home": lambda it: it.move(-it.first),
    "end": lambda it: it.move(1_000_000),
    "redraw": lambda it: it.toggle("redraw"),
    "?": lambda it: it.toggle("help"),
    "h": lambda it: it.toggle("help"),
    "escape": Choices.escape,
}
