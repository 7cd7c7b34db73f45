"""The original program, and the lines that it prints to trace_pipe."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Iterator
from contextlib import ExitStack

from .bpf_object import BpfObject
from .trace_assembly import Assembly, Call, Half, Taken
from .trace_lines import LostEvents, Record, split_records
from .tracefs import CpuStats, PrintkEvent, Tracefs
from .waking import Waking, poll_ms

_ENTER, _EXIT = "kill_entry", "kill_exit"
# More than the kernel hands over in one read (a page, or two), so a record is never cut.
_READ_SIZE = 1 << 16


class OriginalTracer:
    """kill(2) by the original program: one Call for each, in the order of trace_pipe.

    Use it with `with`. Needs what SignalTracer needs, and to be root. trace_pipe
    is the machine's: what is read here no other reader sees, and what another
    takes is missing here, and comes as Taken at the end; halves of a call that
    cannot be joined for certain come as Half. Not shown: what was printed before the start.
    """

    def __init__(self) -> None:
        self._tracefs = Tracefs()
        # Each CPU's own time at the end of the trace, once it has ended.
        self._until: dict[int, int] | None = None

    def __enter__(self) -> OriginalTracer:
        with ExitStack() as undo:
            self._pipe = self._tracefs.open_pipe()
            undo.callback(os.close, self._pipe)
            # What ends a wait: a signal handler that returns does not.
            self._woken = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
            undo.callback(os.close, self._woken)
            self._waking = Waking()
            undo.callback(self._waking.close)
            self._stats = CpuStats(self._tracefs.path)
            undo.callback(self._stats.close)
            self._event = PrintkEvent(self._tracefs.path)
            undo.callback(self._event.restore)
            self._bpf = BpfObject()
            undo.callback(self._bpf.close)
            self._bpf.choose((_ENTER, _EXIT), ("values",))
            self._event.expect()
            self._bpf.load()
            self._event.wait()
            stats = self._stats.read("now ts", "read events")
            self._assembly = Assembly(
                since={cpu: now for cpu, (now, _) in stats.items()},
                read={cpu: read for cpu, (_, read) in stats.items()},
                count_read=self._count_read,
            )
            # Exit first: whatever enter remembers is then completed.
            self._bpf.attach(_EXIT)
            self._bpf.attach(_ENTER)
            self._undo = undo.pop_all()
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self._undo.close()

    @property
    def shared(self) -> bool:
        """Whether another such tracer ran at the start: each call is then printed by both."""
        return self._event.shared

    @property
    def skipped(self) -> int:
        """How many runs of its programs the kernel skipped: of each call one or two, which lost it.

        Linux 5.12 and newer tell; none was seen to skip any before 7.2.
        """
        return self._bpf.misses(_ENTER) + self._bpf.misses(_EXIT)

    def stop(self) -> None:
        """Detach; what was printed by now is read by the `calls` that runs, which then ends.

        From any thread or signal handler, and again without harm.
        """
        self._bpf.detach()
        if self._until is None:
            stats = self._stats.read("now ts")
            self._until = {cpu: now for cpu, (now,) in stats.items()}
            os.eventfd_write(self._woken, 1)

    def calls(self, timeout: float | None = None) -> Iterator[Call | Half | LostEvents | Taken]:
        """What the pipe brings, for `timeout` seconds or for ever; after `stop`, to its end."""
        end = None if timeout is None else time.monotonic() + timeout
        poll = select.poll()
        poll.register(self._pipe, select.POLLIN)
        poll.register(self._woken, select.POLLIN)
        poll.register(self._waking.fd, select.POLLIN)
        while True:
            stopped = self._until is not None
            records = list(split_records(self._read()))
            yield from self._assembly.join(records)
            left = None if end is None else end - time.monotonic()
            if stopped and (not records or self._at_end(records)):
                yield from self._assembly.finish()
                return
            # Also while lines keep coming: on a busy machine there may be no last one.
            if left is not None and left <= 0:
                return
            if not records and not stopped:
                with self._waking:
                    poll.poll(poll_ms(left))

    def _read(self) -> bytes:
        try:
            return os.read(self._pipe, _READ_SIZE)
        except BlockingIOError:
            return b""

    def _count_read(self) -> dict[int, int]:
        return {cpu: read for cpu, (read,) in self._stats.read("read events").items()}

    def _at_end(self, records: list[Record | LostEvents]) -> bool:
        """Whether the last of these was printed after `stop`: the pipe is in the order of time."""
        last = records[-1]
        until = self._until or {}
        return isinstance(last, Record) and last.time > until.get(last.cpu, last.time)
