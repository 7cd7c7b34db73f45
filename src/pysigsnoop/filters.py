"""What a tracer is asked to let through; the kernel program does the filtering."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .errors import FilterInvalid
from .signals import Signal, parse_signal

# The largest pid that a 64-bit kernel gives out: PID_MAX_LIMIT in include/linux/threads.h.
_PID_MAX = 4 * 1024 * 1024
# A caller can pass any int as target, and is then told ESRCH.
_INT_MIN, _INT_MAX = -(2**31), 2**31 - 1


def _several(value: object) -> list[Any] | None:
    """One or many as a list, None as None. A string is one value."""
    if value is None:
        return None
    if isinstance(value, str) or not isinstance(value, Iterable):
        return [value]
    return list(value)


class Filters:
    """Checked filters: `signals`, `senders`, `targets` (None lets all through), `failed_only`.

    Raises FilterInvalid for what no signal could ever meet: an empty set, a pid
    that cannot be, a name that no signal has.
    """

    __slots__ = ("failed_only", "senders", "signals", "targets")

    def __init__(
        self,
        *,
        signals: Iterable[str | int] | str | int | None = None,
        sender_pid: Iterable[int] | int | None = None,
        target_pid: Iterable[int] | int | None = None,
        failed_only: bool = False,
    ) -> None:
        names = _several(signals)
        self.signals: frozenset[Signal] | None = (
            None if names is None else frozenset(parse_signal(name) for name in names)
        )
        self.senders = _pids("sender_pid", sender_pid, 1, _PID_MAX)
        self.targets = _pids("target_pid", target_pid, _INT_MIN, _INT_MAX)
        self.failed_only = failed_only
        for name, chosen in (
            ("signals", self.signals),
            ("sender_pid", self.senders),
            ("target_pid", self.targets),
        ):
            if chosen is not None and not chosen:
                raise FilterInvalid(
                    f"{name} is empty: nothing could pass",
                    hint=f"leave {name} out to let everything through",
                )


def _pids(
    name: str, value: Iterable[int] | int | None, lowest: int, highest: int
) -> frozenset[int] | None:
    pids = _several(value)
    if pids is None:
        return None
    for pid in pids:
        if isinstance(pid, bool) or not isinstance(pid, int) or not lowest <= pid <= highest:
            raise FilterInvalid(
                f"{name}: no process can have the pid {pid!r}",
                hint="ps -e lists the pids of running processes",
            )
    return frozenset(pids)
