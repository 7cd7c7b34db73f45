"""The ring buffer's reading end: records copied in C into a batch, and waiting for them."""

from __future__ import annotations

import contextlib
import math
import os
import select
import struct
import time
from collections.abc import Iterator
from typing import Any

from . import diagnosis
from ._records import SEND_FORMAT
from .library import ffi, lib
from .stats import Counts

_RECORD = struct.Struct(SEND_FORMAT)
# Before each record of `companions`: the index of its send, and its size.
_COMPANION = struct.Struct("=II")
# Large enough that the cost of a call is spread thin, small enough to stay in the cache.
BATCH = 1024
# How long a reader that was just woken waits before it looks again: latency under load.
PAUSE_S = 0.001


class Ring:
    """Batches of records. One thread reads; any thread may `wake`."""

    def __init__(self, ring_fd: int, live_fd: int, origins: int) -> None:
        self._reader = lib.reader_new(ring_fd, live_fd, origins)
        if self._reader == ffi.NULL:
            raise diagnosis.call_failed("mapping the ring buffer", ffi.errno)
        self._batch = ffi.new("struct sigsnoop_send[]", BATCH)
        self._bytes = ffi.buffer(self._batch)
        self._woken = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        sources = (ring_fd, lib.reader_timer_fd(self._reader), self._woken)
        # The same for whoever waits by `fileno`, and for `wait`: epoll believes the kernel's
        # wake-ups, which are few here, and poll looks for itself.
        self._epoll, self._poll = select.epoll(), select.poll()
        for source in sources:
            self._epoll.register(source, select.EPOLLIN)
            self._poll.register(source, select.POLLIN)
        self._last_wake = 0.0
        lib.reader_may_sleep(self._reader)

    def fill(self, *, final: bool = False) -> int:
        """Move what is complete into the batch, at most BATCH sends, without waiting.

        Sends that wait for their answer are kept back; `final` brings them without.
        """
        count = lib.reader_fill(self._reader, self._batch, BATCH, final)
        if count < 0:
            raise diagnosis.call_failed("reading the ring buffer", -count)
        return int(count)

    def record(self, index: int, layout: struct.Struct) -> tuple[Any, ...]:
        """One record of the batch that is of another type than a send."""
        return layout.unpack_from(self._bytes, index * _RECORD.size)

    def records(self, count: int) -> Iterator[tuple[Any, ...]]:
        """The batch's first `count` records, in the order of `SEND_FIELDS`."""
        return _RECORD.iter_unpack(self._bytes[: count * _RECORD.size])

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

    def fileno(self) -> int:
        """Readable while `fill` has something to do, and from `wake` to `settle`."""
        return self._epoll.fileno()

    def wait(self, timeout: float | None) -> None:
        """Block until `fill` has something to do, or for `timeout` seconds; may return early.

        To be woken costs the sender of a signal more than the record does. So a
        reader that was woken just now looks again a little later, by itself; only
        when it then finds nothing does it ask to be woken.
        """
        now = time.monotonic()
        if now - self._last_wake < PAUSE_S:
            time.sleep(PAUSE_S if timeout is None else min(PAUSE_S, timeout))
        elif lib.reader_may_sleep(self._reader):
            self._poll.poll(None if timeout is None else math.ceil(timeout * 1000))
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
        )

    def wake(self) -> None:
        """Make `fileno` readable, whatever the ring holds."""
        os.eventfd_write(self._woken, 1)

    def settle(self) -> None:
        """Undo `wake`: from now on the ring alone decides whether `fileno` is readable."""
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._woken)
        if not lib.reader_may_sleep(self._reader):
            self.wake()

    def close(self) -> None:
        """Unmap the ring; what it still holds is gone."""
        self._epoll.close()
        os.close(self._woken)
        lib.reader_free(self._reader)
        self._reader = ffi.NULL
