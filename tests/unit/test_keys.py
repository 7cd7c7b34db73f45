"""Keys, from the bytes that a terminal sends for them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pysigsnoop.keys import Keys


@pytest.mark.parametrize(
    ("sent", "keys"),
    [
        (b"qs?", ["q", "s", "?"]),
        (b"\x1b[A\x1b[B\x1bOA\x1bOB", ["up", "down", "up", "down"]),
        (b"\x1b[5~\x1b[6~\x1b[H\x1b[F", ["page up", "page down", "home", "end"]),
        (b"\t\x1b[Z\r\n\x7f\x08", ["tab", "back tab", "enter", "enter", "backspace", "backspace"]),
        (b"\x0c\x15", ["redraw", "clear"]),
        ("zażółć".encode(), [*"zażółć"]),
        # Neither a byte that is no UTF-8, nor what no key is known to send, is a key.
        (b"\xffa", ["a"]),
        (b"\x1b[200~a\x1b[1;5Cb\x00\x01", ["a", "b"]),
        (b"\x1bq", ["escape", "q"]),
    ],
)
def test_keys_come_out_whole_however_the_bytes_are_cut(sent: bytes, keys: list[str]) -> None:
    for size in (1, 2, 3, len(sent)):
        typed = Keys()
        cut = [sent[at : at + size] for at in range(0, len(sent), size)]
        assert [key for part in cut for key in typed.feed(part)] == keys
        assert not typed.waiting


def test_escape_alone_is_a_key_once_nothing_more_came() -> None:
    typed = Keys()
    assert typed.feed(b"\x1b") == []
    assert typed.waiting
    assert typed.flush() == ["escape"]
    assert not typed.waiting
    # The beginning of a sequence, and no more: no key.
    assert typed.feed(b"\x1b[") == []
    assert typed.flush() == []


@given(st.lists(st.binary(max_size=40), max_size=8))
def test_whatever_is_sent_nothing_but_keys_comes_and_little_is_kept(parts: list[bytes]) -> None:
    typed = Keys()
    for part in parts:
        for key in typed.feed(part):
            assert key.isprintable()
        assert len(typed._left) <= 16
