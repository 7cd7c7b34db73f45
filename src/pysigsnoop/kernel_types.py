"""The running kernel's types (BTF): those that the object names, and which of its names exist."""

from __future__ import annotations

import functools
import os

from .diagnosis import BTF, no_btf
from .library import ffi, lib
from .named_tuple import NamedTuple


class KernelTypes(NamedTuple):
    """What an object needs to know of the kernel."""

    #: The kernel's BTF, cut down to what the object names; None where it could not be cut.
    cut: bytes | None
    #: Of the names asked for those that the kernel has, with the kernel's id of each; 0 where
    #: only the name is known.
    ids: dict[str, int]


def kernel_types(path: str, names: tuple[str, ...]) -> KernelTypes:
    """For the object at `path`, and `names` of structures, functions, enumerators.

    Worked out once for each file. Raises NotSupported where the kernel has no BTF.
    """
    if not os.path.exists(BTF):
        raise no_btf()
    return _kernel_types(path, os.stat(path).st_mtime_ns, names)


@functools.lru_cache(4)
def _kernel_types(path: str, _: int, names: tuple[str, ...]) -> KernelTypes:
    texts = [ffi.new("char[]", name.encode()) for name in names]
    ids = ffi.new("unsigned int[]", len(names))
    cut = ffi.new("void **")
    size = lib.cut_types(
        os.fsencode(BTF), os.fsencode(path), ffi.new("char *[]", texts), ids, len(names), cut
    )
    if size < 0:
        # Types of a kind that is new: their names are enough.
        held = b""
        if os.access(BTF, os.R_OK):
            with open(BTF, "rb") as file:
                held = file.read()
        return KernelTypes(None, {n: 0 for n in names if b"\0%s\0" % n.encode() in held})
    try:
        found = {name: number for name, number in zip(names, ids, strict=True) if number}
        return KernelTypes(bytes(ffi.buffer(cut[0], size)), found)
    finally:
        lib.free(cut[0])
