"""Records of trace_pipe joined into calls, and only where that is certain. No I/O here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from .trace_lines import FIRST, SECOND, LostEvents, Record


class Call(NamedTuple):
    """A call, joined from its two halves."""

    pid: int
    comm: bytes
    signo: int
    target: int
    ret: int


class Half(NamedTuple):
    """A half whose other half cannot be told."""

    message: bytes


class Taken(NamedTuple):
    """So many records, of this program or another, went to other readers of the buffer."""

    lines: int


class Joiner:
    """Joins halves into calls, thread by thread, and only where nothing can have come between.

    Halves of one read are adjacent in the kernel's buffer, where no other reader
    can take the records between them. Across two reads one can: there the caller
    says, by `interrupt`, on which CPUs that happened.
    """

    def __init__(self) -> None:
        self._open: dict[int, tuple[int, bytes]] = {}

    @property
    def open_cpus(self) -> frozenset[int]:
        """CPUs on which a first half waits for its second."""
        return frozenset(cpu for cpu, _ in self._open.values())

    def interrupt(self, cpu: int) -> Iterator[Half]:
        """Records of this CPU went elsewhere or were dropped: what waits there cannot be joined."""
        for tid in [tid for tid, (at, _) in self._open.items() if at == cpu]:
            yield Half(self._open.pop(tid)[1])

    def add(self, record: Record) -> Iterator[Call | Half]:
        """Take the next record: a call, or the halves that can no longer be joined."""
        if FIRST.fullmatch(record.message):
            if record.tid in self._open:
                yield Half(self._open.pop(record.tid)[1])
            self._open[record.tid] = record.cpu, record.message
        elif second := SECOND.fullmatch(record.message):
            cpu, message = self._open.pop(record.tid, (None, b""))
            first = FIRST.fullmatch(message)
            if first is None or cpu != record.cpu:
                if first:
                    yield Half(message)
                yield Half(record.message)
                return
            yield Call(
                int(first["pid"]),
                first["comm"],
                int(first["signo"]),
                int(second["target"]),
                int(second["ret"]),
            )


class Assembly:
    """The joiner, told by the kernel's own counts where records went to another reader.

    `since` has each CPU's time at the start, and what is older is left out;
    `read` how many of its records had been read by anyone by then; `count_read`
    gives that number now.
    """

    def __init__(
        self,
        since: Mapping[int, int],
        read: Mapping[int, int],
        count_read: Callable[[], Mapping[int, int]],
    ) -> None:
        self._since = dict(since)
        self._before = Counter(read)
        self._elsewhere = Counter(read)  # read by others, as far as it is known
        self._here: Counter[int] = Counter()
        self._count_read = count_read
        self._joiner = Joiner()

    def join(self, records: Sequence[Record | LostEvents]) -> Iterator[Call | Half | LostEvents]:
        """What the records of one read make."""
        self._here.update(record.cpu for record in records if isinstance(record, Record))
        disturbed = self._disturbed() if self._joiner.open_cpus else frozenset()
        for cpu in disturbed:
            yield from self._joiner.interrupt(cpu)
        for at, record in enumerate(records):
            if isinstance(record, LostEvents):
                yield from self._joiner.interrupt(record.cpu)
                if not self._before_start(records[at:], record.cpu):
                    yield record
            elif not self._old(record):
                # The first new one: later ones are new too, even if the trace clock is changed.
                self._since.pop(record.cpu, None)
                yield from self._joiner.add(record)
        # What the others took may also lie behind this read.
        for cpu in disturbed:
            yield from self._joiner.interrupt(cpu)

    def finish(self) -> Iterator[Half | Taken]:
        """Nothing more will come."""
        for cpu in self._joiner.open_cpus:
            yield from self._joiner.interrupt(cpu)
        # Less than nothing: the buffer was cleared, or made-up lines came with these.
        taken = sum(
            max(0, read - self._before[cpu] - self._here[cpu])
            for cpu, read in self._count_read().items()
        )
        if taken:
            yield Taken(taken)

    def _disturbed(self) -> frozenset[int]:
        """CPUs with a waiting half, of whose records others have read more since last asked."""
        read = self._count_read()
        disturbed = set()
        for cpu in self._joiner.open_cpus:
            elsewhere = read[cpu] - self._here[cpu]
            if elsewhere != self._elsewhere[cpu]:
                self._elsewhere[cpu] = elsewhere
                disturbed.add(cpu)
        return frozenset(disturbed)

    def _old(self, record: Record) -> bool:
        return record.time <= self._since.get(record.cpu, -1)

    def _before_start(self, records: Sequence[Record | LostEvents], cpu: int) -> bool:
        """Whether that CPU's next record is older than this trace, and a loss before it too."""
        for record in records:
            if isinstance(record, Record) and record.cpu == cpu:
                return self._old(record)
        return False
