"""What ended a process, and what died of signals beside it: told in sentences.

Events in, sentences out. However long a trace runs, an account keeps to its bounds: of each process
the last sends of each signal, of so many processes; and so many deaths in full.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from . import wording
from .alive import ticks
from .signals import signal_of
from .wording import pid_of, reason, signal_name, span, when

if TYPE_CHECKING:
    from .ends import Death, Delivery
    from .event import Event, Process
    from .passing import Passing
    from .stats import Lost

#: How many processes, and sends in all, are remembered; of each signal to each process so many.
PROCESSES, SENDS, EACH = 2048, 8192, 4
#: How many deaths beside the main one are told in full.
TOLD = 20

# Sent to ask for an end. Who handles one of them can take its time before it ends.
_ASKING = {"SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM"}
_ASKED_NS = 90_000_000_000
# Handlers of these can end a process too, at once.
_OTHERS = {"SIGILL", "SIGTRAP", "SIGABRT", "SIGBUS", "SIGFPE", "SIGSEGV", "SIGSYS", "SIGPIPE"}
_OTHERS |= {"SIGUSR1", "SIGUSR2", "SIGALRM", "SIGXCPU", "SIGXFSZ"}
_OTHERS_NS = 1_000_000_000
# What a timer sends is mostly a clock of the program's own; these are sent by little else.
_BY_TIMER = {"SIGALRM", "SIGXCPU"}

_NO_SEND = {
    "none": "no signal was sent: seccomp's strict mode does so, and an exec that failed half-way",
    "before": "it was sent before the trace began",
    "lost": "the record of who sent it was lost",
    "parent": "it was sent to the process that was just creating it",
    "unknown": "of several sends, which one it was cannot be told",
}


class Main(NamedTuple):
    """The process that an account is of: how this pid namespace numbers it, when it started as
    /proc counts it, and what it is called, safe to print."""

    pid: int
    start_ticks: int | None
    name: str

    @property
    def told(self) -> str:
        """Its name and number."""
        return f"{self.name} (pid {self.pid})"

    def is_it(self, process: Process) -> bool:
        """Whether a record's process is this one."""
        return process.pid == self.pid and self.start_ticks in (None, ticks(process.start_ns))


class _Send:
    """A send, and what became of it."""

    __slots__ = ("event", "taken")

    def __init__(self, event: Event) -> None:
        self.event = event
        self.taken: Delivery | None = None


class _Sends:
    """What one process was sent lately, by signal."""

    __slots__ = ("by_signal",)

    def __init__(self) -> None:
        self.by_signal: dict[int, deque[_Send]] = {}

    def add(self, event: Event) -> int:
        """Returns by how many there are more than before."""
        kept = self.by_signal.setdefault(int(event.signal), deque(maxlen=EACH))
        before = len(kept)
        kept.append(_Send(event))
        return len(kept) - before

    def __iter__(self) -> Iterator[_Send]:
        for kept in self.by_signal.values():
            yield from kept

    def __len__(self) -> int:
        return sum(map(len, self.by_signal.values()))

    def of_id(self, send_id: int | None) -> _Send | None:
        return next((send for send in self if send.event.id == send_id), None)


