"""Who signals whom, summed up in tables of bounded size: nothing leaves the totals.

Whoever makes a new process for each signal would fill any table. Of a full one the heaviest and
the latest rows are kept, and the rest is summed in one row of others.
"""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Hashable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from .ends import Death, Delivery
    from .event import Event, Process
    from .signals import Signal

#: What rows can be grouped by, each a table of its own: pairs of processes and a signal, the same
#: by their names alone, one end, the signal.
GROUPS = ("pair", "name", "sender", "target", "signal")
#: How many rows a table keeps when it is cleared out; up to twice as many between.
LIMIT = 512
# Sends whose target may die of them, so that the death is told of their rows.
_DOOMED = 16384
# Kinds of errors that a row tells apart; the calls have fewer.
_ERRORS = 16


class End(NamedTuple):
    """One end of a signal: a process, or a `word` where there is none: the kernel's reason, or
    the target as the caller gave it."""

    pid: int | None = None
    comm: bytes = b""
    uid: int | None = None
    word: str = ""


class Row:
    """What is counted of one group of sends; `sender`, `signal` and `target` are the latest."""

    __slots__ = (
        *("sender", "signal", "target", "how", "total", "fresh", "now"),
        *("failed", "errors", "died", "last_ns"),
    )

    def __init__(self) -> None:
        self.sender = self.target = End()
        self.signal = ""
        #: The calls and reasons that they came by.
        self.how: set[str] = set()
        #: Sends; since the last tick; a second, between the last two.
        self.total = self.fresh = 0
        self.now = 0.0
        #: Calls that failed, and by error.
        self.failed = 0
        self.errors: dict[str, int] = {}
        #: Processes that died of them.
        self.died = 0
        #: The latest, on the wall clock.
        self.last_ns = 0

    def merge(self, other: Row) -> None:
        """Take in the counts of another."""
        self.total += other.total
        self.fresh += other.fresh
        self.now += other.now
        self.failed += other.failed
        self.died += other.died
        self.last_ns = max(self.last_ns, other.last_ns)
        self.how |= other.how
        for error, count in other.errors.items():
            self.fail(error, count)

    def fail(self, error: str, count: int) -> None:
        if error not in self.errors and len(self.errors) >= _ERRORS:
            error = "others"
        self.errors[error] = self.errors.get(error, 0) + count

    def tick(self, seconds: float) -> None:
        self.now = self.fresh / seconds
        self.fresh = 0

    def frozen(self) -> Row:
        """A copy that counts no further."""
        found = copy.copy(self)
        found.how, found.errors = {*self.how}, {**self.errors}
        return found


class Table:
    """Rows by key, `limit` kept at a clearing; what does not fit is in `others`."""

    def __init__(self, limit: int = LIMIT) -> None:
        self.limit = limit
        self.rows: dict[Hashable, Row] = {}
        self.others = Row()

    def row(self, key: Hashable) -> Row:
        """The row of a key, a new one where there is none."""
        row = self.rows.get(key)
        if row is None:
            if len(self.rows) >= 2 * self.limit:
                self._clear_out()
            row = self.rows[key] = Row()
        return row

    def _clear_out(self) -> None:
        """Half of what is kept are the heaviest rows, and half the latest of the rest."""
        half = self.limit // 2
        rows = self.rows
        latest = sorted(rows, key=lambda key: rows[key].last_ns, reverse=True)
        # Of equal weight, the latest again.
        heaviest = sorted(latest, key=lambda key: rows[key].total, reverse=True)
        kept = {*heaviest[:half]}
        rest = [key for key in latest if key not in kept]
        for key in rest[self.limit - half :]:
            self.others.merge(rows.pop(key))

    def tick(self, seconds: float) -> None:
        for row in self.rows.values():
            row.tick(seconds)
        self.others.tick(seconds)

    def frozen(self) -> Table:
        """A copy that counts no further."""
        found = Table(self.limit)
        found.rows = {key: row.frozen() for key, row in self.rows.items()}
        found.others = self.others.frozen()
        return found


