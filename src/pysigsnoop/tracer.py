"""SignalTracer: the tracer as other Python programs use it."""

from __future__ import annotations

import functools
import time
from collections.abc import Iterable
from types import TracebackType

from . import diagnosis
from .attachment import DEATH, DELIVERY, OOM, Attachment, attach
from .bpf_object import Controls, possible_cpus
from .decoding import Decoder
from .ends import Began, Death, Delivery
from .errors import FilterInvalid, TracerClosed
from .event import Event
from .filters import Filters, followed_pids
from .following import DEFAULT_MAX, Following
from .plan import BUFFER, GROUP_CALLS, Plan
from .reading import Reading, drained
from .ring import Ring
from .stats import Counts, Stats, account, groups_inside, left_in_ring
from .turns import Change

# How long an end waits for group sends in progress; where the kernel skipped their exit, in vain.
_DRAIN_S = 0.05
# How long after a SIGKILL the OOM killer may say that it was its own, with room to spare.
_OOM_S = 0.005


class SignalTracer(Reading):
    """Sees the signals of the whole machine, from `__enter__` to `close`.

    with SignalTracer(signals={"SIGKILL"}, target_pid=2219) as tracer:
        for event in tracer:
            print(event.sender, event.origin, event.signal.name, event.target, event.error)

    By default every send by a process, and of the kernel's own those that are
    fatal. `scope="all"` adds the rest of the kernel's (SIGCHLD and all), `"kernel"`
    leaves out the processes'. Who names `signals` or `origins` gets those, fatal
    or not.

    Filters are met in the kernel, and all that are given must be met; each takes
    one value or many, and costs the same for 1 and for 10,000. `signals`,
    `exclude_signals`: names or numbers, 0 and real-time included. `origins`: the
    words of `Event.origin`. `sender_pid`, `target_pid`: as this process's pid
    namespace numbers them; the target is the process reached, or where none was,
    the argument as given; 0 and negative numbers match the argument.
    `sender_uid`, `target_uid`; `sender_comm`, `target_comm` (cut to 15 bytes, as
    the kernel does); `sender_cgroup`, `target_cgroup`: paths of cgroup v2, what
    is below them included. A filter on the sender leaves out what no process
    sent. `follow`: processes, and with them all that they create from then on or
    have created and not left behind; met where either end is one of them, at
    once from its first instruction to its last (a process that ended, and a
    later one of the same number, are two). An empty list follows nobody until
    `add_followed`. `failed_only`: calls that returned an error; `fatal_only`: see Event.fatal.

    `outcomes` follows each signal to its end: among the events come then a Delivery
    where a signal was taken, and a Death where a process died of one, each with the
    `id` of the send that caused it; `type` tells them apart. With `exits` a Death
    comes for processes that ended by themselves too. Both pass the filters that
    their send passes; where no send is known they must pass those on signal and
    target, and are left out where the filters ask for more. `max_links` is how
    many signals can be followed at once (by default 16384 or more).

    `details` adds to both ends of a send the command line, the program's path, the
    parents and the login, read at the moment of the send; see Process. They take
    room in the ring, and some microseconds of whoever sends.
    `stacks` has each event carry the stack of the thread that sent (`Event.stack`).
    A stack is 7 kB in the ring, so many of them want a larger one.

    `attach` is `auto`, `fentry`, `tracepoint` or `raw`: how calls are watched; see
    `attachment` and docs/events.md. `none` watches only what is generated, which slows
    no system call: then no failed call and no signal 0 is told, a group send has no
    `call_id` and no answer, and `failed_only` is refused. `buffer_size` is the ring's
    size in bytes, rounded up to a power of two; `max_group_calls` how many group sends
    can be in progress at once; `max_followed` how many processes can be followed at once,
    and looked through where some are to be taken in that run already.

    Needs Linux 5.10 or newer with BTF, libbpf 1.0 or newer, and root or CAP_BPF
    and CAP_PERFMON (`tracepoint` needs to read tracefs too). Opening raises
    FilterInvalid, NotPermitted, NotSupported (LimitReached for want of file descriptors or
    memory), ObjectInvalid or TracingUnavailable.

    A tracer is opened once and closed once. One thread or task at a time reads
    it (ReaderBusy says when not); `close` and `stop` can be called from any
    thread. Nothing stays attached after `close`, nor after the death of the
    process; a child made by os.fork() holds a share until it execs or ends.
    """

    def __init__(
        self,
        *,
        signals: Iterable[str | int] | str | int | None = None,
        exclude_signals: Iterable[str | int] | str | int | None = None,
        origins: Iterable[str] | str | None = None,
        scope: str = "default",
        sender_pid: Iterable[int] | int | None = None,
        target_pid: Iterable[int] | int | None = None,
        sender_uid: Iterable[int] | int | None = None,
        target_uid: Iterable[int] | int | None = None,
        sender_comm: Iterable[str | bytes] | str | bytes | None = None,
        target_comm: Iterable[str | bytes] | str | bytes | None = None,
        sender_cgroup: Iterable[str] | str | None = None,
        target_cgroup: Iterable[str] | str | None = None,
        failed_only: bool = False,
        fatal_only: bool = False,
        outcomes: bool = False,
        exits: bool = False,
        details: bool = False,
        stacks: bool = False,
        follow: Iterable[int] | int | None = None,
        max_followed: int = DEFAULT_MAX,
        attach: str = "auto",
        buffer_size: int = BUFFER,
        max_group_calls: int = GROUP_CALLS,
        max_links: int | None = None,
    ) -> None:
        super().__init__()
        filters = Filters(
            signals=signals,
            exclude_signals=exclude_signals,
            origins=origins,
            scope=scope,
            failed_only=failed_only,
            fatal_only=fatal_only,
            follow=follow is not None,
            sender_pid=sender_pid,
            target_pid=target_pid,
            sender_uid=sender_uid,
            target_uid=target_uid,
            sender_comm=sender_comm,
            target_comm=target_comm,
            sender_cgroup=sender_cgroup,
            target_cgroup=target_cgroup,
        )
        self._plan = Plan(
            filters=filters,
            attach=attach,
            outcomes=outcomes,
            exits=exits,
            details=details,
            stacks=stacks,
            follow=followed_pids(follow),
            max_followed=max_followed,
            buffer_size=buffer_size,
            max_group_calls=max_group_calls,
            max_links=max_links,
        )
        self._plan.check()
        self._following: Following | None = None
        self._dropped: list[Event] = []  # pending at close
        self._read: Counts | None = None  # from the ring before that
        self._never_read = Counts()  # behind what was not whole even then
        self._stats = Stats()
        self._attachment: Attachment | None = None

    # Opening and closing

    def open(self) -> None:
        """Load, attach and begin; `with` does it by itself. Takes about 0.1 s."""
        with Change(self):
            if self._opened:
                raise TracerClosed("a tracer is opened once", hint="make another SignalTracer")
            self._opened = True
            plan, cpus = self._plan, possible_cpus()
            self._links = plan.links(cpus)
            prepare = functools.partial(plan.prepare, cpus, self._links)
            ring = None
            try:
                bpf, self._attachment = attach(plan.attach, prepare, plan.more_programs)
            except BaseException as error:
                self._stopped = self._closed = self._finished = True
                _explain(error)
                raise
            try:
                self._controls = Controls(bpf, cpus)
                plan.set_cgroup_levels(bpf, self._controls)
                ring = Ring(bpf.map_fd("ring"), bpf.map_fd(".bss"), plan.filters.origins)
                if plan.filters.follow:
                    self._following = Following(bpf, self._controls)
                    for pid in plan.follow:
                        self._following.add(pid)
                self._decoder = Decoder(
                    ring,
                    bpf,
                    details=plan.details,
                    stacks=plan.stacks,
                    began=self._began,
                )
            except BaseException as error:
                self._stopped = self._closed = self._finished = True
                if ring:
                    ring.close()
                bpf.close()
                _explain(error)
                raise
            self._bpf, self._ring = bpf, ring
            self._ready = True
            self._began_ns = self._controls.begin()

    def add_followed(self, pid: int) -> None:
        """Follow one more process, and all that it has created already and not left behind.

        For a tracer made with `follow`. Raises FilterInvalid where there is no such process.
        """
        (pid,) = followed_pids(pid)
        with Change(self):
            self._check_open()
            if self._following is None:
                raise FilterInvalid(
                    "this tracer follows nobody", hint="SignalTracer(follow=[]), then add_followed"
                )
            if not self._stopped:
                self._following.add(pid)

    @property
    def began_ns(self) -> int:
        """When the trace began, in ns on the boot clock. Raises TracerClosed before `open`."""
        if not self._ready:
            raise TracerClosed("the tracer was not opened", hint="with SignalTracer() as tracer:")
        return self._began_ns

    @property
    def attachment(self) -> Attachment:
        """How it is attached, and why not otherwise. Raises TracerClosed before `open`."""
        if self._attachment is None:
            raise TracerClosed("the tracer was not opened", hint="with SignalTracer() as tracer:")
        return self._attachment

    def stop(self) -> None:
        """End the trace; what was seen can still be read, then reading ends.

        From any thread, and again without harm.
        """
        with Change(self) as outermost:
            if not outermost:
                self._deferred = self._deferred or self.stop
                return
            self._check_open()
            self._stop()

    def _stop(self) -> None:
        if self._stopped:
            return
        self._controls.set_phase("draining")
        # Group sends in progress run to their end, before the programs that see it are gone.
        end = time.monotonic() + _DRAIN_S
        while groups_inside(self._controls.counters()) and time.monotonic() < end:
            time.sleep(0.001)
        # So does the OOM killer, which says only after a SIGKILL that it was its own.
        since = time.clock_gettime_ns(time.CLOCK_BOOTTIME) - self._controls.held_ns()
        time.sleep(max(0.0, _OOM_S - since / 1e9))
        self._controls.set_phase("idle")
        # The phase has ended the trace already, so the order does not matter.
        self._bpf.detach_together()
        self._stopped = True
        self._ring.wake()

    def close(self) -> None:
        """End the trace and give everything back; events not yet read count as `lost.unread`.

        From any thread: a reader that waits returns at once, and close() waits for
        it (where the reader is this very thread, in a signal handler, the reader
        finishes the work when it returns). `stats` stays readable. Calling it
        again, or on a tracer that never opened, does nothing.
        """
        with Change(self) as outermost:
            self._closed = True
            if not outermost:
                self._deferred = self.close
                return
            if not self._ready or self._finished:
                return
            self._stop()
        with self._reading:
            if not self._busy:
                self._finish()

    def _finish(self) -> None:
        """With the reading lock held: count what nobody read, and free all."""
        if not self._finishing.acquire(blocking=False):
            return
        try:
            with Change(self):
                self._stop()
                # Counted so that another close() can go on where Ctrl-C ended this one.
                if self._read is None:
                    self._read = self._ring.counts()
                self._dropped.extend(drained(self._pending))
                while self._ring.fill(final=True):
                    pass
                self._never_read = left_in_ring(self._controls.counters(), self._ring.counts())
                self._stats = self._account()
                self._finished = True
                self._ring.close()
                self._bpf.close()
        except BaseException:
            # Ctrl-C, most likely: another close() can then finish it.
            self._finishing.release()
            raise

    def __enter__(self) -> SignalTracer:
        self.open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def closed(self) -> bool:
        """Whether the tracer was closed, or could not be opened."""
        return self._closed

    @property
    def stopped(self) -> bool:
        """Whether the trace has ended; what it saw may still be unread."""
        return self._stopped

    # Counting

    @property
    def stats(self) -> Stats:
        """What was received, filtered and lost up to now; final once closed."""
        with Change(self):
            if not self._ready or self._finished:
                return self._stats
            return self._account()

    def _account(self) -> Stats:
        programs, outcomes = self.attachment.programs, self._plan.outcomes
        seen = self._ring.counts()
        read = self._read or seen
        received = read.minus(self._not_handed_over([*self._dropped, *self._pending]))
        counters = self._controls.counters()
        return account(
            counters,
            received=received,
            unread=seen.minus(received) if self._read else Counts(),
            never_read=self._never_read,
            generate_misses=self._bpf.misses(programs.generate),
            exit_misses=sum(self._bpf.misses(name) for name in programs.calls),
            delivery_misses=self._bpf.misses(DELIVERY) if outcomes else 0,
            death_misses=self._bpf.misses(DEATH) if outcomes else 0,
            oom_misses=self._bpf.misses(OOM),
            evicted=self._links.evicted(counters, self._bpf) if outcomes else 0,
            unfollowed=self._following.unfollowed() if self._following else 0,
            stopped=self._stopped,
        )

    def _not_handed_over(self, pending: list[Event]) -> Counts:
        """Of what waits for the next read, what the caller has had by no follow() either."""
        return _counts_of([event for event in pending if event not in self._followed])

    def _began(self) -> Began:
        """For ends whose send was not seen: since when, and whether some may be missing."""
        gaps = self._links.may_lack(self._controls.counters())
        gaps = gaps or self._bpf.misses(self.attachment.programs.generate) > 0
        return Began(self._began_ns, gaps)


def _explain(error: BaseException) -> None:
    """Raise what is the kernel's as one of the package's own."""
    if isinstance(error, OSError):
        raise diagnosis.call_failed("opening the tracer", error.errno or 0) from error


def _counts_of(events: list[Event]) -> Counts:
    sends = [event for event in events if not isinstance(event, Delivery | Death)]
    return Counts(
        len(events),
        sum(event.completes_call for event in sends),
        sum(event.result is not None for event in sends),
        0,
        sum(isinstance(event, Delivery) for event in events),
        sum(isinstance(event, Death) for event in events),
    )
