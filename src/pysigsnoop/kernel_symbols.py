"""The kernel's functions by address, from /proc/kallsyms. Read once, when first asked for."""

from __future__ import annotations

import bisect
from array import array
from pathlib import Path
from typing import NamedTuple

_KALLSYMS = Path("/proc/kallsyms")
# No function is longer; what is further behind the last known one is code that came later.
_LONGEST = 65536


class KernelFunction(NamedTuple):
    name: str
    offset: int
    #: The module's name, None for the kernel itself.
    module: str | None


class KernelSymbols:
    """Empty where kallsyms hides addresses (kernel.kptr_restrict, CAP_SYSLOG)."""

    def __init__(self) -> None:
        self._starts: array[int] | None = None
        self._names: list[bytes] = []

    def _load(self) -> array[int]:
        found: dict[int, bytes] = {}
        try:
            lines = _KALLSYMS.read_bytes().splitlines()
        except OSError:
            lines = []
        for line in lines:
            address, kind, name = line.split(b" ", 2)
            if kind in b"tTwW":
                # Of several names the first, as the kernel's own look-up takes it.
                found.setdefault(int(address, 16), name)
        found.pop(0, None)
        ordered = sorted(found)
        self._names = [found[address] for address in ordered]
        return array("Q", ordered)

    def at(self, address: int) -> KernelFunction | None:
        """The function that holds the address."""
        if self._starts is None:
            self._starts = self._load()
        at = bisect.bisect_right(self._starts, address) - 1
        if at < 0 or address - self._starts[at] >= _LONGEST:
            return None
        name, _, module = self._names[at].decode("utf-8", "backslashreplace").partition("\t")
        return KernelFunction(name, address - self._starts[at], module.strip("[]") or None)
