"""What was typed, from the bytes that a terminal sends for it."""

from __future__ import annotations

import codecs

# The longest sequence that a key sends, with room to spare; what is longer is no key.
_LONGEST = 16
_ESCAPE = 0x1B
_FINAL = range(0x40, 0x7F)

_CONTROL = {0x0D: "enter", 0x0A: "enter", 0x7F: "backspace", 0x08: "backspace", 0x09: "tab"}
_CONTROL |= {0x0C: "redraw", 0x15: "clear"}  # Ctrl-L, Ctrl-U
_SEQUENCES = {
    b"[A": "up",
    b"[B": "down",
    b"[C": "right",
    b"[D": "left",
    b"[H": "home",
    b"[F": "end",
    b"[1~": "home",
    b"[4~": "end",
    b"[5~": "page up",
    b"[6~": "page down",
    b"[7~": "home",
    b"[8~": "end",
    b"[Z": "back tab",
}


class Keys:
    """Takes bytes as they come, however they are cut, and gives keys: a character, or a name."""

    def __init__(self) -> None:
        self._left = b""
        self._text = codecs.getincrementaldecoder("utf-8")("ignore")

    @property
    def waiting(self) -> bool:
        """Whether the last byte may begin a longer sequence; Escape alone sends that byte too."""
        return bool(self._left)

    def flush(self) -> list[str]:
        """No more came: what waits was the Escape key, if alone."""
        left, self._left = self._left, b""
        return ["escape"] if left == b"\x1b" else []

    def feed(self, data: bytes) -> list[str]:
        """The keys that are complete."""
        found: list[str] = []
        data, self._left = self._left + data, b""
        at = 0
        while at < len(data):
            byte = data[at]
            if byte == _ESCAPE:
                size = _sequence(data[at + 1 :])
                if size is None:
                    self._left = data[at:]
                    break
                sequence = data[at + 1 : at + 1 + size]
                at += 1 + size
                if not size:
                    found.append("escape")
                # Cursor keys have another second byte where an application asked for it.
                name = _SEQUENCES.get(sequence.replace(b"O", b"[", 1))
                found += [name] if name else []
                continue
            at += 1
            if byte in _CONTROL:
                found.append(_CONTROL[byte])
            else:
                # A control character that is no key decodes to one that does not print.
                text = self._text.decode(data[at - 1 : at])
                found += [char for char in text if char.isprintable()]
        return found


def _sequence(after: bytes) -> int | None:
    """How long the sequence is that follows an Escape, 0 for none; None where it is not whole."""
    if not after:
        return None
    if after[:1] not in (b"[", b"O"):
        return 0
    for at, byte in enumerate(after[1:_LONGEST], 1):
        if byte in _FINAL:
            return at + 1
        if not 0x20 <= byte < 0x40:
            return at
    return None if len(after) < _LONGEST else _LONGEST
