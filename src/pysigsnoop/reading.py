"""Reading a tracer: from batches of records to the caller, one reader at a time."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator

from .alive import is_alive
from .clock import wall_offset
from .decoding import Decoder
from .ends import Death, Delivery
from .event import Event
from .ring import Ring
from .turns import Change, Shared, Turn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .columns import Columns

# How often follow() looks whether its target is still there.
_LOOK_S = 0.1


class Reading(Shared):
    """What SignalTracer gives to read, of the ring and the decoder that it sets once it is open."""

    _ring: Ring
    _decoder: Decoder

    def __init__(self) -> None:
        super().__init__()
        self._pending: deque[Event] = deque()
        # Ends that follow() has returned and that still wait for the next read: not unread.
        self._followed: set[object] = set()

    def fileno(self) -> int:
        """A descriptor for select, poll and epoll: readable while events wait to be read.

        It stays readable once the tracer has stopped. Level-triggered only; do not
        read from it. Raises TracerClosed where the tracer is not open.
        """
        self._check_open()
        return self._ring.fileno(pending=bool(self._pending))

    def read(self, timeout: float | None = None, limit: int | None = None) -> list[Event]:
        """Events that wait, some thousands or `limit` at most, in the order of the kernel's ring.

        Blocks until there is one, for `timeout` seconds at most (0: not at all;
        None: for ever). Empty on time-out, and once stopped and read to the end.
        Raises TracerClosed when the tracer is closed, before or while it waits.
        """
        with Turn(self):
            self._check_open()
            self._refill(timeout)
            self._check_open()
            if limit is None or limit >= len(self._pending):
                events = [*self._pending]
                self._pending.clear()
                self._settle()
            else:
                events = [self._pending.popleft() for _ in range(limit)]
                self._ring.hold()
            return events

    def read_columns(self, timeout: float | None = None) -> Columns:
        """The same events as a table, for those who count: a batch of records as they are.

        Far cheaper than events, one by one; numpy wraps it without copying, see
        Columns. Waits, ends and raises as `read` does; empty where that gives no
        event. Counted in `stats` as events are. What `details` and `stacks` add is
        not among the columns.
        """
        from .columns import Columns

        with Turn(self):
            self._check_open()
            columns = Columns()
            columns.wall_offset = wall_offset()
            if self._pending:
                columns.extend(b"".join(event._record for event in drained(self._pending)))
            else:
                self._await(timeout, lambda: self._ring.fill_columns(columns, final=self._stopped))
            if not columns:
                self._check_open()
            self._settle()
            return columns

    def _refill(self, timeout: float | None) -> None:
        """Wait until an event is pending, or the trace is at its end, or time is out."""
        if not self._pending:
            self._await(timeout, self._take)

    def _await(self, timeout: float | None, take: Callable[[], int]) -> None:
        """Wait until `take` got something, or the trace is at its end, or time is out."""
        end = None if timeout is None else time.monotonic() + timeout
        if not self._stopped:
            self._ring.rest(timeout)
        while not self._closed:
            stopped = self._stopped
            if take() or stopped:
                return
            # Readable does not mean complete: the kernel may still be writing the record.
            left = None if end is None else end - time.monotonic()
            if left is not None and left <= 0:
                return
            self._ring.wait(left)

    def _take(self) -> bool:
        """Move one batch from the ring to the pending events."""
        count = self._ring.fill(final=self._stopped)
        if not count:
            return False
        self._pending.extend(self._decoder.events(count))
        return True

    def follow(self, event: Event, timeout: float | None = None) -> list[Delivery | Death]:
        """Wait for the end of one send: its Delivery, its Death, or both, in that order.

        Blocks until what becomes of the signal is known, for `timeout` seconds at
        most (None: for ever), or until the trace has ended. Empty where nothing
        follows (see `event.outcome`), where time is out, and where the target took
        the signal in silence (sigwait, signalfd) or kept it pending, and ended. What
        is read meanwhile waits for the next read, the ends returned here too: those
        count as received, once, whether they are read again or not. Needs `outcomes`;
        raises TracerClosed when the tracer is closed, before or while it waits.
        """
        with Turn(self):
            self._check_open()
            found: list[Delivery | Death] = []
            end = None if timeout is None else time.monotonic() + timeout
            looked = 0
            while event.outcome not in (None, "discarded", "continued"):
                gone = event.target is not None and not is_alive(event.target)
                stopped = self._stopped
                more = self._take()
                for each in list(self._pending)[looked:]:
                    if isinstance(each, Delivery | Death) and each.send_id == event.id:
                        found.append(each)
                looked = len(self._pending)
                if found and found[-1].action != "default":
                    break
                left = None if end is None else end - time.monotonic()
                if not more:
                    if gone or stopped or self._closed or (left is not None and left <= 0):
                        break
                    self._ring.wait(_LOOK_S if left is None else min(left, _LOOK_S))
            self._check_open()
            self._followed.intersection_update(list(self._pending))  # the others were read
            self._followed.update(found)
            if self._pending:
                self._ring.hold()
            return found

    def _settle(self) -> None:
        """Nothing is pending in Python, so the ring alone decides whether fileno is readable."""
        if self._ring.settled:
            return
        with Change(self):
            if not self._stopped:
                self._ring.settle()

    def _hand_out(self) -> Iterator[Event]:
        """The pending events, one by one; close() in another thread may end it at any point."""
        while True:
            try:
                event = self._pending.popleft()
            except IndexError:
                return
            if not self._pending:
                self._settle()
            yield event

    def __iter__(self) -> Iterator[Event]:
        """Events as they come, until the tracer is stopped and read out, or closed."""
        while not self._closed:
            with Turn(self) as open_:
                stopped = self._stopped
                if open_:
                    self._refill(None)
                if self._pending:
                    self._ring.hold()
                elif stopped:
                    return
            yield from self._hand_out()

    async def __aiter__(self) -> AsyncIterator[Event]:
        """The same for asyncio: waits without blocking the loop."""
        import asyncio

        loop = asyncio.get_running_loop()
        while not self._closed:
            with Turn(self) as open_:
                stopped = self._stopped
                if open_:
                    self._refill(0)
                if self._pending:
                    self._ring.hold()
                elif stopped:
                    return
                else:
                    readable = loop.create_future()
                    fileno = self._ring.fileno(pending=False)
                    self._settle()
                    loop.add_reader(fileno, _resolve, readable)
                    try:
                        await readable
                    finally:
                        loop.remove_reader(fileno)
            for event in self._hand_out():
                yield event


def drained(pending: deque[Event]) -> Iterator[Event]:
    """All of it, taken one by one: whoever iterates may be taking events too."""
    while True:
        try:
            event = pending.popleft()
        except IndexError:
            return
        yield event


def _resolve(future: object) -> None:
    """A reader callback can be called once more before it is removed."""
    if not future.done():  # type: ignore[attr-defined]  # asyncio is imported late
        future.set_result(None)  # type: ignore[attr-defined]
