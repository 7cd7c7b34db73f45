"""Capabilities of the calling thread: what it holds, and how it gives them up for good."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable

from .errors import NotPermitted
from .library import ffi, lib

# include/uapi/linux/capability.h
_NUMBERS = {
    "dac_read_search": 2,
    "kill": 5,
    "setgid": 6,
    "setuid": 7,
    "setpcap": 8,
    "sys_ptrace": 19,
    "sys_admin": 21,
    "syslog": 34,
    "bpf": 39,
    "checkpoint_restore": 40,
}


def held() -> frozenset[str]:
    """Those that are named here."""
    permitted, effective = ffi.new("uint64_t *"), ffi.new("uint64_t *")
    _check("reading capabilities", lib.get_capabilities(permitted, effective))
    return frozenset(name for name, bit in _NUMBERS.items() if permitted[0] >> bit & 1)


def forbid_more() -> None:
    """Whatever program this thread may run gets no more rights than it has."""
    _check("no_new_privs", lib.forbid_new_privileges())
    if "setpcap" in held():
        _check("the bounding set", lib.forbid_capabilities())


def become(uid: int, gid: int) -> None:
    """Be that user, in that group alone; what capabilities there are stay, to be given up."""
    _check("keeping capabilities", lib.keep_capabilities(True))
    try:
        # None of their other groups: one may stand for as much as root (docker, disk).
        os.setgroups([])
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
    except OSError as error:
        raise left_over(f"becoming user {uid}, group {gid}", error.errno or 0) from error
    _check("keeping capabilities", lib.keep_capabilities(False))


def keep(names: Iterable[str]) -> None:
    """Only those of these that are held; and what bpf() needs where it is refused without.

    Since 5.19 (commit c8644cd0efe7) the kernel refuses to make maps and programs, and no more. What
    is still asked of it is how often it skipped a program: without, losses would go untold.
    """
    had = held()
    kept = _bits(had & frozenset(names))
    for_bpf = kept | _bits([next((name for name in ("bpf", "sys_admin") if name in had), "")])
    _check("capabilities", lib.set_capabilities(for_bpf, kept))
    if _bpf_is_refused():
        _check("capabilities", lib.set_capabilities(for_bpf, for_bpf))
    else:
        _check("capabilities", lib.set_capabilities(kept, kept))


def _bpf_is_refused() -> bool:
    """Asked with a descriptor that is none."""
    return int(lib.bpf_map_update_elem(-1, b"\0", b"\0", 0)) == -errno.EPERM


def _bits(names: Iterable[str]) -> int:
    return sum(1 << _NUMBERS[name] for name in names if name)


def _check(doing: str, result: int) -> None:
    if result:
        raise left_over(doing, -result)


def left_over(doing: str, number: int) -> NotPermitted:
    """Rights are left that should not be."""
    return NotPermitted(
        f"giving up rights failed: {doing}: {os.strerror(number)}",
        hint="--keep-privileges     (goes on with all rights)",
    )
