"""The original program, and the lines that it prints to trace_pipe."""

from __future__ import annotations

import os
import select
import time
from collections import Counter
from collections.abc import Iterator

from .bpf_object import BpfObject
from .trace_lines import Call, Half, Joiner, LostEvents, Record, split_records
from .tracefs import PrintkEvent, Tracefs

_ENTER, _EXIT = "kill_entry", "kill_exit"
# More than the kernel hands over in one read (a page, or two), so a record is never cut.
_READ_SIZE = 1 << 16


class OriginalTracer:
    """kill(2) by the original program: one Call for each, in the order of trace_pipe.

    Use it with `with`. Needs what SignalTracer needs, and to be root. trace_pipe
    is the machine's: what is read here no other reader sees, and what another
    takes is missing here; halves of a call that cannot be joined for certain
    come as Half. Not shown: what was printed before the start.
    """

    def __init__(self) -> None:
        self._tracefs = Tracefs()
        self._joiner = Joiner()
        self._seen: Counter[int] = Counter()
        self._stopped = False

    def __enter__(self) -> OriginalTracer:
        self._pipe = self._tracefs.open_pipe()
        self._event = PrintkEvent(self._tracefs.path)
        # Readable once stopped: a signal handler that stops does not end the poll by itself.
        self._ending = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        try:
            self._bpf = BpfObject((_ENTER, _EXIT), ("values",))
            try:
                self._bpf.load()
                stats = self._tracefs.cpu_stats("now ts", "read events")
                self._since = {cpu: now for cpu, (now, _) in stats.items()}
                self._base = {cpu: read for cpu, (_, read) in stats.items()}
                # Exit first: whatever enter remembers is then completed.
                self._bpf.attach(_EXIT)
                self._bpf.attach(_ENTER)
            except BaseException:
                self._bpf.close()
                raise
        except BaseException:
            self._give_back()
            raise
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self._bpf.close()
        self._give_back()

    def _give_back(self) -> None:
        self._event.restore()
        os.close(self._pipe)
        os.close(self._ending)

    @property
    def shared(self) -> bool:
        """Whether another such tracer ran at the start: each call is then printed by both."""
        return self._event.shared

    def stop(self) -> None:
        """Detach; what is still in the pipe is read by the `calls` that runs, which then ends."""
        self._bpf.detach()
        self._stopped = True
        os.eventfd_write(self._ending, 1)

    def calls(self, timeout: float | None = None) -> Iterator[Call | Half | LostEvents]:
        """What the pipe brings, for `timeout` seconds or for ever; after `stop`, to its end."""
        end = None if timeout is None else time.monotonic() + timeout
        poll = select.poll()
        poll.register(self._pipe, select.POLLIN)
        poll.register(self._ending, select.POLLIN)
        while True:
            stopped = self._stopped
            text = self._read()
            if text:
                yield from self._join(text)
            elif stopped:
                for cpu in self._joiner.open_cpus:
                    yield from self._joiner.interrupt(cpu)
                return
            elif end is None:
                poll.poll()
            elif (left := end - time.monotonic()) > 0:
                poll.poll(left * 1000)
            else:
                return

    def _read(self) -> bytes:
        try:
            return os.read(self._pipe, _READ_SIZE)
        except BlockingIOError:
            return b""

    def _join(self, text: bytes) -> Iterator[Call | Half | LostEvents]:
        records = list(split_records(text))
        self._seen.update(record.cpu for record in records if isinstance(record, Record))
        disturbed = self._disturbed() if self._joiner.open_cpus else frozenset()
        for cpu in disturbed:
            yield from self._joiner.interrupt(cpu)
        for record in records:
            old = isinstance(record, Record) and record.time <= self._since.get(record.cpu, -1)
            if isinstance(record, LostEvents):
                yield from self._joiner.interrupt(record.cpu)
                if not self._before_start(records, record):
                    yield record
            elif not old:
                yield from self._joiner.add(record)
        for cpu in disturbed:
            yield from self._joiner.interrupt(cpu)

    def _disturbed(self) -> frozenset[int]:
        """CPUs with a waiting half whose records did not all come here, by the kernel's count."""
        stats = self._tracefs.cpu_stats("read events")
        disturbed = set()
        for cpu in self._joiner.open_cpus:
            elsewhere = stats[cpu][0] - self._base[cpu] - self._seen[cpu]
            if elsewhere:
                self._base[cpu] += elsewhere
                disturbed.add(cpu)
        return frozenset(disturbed)

    def _before_start(self, records: list[Record | LostEvents], lost: LostEvents) -> bool:
        """Whether the next record of that CPU is older than this trace, and the loss with it."""
        for record in records[records.index(lost) :]:
            if isinstance(record, Record) and record.cpu == lost.cpu:
                return record.time <= self._since.get(record.cpu, -1)
        return False
