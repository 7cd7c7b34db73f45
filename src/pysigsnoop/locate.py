"""From the kernel's record of a stack to frames in files: while the process lives, else by ids.

Done as soon as a record is read, since many a sender lives a moment only. What a
frame is called can wait: the files are held open.
"""

from __future__ import annotations

import os
import struct
from typing import Any, NamedTuple

from ._records import (
    KERNEL_FRAMES,
    RECORD_TYPE,
    STACK_FIELDS,
    STACK_FORMAT,
    STACK_IDS,
    USER_FRAMES,
)
from .elf_image import NotElf
from .frame_rows import Row
from .kernel_symbols import KernelSymbols
from .known_files import KnownFiles
from .module import Module, Modules, key_of, padded
from .process_image import Identity, Mapping, ProcessImage, is_file, is_regular
from .stack import Place, Stack
from .unwind import VDSO, Memory, Registers, Step, walk

_RECORD = struct.Struct(STACK_FORMAT)
_TYPE = struct.Struct("=I")
_AT = {name: index for index, name in enumerate(STACK_FIELDS)}
_KERNEL, _USER = _AT["kernel.0"], _AT["user.0"]
# struct bpf_stack_build_id: status, id, and an offset in the file or, without an id, an address.
_ID = struct.Struct("=i20sQ")
_VALID = 1
assert _ID.size == STACK_IDS // USER_FRAMES
# A device as the kernel has it within: 20 bits of minor.
_MINOR_BITS = 20


class _Known(NamedTuple):
    """What the kernel itself read of the file at an address."""

    build_id: bytes
    offset: int


class _Span(NamedTuple):
    """Code of a file, where it lies in a process."""

    start: int
    end: int
    offset: int
    module: Module | None
    path: str | None


class Locator:
    """Makes stacks of records; keeps the files that it has seen, some of them."""

    def __init__(self) -> None:
        self._modules = Modules()
        self._files = KnownFiles(self._modules)
        self._kernel_symbols = KernelSymbols()

    def stacks(self, companions: dict[int, list[bytes]], wall_offset: int) -> dict[int, Stack]:
        """Of one batch, in which each process is looked at once; by the index of their sends."""
        images: dict[Identity, ProcessImage | None] = {}
        self._files.look_again()
        try:
            return {
                index: self._stack(blob, images, wall_offset)
                for index, blobs in companions.items()
                for blob in blobs
                if _TYPE.unpack_from(blob)[0] == RECORD_TYPE["stack"]
            }
        finally:
            for image in images.values():
                if image:
                    image.close()

    def _stack(
        self,
        raw: bytes,
        images: dict[Identity, ProcessImage | None],
        wall_offset: int,
    ) -> Stack:
        record = _RECORD.unpack(raw)
        kernel = record[_KERNEL : _KERNEL + min(record[_AT["kernel_count"]], KERNEL_FRAMES)]
        chain = record[_USER : _USER + min(record[_AT["user_count"]], USER_FRAMES)]
        if not chain:
            return Stack(kernel, [], self._kernel_symbols)
        known = _known_ids(record, chain)
        identity = Identity(*(record[_AT[name]] for name in Identity._fields))
        image = _image_of(identity, images)
        living = _Living(image, known, self._modules) if image else None
        space: _Space
        if living and living.agrees():
            space = living
        else:
            space = _Ended(record, known, self._files, wall_offset)
        registers = Registers(chain[0], *(record[_AT[name]] for name in ("sp", "bp", "lr")))
        memory = Memory(registers.sp, record[_AT["memory"]][: record[_AT["memory_size"]]])
        steps = walk(registers, memory, chain, space.find)
        return Stack(kernel, [space.place(step) for step in steps], self._kernel_symbols)


def _known_ids(record: tuple[Any, ...], chain: tuple[int, ...]) -> dict[int, _Known]:
    """By address, where the kernel found a build id."""
    found = {}
    count = min(record[_AT["id_count"]], len(chain))
    for address, (status, build_id, offset) in zip(
        chain[:count], _ID.iter_unpack(record[_AT["ids"]]), strict=False
    ):
        if status == _VALID:
            found[address] = _Known(build_id, offset)
    return found


