"""From a batch of records to events of all types, each with what came beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from .bpf_object import BpfObject
from .clock import wall_offset
from .details import CommandLines, sides
from .ends import DELIVERY, Began, Death, Delivery, is_unseen
from .errors import PysigsnoopError
from .event import SEND, Event
from .ring import Ring

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import EllipsisType

    from .stack import Stack

#: The program by which the kernel is asked whether a process still runs the same program.
STILL_RUNS = "still_runs"


class Decoder:
    """Decodes a ring's batches; `began` is asked where an end cannot name its send."""

    def __init__(
        self,
        ring: Ring,
        bpf: BpfObject,
        *,
        details: bool,
        stacks: bool,
        began: Callable[[], Began],
    ) -> None:
        self._ring = ring
        self._bpf = bpf
        self._plain = not (details or stacks)
        self._command_lines = CommandLines(self._still_runs) if details else None
        self._began = began
        self._locator = None
        if stacks:
            from .locate import Locator  # late: few ask for stacks

            self._locator = Locator()

    def events(self, count: int) -> Iterable[Event]:
        """The batch's first `count` events. Typed as sends, which is what most tracers give."""
        records = self._ring.records(count)
        return self._plain_events(records) if self._plain else self._all(records)

    def _plain_events(self, records: Iterable[tuple[bytes]]) -> list[Event]:
        """Events from their records alone."""
        offset = wall_offset()
        began = None
        new = Event.__new__
        events = []
        for (record,) in records:
            # The first byte of the type: all machines that this runs on put the lowest first.
            if record[0] == SEND:
                # Without a call of __init__, which would take half as long again.
                event = new(Event)
                event._record = record
                event._wall_offset = offset
                event._details = None
                event._stack = ...
                events.append(event)
            else:
                if began is None and is_unseen(record):
                    began = self._began()
                events.append(_end(record, offset, began))
        return events

    def _all(self, records: Iterable[tuple[bytes]]) -> Iterator[Event]:
        offset = wall_offset()
        began = None
        companions = self._ring.companions()
        # All at once, so that a process is looked at once.
        stacks = self._locator.stacks(companions, offset) if self._locator else {}
        no_stack = None if self._locator else ...
        for index, (record,) in enumerate(records):
            if record[0] == SEND:
                yield self._send(
                    record, offset, companions.get(index, ()), stacks.get(index, no_stack)
                )
                continue
            if began is None and is_unseen(record):
                began = self._began()
            yield _end(record, offset, began)

    def _send(
        self,
        record: bytes,
        offset: int,
        companions: Iterable[bytes],
        stack: Stack | EllipsisType | None,
    ) -> Event:
        """A send; with details, a target's command line has to be looked up at once."""
        if not self._command_lines:
            return Event(record, offset, stack=stack)
        both = sides(companions)
        event = Event(record, offset, both, stack)
        target = event.target
        if target:
            self._command_lines.complete(both.target, target.pid, target.host_pid, target.start_ns)
        return event

    def _still_runs(self, *identity: int) -> bool:
        """Whether a process is still the one, and runs the same program; see CommandLines."""
        try:
            return self._bpf.run_once(STILL_RUNS, *identity) == 1
        except PysigsnoopError:
            return False  # who dropped the right to ask does without


def _end(record: bytes, offset: int, began: Began | None) -> Event:
    kind = Delivery if record[0] == DELIVERY else Death
    return kind(record, offset, began)  # type: ignore[return-value]
