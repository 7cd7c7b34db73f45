"""A terminal as a person sees it: a pty, and an emulator that reads what programs write to it."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import pyte

from .actors import until
from .commands import environment
from .senders import PATIENCE


class Screen:
    """A terminal, and the program that leads its session."""

    def __init__(self, command: Iterable[str], *, columns: int = 100, lines: int = 24) -> None:
        self._screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self._screen)
        self._master, slave = pty.openpty()
        try:
            self.resize(columns, lines)
            self.process = subprocess.Popen(
                ["setsid", "--ctty", *command],
                stdin=slave,
                stdout=slave,
                stderr=slave,
                env=environment(TERM="linux", LC_ALL="C.UTF-8"),
            )
        except BaseException:
            os.close(self._master)
            raise
        finally:
            os.close(slave)

    def resize(self, columns: int, lines: int) -> None:
        """As when somebody drags the corner of a window."""
        self._screen.resize(lines, columns)
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("=HHHH", lines, columns, 0, 0))

    def type(self, text: str) -> None:
        """Keys, as a person presses them."""
        os.write(self._master, text.encode())

    @property
    def text(self) -> str:
        """What is to be seen, less the empty lines and the blanks at the end of each."""
        return "\n".join(line.rstrip() for line in self._screen.display if line.strip())

    def until(self, what: str, holds: Callable[[str], object]) -> str:
        """Read until the screen shows it; returns the screen."""
        end = time.monotonic() + PATIENCE
        while not holds(self.text):
            ready, _, _ = select.select([self._master], [], [], end - time.monotonic())
            assert ready, f"never: {what}; the screen is\n{self.text}"
            try:
                self._stream.feed(os.read(self._master, 65536))
            except OSError:  # nobody has the terminal any more
                raise AssertionError(
                    f"hung up before: {what}; the screen is\n{self.text}"
                ) from None
        return self.text

    def shows(self, text: str) -> str:
        """Wait until it stands somewhere."""
        return self.until(f"shows {text!r}", lambda screen: text in screen)

    def prompts(self, prompt: str) -> str:
        """Wait for a shell's prompt, on the line of the cursor with nothing behind it."""
        return self.until(
            f"prompts {prompt!r}",
            lambda _: self._screen.display[self._screen.cursor.y].rstrip() == prompt,
        )

    def runs(self, name: str) -> int:
        """Wait until the foreground is a process group led by a program of that name; its pid.

        It has the keys from then on; what is typed sooner the shell may take or throw away.
        """
        found = []

        def is_led_by_it() -> bool:
            found.append(os.tcgetpgrp(self._master))
            try:
                return Path(f"/proc/{found[-1]}/comm").read_text() == f"{name}\n"
            except OSError:
                return False

        until(f"{name} is in the foreground", is_led_by_it)
        return found[-1]

    def clear(self) -> None:
        """Forget what was shown."""
        self._screen.erase_in_display(2)

    def close(self) -> None:
        """Hang up, and end whoever is still there."""
        os.close(self._master)
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
