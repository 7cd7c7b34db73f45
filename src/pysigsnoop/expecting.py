"""expect_signal: a signal must come while a block runs, or must not."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from ._records import OUTCOME
from .ends import Death, Delivery
from .errors import FilterInvalid
from .event import Event
from .signals import Signal, parse_signal
from .tracer import SignalTracer

# What an end shows of its send, in the words of Event.outcome.
_BECAME = {
    "handler": "delivered",
    "default": "delivered",
    "stop": "stopped",
    "ignore": "discarded",
    "killed": "died",
}
# How many others are told of where the expected did not come.
_SHOWN = 10
_BUFFER = 1024 * 1024


class Seen:
    """What came: filled when the block of `expect_signal` has been left."""

    def __init__(self) -> None:
        #: The sends that were expected, in the order of the kernel's ring.
        self.events: list[Event] = []
        #: Deliveries and deaths of those.
        self.ends: list[Delivery | Death] = []

    @property
    def event(self) -> Event:
        """The first of them; LookupError where there is none (yet)."""
        if not self.events:
            raise LookupError("no signal was seen: the block has not been left, or times is 0")
        return self.events[0]


@contextmanager
def expect_signal(
    signal: Iterable[str | int] | str | int,
    *,
    target: int | None = None,
    sender: int | None = None,
    origin: str | None = None,
    outcome: str | None = None,
    times: int = 1,
    timeout: float = 5.0,
) -> Iterator[Seen]:
    """The block must lead to this signal, as in

        with expect_signal(SIGTERM, target=proc.pid) as seen:
            proc.terminate()
        assert seen.event.sender.pid == os.getpid()

    A tracer of its own is attached when the block is entered, and closed when it is
    left. At the block's end it waits until the signal has come `times` times, for
    `timeout` seconds at most, and then raises AssertionError unless it came exactly
    so often; the error says what came instead. With `times=0` the signal must not
    come while the block runs, nor for `timeout` seconds after it. An exception of
    the block's own is let through, and nothing is waited for.

    `signal` is one or many, by name or number. `target` and `sender` are pids, as
    this process sees them; `origin` is a word of `Event.origin`; `outcome` one of
    `Event.outcome`: then only those count of which that became, when they were sent
    or later. A call that failed sent nothing, and does not count. Without a target
    the signal may go to any process of the machine.

    Where records were lost, what did not come may have: the error says so, and
    `times=0` is then an error too. What a SignalTracer needs is needed here, and
    entering raises the same errors; the fixture of this name skips instead.
    """
    __tracebackhide__ = True  # pytest shows the caller's line
    wanted = _Wanted(
        signal, target=target, sender=sender, origin=origin, outcome=outcome, times=times
    )
    seen = Seen()
    with wanted.tracer() as tracer:
        yield seen
        wanted.wait(tracer, timeout)
        seen.events, seen.ends = wanted.found()
        lost = tracer.stats.lost_total
    complaint = wanted.complaint(len(seen.events), timeout, lost)
    if complaint:
        raise AssertionError(complaint)


class _Wanted:
    """What is expected, and what has come."""

    def __init__(
        self,
        signal: Iterable[str | int] | str | int,
        *,
        target: int | None,
        sender: int | None,
        origin: str | None,
        outcome: str | None,
        times: int,
    ) -> None:
        several = [signal] if isinstance(signal, str | int) else list(signal)
        self.signals: list[Signal] = [parse_signal(each) for each in several]
        self.target, self.sender, self.origin = target, sender, origin
        self.outcome, self.times = outcome, times
        if not self.signals:
            raise FilterInvalid("no signal is expected", hint="expect_signal(signal.SIGTERM)")
        if times < 0:
            raise FilterInvalid(f"times is {times}", hint="0: must not come; 1 or more")
        if outcome is not None and outcome not in OUTCOME.keys() - {"none"}:
            words = ", ".join(OUTCOME.keys() - {"none"})
            raise FilterInvalid(f"no outcome is called {outcome!r}", hint=f"one of {words}")
        self._candidates: list[Event] = []
        self._ends: dict[int, list[Delivery | Death]] = {}
        self._others: deque[Event] = deque(maxlen=_SHOWN)
        self._other_count = 0

    def tracer(self) -> SignalTracer:
        """Narrowed, but wide enough to see what comes instead."""
        if self.origin is not None:
            SignalTracer(origins=self.origin)  # a word that means nothing is told at once
        broad = self.target is not None or self.sender is not None
        return SignalTracer(
            signals=None if broad else self.signals,
            target_pid=self.target,
            sender_pid=self.sender if self.target is None else None,
            scope="all" if broad else "default",
            outcomes=True,
            buffer_size=_BUFFER,
        )

    def wait(self, tracer: SignalTracer, timeout: float) -> None:
        """Read until it has come often enough, or time is out; then all that came by now."""
        end = time.monotonic() + timeout
        left = timeout
        while left > 0 and len(self.found()[0]) < max(self.times, 1):
            self._take(tracer.read(left))
            left = end - time.monotonic()
        tracer.stop()
        while events := tracer.read(0):
            self._take(events)

    def _take(self, events: Iterable[Event | Delivery | Death]) -> None:
        for event in events:
            if isinstance(event, Delivery | Death):
                if event.send_id is not None:
                    self._ends.setdefault(event.send_id, []).append(event)
            elif self._is_it(event):
                self._candidates.append(event)
            else:
                self._other_count += 1
                self._others.append(event)

    def _is_it(self, event: Event) -> bool:
        sender = event.sender
        return (
            event.signal in self.signals
            and event.error is None
            and (self.sender is None or (sender is not None and sender.pid == self.sender))
            and self.origin in (None, event.origin)
        )

    def _became(self, event: Event) -> list[str]:
        """What became of it, as far as it is known by now."""
        known = [event.outcome] if event.outcome else []
        return known + [_BECAME.get(end.action, end.action) for end in self._ends.get(event.id, ())]

    def found(self) -> tuple[list[Event], list[Delivery | Death]]:
        """The events that count, and their ends."""
        events = [
            event
            for event in self._candidates
            if self.outcome is None or self.outcome in self._became(event)
        ]
        return events, [end for event in events for end in self._ends.get(event.id, ())]

    def complaint(self, count: int, timeout: float, lost: int) -> str | None:
        """What to say where it came too seldom or too often; None where all is as expected."""
        told = [f"  {lost} records were lost meanwhile: it may have been among them"] * bool(lost)
        if count == self.times:
            if lost and not self.times:
                return "\n".join([f"whether {self._what()} came cannot be told", *told])
            return None
        if not self.times:
            problem = f"{self._what()} came, and must not"
        elif not count:
            problem = f"{self._what()} did not come within {timeout:g} s"
        else:
            problem = f"{self._what()} came {_times(count)}, and not {_times(self.times)}"
        came = [f"  came: {self._line(event)}" for event in self._candidates[:_SHOWN]]
        instead = [f"  instead: {self._line(event)}" for event in self._others]
        if self._other_count > len(self._others):
            instead.insert(0, f"  instead: {self._other_count} others, of which the last are")
        if not came and not instead:
            instead = [f"  and nothing else {self._where()}"]
        return "\n".join([problem, *came, *(instead if count < self.times else ()), *told])

    def _what(self) -> str:
        names = " or ".join(each.name or str(int(each)) for each in self.signals)
        words = [names, self._where()]
        words += [f"by {self.origin}"] * (self.origin is not None)
        words += [f"that {self.outcome}"] * (self.outcome is not None)
        return " ".join(word for word in words if word)

    def _where(self) -> str:
        to = "" if self.target is None else f"to {self.target}"
        by = "" if self.sender is None else f"from {self.sender}"
        return f"{to} {by}".strip()

    def _line(self, event: Event) -> str:
        from .text import printable

        sender, target = event.sender, event.target
        words = [event.signal.name or str(int(event.signal)), "by", event.origin]
        if sender:
            words.append(f"from {sender.pid or sender.host_pid} ({printable(sender.comm_bytes)})")
        if self.target is None and target:
            words.append(f"to {target.pid or target.host_pid} ({printable(target.comm_bytes)})")
        became = event.error or ", ".join(dict.fromkeys(self._became(event)))
        return " ".join(words) + (f": {became}" if became else "")


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
