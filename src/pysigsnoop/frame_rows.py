"""One row of call frame information: where registers are saved, at one address of a function.

An entry's instructions are carried out up to that address (DWARF 5, 6.4.2).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from copy import copy
from typing import NamedTuple

from .elf_image import NotElf

# How pointers are written: DW_EH_PE_*.
_FORMATS = {0x02: "H", 0x03: "I", 0x04: "Q", 0x0A: "h", 0x0B: "i", 0x0C: "q"}
PC_RELATIVE, DATA_RELATIVE = 0x10, 0x30
MASK = (1 << 64) - 1
_MOST_STATES = 64
_MOST_REGISTERS = 128

#: Where a register is saved: at an offset from a register's value, or from the frame (None).
Place = tuple["int | None", int]


class Row(NamedTuple):
    """How the caller's frame is found from this one."""

    #: The canonical frame address is this register plus this offset,
    register: int
    offset: int
    #: or is what lies there.
    indirect: bool
    #: None: lost. What is not named is as it was.
    saved: Mapping[int, Place | None]
    #: The column of the return address.
    return_register: int
    #: The frame was made by the kernel, to run a signal handler: its caller made no call.
    signal: bool


class Common(NamedTuple):
    """What entries share (CIE)."""

    code_alignment: int
    data_alignment: int
    return_register: int
    augmented: bool
    encoding: int
    signal: bool
    instructions: bytes


class EntryBytes:
    """A reader that runs out with NotElf; `address` is where its first byte is loaded."""

    def __init__(self, data: bytes, address: int, order: str, bits: int) -> None:
        self.data, self.address, self.at = data, address, 0
        self.order, self.bits = order, bits
        self._pointer = "Q" if bits == 64 else "I"

    def number(self, code: str) -> int:
        try:
            (value,) = struct.unpack_from(self.order + code, self.data, self.at)
        except struct.error as error:
            raise NotElf("an entry ends too early") from error
        self.at += struct.calcsize(self.order + code)
        return int(value)

    def uleb(self) -> int:
        value = shift = 0
        while True:
            byte = self.number("B")
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value
            if shift > 63:
                raise NotElf("a number without end")

    def sleb(self) -> int:
        begin = self.at
        value = self.uleb()
        bits = 7 * (self.at - begin)
        return value - (1 << bits) if value >> (bits - 1) & 1 else value

    def text(self) -> bytes:
        end = self.data.find(b"\0", self.at)
        if end < 0:
            raise NotElf("a text without end")
        found = self.data[self.at : end]
        self.at = end + 1
        return found

    def pointer(self, encoding: int) -> int:
        place = self.address + self.at
        code = self._pointer if not encoding & 0x0F else _FORMATS.get(encoding & 0x0F)
        if code is None or encoding & 0xF0 not in (0, PC_RELATIVE):
            raise NotElf("a pointer of another kind")
        value = self.number(code)
        return (value + (place if encoding & PC_RELATIVE else 0)) & MASK

    def skip(self, size: int) -> None:
        self.at += size


class _State:
    """The row being worked out."""

    def __init__(self) -> None:
        self.register: int | None = None
        self.offset = 0
        self.indirect = False
        self.saved: dict[int, Place | None] = {}

    def copy(self) -> _State:
        new = copy(self)
        new.saved = dict(self.saved)
        return new

    def frame(self, register: int | None, offset: int, *, indirect: bool = False) -> None:
        self.register, self.offset, self.indirect = register, offset, indirect


def row_at(common: Common, entry: EntryBytes, location: int, address: int) -> Row | None:
    """Carry out the instructions up to the address."""
    state = _State()
    _Machine(common, state, None).run(
        EntryBytes(common.instructions, 0, entry.order, entry.bits), 0, 0
    )
    machine = _Machine(common, state.copy(), state)
    machine.run(entry, location, address)
    state = machine.state
    if state.register is None:
        return None
    return Row(
        state.register,
        state.offset,
        state.indirect,
        state.saved,
        common.return_register,
        common.signal,
    )


