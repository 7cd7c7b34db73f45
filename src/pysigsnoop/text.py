"""Text from other processes, made safe to print.

A process names itself as it likes: with control characters, terminal escapes,
newlines, bytes that are no UTF-8. Nothing of it reaches a terminal raw.
"""

from __future__ import annotations

from collections.abc import Iterable

_SHORT = {"\n": "\\n", "\t": "\\t", "\r": "\\r", "\\": "\\\\"}


def _escape(char: str) -> str:
    code = ord(char)
    if char in _SHORT:
        return _SHORT[char]
    # Above ASCII `\xff` is a byte that is no UTF-8; a character of that number is `\u00ff`.
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def printable(raw: bytes) -> str:
    """The bytes as UTF-8 text in which all that does not print is escaped.

    Backslashes are doubled, so that two different names never look alike. Bytes
    that are no UTF-8 come out as `\\xff`.
    """
    if raw.isascii():
        text = raw.decode("ascii")
        if text.isprintable() and "\\" not in text:
            return text
    # Bytes that do not decode become lone surrogates, told from characters by their range.
    text = raw.decode("utf-8", "surrogateescape")
    return "".join(
        f"\\x{ord(c) - 0xDC00:02x}"
        if "\udc80" <= c <= "\udcff"
        else c
        if c.isprintable() and c != "\\"
        else _escape(c)
        for c in text
    )


def quoted(arguments: Iterable[bytes]) -> str:
    """A command line that prints, and that bash takes for the same arguments.

    Printable arguments are quoted where they must be; others are written as
    `$'...'`, with what does not print escaped.
    """
    import shlex  # imported late: few look at command lines

    def one(raw: bytes) -> str:
        text = printable(raw)
        if text == raw.decode("utf-8", "replace"):
            return shlex.quote(text)
        return "$'" + text.replace("'", "\\'") + "'"

    return " ".join(one(raw) for raw in arguments)