class Account:
    """Of one process, and of all that are followed with it.

    `passing` knows what a process hands on to the main one: what reached that process is told in
    the place of what it sends.
    """

    def __init__(self, main: Main, *, passing: Passing | None = None) -> None:
        self._main = main
        self._passing = passing
        self._sends: OrderedDict[tuple[int, int], _Sends] = OrderedDict()
        self._held = 0
        #: Processes that were doomed by a signal, and have not ended yet.
        self.doomed: dict[tuple[int, int], Event] = {}
        self._others: list[str] = []
        self._more: Counter[str] = Counter()
        self._end: str | None = None

    @property
    def ended(self) -> bool:
        """Whether the main process was seen to end."""
        return self._end is not None

    # Events in

    def take(self, event: Event | Delivery | Death) -> None:
        """One more event, in the order in which they were read."""
        if event.type == "send":
            self._send(event)
        elif event.type == "delivery":
            self._delivery(event)
        else:
            self._death(event)

    def _send(self, event: Event) -> None:
        target = event.target
        if target is None or event.result in (None, "already_pending", "overflow"):
            return
        key = _key(target)
        sends = self._sends.setdefault(key, _Sends())
        self._sends.move_to_end(key)
        self._held += sends.add(event)
        while len(self._sends) > PROCESSES or self._held > SENDS:
            oldest, forgotten = self._sends.popitem(last=False)
            self._held -= len(forgotten)
            self.doomed.pop(oldest, None)
        # Not always decided at once: the thread that is to take it may have to run first.
        dooms = event.outcome == "died" or (event.fatal and not event.blocked)
        if dooms and not self._passes_on(target):
            self.doomed[key] = event
        if event.sender is not None:
            # Looked up while the cgroup is there.
            _ = event.sender.place

    def _delivery(self, event: Delivery) -> None:
        key = _key(event.target)
        sends = self._sends.get(key)
        send = sends.of_id(event.send_id) if sends else None
        if send is not None:
            send.taken = event
            if event.action == "default":
                self.doomed[key] = send.event
            elif self.doomed.get(key) is send.event:
                del self.doomed[key]

    def _death(self, death: Death) -> None:
        key = _key(death.target)
        sends = self._sends.pop(key, None) or _Sends()
        self._held -= len(sends)
        self.doomed.pop(key, None)
        if not self.ended and self._main.is_it(death.target):
            self._end = self._sentence(self._main.name, death, sends)
        elif death.signal is not None:
            if len(self._others) < TOLD:
                cause = sends.of_id(death.send_id)
                known = cause.event.target if cause else None
                name = wording.name_of(known or death.target)
                self._others.append(self._sentence(name, death, sends))
            else:
                self._more[signal_name(death.signal)] += 1

    # Sentences out

    def lines(self) -> list[str]:
        """What ended the main process, and what else died; of what is known by now."""
        told = [self._end] if self._end is not None else []
        told += self._others
        told += [
            f"{wording.name_of(event.target)} ({pid_of(event.target)}) was sent "
            f"{signal_name(event.signal)}: {reason(event)}, {when(event.time_ns)}; "
            "its end was not seen"
            for event in [*self.doomed.values()][: TOLD - len(self._others)]
            if event.target is not None and not self._main.is_it(event.target)
        ]
        if self._more:
            counts = ", ".join(f"{name} {count}" for name, count in self._more.most_common())
            told.append(f"{self._more.total()} more processes died of signals ({counts})")
        return told

    def so_far(self) -> list[str]:
        """What the main process, which runs on, was sent until now: of each signal the last."""
        return [
            f"{self._main.told} was sent {signal_name(last.event.signal)}: "
            f"{self._reason(last)}, {when(last.event.time_ns)}; it {_fate(last)}"
            for sends in self._sends.values()
            if self._is_main(sends)
            for last in (kept[-1] for kept in sends.by_signal.values())
        ]

    def exited(self, code: int, boot_ns: int, time_ns: int) -> str:
        """The main process's end, as its parent knows it, where the trace did not show it.

        `code` is its exit status, or less the signal that it died of; the times are of its end.
        """
        if code < 0:
            number = signal_name(signal_of(-code))
            told = f"{self._main.told} was killed by {number}; who sent it was not seen"
            return f"{told}; it died {when(time_ns)}"
        sends = next((each for each in self._sends.values() if self._is_main(each)), _Sends())
        told = f"{self._main.told} {_exit(code)}, {when(time_ns)}"
        return told + self._before(sends, None, boot_ns)

    def _is_main(self, sends: _Sends) -> bool:
        """Whether these were sent to the main process."""
        target = next(iter(sends)).event.target
        return target is not None and self._main.is_it(target)

    def _sentence(self, name: str, death: Death, sends: _Sends) -> str:
        subject = f"{name} ({pid_of(death.target)})"
        if death.signal is None:
            before = self._before(sends, None, death.boot_ns)
            return f"{subject} {_exit(death.status or 0)}, {when(death.time_ns)}{before}"
        core = ", leaving a core dump" if death.core else ""
        told = f"{subject} was killed by {signal_name(death.signal)}{core}: "
        cause = sends.of_id(death.send_id) or self._to_parent(death)
        if cause is not None:
            event = cause.event
            told += f"{self._reason(cause)}, {when(event.time_ns)}"
            told += f"; it died {span(death.delay_ns or 0)} later"
        elif death.no_send is None:
            told += "who sent it was seen, but so much was sent since that it is forgotten"
            told += f"; it died {when(death.time_ns)}"
        else:
            told += f"{_NO_SEND[death.no_send]}; it died {when(death.time_ns)}"
        return told + self._before(sends, cause, death.boot_ns)

    def _to_parent(self, death: Death) -> _Send | None:
        """The send to the process that was just creating this one, which passed it on."""
        if death.parent_send_id is None:
            return None
        found = (sends.of_id(death.parent_send_id) for sends in self._sends.values())
        return next((send for send in found if send is not None), None)

    def _reason(self, send: _Send) -> str:
        """Who sent it; of what was handed on, who sent it in the first place."""
        if self._passing is None or not self._passes_on(send.event.sender):
            return reason(send.event)
        first = self._passing.origin_of(send.event)
        if first is None:
            return "pysigsnoop passed it on, and who sent it to pysigsnoop was not seen"
        return f"pysigsnoop passed it on, which got it so: {reason(first)}"

    def _passes_on(self, process: Process | None) -> bool:
        """Whether it is the one that hands signals on."""
        ours = self._passing.pid if self._passing else None
        return process is not None and process.pid is not None and process.pid == ours

    def _before(self, sends: Iterable[_Send], cause: _Send | None, end_ns: int) -> str:
        """What else it was sent shortly before its end, and may have acted on."""
        last = None
        for send in sends:
            event = send.event
            name = event.signal.name
            timed = event.origin == "timer"
            if send is cause or event.origin == "io" or (timed and name not in _BY_TIMER):
                continue
            handled = send.taken is not None and send.taken.action == "handler"
            limit = _ASKED_NS if name in _ASKING else _OTHERS_NS if name in _OTHERS else 0
            if end_ns - event.boot_ns > limit or not (handled or name in _ASKING):
                continue
            # A clock may tick on while it does what it was asked for.
            if last is None or _weight(event) >= _weight(last.event):
                last = send
        if last is None:
            return ""
        event = last.event
        return (
            f". {span(max(0, end_ns - event.boot_ns))} before its end it was sent "
            f"{signal_name(event.signal)}, and {_fate(last)}: "
            f"{self._reason(last)}, {when(event.time_ns)}"
        )


