"""The table in which sends wait for their end: how large, and whether any were thrown out."""

from __future__ import annotations

from collections.abc import Sequence

from .bpf_object import BpfObject
from .stats import links_missing

MAP = "links"
_DEFAULT = 16384
# How many free entries a CPU may keep from the others in an LRU map: kernel/bpf/bpf_lru_list.c.
_HELD_BACK = 128


class Links:
    """Least recently used sends give way where the table is full; this tells whether any did."""

    def __init__(self, entries: int | None, cpus: int) -> None:
        #: What the table is sized to: by default so that the CPUs' share is a small part of it.
        self.entries = max(_DEFAULT, 4 * _HELD_BACK * cpus) if entries is None else entries
        self._sure = self.entries - _HELD_BACK * cpus

    def may_lack(self, counters: Sequence[int]) -> bool:
        """Whether a send may have been thrown out."""
        return links_missing(counters) > self._sure

    def evicted(self, counters: Sequence[int], bpf: BpfObject) -> int:
        """Of the sends remembered and not forgotten, those that are not in the table either."""
        # To count the table takes a while.
        if not self.may_lack(counters):
            return 0
        return max(0, links_missing(counters) - bpf.count_keys(MAP))
