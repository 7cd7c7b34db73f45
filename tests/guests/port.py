"""What a guest says on its port: the command's output, and two marks of run.sh's.

A mark is a line that begins with a NUL and the guest's nonce. The output before it need not end
in a newline, and what comes after the last mark is of no interest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

# Bytes without a newline after which a line is passed on in parts.
_LONGEST = 1 << 16


class Port:
    """Takes the guest's bytes as they come; calls `on_line` with each line of output."""

    def __init__(self, nonce: str, on_line: Callable[[str], None]) -> None:
        self.ready = False
        self.exit_code: int | None = None
        self._mark = b"\0" + nonce.encode() + b" "
        self._on_line = on_line
        self._rest = b""

    def feed(self, data: bytes) -> None:
        """Take the next bytes."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._take(line)
        if len(self._rest) > _LONGEST:
            # A mark may have begun in the last bytes.
            whole = len(self._rest) - 2 * len(self._mark)
            self._pass_on(self._rest[:whole])
            self._rest = self._rest[whole:]

    def end(self) -> None:
        """No more bytes: pass on a last line that has no newline."""
        if self._rest:
            self._pass_on(self._rest)
        self._rest = b""

    def _take(self, line: bytes) -> None:
        before, mark, word = line.partition(self._mark)
        if before or not mark:
            self._pass_on(before)
        if word == b"ready":
            self.ready = True
        elif word.startswith(b"exit "):
            self.exit_code = int(word[5:])

    def _pass_on(self, line: bytes) -> None:
        if self.exit_code is None:
            self._on_line(line.decode(errors="replace").rstrip("\r"))
