"""What reached a process that hands signals on to a command: whether each is the command's too.

The answer is in the sends, as a trace has them: one call can have reached both, and who sent it
can be below the command, though long gone.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable
from pathlib import Path
from threading import Condition, get_native_id
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from .errors import PysigsnoopError
from .filters import KERNEL_ORIGINS, ORIGINS
from .signals import signal_of
from .wording import signal_name

if TYPE_CHECKING:
    from .ends import Death, Delivery
    from .event import Event, Process

#: By what such a signal comes, but for a terminal's keys, which no process sends.
WAYS = (*(each for each in ORIGINS if each not in KERNEL_ORIGINS), "terminal", "parent-death")
# How far the trace can be behind what it shows, on a machine that is slow or busy. Only where a
# record was lost is all of it waited for, and then the signals behind that one, the command's end
# among them, are seen as late; but who decides too soon turns the command's own against it.
_BEHIND_S = 10.0
# Where calls are not watched, what one thread sends so close in time is one call: to all of a large
# group. Its records are then not read together; this is how long one waits for the other.
_CALL_NS, _TOGETHER_S = 50_000_000, 0.2
# So many are kept: of calls that reached the command; of signals of each number that reached us
# and are not asked for yet, or were passed on.
_CALLS, _ARRIVED, _PASSED = 4096, 4096, 64
# Taken in this state it was no second one of what waited already.
_QUEUED = ("queued", "lost_info")
# To one thread, and no other takes it.
_TO_THREAD = ("tkill", "tgkill", "rt_tgsigqueueinfo")

_Found = TypeVar("_Found")
# By its number; where it has none, the signal, who sent it, and when.
_Call: TypeAlias = "int | tuple[int, int, int]"


class Passing:
    """Fed by whoever reads a trace, asked by who takes signals and, later, by who tells of them."""

    def __init__(self, pid: int, command: int) -> None:
        #: Who passes on, and to whom; as this pid namespace numbers them, while both are there.
        self.pid, self.command = pid, command
        self._calls: deque[_Call] = deque(maxlen=_CALLS)
        self._arrived: dict[int, deque[Event]] = {}
        # What was taken before its record came, and when: that record is of none that comes later.
        self._overdue: deque[tuple[int, int | None, int]] = deque(maxlen=_ARRIVED)
        self._passed: dict[int, deque[tuple[int, Event | None]]] = {}
        self._changed = Condition()
        self._ended = False
        self._kept_back: Counter[int] = Counter()

    def take(self, events: Iterable[Event | Delivery | Death]) -> None:
        """Some more events, in the order in which they were read."""
        sends = [each for each in events if each.type == "send" and each.result is not None]
        ours = [each for each in sends if each.result in _QUEUED and _reached(each, self.pid)]
        with self._changed:
            self._calls.extend(_call(each) for each in sends if _reached(each, self.command))
            for each in ours:
                if not self._was_overdue(each):
                    kept = self._arrived.setdefault(int(each.signal), deque(maxlen=_ARRIVED))
                    kept.append(each)
            self._changed.notify_all()

    def feed(self, read: Callable[[], Iterable[Event | Delivery | Death]]) -> None:
        """Take what that reads, time after time, until it fails or its trace is closed."""
        try:
            with contextlib.suppress(PysigsnoopError, OSError):
                while True:
                    self.take(read())
        finally:
            self.end()

    def end(self) -> None:
        """No more events will come, so nobody waits for them."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def took(self, number: int, sender: int | None) -> None:
        """Note that a signal was taken that is not asked for; of that sender, as above."""
        with self._changed:
            if not self._first(number, sender):
                self._overdue.append((number, sender, _now()))

    def is_for_command(self, number: int, sender: int | None) -> bool:
        """Whether a signal that we took is to be passed on, which is then done at once.

        `sender` is a pid, as its siginfo has it; None for the kernel. Not what reached the command
        by the same call; nor what the command sent, or who was below it then. Waits for the trace
        to show it. Where it does not, and the sender is gone, it is kept back: see `lines`.
        """
        own: bool | None
        asked_ns = _now()
        with self._changed:
            event = self._wait_for(lambda: self._first(number, sender), _BEHIND_S)
            if event:
                own = self._reached_both(event)
            else:
                self._overdue.append((number, sender, asked_ns))
        if not event:
            own = self._is_below(sender)
        elif not own:
            # Whose parents cannot be told is not taken for the command's own.
            own = bool(self._sent_from_below(event.sender))
        if own is None:
            self._kept_back[number] += 1
        elif not own:
            self.passes(number, event)
        return own is False

    def passes(self, number: int, event: Event | None) -> None:
        """Note that a signal is passed on now, and the send by which we got it, where known."""
        with self._changed:
            self._passed.setdefault(number, deque(maxlen=_PASSED)).append((_now(), event))

    def origin_of(self, passed: Event) -> Event | None:
        """The send by which we got what we passed on by that one; None where it is not known."""
        with self._changed:
            for since, event in reversed(self._passed.get(int(passed.signal), ())):
                if since <= passed.boot_ns:
                    return event
        return None

    def lines(self) -> list[str]:
        """What was kept back, in sentences."""
        return [
            f"{signal_name(signal_of(number))} was not passed on{_times(count)}: the trace did not "
            "show who sent it, and it may have been the command's own"
            for number, count in sorted(self._kept_back.items())
        ]

    def _wait_for(self, look: Callable[[], _Found], seconds: float) -> _Found:
        """What it finds at last; with the lock held, which is given up while it waits."""
        end = time.monotonic() + seconds
        while True:
            found = look()
            left = end - time.monotonic()
            if found or self._ended or left <= 0:
                return found
            self._changed.wait(left)

    def _reached_both(self, event: Event) -> bool:
        """Whether a call by which we got a signal reached the command too."""
        if event.origin == "terminal" and event.sender is not None:
            return True  # given up by its session's leader: to the foreground group, as keys are
        call = _call(event)
        if isinstance(call, int):
            return call in self._calls  # they were read together
        return self._wait_for(
            lambda: any(_are_one(call, each) for each in self._calls), _TOGETHER_S
        )

    def _first(self, number: int, sender: int | None) -> Event | None:
        """The first that came so and was not asked for, which it is by this."""
        kept = self._arrived.get(number, deque())
        for index, found in enumerate(kept):
            if _came_from(found, sender) and _is_for_thread(found, get_native_id()):
                # Those of one number are taken one after the other, so these were before.
                for _ in range(index + 1):
                    kept.popleft()
                return found
        return None

    def _was_overdue(self, event: Event) -> bool:
        """Whether its signal was taken before; then that is settled."""
        for each in self._overdue:
            number, sender, taken_ns = each
            # One that was lost has no claim to what was sent since.
            if number == event.signal and event.boot_ns <= taken_ns and _came_from(event, sender):
                self._overdue.remove(each)
                return True
        return False

    def _sent_from_below(self, sender: Process | None) -> bool | None:
        """Whether it was the command or below it when it sent, as the kernel saw it."""
        if sender is None or sender.pid is None:
            return False  # nobody; or beyond our pid namespace, in which all are below it
        above = [sender.pid, sender.parent_pid, *(each.pid for each in sender.parents or ())]
        # What is further up than the kernel was asked for is there, as a rule.
        return True if self.command in above else self._is_below(above[-1])

    def _is_below(self, pid: int | None) -> bool | None:
        """Whether a process is known as the command, or below it by now; None where it is gone."""
        while pid and pid not in (1, self.command):
            try:
                stat = Path(f"/proc/{pid}/stat").read_bytes()
            except OSError:
                # Others' processes can be hidden (hidepid), though they live.
                return None if _is_gone(pid) else False
            pid = int(stat.rpartition(b")")[2].split()[1])
        return pid == self.command