class Tables:
    """All sends, once for each way to group them, and their total."""

    def __init__(self, limit: int = LIMIT) -> None:
        self.of = {group: Table(limit) for group in GROUPS}
        self.total = Row()
        #: Signals that were taken, as far as that shows.
        self.taken = 0
        self._doomed: OrderedDict[int, tuple[Hashable, ...]] = OrderedDict()

    def add(self, events: Iterable[Event | Delivery | Death]) -> None:
        """Count a batch of events of all types."""
        kinds: dict[tuple[Any, ...], list[Event]] = {}
        deaths: list[Death] = []
        for event in events:
            if event.type == "send":
                kinds.setdefault(event.alike(), []).append(event)
            elif event.type == "death":
                deaths.append(event)
            else:
                self.taken += 1
        for alike in kinds.values():
            self._send(alike)
        # A death never comes before its send.
        for death in deaths:
            self._death(death)

    def _send(self, alike: list[Event]) -> None:
        """Sends that are alike, all but in their time and id."""
        event, count = alike[-1], len(alike)
        origin, error = event.origin, event.error
        sender_key, sender = _sender(event, origin)
        target_key, target = _target(event, origin)
        number = event.signal
        signal = _signal(number)
        ns = event.time_ns
        keys = _keys(sender_key, sender, int(number), target_key, target)
        rows = [table.row(key) for table, key in zip(self.of.values(), keys, strict=True)]
        for row in rows:
            row.how.add(origin)
            if ns >= row.last_ns:
                row.sender, row.target, row.signal, row.last_ns = sender, target, signal, ns
        for row in (*rows, self.total):
            row.total += count
            row.fresh += count
            if error is not None:
                row.failed += count
                row.fail(error, count)
        if error is None and event.fatal and event.result == "queued":
            for each in alike:
                if len(self._doomed) >= _DOOMED:
                    self._doomed.popitem(last=False)
                self._doomed[each.id] = keys

    def _death(self, death: Death) -> None:
        """Counted where its send is; where that is not known, by what is."""
        if death.signal is None:
            return
        self.total.died += 1
        target_key, number = _key(death.target), int(death.signal)
        target = _process(death.target)
        if death.send_id is not None:
            # One that was forgotten: its target and its signal are known all the same.
            keys = self._doomed.pop(death.send_id, (None, None, None, target_key, number))
            for table, key in zip(self.of.values(), keys, strict=True):
                (table.rows.get(key) or table.others).died += 1
            return
        # Why no send is named stands in the sender's place.
        sender = End(word=f"({death.no_send})")
        keys = _keys(sender.word, sender, number, target_key, target)
        for table, key in zip(self.of.values(), keys, strict=True):
            row = table.row(key)
            if not row.total:
                row.sender, row.target, row.signal = sender, target, _signal(death.signal)
            row.died += 1
            row.last_ns = max(row.last_ns, death.time_ns)

    def tick(self, seconds: float) -> None:
        """So many seconds are over since the last tick: what came in them is the rate now."""
        for table in self.of.values():
            table.tick(seconds)
        self.total.tick(seconds)

    def zero(self) -> None:
        """Forget all."""
        for group, table in self.of.items():
            self.of[group] = Table(table.limit)
        self.total = Row()
        self.taken = 0
        self._doomed.clear()

    def frozen(self) -> Tables:
        """A copy to look at, that counts no further."""
        found = Tables()
        found.of = {group: table.frozen() for group, table in self.of.items()}
        found.total, found.taken = self.total.frozen(), self.taken
        return found


def _keys(
    sender_key: Hashable, sender: End, number: int, target_key: Hashable, target: End
) -> tuple[Hashable, ...]:
    """What the rows of a send are kept by, in the order of GROUPS."""
    names = (sender.word or sender.comm, number, target.word or target.comm)
    return (sender_key, number, target_key), names, sender_key, target_key, number


def _key(process: Process) -> Hashable:
    """Tells a process from a later one of its number."""
    return process.host_pid, process.start_ns


def _process(process: Process) -> End:
    return End(process.pid, process.comm_bytes, process.uid)


def _sender(event: Event, origin: str) -> tuple[Hashable, End]:
    """Who, or for what reason where nobody."""
    sender = event.sender
    if sender is None:
        word = f"({origin})"
        return word, End(word=word)
    return _key(sender), _process(sender)


def _target(event: Event, origin: str) -> tuple[Hashable, End]:
    """The process reached or named; where there is none, the argument as it was given."""
    target = event.target
    if target is not None:
        return _key(target), _process(target)
    argument = event.target_arg
    word = "-" if argument is None else str(argument)
    if origin == "pidfd_send_signal":
        word = f"pidfd {word}"
    return word, End(word=word)


def _signal(signal: Signal | None) -> str:
    """Without SIG, which all have."""
    if signal is None:
        return "-"
    return (signal.name or str(int(signal))).removeprefix("SIG")
