"""Checks of what this process may: capabilities, seccomp, lockdown, locked memory."""

from __future__ import annotations

import errno
import os
import resource

from . import diagnosis
from .bpf_path import object_path
from .checks import OK, WARN, Check, of_error
from .errors import LibraryMissing, PysigsnoopError

_CAP_SYS_RESOURCE = 24
_SECURITYFS = os.path.dirname(diagnosis.LOCKDOWN)


def _capabilities() -> Check:
    lacking = diagnosis.lacking_rights("tracing")
    if lacking:
        return of_error("capabilities", lacking)
    return Check("capabilities", OK, f"CAP_BPF and CAP_PERFMON (uid {os.geteuid()})")


def _seccomp() -> Check:
    if diagnosis.status_of("Seccomp") != "2":
        return Check("seccomp", OK, "no filter on this process")
    try:
        from .library import lib
    except LibraryMissing:
        return Check("seccomp", WARN, "a filter; without the extension it cannot be tried")
    # A call that only fails for its descriptor, where it reaches the kernel.
    answer = int(lib.bpf_map_update_elem(-1, b"\0", b"\0", 0))
    if answer == -errno.EBADF:
        return Check("seccomp", OK, "a filter, which lets bpf() through")
    if diagnosis.lacking_rights("tracing"):
        return Check("seccomp", WARN, "a filter; without the rights it cannot be tried")
    return of_error("seccomp", diagnosis.refused_by_seccomp("bpf()"))


def _lockdown() -> Check:
    mode = diagnosis.lockdown()
    if mode is None and not os.path.ismount(_SECURITYFS):
        mount = f"sudo mount -t securityfs securityfs {_SECURITYFS}"
        return Check("lockdown", WARN, f"not shown: {_SECURITYFS} is not mounted", mount)
    refused = diagnosis.refused_by_lockdown("tracing")
    if refused:
        return of_error("lockdown", refused)
    return Check("lockdown", OK, mode or "this kernel has none")


def _counts_locked_memory() -> bool:
    """Whether BPF memory counts as locked memory: 5.11 took that out, with this type."""
    from .kernel_types import kernel_types

    return bool(kernel_types(object_path(), ("bpf_map_memory",)).ids)


def _memlock() -> Check:
    limit = resource.getrlimit(resource.RLIMIT_MEMLOCK)[0]
    shown = "unlimited" if limit == resource.RLIM_INFINITY else f"{limit >> 10} KiB"
    if limit == resource.RLIM_INFINITY:
        return Check("memlock", OK, shown)
    raises = int(diagnosis.status_of("CapEff") or "0", 16) >> _CAP_SYS_RESOURCE & 1
    if raises:
        return Check("memlock", OK, f"{shown}, and can be raised")
    try:
        counts = _counts_locked_memory()
    except PysigsnoopError:
        return Check("memlock", WARN, f"{shown}; whether that matters here cannot be told")
    if not counts:
        return Check("memlock", OK, f"{shown}, which BPF does not count in")
    return Check(
        "memlock",
        WARN,
        f"{shown}, and BPF memory counts in it before Linux 5.11",
        "ulimit -l unlimited     (as root), or pysigsnoop --buffer 64K",
    )


CHECKS = {
    "capabilities": _capabilities,
    "seccomp": _seccomp,
    "lockdown": _lockdown,
    "memlock": _memlock,
}
