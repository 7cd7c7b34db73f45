"""What a stream can show: how wide, in colours or not, which characters."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Mapping
from typing import NamedTuple, TextIO

# A terminal that does not know its own size is taken for the usual one.
USUAL_WIDTH = 80


class Glyphs(NamedTuple):
    """Characters beyond ASCII, or what stands for them where the encoding lacks them; each one
    column wide, but for the unit."""

    arrow: str
    branch: str
    cut: str
    micro: str


PLAIN = Glyphs(">", "`", "~", "us")
FULL = Glyphs("\u2192", "\u2514", "\u2026", "\u00b5s")

# SGR parameters, of the 16 colours that every terminal has and its user chose.
_STYLES = {
    "heading": "1",
    "faint": "2",
    "mark": "36",
    "death": "1;31",
    "fatal": "31",
    "failure": "33",
    "stop": "35",
    "loss": "1;33",
}


class Screen:
    """Where text lines go.

    `choice` is `auto`, `always` or `never`; auto colours a terminal, unless NO_COLOR
    is set (to anything) or the terminal is a dumb one.
    """

    def __init__(
        self,
        stream: TextIO | None,
        choice: str = "auto",
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        self._terminal = stream.fileno() if stream is not None and _is_terminal(stream) else None
        #: In columns; None where there is no terminal, and so no edge.
        self.width: int | None = None
        self.look()
        plain = environment.get("NO_COLOR") or environment.get("TERM") == "dumb"
        self.coloured = choice == "always" or (
            choice == "auto" and self._terminal is not None and not plain
        )
        self.glyphs = FULL if _encodes(stream, "".join(FULL)) else PLAIN

    def look(self) -> bool:
        """Look at the width again; whether it is another than before."""
        before = self.width
        if self._terminal is not None:
            try:
                self.width = os.get_terminal_size(self._terminal).columns or USUAL_WIDTH
            except OSError:  # hung up
                self.width = USUAL_WIDTH
        return self.width != before

    def paint(self, text: str, style: str) -> str:
        """The text in one of the styles, or as it is where there are no colours."""
        if not self.coloured or not style or not text:
            return text
        return f"\x1b[{_STYLES[style]}m{text}\x1b[m"


def _is_terminal(stream: TextIO) -> bool:
    try:
        return stream.isatty()
    except ValueError:  # closed
        return False


def _encodes(stream: TextIO | None, text: str) -> bool:
    try:
        text.encode(getattr(stream, "encoding", None) or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def width_of(text: str) -> int:
    """How many columns printable text takes on a terminal."""
    return len(text) if text.isascii() else sum(map(_columns, text))


def _columns(char: str) -> int:
    # What goes on top of the character before it; vowels and finals of a Hangul syllable too.
    if unicodedata.category(char) in ("Mn", "Me") or "\u1160" <= char <= "\u11ff":
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def padded(text: str, width: int) -> str:
    """The text with spaces behind it up to a width; as it is where it is wider."""
    return text + " " * (width - width_of(text))


def shortened(text: str, width: int, cut: str) -> str:
    """The text, or as much of it as fits a width with the sign that it is cut behind it."""
    if width_of(text) <= width:
        return text
    kept, left = "", width - len(cut)
    for char in text:
        left -= _columns(char)
        if left < 0:
            break
        kept += char
    return kept + cut
