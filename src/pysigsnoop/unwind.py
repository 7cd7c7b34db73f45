"""A stack walked outwards from the registers: by call frame information, else by frame pointers.

What is walked is a copy of the top of the stack, taken when the signal was sent.
A frame is told only where its caller's place is known: the walk ends where the
copy does, and does not try what it may meet.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import NamedTuple

from .elf_image import ARM64, X86_64
from .frame_rows import Row

MOST_FRAMES = 64


class _Convention(NamedTuple):
    """DWARF's numbers of the registers that matter."""

    stack: int
    frame: int
    link: int | None
    #: Bits of an address; what is above them signs it.
    address: int


_CONVENTIONS = {
    X86_64: _Convention(7, 6, None, (1 << 64) - 1),
    ARM64: _Convention(31, 29, 30, (1 << 48) - 1),
}


class Registers(NamedTuple):
    """Of the innermost frame, in user space."""

    ip: int
    sp: int
    bp: int
    lr: int


class Step(NamedTuple):
    """One frame: where it is, and whether that is the return address of a call.

    Then the call itself is before it, and that is what symbols are to be looked up for.
    """

    address: int
    call: bool

    @property
    def lookup(self) -> int:
        return self.address - self.call


#: At an address of code: the machine, and how to go on; None where it is no code that is known.
Find = Callable[[int], "tuple[int, Row | None] | None"]


class Memory:
    """The copy of the stack, in words of 64 bits."""

    def __init__(self, start: int, data: bytes) -> None:
        self._start, self._data = start, data

    def word(self, address: int) -> int | None:
        at = address - self._start
        if not 0 <= at <= len(self._data) - 8:
            return None
        return int(struct.unpack_from("=Q", self._data, at)[0])


def walk(registers: Registers, memory: Memory, chain: Sequence[int], find: Find) -> list[Step]:
    """The frames, innermost first.

    `chain` is what the kernel found by frame pointers, beginning with the innermost
    address; it goes on where there is no call frame information, or the copy ends.
    """
    steps = [Step(registers.ip, False)]
    sp, bp, links = registers.sp, registers.bp, registers.lr
    while len(steps) < MOST_FRAMES:
        known = find(steps[-1].lookup)
        convention = _CONVENTIONS.get(known[0]) if known else None
        row = known[1] if known else None
        if row is None or convention is None:
            break
        values = {convention.stack: sp, convention.frame: bp}
        frame = _frame_address(row, values, memory)
        if frame is None:
            if row.register != convention.frame:
                return steps
            break
        back = _saved(row, row.return_register, frame, values, memory)
        if back == _SAME:
            # In the link register still, as only the innermost frame has it.
            if row.return_register != convention.link or len(steps) > 1:
                return steps
            back = links
        if back == _LOST:
            return steps
        if back == _UNREAD:
            if row.register != convention.frame:
                return steps
            break
        back &= convention.address
        saved_bp = _saved(row, convention.frame, frame, values, memory)
        if not back or frame < sp or (frame == sp and len(steps) > 1):
            return steps
        steps.append(Step(back, not row.signal))
        sp = frame
        if saved_bp != _SAME:
            # Not known where it could not be read; no frame pointer has that value.
            bp = max(saved_bp, 0)
    steps += _by_frame_pointers(registers.bp, bp, memory, chain, find)
    return steps[:MOST_FRAMES]


# No value has these: the register is as it was; nobody knows it; it lies beyond the copy.
_SAME, _LOST, _UNREAD = -1, -2, -3


def _frame_address(row: Row, values: dict[int, int], memory: Memory) -> int | None:
    if row.register not in values:
        return None
    frame = values[row.register] + row.offset
    return memory.word(frame) if row.indirect else frame


def _saved(row: Row, register: int, frame: int, values: dict[int, int], memory: Memory) -> int:
    if register not in row.saved:
        return _SAME
    place = row.saved[register]
    if place is None:
        return _LOST
    base, offset = place
    if base is not None and base not in values:
        return _LOST
    found = memory.word((frame if base is None else values[base]) + offset)
    return _UNREAD if found is None else found


def _by_frame_pointers(
    first: int, bp: int, memory: Memory, chain: Sequence[int], find: Find
) -> list[Step]:
    """The rest of the kernel's chain, from the frame whose frame pointer is `bp`."""
    at: int | None = first
    for index in range(1, len(chain)):
        if at == bp:
            found = []
            for address in chain[index:]:
                # What only looked like a frame pointer leads to no code.
                if find(address - 1) is None:
                    break
                found.append(Step(address, True))
            return found
        at = None if at is None else memory.word(at)
        if at is None:
            break
    return []
