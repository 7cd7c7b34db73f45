"""The object for each architecture, and kernels to hold its types against without booting them."""

from __future__ import annotations

import functools
import platform
import struct
import tempfile
from pathlib import Path

import build
from tests.guests.architecture import ARM64
from tests.guests.kernels import Store

from .btf import Btf

OBJECT = build.OBJECT
ARCH = build.BPF_ARCH[platform.machine()]
_RUNNING = Path("/sys/kernel/btf/vmlinux")
# How a BTF begins: magic, version, flags; then the size of its header.
_BEGIN = struct.pack("=HBBI", 0xEB9F, 1, 0, 24)


@functools.cache
def object_types(arch: str) -> tuple[bytes, Btf]:
    """The object for it, as built or built now, and its types."""
    if arch == ARCH:
        return OBJECT.read_bytes(), Btf(OBJECT)
    machine = next(name for name, each in build.BPF_ARCH.items() if each == arch)
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "sigsnoop.bpf.o"
        build.build_object(target, machine)
        return target.read_bytes(), Btf(target)


def kernels() -> dict[str, tuple[str, Path | None]]:
    """Kernels by name, with their architecture and the file that has their types.

    The running one; those for arm64 that guests have had, None where there were none.
    """
    store = Store()
    found: dict[str, tuple[str, Path | None]] = {"running": (ARCH, _RUNNING)}
    for kernel in store.cached(ARM64):
        found[kernel.series] = ("arm64", store.unpacked(kernel).image)
    if len(found) == 1:
        found["arm64"] = ("arm64", None)
    return found


@functools.cache
def kernel_types(path: Path) -> Btf:
    """The types of a kernel, by its image where it does not run."""
    if path == _RUNNING:
        return Btf(path)
    with tempfile.TemporaryDirectory() as folder:
        inside = Path(folder) / "btf"
        inside.write_bytes(_btf(path.read_bytes()))
        return Btf(inside)


def _btf(image: bytes) -> bytes:
    """Where an image that is not packed has its types: at the only place that could be them."""
    found = []
    at = image.find(_BEGIN)
    while at >= 0:
        types, size, strings, length = struct.unpack_from("=IIII", image, at + 8)
        whole = image[at : at + 24 + strings + length]
        fits = (types, strings, len(whole)) == (0, size, 24 + size + length)
        if fits and whole.endswith(b"\0"):
            found.append(whole)
        at = image.find(_BEGIN, at + 1)
    assert len(found) == 1, f"{len(found)} places"
    return found[0]
