"""A terminal that one program has to itself for a while, and gives back whatever happens.

It is opened anew, so that nothing here changes how others write to it: a terminal that is slow or
stopped holds up no one, and what it had no time to draw is left out.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import signal
import termios
import time
from collections.abc import Sequence
from types import FrameType, TracebackType
from typing import Any

from .interrupted import Interrupted
from .keys import Keys

# The other screen, no cursor, and what is too long for a line is cut off.
_ENTER = b"\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J"
_LEAVE = b"\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l"
# How long the rest of an escape sequence may take, and a stopped terminal at the end.
_ESCAPE_S = 0.05
_LEAVE_S = 0.5
_IFLAG, _LFLAG, _CC = 0, 3, 6
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
_OTHERS = (signal.SIGTSTP, signal.SIGCONT, signal.SIGWINCH)


def capable(fd: int) -> bool:
    """Whether it is a terminal on which a cursor can be moved."""
    return os.isatty(fd) and os.environ.get("TERM", "dumb") not in ("", "dumb")


class Terminal:
    """The terminal of `fd`, as a context: keys are read as typed, and lines drawn where they are.

    Ends by none of the signals that a terminal sends; they are told by `ended`.
    """

    def __init__(self, fd: int, encoding: str = "utf-8") -> None:
        self._given = fd
        self._encoding = encoding
        self._keys = Keys()
        self._lines: list[str] = []
        self._unsent = b""
        #: The signal that is to end the program.
        self.ended: int | None = None
        #: Whether all has to be drawn anew.
        self.changed = True
        self._suspended = self._continued = False
        self._saved: list[Any] = []

    def __enter__(self) -> Terminal:
        try:
            self._fd = os.open(os.ttyname(self._given), os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        except OSError:  # of another mount namespace
            self._fd = os.dup(self._given)
        self._woken = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._before: dict[int, Any] = {}
        try:
            for number in (*_ENDING, *_OTHERS):
                # Who has it ignored (nohup) keeps it ignored.
                if signal.getsignal(number) != signal.SIG_IGN:
                    self._before[number] = signal.signal(number, self._signalled)
            self._saved = termios.tcgetattr(self._fd)
            self._enter()
        except BaseException:
            self._release()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._release()
        if self.ended in (signal.SIGHUP, signal.SIGQUIT) and kind is None:
            # Told by whoever waits for us, as if it had not been caught.
            signal.signal(self.ended, signal.SIG_DFL)
            os.kill(os.getpid(), self.ended)

    def _signalled(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """Only noted; whoever waits here acts on it."""
        if number in _ENDING:
            if self.ended is not None:
                raise Interrupted  # the second: whatever it is at takes too long
            self.ended = number
        elif number == signal.SIGTSTP:
            self._suspended = True
        elif number == signal.SIGCONT:
            self._continued = True
        else:
            self.changed = True
        os.eventfd_write(self._woken, 1)

    def _release(self) -> None:
        for number in self._before:
            signal.signal(number, signal.SIG_IGN)
        self._leave()
        for number, handler in self._before.items():
            signal.signal(number, handler)
        os.close(self._woken)
        os.close(self._fd)

    def _enter(self) -> None:
        mode = termios.tcgetattr(self._fd)
        mode[_LFLAG] &= ~(termios.ICANON | termios.ECHO)
        mode[_CC][termios.VMIN], mode[_CC][termios.VTIME] = 1, 0
        self._set_mode(mode)
        self._unsent = _ENTER
        self.changed = True

    def _set_mode(self, mode: list[Any]) -> None:
        while True:
            try:
                # Not TCSADRAIN: a stopped terminal never drains.
                return termios.tcsetattr(self._fd, termios.TCSANOW, mode)
            except termios.error as error:
                # In the background it stops us, and is to be tried again once we go on.
                if error.args[0] != errno.EINTR:
                    raise

    def _leave(self) -> None:
        """Back to as it was; where it is stopped or gone, as far as that goes."""
        self._unsent += _LEAVE
        with contextlib.suppress(termios.error):
            if self._send() and self._unsent:
                # Stopped by Ctrl-S: it goes on once that key has no meaning.
                mode = [*self._saved]
                mode[_IFLAG] &= ~termios.IXON
                self._set_mode(mode)
            end = time.monotonic() + _LEAVE_S
            while self._unsent and time.monotonic() < end and self._send():
                select.select([], [self._fd], [], 0.05)
            self._set_mode(self._saved)

    def suspend_if_asked(self) -> None:
        """Ctrl-Z: give the terminal back and stop; once continued, take it again."""
        try:
            self._suspend_if_asked()
        except termios.error:
            # It hung up meanwhile.
            self.ended = self.ended or signal.SIGHUP

    def _suspend_if_asked(self) -> None:
        if self._suspended:
            self._suspended = False
            self._leave()
            before = signal.signal(signal.SIGTSTP, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGTSTP)
            # Here once continued.
            signal.signal(signal.SIGTSTP, before)
            self._saved = termios.tcgetattr(self._fd)
            self._continued = True
        if self._continued:
            # Whoever had the terminal meanwhile may have changed it, a shell after SIGSTOP too.
            self._continued = False
            self._enter()

    @property
    def size(self) -> tuple[int, int]:
        """Columns and lines."""
        try:
            columns, rows = os.get_terminal_size(self._fd)
        except OSError:
            return 80, 24
        return columns or 80, rows or 24

    def draw(self, lines: Sequence[str]) -> None:
        """Show these lines, top to bottom; only those that changed are sent."""
        parts = []
        if self.changed:
            self._lines = []
            parts.append("\x1b[2J")
            self.changed = False
        for at, line in enumerate(lines):
            if at >= len(self._lines) or self._lines[at] != line:
                # Only where each character is one cell wide does a line surely cover the old one.
                erase = "" if line.isascii() else "\x1b[K"
                parts.append(f"\x1b[{at + 1};1H{erase}{line}\x1b[0m")
        self._lines = [*lines]
        self._unsent += "".join(parts).encode(self._encoding, "replace")
        self._send()

    @property
    def idle(self) -> bool:
        """Whether all that was drawn has been sent."""
        return not self._unsent

    def _send(self) -> bool:
        """Send what the terminal takes now; False where it is gone."""
        try:
            while self._unsent:
                self._unsent = self._unsent[os.write(self._fd, self._unsent) :]
        except BlockingIOError:
            pass
        except OSError:
            self._unsent = b""
            self.ended = self.ended or signal.SIGHUP
            return False
        return True

    def wait(self, seconds: float, also: Sequence[int] = ()) -> list[str]:
        """The keys typed, after so many seconds or earlier: where there are some, where one of
        `also` can be read, or where a signal came."""
        if self._keys.waiting:
            seconds = min(seconds, _ESCAPE_S)
        readers = [self._fd, self._woken, *also]
        ready, writable, _ = select.select(
            readers, [self._fd] if self._unsent else [], [], max(0.0, seconds)
        )
        if self._woken in ready:
            os.eventfd_read(self._woken)
        if writable:
            self._send()
        if self._fd not in ready:
            return self._keys.flush() if self._keys.waiting and not ready else []
        try:
            data = os.read(self._fd, 1024)
        except BlockingIOError:
            return []
        except OSError:
            data = b""
        if not data:
            self.ended = self.ended or signal.SIGHUP
        return self._keys.feed(data)
