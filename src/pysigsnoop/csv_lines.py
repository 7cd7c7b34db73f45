"""Events as CSV: the fields of the JSON form, one line each, with a header.

Text is written as inside a JSON string, so that no raw byte of another process's text
is among it, and a value never spans lines. A text that begins like a formula has
its first character escaped too: spreadsheets would run it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from . import loss
from .chosen_columns import encode
from .fields import value_of

if TYPE_CHECKING:
    from .ends import Death, Delivery
    from .event import Event
    from .stats import Lost


class CsvLines:
    """Makes lines; null is an empty value, an object or a list is JSON."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self._text = io.StringIO()
        self._write = csv.writer(self._text, lineterminator="").writerow

    @property
    def header(self) -> str:
        """The names."""
        return self._line(self._names)

    @property
    def tells_loss(self) -> bool:
        """Whether a line of type `lost` says that it is one, and how much."""
        return {"type", "lost"} <= {*self._names}

    def event(self, event: Event | Delivery | Death) -> str:
        """An event's line."""
        return self._of(event.as_dict())

    def lost(self, lost: Lost) -> str:
        """A loss's line."""
        return self._of(loss.as_dict(lost))

    def _of(self, line: dict[str, Any]) -> str:
        return self._line([_cell(value_of(line, name)) for name in self._names])

    def _line(self, values: Sequence[str]) -> str:
        self._text.seek(0)
        self._text.truncate()
        self._write(values)
        return self._text.getvalue()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        return encode(value)
    text = encode(value)[1:-1]
    return f"\\u{ord(text[0]):04x}{text[1:]}" if text[:1] in {"=", "+", "-", "@"} else text