def _image_of(
    identity: Identity, images: dict[Identity, ProcessImage | None]
) -> ProcessImage | None:
    if identity not in images:
        try:
            images[identity] = ProcessImage(identity) if identity.pid else None
        except (OSError, ValueError, IndexError):
            images[identity] = None
    return images[identity]


class _Space:
    """The address space of a process: what code is where."""

    def __init__(self, known: dict[int, _Known]) -> None:
        self._known = known

    def span(self, address: int) -> _Span | None:
        raise NotImplementedError

    def find(self, address: int) -> tuple[int, Row | None] | None:
        """For `walk`."""
        span = self.span(address)
        if span is None:
            return None
        if span.module is None:
            return (VDSO if span.path == "[vdso]" else 0), None
        at = span.module.image.address_of(address - span.start + span.offset)
        row = None if at is None else span.module.call_frames.row_at(at)
        return span.module.image.machine, row

    def place(self, step: Step) -> Place:
        span = self.span(step.lookup)
        known = self._known.get(step.address)
        if span is None or span.path is None:
            offset = known.offset - step.call if known else None
            return Place(step, None, None, offset, known.build_id if known else None)
        offset = step.lookup - span.start + span.offset
        build_id = span.module.build_id if span.module else None
        if build_id is None and known:
            build_id = known.build_id
        return Place(step, span.module, span.path, offset, build_id)


class _Living(_Space):
    """By its mappings."""

    def __init__(self, image: ProcessImage, known: dict[int, _Known], modules: Modules) -> None:
        super().__init__(known)
        self._image = image
        self._modules = modules
        self._spans: dict[Mapping, _Span] = {}

    def agrees(self) -> bool:
        """Whether the kernel saw the same files there."""
        for address, known in self._known.items():
            span = self.span(address)
            if span is None or address - span.start + span.offset != known.offset:
                return False
            build_id = span.module.build_id if span.module else None
            if build_id and padded(build_id) != known.build_id:
                return False
        return True

    def span(self, address: int) -> _Span | None:
        mapping = self._image.find(address)
        if mapping is None or not mapping.executable:
            return None
        if mapping not in self._spans:
            module = self._module(mapping) if is_file(mapping) else None
            path = mapping.path or None
            self._spans[mapping] = _Span(mapping.start, mapping.end, mapping.offset, module, path)
        return self._spans[mapping]

    def _module(self, mapping: Mapping) -> Module | None:
        try:
            status = self._image.status(mapping)
            if not is_regular(status):
                return None
            try:
                return self._modules.get(key_of(status))
            except KeyError:
                image = self._image.open(mapping)
        except (OSError, NotElf):
            return None
        module = Module(mapping.path, image, self._modules.tables)
        self._modules.add(key_of(image.status), module)
        return module


class _Ended(_Space):
    """By the files that the kernel named by their build ids, and the program's own inode."""

    def __init__(
        self,
        record: tuple[Any, ...],
        known: dict[int, _Known],
        files: KnownFiles,
        wall_offset: int,
    ) -> None:
        super().__init__(known)
        comm = os.fsdecode(record[_AT["comm"]].partition(b"\0")[0])
        self._spans: list[_Span] = []
        for address, each in known.items():
            module = files.by_build_id(each.build_id, comm)
            at = module.image.address_of(each.offset) if module else None
            if module and at is not None:
                self._add(module, address - at)
        device = record[_AT["exe_device"]]
        program = files.by_inode(
            os.makedev(device >> _MINOR_BITS, device & ((1 << _MINOR_BITS) - 1)),
            record[_AT["exe_inode"]],
            record[_AT["boot_ns"]] + wall_offset,
            comm,
        )
        if program and program.image.start_code is not None:
            self._add(program, record[_AT["start_code"]] - program.image.start_code)

    def _add(self, module: Module, bias: int) -> None:
        for segment in module.image.segments:
            if segment.executable:
                start = segment.address + bias
                span = _Span(start, start + segment.size, segment.offset, module, module.path)
                if span not in self._spans:
                    self._spans.append(span)

    def span(self, address: int) -> _Span | None:
        for each in self._spans:
            if each.start <= address < each.end:
                return each
        # Code that the kernel saw there, though not in a file that is known here.
        if address in self._known or address + 1 in self._known:
            return _Span(address, address + 1, 0, None, None)
        return None
