"""A stack as lines below its event's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .text import printable

if TYPE_CHECKING:
    from .ends import Death, Delivery
    from .event import Event
    from .stack import Frame


def stack_of(event: Event | Delivery | Death) -> list[str]:
    """A line for each frame of a send, none of them raw."""
    stack = event.stack if event.type == "send" else None
    return [_frame(frame) for frame in stack or ()]


def _frame(frame: Frame) -> str:
    symbol = "?" if frame.address is None else f"{frame.address:#x}"
    if frame.symbol is not None:
        symbol = f"{_safe(frame.symbol)}+{frame.offset:#x}"
    where = "" if frame.module is None else _safe(frame.module)
    if frame.symbol is None and frame.module_offset is not None:
        where = f"{where or frame.build_id}+{frame.module_offset:#x}"
    if frame.file is not None:
        where = f"{_safe(frame.file)}:{frame.line}"
    return f"    {symbol} {where}".rstrip()


def _safe(text: str) -> str:
    return printable(text.encode())
