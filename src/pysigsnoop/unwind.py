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


#: For `Find`, code that the kernel lends to a process: its vDSO.
VDSO = -1


class _Interrupted(NamedTuple):
    """Where the kernel puts registers for a signal handler, from the stack pointer as it begins.

    A handler returns to the vDSO, whose tables say nothing there since 5.8, commit 87676cfca141
    (arm64: vdso: Disable dwarf unwinding through the sigreturn trampoline). From a handler is
    the only way into it that is a return.
    """

    ip: int
    sp: int
    bp: int
    lr: int


class _Convention(NamedTuple):
    """DWARF's numbers of the registers that matter."""

    stack: int
    frame: int
    link: int | None
    #: Bits of an address; what is above them signs it.
    address: int
    interrupted: _Interrupted | None


_CONVENTIONS = {
    X86_64: _Convention(7, 6, None, (1 << 64) - 1, None),
    # struct rt_sigframe: siginfo, 128 bytes; ucontext, whose sigcontext begins at 176.
    ARM64: _Convention(31, 29, 30, (1 << 48) - 1, _Interrupted(568, 560, 544, 552)),
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
        #: Words beyond the copy that are known otherwise.
        self.known: dict[int, int] = {}

    def word(self, address: int) -> int | None:
        if address in self.known:
            return self.known[address]
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
    sp, bp = registers.sp, registers.bp
    # What the link register holds, until the first return from a call.
    link: int | None = registers.lr
    before = None
    while len(steps) < MOST_FRAMES:
        known = find(steps[-1].lookup)
        if known and known[0] == VDSO and before and steps[-1].call:
            interrupted = _interrupted(before.interrupted, sp, memory)
            if interrupted is None:
                break
            steps.append(Step(interrupted.ip, False))
            # The handler's frame pointer leads to that of whom it interrupted.
            memory.known[bp] = interrupted.bp
            _, sp, bp, link = interrupted
            continue
        convention = _CONVENTIONS.get(known[0]) if known else None
        row = known[1] if known else None
        before = convention
        if row is None or convention is None:
            break
        values = {convention.stack: sp, convention.frame: bp}
        frame = _frame_address(row, values, memory)
        back = _UNREAD
        if frame is not None:
            back = _saved(row, row.return_register, frame, values, memory)
        if back == _SAME and row.return_register == convention.link and link is not None:
            # In the link register still, as only a frame has it that made no call.
            back = link
        if back in (_SAME, _LOST):
            return steps
        if frame is None or back == _UNREAD:
            if row.register != convention.frame and not _is_at_record(row, convention, frame, bp):
                return steps
            break
        back &= convention.address
        saved_bp = _saved(row, convention.frame, frame, values, memory)
        if not back or frame < sp or (frame == sp and steps[-1].call):
            return steps
        steps.append(Step(back, not row.signal))
        sp, link = frame, None
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


def _is_at_record(row: Row, convention: _Convention, frame: int | None, bp: int) -> bool:
    """Whether the frame pointer points to where the caller's was saved, as it is to."""
    place = row.saved.get(convention.frame)
    if place is None or place[0] is not None or frame is None:
        return False
    return frame + place[1] == bp


def _interrupted(places: _Interrupted | None, sp: int, memory: Memory) -> Registers | None:
    """The registers of whom a signal interrupted, where its handler began with that stack."""
    if places is None:
        return None
    ip, stack, bp, lr = (memory.word(sp + at) for at in places)
    if not ip or stack is None or bp is None or lr is None or stack <= sp:
        return None
    return Registers(ip, stack, bp, lr)


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
