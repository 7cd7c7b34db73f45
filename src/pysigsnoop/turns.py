"""Who may do what to a tracer when: threads, tasks and signal handlers, one after the other."""

from __future__ import annotations

import threading
from collections.abc import Callable

from .errors import ReaderBusy, TracerClosed


class Shared:
    """What is changed and read in turns: how far it is, and its locks.

    All three locks can be met again by a signal handler in the thread that is at them.
    """

    def __init__(self) -> None:
        self._opened = self._ready = self._stopped = self._closed = self._finished = False
        # Guards opening, stopping and closing; never held while waiting for events.
        self._state = threading.RLock()
        self._changing = False
        self._deferred: Callable[[], None] | None = None
        # Held by whoever reads, and by a close() that waits for the reader's end. Re-entrant, so
        # `_busy` tells a second reader: another task, or a handler, of the same thread.
        self._reading = threading.RLock()
        self._busy = False
        # Taken by the one that finishes, and given back only where that failed.
        self._finishing = threading.Lock()

    def _finish(self) -> None:
        """With the reading lock held: count what nobody read, and free all."""
        raise NotImplementedError

    def _check_open(self) -> None:
        if self._closed:
            raise TracerClosed("the tracer is closed", hint="make another SignalTracer")
        if not self._ready:
            raise TracerClosed("the tracer is not open", hint="with SignalTracer() as tracer:")


class Change:
    """A step from one state to the next, with whether it is the outermost.

    It is not, where a signal handler came upon its own thread half-way through
    one: what the handler wants is then done as soon as that step is over.
    """

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._outermost = False

    def __enter__(self) -> bool:
        shared = self._shared
        shared._state.acquire()
        self._outermost = not shared._changing
        shared._changing = True
        return self._outermost

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        shared = self._shared
        deferred = None
        if self._outermost:
            deferred, shared._deferred = shared._deferred, None
            shared._changing = False
        shared._state.release()
        if deferred:
            deferred()


class Turn:
    """A reader's turn, with whether the tracer is still open.

    Refuses a second reader, and finishes a close() that comes meanwhile.
    """

    def __init__(self, shared: Shared) -> None:
        self._shared = shared

    def __enter__(self) -> bool:
        shared = self._shared
        if not shared._ready:
            shared._check_open()
        if not shared._reading.acquire(blocking=False):
            if not shared._closed:
                raise _busy()
            # Held by a close() that is finishing, which is no second reader.
            shared._reading.acquire()
        if shared._busy:
            shared._reading.release()
            raise _busy()
        shared._busy = True
        return not shared._closed

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        shared = self._shared
        shared._busy = False
        try:
            # After `_busy` is cleared: a close() in a handler here finishes by itself.
            if shared._closed:
                shared._finish()
        finally:
            shared._reading.release()


def _busy() -> ReaderBusy:
    return ReaderBusy("this tracer is being read already", hint="one reader for each tracer")
