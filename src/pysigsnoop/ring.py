"""The ring buffer's reading end: records copied in C into a batch, and waiting for them."""

from __future__ import annotations

import contextlib
import os
import select
import struct
import time
from collections.abc import Callable, Iterator

from . import diagnosis
from .layout import SEND_SIZE
from .library import ffi, lib
from .stats import Counts
from .waking import Waking, poll_ms

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .columns import Columns

_SLOT = struct.Struct(f"{SEND_SIZE}s")
# Before each record of `companions`: the index of its send, and its size.
_COMPANION = struct.Struct("=II")
# Large enough that the cost of a call is spread thin, small enough to stay in the cache.
BATCH = 1024
# Of columns Python makes nothing, so that the call itself is most of what it does; as many as
# reader_fill takes.
COLUMNS_BATCH = 2048
# How long a reader that was just woken, or emptied the ring just now, waits before it looks
# again: latency under load. Longer by steps where so long brings few, up to LONGEST_PAUSE_S.
PAUSE_S = 0.001
LONGEST_PAUSE_S = 0.004
# So few come by themselves, not in a flood.
_FEW = 16
# How long the end of a trace waits for a record that is being written.
_WHOLE_S = 1.0


class Ring:
    """Batches of records. One thread reads; any thread may `wake`."""

    def __init__(self, ring_fd: int, live_fd: int, origins: int) -> None:
        self._reader = lib.reader_new(ring_fd, live_fd, origins)
        if self._reader == ffi.NULL:
            raise diagnosis.call_failed("mapping the ring buffer", ffi.errno)
        self._batch = ffi.new("struct sigsnoop_send[]", BATCH)
        self._bytes = ffi.buffer(self._batch)
        with contextlib.ExitStack() as undo:
            undo.callback(lib.reader_free, self._reader)
            self._woken = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
            undo.callback(os.close, self._woken)
            self._waking = Waking()
            undo.callback(self._waking.close)
            self._ring_fd = ring_fd
            sources = (ring_fd, lib.reader_timer_fd(self._reader), self._woken)
            # The same for whoever waits by `fileno`, and for `wait`: epoll believes the kernel's
            # wake-ups, which are few here, and poll looks for itself.
            self._epoll, self._poll = select.epoll(), select.poll()
            for source in sources:
                self._epoll.register(source, select.EPOLLIN)
                self._poll.register(source, select.POLLIN)
            self._poll.register(self._waking.fd, select.POLLIN)
            undo.pop_all()
        self._last_wake = self._emptied = 0.0
        self._pause = PAUSE_S
        self._watched = self._awake = self._muted = False

    def fill(self, *, final: bool = False) -> int:
        """Move what is complete into the batch, at most BATCH events, without waiting.

        Sends that wait for their answer are kept back; `final`, of a trace that has ended,
        brings them without, and waits for a record that is still being written, as others may
        lie behind it.
        """
        return self._filled(
            lambda last: lib.reader_fill(self._reader, self._batch, BATCH, last), BATCH, final
        )

    def fill_columns(self, columns: Columns, *, final: bool = False) -> int:
        """The same into columns of their own."""
        return self._filled(
            lambda last: lib.reader_fill_bytes(self._reader, id(columns), COLUMNS_BATCH, last),
            COLUMNS_BATCH,
            final,
        )

    def _filled(self, fill: Callable[[bool], int], room: int, final: bool) -> int:
        end = time.monotonic() + _WHOLE_S if final else 0.0
        while not (count := fill(False)) and final:
            if not lib.reader_stalled(self._reader) or time.monotonic() > end:
                count = fill(True)
                break
            time.sleep(PAUSE_S)
        if count < 0:
            raise diagnosis.call_failed("reading the ring buffer", -count)
        if 0 < count < room:
            self._emptied = time.monotonic()
            longer = self._pause * 2 if _FEW < count < BATCH // 2 else PAUSE_S
            self._pause = min(longer, LONGEST_PAUSE_S)
        return count

    def records(self, count: int) -> Iterator[tuple[bytes]]:
        """The batch's first `count` slots; that of an end is longer than its record."""
        return _SLOT.iter_unpack(self._bytes[: count * SEND_SIZE])

    def companions(self) -> dict[int, list[bytes]]:
        """What came with the batch's records, in its order, by their index."""
        size = ffi.new("size_t *")
        data = lib.reader_companions(self._reader, size)
        found: dict[int, list[bytes]] = {}
        if not size[0]:
            return found
        held = bytes(ffi.buffer(data, size[0]))
        at = 0
        while at < len(held):
            index, length = _COMPANION.unpack_from(held, at)
            at += _COMPANION.size
            found.setdefault(index, []).append(held[at : at + length])
            at += length
        return found

    def fileno(self, *, pending: bool) -> int:
        """Readable while `fill` has something to do, and from `wake` to `settle`.

        What keeps it so costs system calls, so it begins with the first call; `pending`
        is whether it is to be readable until `settle`.
        """
        if not self._watched:
            self._watched = True
            if pending or not lib.reader_may_sleep(self._reader):
                self.wake()
        return self._epoll.fileno()

    def rest(self, timeout: float | None) -> None:
        """Let records gather where they come fast, for `timeout` seconds at the most.

        Who reads faster than others send would take them one by one, and each turn
        costs more than the event.
        """
        pause = self._pause if timeout is None else min(self._pause, timeout)
        # To sleep for no time at all is a system call too.
        if pause > 0 and time.monotonic() - self._emptied < PAUSE_S:
            time.sleep(pause)

    def wait(self, timeout: float | None) -> None:
        """Block until `fill` has something to do, or for `timeout` seconds; may return early.

        To be woken costs the sender of a signal more than the record does. So a
        reader that was woken just now looks again a little later, by itself; only
        when it then finds nothing does it ask to be woken. So does one that found a
        record which is still being written: its writer may want this very CPU.
        """
        now = time.monotonic()
        if now - self._last_wake < PAUSE_S or lib.reader_stalled(self._reader):
            time.sleep(PAUSE_S if timeout is None else min(PAUSE_S, timeout))
        elif lib.reader_may_sleep(self._reader):
            with self._waking:
                self._poll.poll(poll_ms(timeout))
            self._last_wake = time.monotonic()

    def counts(self) -> Counts:
        """What `fill` brought so far."""
        counts = lib.reader_counts(self._reader)
        return Counts(
            counts.events,
            counts.calls,
            counts.signals,
            counts.filtered,
            counts.deliveries,
            counts.deaths,
            counts.missing,
            counts.answers,
            counts.victims,
        )

    def wake(self) -> None:
        """Make `fileno` readable, whatever the ring holds."""
        os.eventfd_write(self._woken, 1)
        self._awake = True

    def hold(self) -> None:
        """`wake` for those who wait by `fileno`, if any: events wait in Python."""
        if self._watched:
            self.wake()

    @property
    def settled(self) -> bool:
        """Whether `settle` has nothing to do."""
        return not (self._awake or self._watched)

    def settle(self) -> None:
        """Undo both: from now on the ring alone decides whether `fileno` is readable."""
        if self._awake:
            self._awake = False
            with contextlib.suppress(BlockingIOError):
                os.eventfd_read(self._woken)
        if not self._watched:
            return
        stalled = bool(lib.reader_stalled(self._reader))
        if stalled != self._muted:
            # Behind a record that is still being written there may be one that woke us, and the
            # ring would be readable all the time; the reader's timer says when to look again.
            self._epoll.modify(self._ring_fd, 0 if stalled else select.EPOLLIN)
            self._muted = stalled
        if not stalled and not lib.reader_may_sleep(self._reader):
            self.wake()

    def close(self) -> None:
        """Unmap the ring; what it still holds is gone."""
        self._epoll.close()
        os.close(self._woken)
        self._waking.close()
        lib.reader_free(self._reader)
        self._reader = ffi.NULL
