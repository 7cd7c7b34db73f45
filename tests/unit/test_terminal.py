"""What a stream can show: width, colours, characters; and how wide text is on a terminal."""

from __future__ import annotations

import fcntl
import io
import os
import struct
import termios
from collections.abc import Iterator

import pytest

from pysigsnoop.terminal import FULL, PLAIN, Screen, padded, shortened, width_of


@pytest.fixture
def terminal() -> Iterator[io.TextIOWrapper]:
    """A terminal of 100 columns; the other end is open as long."""
    master, slave = os.openpty()
    resize(slave, 100)
    with open(slave, "w", encoding="utf-8") as stream:  # noqa: PTH123  # a descriptor
        yield stream
    os.close(master)


def resize(fd: int, columns: int) -> None:
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))


@pytest.mark.parametrize(
    ("choice", "environment", "on_terminal", "elsewhere"),
    [
        ("auto", {}, True, False),
        ("auto", {"NO_COLOR": "1"}, False, False),
        # Set to nothing is not set: https://no-color.org
        ("auto", {"NO_COLOR": ""}, True, False),
        ("auto", {"TERM": "dumb"}, False, False),
        ("always", {"NO_COLOR": "1", "TERM": "dumb"}, True, True),
        ("never", {}, False, False),
    ],
)
def test_colours_are_for_terminals_unless_someone_says_otherwise(
    choice: str,
    environment: dict[str, str],
    on_terminal: bool,
    elsewhere: bool,
    terminal: io.TextIOWrapper,
) -> None:
    assert Screen(terminal, choice, environment).coloured is on_terminal
    for stream in (io.StringIO(), None):
        screen = Screen(stream, choice, environment)
        assert screen.coloured is elsewhere
        assert (screen.paint("x", "death") == "x") is not elsewhere


def test_a_terminals_width_is_followed_and_elsewhere_there_is_none(
    terminal: io.TextIOWrapper,
) -> None:
    screen = Screen(terminal)
    assert (screen.width, screen.look()) == (100, False)
    resize(terminal.fileno(), 133)
    assert (screen.look(), screen.width, screen.look()) == (True, 133, False)
    # One that does not know.
    resize(terminal.fileno(), 0)
    assert (screen.look(), screen.width) == (True, 80)
    assert (Screen(io.StringIO()).width, Screen(None).width) == (None, None)


def test_a_closed_stream_is_no_terminal() -> None:
    stream = io.StringIO()
    stream.close()
    assert Screen(stream).width is None


@pytest.mark.parametrize(
    ("encoding", "glyphs"), [("utf-8", FULL), ("ascii", PLAIN), ("iso-8859-1", PLAIN)]
)
def test_characters_are_those_of_the_encoding(encoding: str, glyphs: object) -> None:
    assert Screen(io.TextIOWrapper(io.BytesIO(), encoding)).glyphs == glyphs
    assert all(width_of(char) == 1 for char in (*FULL[:3], *PLAIN[:3]))


@pytest.mark.parametrize(
    ("text", "width"),
    [
        ("bash", 4),
        ("za\u017c\u00f3\u0142\u0107", 6),
        ("\u754c\u754c", 4),
        ("\uff21", 2),
        ("\U0001f600", 2),
        # Combining: an accent, a sign around, the vowel and the final of a syllable.
        ("e\u0301", 1),
        ("a\u20dd", 1),
        ("\u1112\u1161\u11ab", 2),
    ],
)
def test_text_is_as_wide_as_terminals_show_it(text: str, width: int) -> None:
    assert width_of(text) == width
    assert padded(text, 9) == text + " " * (9 - width)
    assert padded(text, 0) == text


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [
        ("systemd-journal", 15, "systemd-journal"),
        ("systemd-journal", 9, "systemd-\u2026"),
        ("\u754c\u754c\u754c", 5, "\u754c\u754c\u2026"),
        ("\u754c\u754c\u754c", 4, "\u754c\u2026"),
        ("e\u0301e\u0301e\u0301", 2, "e\u0301\u2026"),
        ("abc", 1, "\u2026"),
    ],
)
def test_what_is_cut_fits_and_says_so(text: str, width: int, shown: str) -> None:
    assert shortened(text, width, "\u2026") == shown
    assert width_of(shown) <= width
