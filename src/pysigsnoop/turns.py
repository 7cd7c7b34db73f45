"""Who may do what to a tracer when: threads, tasks and signal handlers, one after the other."""

from __future__ import annotations

from .errors import ReaderBusy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .tracer import SignalTracer


class Change:
    """A step from one state to the next, with whether it is the outermost.

    It is not, where a signal handler came upon its own thread half-way through
    one: what the handler wants is then done as soon as that step is over.
    """

    def __init__(self, tracer: SignalTracer) -> None:
        self._tracer = tracer
        self._outermost = False

    def __enter__(self) -> bool:
        tracer = self._tracer
        tracer._state.acquire()
        self._outermost = not tracer._changing
        tracer._changing = True
        return self._outermost

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        tracer = self._tracer
        deferred = None
        if self._outermost:
            deferred, tracer._deferred = tracer._deferred, None
            tracer._changing = False
        tracer._state.release()
        if deferred:
            deferred()


class Turn:
    """A reader's turn, with whether the tracer is still open.

    Refuses a second reader, and finishes a close() that comes meanwhile.
    """

    def __init__(self, tracer: SignalTracer) -> None:
        self._tracer = tracer

    def __enter__(self) -> bool:
        tracer = self._tracer
        if not tracer._ready:
            tracer._check_open()
        if not tracer._reading.acquire(blocking=False):
            if not tracer._closed:
                raise _busy()
            # Held by a close() that is finishing, which is no second reader.
            tracer._reading.acquire()
        if tracer._busy:
            tracer._reading.release()
            raise _busy()
        tracer._busy = True
        return not tracer._closed

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        tracer = self._tracer
        tracer._busy = False
        try:
            # After `_busy` is cleared: a close() in a handler here finishes by itself.
            if tracer._closed:
                tracer._finish()
        finally:
            tracer._reading.release()


def _busy() -> ReaderBusy:
    return ReaderBusy("this tracer is being read already", hint="one reader for each tracer")
