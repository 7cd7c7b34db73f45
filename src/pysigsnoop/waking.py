"""A sleep that ends when a signal comes, whenever and to whichever thread it does."""

from __future__ import annotations

import contextlib
import math
import os
import signal

# More than a pipe holds.
_ALL = 1 << 20
# What poll(2) takes is an int: some 24 days.
_LONGEST_MS = 2**31 - 1


def poll_ms(seconds: float | None) -> int | None:
    """A timeout as poll() takes it: whole ms, and never too short but where poll cannot so long."""
    return None if seconds is None else math.ceil(min(seconds * 1000, _LONGEST_MS))


class Waking:
    """Around a sleep: until its end each signal makes `fd` readable.

    Python runs signal handlers, which may stop the tracer, between its own steps and in the main
    thread only. One whose signal came just before that thread slept, or came to another thread,
    would wait for the sleep's end. In other threads this does nothing, and need not.
    """

    def __init__(self) -> None:
        self.fd, self._write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._before: int | None = None

    def __enter__(self) -> None:
        try:
            self._before = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        except ValueError:
            self._before = None  # not the main thread

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        if self._before is None:
            return
        signal.set_wakeup_fd(self._before)
        with contextlib.suppress(BlockingIOError):
            came = os.read(self.fd, _ALL)
            # Whose place was taken (asyncio's, say) learns of them too.
            if self._before != -1:
                os.write(self._before, came)

    def close(self) -> None:
        """Call it once."""
        os.close(self.fd)
        os.close(self._write)
