"""One path of the reader at work, on records made here: run by test_budget under valgrind.

    python -m tests.budget.work json 2000

A flood of like sends, each with its own id and time, and their deliveries among them.
"""

from __future__ import annotations

import gc
import struct
import sys
from collections.abc import Iterator
from typing import Any, cast

from pysigsnoop import options, views
from pysigsnoop._records import ACTION, END_FIELDS, END_FORMAT, RECORD_TYPE
from pysigsnoop.decoding import Decoder
from pysigsnoop.layout import SEND_SIZE
from tests.unit import records
from tests.unit.records import KILL

_FIRST = 64
_SLOT = struct.Struct(f"{SEND_SIZE}s")
_DELIVERY = {
    "type": RECORD_TYPE["delivery"],
    "signo": 10,
    "delay_ns": 4_000,
    "action": ACTION["handler"],
    **{name: value for name, value in KILL.items() if name.startswith("target.")},
}


class Ring:
    """A batch, as the ring hands it to the decoder."""

    def __init__(self, count: int) -> None:
        self._bytes = b"".join(self._record(number) for number in range(count))

    def _record(self, number: int) -> bytes:
        values: dict[str, Any] = {"boot_ns": 5_000_000_000_000 + number * 350}
        send_id = number // 2 * 2 + 1
        if number % 2 == 0:
            return records.event(KILL, id=send_id, call_id=send_id, **values)._record
        values |= _DELIVERY | {"send_id": send_id}
        filled = [values.get(name, b"" if name.endswith("comm") else 0) for name in END_FIELDS]
        return struct.pack(END_FORMAT, *filled).ljust(SEND_SIZE, b"\0")

    def records(self, count: int) -> Iterator[tuple[bytes]]:
        return _SLOT.iter_unpack(self._bytes[: count * SEND_SIZE])


def main(path: str, count: int) -> None:
    """Make `count` events, and lines of them; "nothing" does all but that."""
    decoder = Decoder(
        cast(Any, Ring(count)), cast(Any, None), details=False, stacks=False, began=_never
    )
    forms = {"json": ["-j"], "text": []}
    lines = {form: views.lines_for(options.parse(words), None, 0) for form, words in forms.items()}
    # What the first events of all take is taken here, whatever is counted.
    for line in lines.values():
        assert len([*line.of(decoder.events(_FIRST))]) == _FIRST
    # How often it runs depends on what else there is.
    gc.disable()
    if path == "nothing":
        return
    events = decoder.events(count)
    assert len([*lines[path].of(events)] if path in lines else [*events]) == count


def _never() -> Any:
    raise AssertionError("all ends here name their send")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