def loss(lost: Lost) -> list[str]:
    """What is to be said where records were lost; nothing where none was."""
    reasons = [f"{name.replace('_', ' ')} {n}" for name, n in lost._asdict().items() if n]
    if not reasons:
        return []
    return [f"{sum(lost)} records were lost ({', '.join(reasons)}): this may not be all"]


def _key(process: Process) -> tuple[int, int]:
    return process.host_pid, process.start_ns


def _exit(status: int) -> str:
    told = f"exited by itself, with status {status}"
    if 128 < status < 128 + 65:
        told += f" (so shells tell that {signal_name(signal_of(status - 128))} ended what they ran)"
    return told


def _weight(event: Event) -> tuple[bool, int]:
    """Of what came before an end, how likely the end is its doing."""
    return event.origin != "timer", event.boot_ns


def _fate(send: _Send) -> str:
    """What the target did with a signal that did not end it."""
    event, taken = send.event, send.taken
    if taken is not None:
        actions = {"handler": "handled it", "stop": "stopped", "default": "is to end by it"}
        return actions.get(taken.action, "did nothing about it")
    if event.outcome == "continued":
        return "continued"
    if event.outcome in ("stopped", "died"):
        return {"stopped": "stopped", "died": "is to end by it"}[event.outcome]
    if event.result == "ignored":
        return "ignored it" if event.disposition == "ignored" else "did nothing about it"
    return "blocked it" if event.blocked else "was not seen to take it"
