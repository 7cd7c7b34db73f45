"""What an OOM kill says beyond its signal: who asked for memory, and what the victim held."""

from __future__ import annotations

import os

from ._records import KNOWN
from .layout import SEND_LAYOUT, Field

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .event import Process

_KNOWN = SEND_LAYOUT["known"]
# Which field of a send each figure stands in: struct sigsnoop_oom_victim of bpf/sigsnoop.h.
_STANDS_IN = ("value", "ret", "target_arg", "tgid_arg", "flags", "recipients")
_TOTAL_VM, _ANON, _FILE, _SHMEM, _PGTABLES, _SCORE_ADJ = map(SEND_LAYOUT.__getitem__, _STANDS_IN)
_PAGE_KB = os.sysconf("SC_PAGESIZE") // 1024


class Oom:
    """An OOM kill's circumstances, as the kernel reports them with it.

    The figures are of the victim, and None where the kernel's event has none (it
    has from Linux 6.9, and in some older stable releases), and for a process that
    was killed since it shares the victim's memory: they are told once, with the
    victim.
    """

    __slots__ = ("_record", "allocator")

    def __init__(self, record: bytes, allocator: Process | None) -> None:
        self._record = record
        #: The process that asked for memory when there was none, and so ran the OOM killer, be it
        #: the victim or another. It sent nothing. None for a thread of the kernel.
        self.allocator = allocator

    def _figure(self, at: Field, bits: int) -> int | None:
        if not _KNOWN.read(self._record, _KNOWN.offset)[0] & KNOWN["memory"]:
            return None
        return int(at.read(self._record, at.offset)[0]) & ((1 << bits) - 1)

    def _pages(self, at: Field, bits: int = 32) -> int | None:
        pages = self._figure(at, bits)
        return None if pages is None else pages * _PAGE_KB

    @property
    def total_vm_kb(self) -> int | None:
        """The address space that it had mapped, touched or not."""
        return self._pages(_TOTAL_VM, 64)

    @property
    def anon_rss_kb(self) -> int | None:
        """Memory of its own: heap, stacks."""
        return self._pages(_ANON)

    @property
    def file_rss_kb(self) -> int | None:
        """Pages of files that it had mapped."""
        return self._pages(_FILE)

    @property
    def shmem_rss_kb(self) -> int | None:
        """Pages of shared memory and tmpfs that it had mapped."""
        return self._pages(_SHMEM)

    @property
    def pgtables_kb(self) -> int | None:
        """Its page tables."""
        return self._figure(_PGTABLES, 32)

    @property
    def oom_score_adj(self) -> int | None:
        """How readily it was to be chosen, from -1000 to 1000: /proc/PID/oom_score_adj."""
        score = self._figure(_SCORE_ADJ, 32)
        return score if score is None or score < 1 << 31 else score - (1 << 32)

    def as_dict(self) -> dict[str, Any]:
        """The keys of the JSON form."""
        return {
            "allocator": None if self.allocator is None else self.allocator.as_dict(),
            "total_vm_kb": self.total_vm_kb,
            "anon_rss_kb": self.anon_rss_kb,
            "file_rss_kb": self.file_rss_kb,
            "shmem_rss_kb": self.shmem_rss_kb,
            "pgtables_kb": self.pgtables_kb,
            "oom_score_adj": self.oom_score_adj,
        }
