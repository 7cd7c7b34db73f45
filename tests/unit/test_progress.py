"""What takes long is told on a terminal, and nowhere else; what does not is not told."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, TextIO, cast

import pytest

from pysigsnoop import progress, tracer_options
from pysigsnoop.cli import Console

if TYPE_CHECKING:
    from pysigsnoop.tracer import SignalTracer

CLEAR = "\r\33[K"
LOADING = f"{CLEAR}loading the programs into the kernel ..."


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[TextIO, int]]:
    """A terminal, and its other end."""
    monkeypatch.setenv("TERM", "xterm")
    master, slave = os.openpty()
    with open(slave, "w", encoding="utf-8") as stream:  # noqa: PTH123  # a descriptor
        yield stream, master
    os.close(master)


class Opens:
    """What opens in its own time, instead of a tracer."""

    def __init__(self, seconds: float, error: type[BaseException] | None = None) -> None:
        self.closed = False
        self._seconds = seconds
        self._error = error

    def open(self) -> None:
        time.sleep(self._seconds)
        if self._error:
            raise self._error

    def close(self) -> None:
        self.closed = True

    def opened(self, err: TextIO) -> None:
        """Open it as commands do."""
        with tracer_options.opened(cast("SignalTracer", self), Console(None, err)):
            assert not self.closed


def written(terminal: tuple[TextIO, int]) -> str:
    stream, master = terminal
    stream.write("|")
    stream.flush()
    told = b""
    while not told.endswith(b"|"):
        told += os.read(master, 4096)
    return told.decode().removesuffix("|")


def test_what_takes_long_is_told_and_taken_away_again(
    terminal: tuple[TextIO, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "AFTER_S", 0.01)
    slow = Opens(0.2)
    slow.opened(terminal[0])
    assert slow.closed
    assert written(terminal) == LOADING + CLEAR
    failing = Opens(0.2, KeyboardInterrupt)
    with pytest.raises(KeyboardInterrupt):
        failing.opened(terminal[0])
    assert failing.closed
    assert written(terminal) == LOADING + CLEAR


def test_what_takes_no_second_is_not_told(terminal: tuple[TextIO, int]) -> None:
    Opens(0).opened(terminal[0])
    assert written(terminal) == ""


def test_where_nobody_looks_nothing_is_told(
    terminal: tuple[TextIO, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "AFTER_S", 0.01)
    elsewhere = io.StringIO()
    Opens(0.1).opened(elsewhere)
    assert elsewhere.getvalue() == ""
    monkeypatch.setenv("TERM", "dumb")
    Opens(0.1).opened(terminal[0])
    assert written(terminal) == ""
    with progress.told(None, "what"):
        time.sleep(0.1)