def _is_gone(pid: int) -> bool:
    try:
        os.getpgid(pid)  # unlike signal 0, no signal to be traced
    except OSError as error:
        return isinstance(error, ProcessLookupError)
    return False


def _reached(event: Event, pid: int) -> bool:
    return event.target is not None and event.target.pid == pid


def _call(event: Event) -> _Call:
    if event.call_id is not None:
        return event.call_id
    return int(event.signal), event.sender.host_tid if event.sender else 0, event.boot_ns


def _are_one(call: _Call, other: _Call) -> bool:
    """Whether two that have no number are the same."""
    if isinstance(call, int) or isinstance(other, int):
        return False
    return call[:2] == other[:2] and abs(call[2] - other[2]) <= _CALL_NS


def _is_for_thread(event: Event, tid: int) -> bool:
    """Whether that thread of the process it reached can take it."""
    if event.origin not in _TO_THREAD:
        return True
    return event.target is not None and event.target.tid == tid


def _came_from(event: Event, sender: int | None) -> bool:
    """Whether siginfo names that sender for such a send; None is the kernel."""
    if event.result == "lost_info":
        return sender == 0
    by_kernel = event.sender is None and event.origin in KERNEL_ORIGINS
    if sender is None or (by_kernel and event.origin == "terminal"):
        return sender is None and by_kernel
    return sender == (event.sender.pid if event.sender and event.sender.pid else 0)


def _now() -> int:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def _times(count: int) -> str:
    return "" if count == 1 else f" ({count} times)"