class _Machine:
    """DW_CFA_*: instructions that make one row out of the one before."""

    def __init__(self, common: Common, state: _State, initial: _State | None) -> None:
        self._common = common
        self.state = state
        self._initial = initial
        self._kept: list[_State] = []

    def run(self, code: EntryBytes, location: int, address: int) -> None:
        """Until the code ends or `location` has passed the address."""
        while code.at < len(code.data):
            operation = code.number("B")
            high, low = operation & 0xC0, operation & 0x3F
            if high == 0x40:  # advance_loc
                location += low * self._common.code_alignment
            elif high == 0x80:
                self._save(low, code.uleb())
            elif high == 0xC0:
                self._restore(low)
            elif operation == 0x01:  # set_loc
                location = code.pointer(self._common.encoding)
            elif operation in (0x02, 0x03, 0x04):  # advance_loc1, 2, 4
                step = code.number("BHI"[operation - 2])
                location += step * self._common.code_alignment
            else:
                self._other(operation, code)
            if location > address:
                return

    def _put(self, register: int, place: Place | None) -> None:
        # Of those that no processor has, a damaged file could name any number.
        if register < _MOST_REGISTERS:
            self.state.saved[register] = place

    def _save(self, register: int, factor: int) -> None:
        self._put(register, (None, factor * self._common.data_alignment))

    def _restore(self, register: int) -> None:
        self.state.saved.pop(register, None)
        if self._initial and register in self._initial.saved:
            self.state.saved[register] = self._initial.saved[register]

    def _other(self, operation: int, code: EntryBytes) -> None:
        rule = _RULES.get(operation)
        if rule is None:
            raise NotElf("an instruction of another kind")
        rule(self, code)

    def _nothing(self, _: EntryBytes) -> None:
        pass

    def _lose(self, code: EntryBytes) -> None:
        self._put(code.uleb(), None)

    def _lose_to(self, code: EntryBytes) -> None:
        """In another register, or worked out from the frame: seldom, and not followed."""
        self._lose(code)
        code.uleb()

    def _keep(self, code: EntryBytes) -> None:
        self.state.saved.pop(code.uleb(), None)

    def _remember(self, _: EntryBytes) -> None:
        if len(self._kept) > _MOST_STATES:
            raise NotElf("states without end")
        self._kept.append(self.state.copy())

    def _recall(self, _: EntryBytes) -> None:
        if not self._kept:
            raise NotElf("no state to restore")
        self.state = self._kept.pop()

    def _frame_expression(self, code: EntryBytes) -> None:
        place, indirect = _read_expression(code)
        register, offset = place or (None, 0)
        self.state.frame(register, offset, indirect=indirect)

    def _save_expression(self, code: EntryBytes) -> None:
        register = code.uleb()
        place, indirect = _read_expression(code)
        self._put(register, None if indirect else place)

    def _value_expression(self, code: EntryBytes) -> None:
        self._lose(code)
        code.skip(code.uleb())

    def _frame_register(self, code: EntryBytes) -> None:
        self.state.register = code.uleb()

    def _frame_offset(self, offset: int) -> None:
        self.state.offset = offset

    def _scaled(self, code: EntryBytes) -> int:
        return code.sleb() * self._common.data_alignment


_RULES: dict[int, Callable[[_Machine, EntryBytes], object]] = {
    0x00: _Machine._nothing,  # nop
    0x05: lambda at, code: at._save(code.uleb(), code.uleb()),  # offset_extended
    0x06: lambda at, code: at._restore(code.uleb()),  # restore_extended
    0x07: _Machine._lose,  # undefined
    0x08: _Machine._keep,  # same_value
    0x09: _Machine._lose_to,  # register
    0x0A: _Machine._remember,  # remember_state
    0x0B: _Machine._recall,  # restore_state
    0x0C: lambda at, code: at.state.frame(code.uleb(), code.uleb()),  # def_cfa
    0x0D: _Machine._frame_register,  # def_cfa_register
    0x0E: lambda at, code: at._frame_offset(code.uleb()),  # def_cfa_offset
    0x0F: _Machine._frame_expression,  # def_cfa_expression
    0x10: _Machine._save_expression,  # expression
    0x11: lambda at, code: at._save(code.uleb(), code.sleb()),  # offset_extended_sf
    0x12: lambda at, code: at.state.frame(code.uleb(), at._scaled(code)),  # def_cfa_sf
    0x13: lambda at, code: at._frame_offset(at._scaled(code)),  # def_cfa_offset_sf
    0x14: _Machine._lose_to,  # val_offset
    0x15: _Machine._lose_to,  # val_offset_sf
    0x16: _Machine._value_expression,  # val_expression
    0x2D: _Machine._nothing,  # arm64: return addresses are signed
    0x2E: lambda _, code: code.uleb(),  # GNU_args_size
    0x2F: lambda at, code: at._save(code.uleb(), -code.uleb()),  # GNU_negative_offset_extended
}


def _read_expression(code: EntryBytes) -> tuple[Place | None, bool]:
    """A register plus an offset, and whether what lies there is meant; None for all others.

    The frames of signal handlers are described so.
    """
    size = code.uleb()
    end = code.at + size
    operation = code.number("B")
    place = None
    if 0x70 <= operation <= 0x8F:  # breg0 to breg31
        place = (operation - 0x70, code.sleb())
    rest = code.data[code.at : end]
    code.at = end
    return (place, bool(rest)) if rest in (b"", b"\x06") else (None, False)  # deref
