"""Untrusted text: nothing raw reaches a terminal, and no two names come out alike."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pysigsnoop import printable

NAMES = st.one_of(
    st.binary(max_size=16), st.text(max_size=8).map(lambda s: s.encode(errors="replace"))
)


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b"bash", "bash"),
        (b"", ""),
        (b"a b)(", "a b)("),
        ("größe 日本".encode(), "größe 日本"),
        (b"a\nb\tc\rd", "a\\nb\\tc\\rd"),
        (b"a\\n", "a\\\\n"),
        (b"\x1b[2J\x07\x7f\x00", "\\x1b[2J\\x07\\x7f\\x00"),
        (b"\xff\x80", "\\xff\\x80"),
        ("\x85\x9b".encode(), "\\u0085\\u009b"),
        (b"\x85\x9b", "\\x85\\x9b"),
        ("\u202eevil\u2066".encode(), "\\u202eevil\\u2066"),
        ("\u200b\ufeff\u2028\u00a0".encode(), "\\u200b\\ufeff\\u2028\\u00a0"),
        ("\U000e0001".encode(), "\\U000e0001"),
        (b"\xed\xb2\x80", "\\xed\\xb2\\x80"),
        ("日".encode()[:2], "\\xe6\\x97"),
    ],
)  # fmt: skip
def test_what_does_not_print_is_escaped(raw: bytes, shown: str) -> None:
    assert printable(raw) == shown


def back(text: str) -> bytes:
    """The bytes that `printable` was given, told from its text alone."""
    out, at = b"", 0
    while at < len(text):
        if text[at] != "\\":
            out += text[at].encode()
            at += 1
            continue
        kind = text[at + 1]
        size = {"x": 2, "u": 4, "U": 8}.get(kind, 0)
        number = int(text[at + 2 : at + 2 + size], 16) if size else 0
        if kind == "x":
            out += bytes([number])
        elif size:
            out += chr(number).encode()
        else:
            out += {"n": b"\n", "t": b"\t", "r": b"\r", "\\": b"\\"}[kind]
        at += 2 + size
    return out


@given(NAMES)
@example(b"\x85")
@example("\x85".encode())
@example(b"\\x85")
def test_the_text_tells_the_bytes_so_no_two_names_look_alike(raw: bytes) -> None:
    assert back(printable(raw)) == raw


@given(NAMES)
def test_the_text_always_prints_and_can_always_be_written(raw: bytes) -> None:
    text = printable(raw)
    assert text.isprintable()
    text.encode("utf-8")
