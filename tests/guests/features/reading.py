"""How the kernel's structures are read: by what its own description (BTF, event formats) says.

Asked for as the programs and user space ask (bpf_core_*_exists, kernel_types), since what they
tell is the same in either way: a tracer that reads wrongly fails the trials of what is told.
"""

from __future__ import annotations

import functools
from pathlib import Path

from pysigsnoop.bpf_object import BpfObject
from pysigsnoop.bpf_path import object_path
from pysigsnoop.check_rights import _counts_locked_memory
from pysigsnoop.diagnosis import BTF, find_tracefs
from pysigsnoop.kernel_types import kernel_types

from . import YES, Lacking


def _has_type(name: str) -> bool:
    """A structure, function or enumerator."""
    return bool(kernel_types(object_path(), (name,)).ids)


@functools.cache
def _names() -> bytes:
    return Path(BTF).read_bytes()


def _has_name(name: str) -> bool:
    """Whether anything is called so; for names that one thing alone has."""
    return b"\0%s\0" % name.encode() in _names()


def _event_has(event: str, field: str) -> bool:
    """By the kernel's description of a tracepoint's event."""
    told = Path(find_tracefs(), "events", event, "format").read_text()
    return f" {field};" in told


@functools.cache
def _opened() -> tuple[dict[str, int], bool]:
    """How the programs are told to read, and whether types were cut for them."""
    bpf = BpfObject()
    try:
        return bpf._reading(1), bpf.types.cut is not None
    finally:
        bpf.close()


def _loads() -> str:
    how = _opened()[0]
    if how["casts"]:
        return "of all"
    if how["direct"]:
        return "of tasks"
    raise Lacking("a helper is called for each read (loads since Linux 5.11, of all since 6.2)")


def _loops() -> str:
    if not _opened()[0]["iterates"]:
        raise Lacking(
            "the verifier follows each turn of a loop (counted since Linux 6.4, well since 6.11)"
        )
    return YES


def _cut_types() -> str:
    if not _opened()[1]:
        raise Lacking("the kernel's types are of a kind not known here: libbpf takes them whole")
    return YES


def _registers() -> str:
    return "by helper" if _has_type("BPF_FUNC_task_pt_regs") else "by address"


def _last_thread() -> str:
    return "by event" if _event_has("sched/sched_process_exit", "group_dead") else "by count"


def _misses() -> str:
    if not _has_name("recursion_misses"):
        raise Lacking("the kernel does not count the runs that it skips (since Linux 5.12)")
    return YES


def _cgroup() -> str:
    return "by id" if _has_name("ancestor_ids") else "by pointer"


def _memory() -> str:
    return "per process" if _has_type("mm_rss_stat") else "per CPU"


def _locked() -> str:
    return "counts" if _counts_locked_memory() else "is free"


TRIALS = {
    "loads": _loads,
    "loops": _loops,
    "registers": _registers,
    "last_thread": _last_thread,
    "skipped": _misses,
    "cgroup_above": _cgroup,
    "memory_counted": _memory,
    "cut_types": _cut_types,
    "locked_memory": _locked,
}
