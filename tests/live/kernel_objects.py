"""The kernel's own list of BPF programs, maps and links, and which of them a process holds."""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import time
from pathlib import Path

from .senders import PATIENCE

# Numbers of bpf(2) and of its BPF_*_GET_NEXT_ID commands (include/uapi/linux/bpf.h).
_BPF = {"x86_64": 321, "aarch64": 280}[platform.machine()]
_NEXT_ID = {"prog": 11, "map": 12, "link": 31}

#: One object: its kind and its id, which the kernel does not give out twice in a row.
Object = tuple[str, int]


def all_objects() -> set[Object]:
    """Every BPF object on the machine."""
    libc = ctypes.CDLL(None, use_errno=True)
    found: set[Object] = set()
    for kind, command in _NEXT_ID.items():
        last = 0
        while True:
            request = ctypes.create_string_buffer(struct.pack("=II", last, 0), 128)
            if libc.syscall(_BPF, command, request, ctypes.sizeof(request)):
                assert ctypes.get_errno() == errno.ENOENT, os.strerror(ctypes.get_errno())
                break
            last = struct.unpack_from("=II", request)[1]
            found.add((kind, last))
    return found


def objects_of(pid: int) -> set[Object]:
    """Those that a process holds by its file descriptors."""
    found: set[Object] = set()
    for info in Path(f"/proc/{pid}/fdinfo").iterdir():
        try:
            lines = info.read_text().splitlines()
        except FileNotFoundError:  # closed meanwhile
            continue
        fields = dict(line.split(":", 1) for line in lines if ":" in line)
        # The file of a link tells the program behind it too.
        for kind in ("link", "map", "prog"):
            if f"{kind}_id" in fields:
                found.add((kind, int(fields[f"{kind}_id"])))
                break
    return found


def wait_until_gone(objects: set[Object]) -> None:
    """Fails unless they leave the kernel's list; it frees some of them a moment later."""
    end = time.monotonic() + PATIENCE
    while left := objects & all_objects():
        assert time.monotonic() < end, f"left behind: {sorted(left)}"
        time.sleep(0.01)
