"""A command in a terminal of its own, and what a person in front of it would see."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time
from collections.abc import Callable

import pyte

from .commands import environment
from .senders import PATIENCE


class Screen:
    """A terminal, read by an emulator; the test types on it and changes its size."""

    def __init__(self, command: list[str], columns: int = 80, lines: int = 24) -> None:
        self._screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self._screen)
        #: All that was ever written to it.
        self.raw = b""
        self._master, slave = pty.openpty()
        try:
            self._set_size(columns, lines)
            self.process = subprocess.Popen(
                ["setsid", "--ctty", *command],
                stdin=slave,
                stdout=slave,
                stderr=slave,
                env=environment(TERM="xterm-256color", COLORTERM="", NO_COLOR=""),
            )
        except BaseException:
            os.close(self._master)
            raise
        finally:
            os.close(slave)

    @property
    def lines(self) -> list[str]:
        """The lines, top to bottom, without the blanks at their ends."""
        return [line.rstrip() for line in self._screen.display]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    @property
    def cursor_hidden(self) -> bool:
        return bool(self._screen.cursor.hidden)

    @property
    def wraps(self) -> bool:
        """Whether what is too long for a line goes on in the next."""
        return pyte.modes.DECAWM in self._screen.mode

    def read(self, timeout: float) -> None:
        """Take in what is written to it, for so long at most."""
        ready, _, _ = select.select([self._master], [], [], timeout)
        if ready:
            data = os.read(self._master, 65536)
            self.raw += data
            self._stream.feed(data)

    def until(self, what: str, holds: Callable[[], object]) -> None:
        """Wait for what is to be seen."""
        end = time.monotonic() + PATIENCE
        while not holds():
            assert time.monotonic() < end, f"never seen: {what}\n{self.text}"
            self.read(0.1)

    def shows(self, text: str) -> None:
        """Wait for a text."""
        self.until(text, lambda: text in self.text)

    def type(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def resize(self, columns: int, lines: int) -> None:
        """As a window is resized: the program is told by SIGWINCH."""
        self._screen.resize(lines, columns)
        self._set_size(columns, lines)

    def _set_size(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("=HHHH", lines, columns, 0, 0))

    def hang_up(self) -> None:
        """As when a window is closed; what ran on it may run on."""
        if self._master >= 0:
            os.close(self._master)
            self._master = -1

    def close(self) -> None:
        """Hang up, and end whatever ran on it."""
        if self.process.returncode is not None:
            return
        self.hang_up()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
