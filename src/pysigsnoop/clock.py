"""The boot clock of the records, and the wall clock of people."""

from __future__ import annotations

import time

_MONOTONIC_COARSE = 6  # include/uapi/linux/time.h; the time module has no name for it


def wall_offset() -> int:
    """What turns boot-clock ns into ns since 1970, now."""
    return time.time_ns() - time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def tick_us() -> int:
    """The kernel's tick in whole microseconds, as the kernel itself counts with it."""
    # The coarse clocks advance once a tick.
    return 1_000_000 // round(1 / time.clock_getres(_MONOTONIC_COARSE))


def rfc3339(time_ns: int) -> str:
    """ns since 1970 as RFC 3339 in UTC, to the ns."""
    seconds, ns = divmod(time_ns, 1_000_000_000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{ns:09d}Z"


class Timed:
    """What has a time on the boot clock, and knows how the wall clock stood to it when read."""

    __slots__ = ()

    _wall_offset: int

    @property
    def boot_ns(self) -> int:
        """In ns on the boot clock (CLOCK_BOOTTIME)."""
        raise NotImplementedError

    @property
    def time_ns(self) -> int:
        """The same in ns since 1970, by the wall clock as it stood when this was read."""
        return self.boot_ns + self._wall_offset

    @property
    def time(self) -> str:
        """The same as RFC 3339 in UTC, to the ns."""
        return rfc3339(self.time_ns)
