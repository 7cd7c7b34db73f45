"""The command on a terminal, and what a person sees there: an emulator reads its output."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time

import pyte

from .commands import PYSIGSNOOP, environment, forced
from .senders import PATIENCE


class Terminal:
    """A running `pysigsnoop` whose stdout and stderr are a terminal of some size."""

    def __init__(self, *arguments: str, columns: int, lines: int, **variables: str) -> None:
        self.screen = pyte.Screen(columns, lines)
        self._emulator = pyte.ByteStream(self.screen)
        self._master, slave = pty.openpty()
        self._size(slave, columns, lines)
        try:
            self.process = subprocess.Popen(
                [*PYSIGSNOOP, *forced(arguments)],
                stdin=subprocess.DEVNULL,
                stdout=slave,
                stderr=slave,
                env=environment(**{"TERM": "xterm", "NO_COLOR": "", **variables}),
            )
        finally:
            os.close(slave)

    @staticmethod
    def _size(terminal: int, columns: int, lines: int) -> None:
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def resize(self, columns: int, lines: int) -> None:
        """Like a person who drags the window's edge, with the screen cleared."""
        self._size(self._master, columns, lines)
        self.screen.resize(lines, columns)
        self.screen.reset()

    @property
    def rows(self) -> list[str]:
        """What is seen, less the empty rows below."""
        return "\n".join(row.rstrip() for row in self.screen.display).rstrip("\n").split("\n")

    def row(self, *words: str) -> int:
        """The number of the first row that has all these words, as soon as there is one."""
        end = time.monotonic() + PATIENCE
        while True:
            for number, row in enumerate(self.rows):
                if all(word in row for word in words):
                    return number
            left = end - time.monotonic()
            assert left > 0, f"no row has {words}: {self.rows}"
            if select.select([self._master], [], [], left)[0]:
                self._read()

    def line(self, *words: str) -> str:
        """The text of that row."""
        number = self.row(*words)
        return self.rows[number]

    def _read(self) -> None:
        try:
            self._emulator.feed(os.read(self._master, 65536))
        except OSError as error:  # EIO: nobody writes any more
            raise EOFError("\n".join(self.rows)) from error

    def style(self, row: int, word: str) -> tuple[str, bool]:
        """The colour of a word in a row, and whether it is bold; it must be one throughout."""
        line, begin = self.screen.buffer[row], self.rows[row].index(word)
        cells = [line[column] for column in range(begin, begin + len(word))]
        ((colour, bold),) = {(cell.fg, cell.bold) for cell in cells}
        return colour, bold

    def end(self, number: int) -> int:
        """Send it a signal and read the rest; its exit status."""
        self.process.send_signal(number)
        try:
            while True:
                self._read()
        except EOFError:
            return self.process.wait(PATIENCE)

    def close(self) -> None:
        """End it whatever its state."""
        self.process.kill()
        self.process.wait()
        os.close(self._master)
