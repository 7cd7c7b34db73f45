"""The stack of a send, as an event hands it out."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, NamedTuple

from .kernel_symbols import KernelSymbols
from .module import Module
from .unwind import Step

KERNEL = "[kernel]"


class Frame(NamedTuple):
    """One frame of a stack: a place in a function. None is what could not be known.

    Names and paths come from other processes' files, and are not safe to print: see
    `pysigsnoop.printable`.
    """

    #: The function, as its file spells it (C++ and Rust names as they are mangled).
    symbol: str | None
    #: Bytes from the beginning of that function.
    offset: int | None
    #: The program or library, as its process sees the path; `[kernel]`, a kernel module's
    #: `[name]`, `[vdso]`.
    module: str | None
    #: The place in that file, in bytes.
    module_offset: int | None
    #: Source file and line, where the file has DWARF line tables.
    file: str | None
    line: int | None
    #: Of the file, in hex.
    build_id: str | None
    #: In the process's memory; None for the kernel's, which would tell where the kernel lies.
    address: int | None

    def as_dict(self) -> dict[str, Any]:
        """The keys of the JSON form."""
        address = None if self.address is None else f"{self.address:#x}"
        return {**self._asdict(), "address": address}


class Place(NamedTuple):
    """A step of a walk, and the file that it lies in, as far as that is known."""

    step: Step
    module: Module | None
    #: What the process calls it; its own path where it has one.
    path: str | None
    #: Of the step's look-up, in the file.
    file_offset: int | None
    build_id: bytes | None


class Stack:
    """Where the frames are; which functions these are is looked up when first asked for."""

    def __init__(
        self, kernel: Sequence[int], user: Sequence[Place], kernel_symbols: KernelSymbols
    ) -> None:
        self._kernel = kernel
        self._user = user
        self._kernel_symbols = kernel_symbols

    @cached_property
    def frames(self) -> list[Frame]:
        """Innermost first: the kernel's, then the process's."""
        return [*self._kernel_frames(), *map(_user_frame, self._user)]

    def _kernel_frames(self) -> list[Frame]:
        # The innermost address is where it is, all others are return addresses.
        found = [
            self._kernel_symbols.at(address - bool(index))
            for index, address in enumerate(self._kernel)
        ]
        own = [index for index, each in enumerate(found) if each and _is_own(each.name)]
        # Tracing begins within the function that sends.
        outside = range(own[-1] + 1 if own else 0, len(found))
        frames = []
        for index in outside:
            at = found[index]
            if at is None:
                frames.append(Frame(None, None, KERNEL, None, None, None, None, None))
            else:
                offset, module = at.offset + bool(index), f"[{at.module}]" if at.module else KERNEL
                frames.append(Frame(at.name, offset, module, None, None, None, None, None))
        return frames


def _is_own(name: str) -> bool:
    """What runs the tracer's program rather than sends."""
    return name.startswith(("bpf_trace_run", "__bpf_trace_", "__traceiter_", "bpf_prog_"))


def _user_frame(place: Place) -> Frame:
    step, module = place.step, place.module
    symbol = offset = file = line = None
    address = None
    if module and place.file_offset is not None:
        address = module.image.address_of(place.file_offset)
    if module and address is not None:
        function, source = module.at(address)
        if function:
            symbol, offset = function.name, address + step.call - function.start
        if source:
            file, line = source
    path = None
    if place.path is not None:
        raw = place.path.encode("utf-8", "surrogateescape")
        path = raw.decode("utf-8", "backslashreplace")
    return Frame(
        symbol,
        offset,
        path,
        None if place.file_offset is None else place.file_offset + step.call,
        file,
        line,
        place.build_id.hex() if place.build_id else None,
        step.address,
    )
