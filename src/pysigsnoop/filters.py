"""What a tracer is asked to let through; the kernel program does the filtering."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable

from ._records import (
    COMM_LEN,
    FILTER,
    FIRST_KERNEL_ORIGIN,
    ORIGIN,
    PID_WORDS,
    SETTINGS_FIELDS,
    SIGNALS_BUT,
    SIGNALS_ONLY,
)
from .clock import tick_us
from .errors import FilterInvalid
from .signals import RTMAX, parse_signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .cgroups import Cgroup

    Some = Iterable[Any] | str | int | None

# The largest pid that a 64-bit kernel gives out: PID_MAX_LIMIT in include/linux/threads.h.
PID_MAX = 4 * 1024 * 1024
#: How many words the kernel program's bits for pids fill, of both ends.
PID_SLOTS = 2 * PID_WORDS
# A caller can pass any int as target, and is then told ESRCH.
_INT_MIN, _INT_MAX = -(2**31), 2**31 - 1
_UID_MAX = 2**32 - 2

ORIGINS = tuple(name for name, number in ORIGIN.items() if number)
KERNEL_ORIGINS = tuple(name for name in ORIGINS if ORIGIN[name] >= FIRST_KERNEL_ORIGIN)
SCOPES = ("default", "kernel", "all")


def _several(name: str, value: Some) -> list[Any] | None:
    """One or many as a list, None as None. A string or bytes is one value."""
    if value is None:
        return None
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        return [value]
    values = list(value)
    if not values:
        raise FilterInvalid(
            f"{name} is empty: nothing could pass",
            hint=f"leave {name} out to let everything through",
        )
    return values


def _number(what: str, lowest: int, highest: int, hint: str) -> Callable[[Any], bytes]:
    """A packer for numbers in a range; those below 0 as the 32 bits that the kernel sees."""

    def pack(value: Any) -> bytes:
        if isinstance(value, bool) or not isinstance(value, int) or not lowest <= value <= highest:
            raise FilterInvalid(f"{value!r} is no {what}", hint=hint)
        return struct.pack("=Q8x", value & 0xFFFFFFFF)

    return pack


def _comm(value: Any) -> bytes:
    raw: bytes = (
        value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogateescape")
    )
    if not raw or b"\0" in raw:
        raise FilterInvalid(f"{value!r} is no name of a process", hint="ps -eo comm lists them")
    # The kernel keeps 15 bytes, and no process can be called more.
    return raw[: COMM_LEN - 1].ljust(COMM_LEN, b"\0")


_PS = "ps -e lists the pids of running processes"
_PACKERS: dict[str, Callable[[Any], bytes]] = {
    "sender_pid": _number("pid that a process can have", 1, PID_MAX, _PS),
    "target_pid": _number("pid", _INT_MIN, _INT_MAX, _PS),
    "sender_uid": _number("user id", 0, _UID_MAX, "id -u NAME tells it"),
    "target_uid": _number("user id", 0, _UID_MAX, "id -u NAME tells it"),
    "sender_comm": _comm,
    "target_comm": _comm,
}
_CGROUPS = ("sender_cgroup", "target_cgroup")


class Filters:
    """Checked filters, in the form that the kernel program takes.

    Raises FilterInvalid for what no signal could ever meet: an empty set, a pid
    that cannot be, a name that no signal has.
    """

    def __init__(
        self,
        *,
        signals: Some = None,
        exclude_signals: Some = None,
        origins: Some = None,
        scope: str = "default",
        failed_only: bool = False,
        fatal_only: bool = False,
        follow: bool = False,
        **ends: Some,
    ) -> None:
        if scope not in SCOPES:
            raise FilterInvalid(f"no scope is called {scope!r}", hint=f"one of {', '.join(SCOPES)}")
        named = _several("origins", origins)
        self.origins = self._origins(named, scope)
        self.failed_only, self._fatal, self.follow = failed_only, fatal_only, follow
        self._signals = self._mask(
            _several("signals", signals), _several("exclude_signals", exclude_signals)
        )
        self._filter_signals = 0
        if self._signals is not None:
            self._filter_signals = SIGNALS_BUT if signals is None else SIGNALS_ONLY
        # Who names signals or origins means them, whatever they do.
        self._kernel_if_fatal = scope == "default" and signals is None and named is None
        if failed_only and (
            fatal_only or not self.origins & _bits(set(ORIGINS) - {*KERNEL_ORIGINS})
        ):
            other = "fatal_only (--fatal)" if fatal_only else "origins (--origin)"
            if scope == "kernel" and not fatal_only:
                other = "scope='kernel' (--kernel)"
            raise FilterInvalid(
                "only calls can fail, and a failed one ends nothing: nothing could pass",
                hint=f"leave out failed_only (-x) or {other}",
            )
        self._keys: list[tuple[int, bytes]] = []
        #: The cgroups that are asked for, of either end.
        self.cgroups: list[Cgroup] = []
        for name, value in ends.items():
            pack = self._cgroup if name in _CGROUPS else _PACKERS[name]
            for each in _several(name, value) or ():
                self._keys.append((FILTER[name], pack(each)))

    def _cgroup(self, value: Any) -> bytes:
        from .cgroups import find_cgroup  # late: few filter by it

        found = find_cgroup(str(value))
        self.cgroups.append(found)
        return struct.pack("=Q8x", found.id)

    @staticmethod
    def _origins(named: list[Any] | None, scope: str) -> int:
        for name in named or ():
            if name not in ORIGINS:
                raise FilterInvalid(
                    f"no origin is called {name!r}", hint=f"one of {', '.join(ORIGINS)}"
                )
        chosen = set(ORIGINS if named is None else named)
        if scope == "kernel":
            chosen &= {*KERNEL_ORIGINS}
        if not chosen:
            raise FilterInvalid(
                "none of these origins is the kernel's: nothing could pass",
                hint="leave out scope='kernel' (--kernel) or origins (--origin)",
            )
        return _bits(chosen)

    @staticmethod
    def _mask(names: list[Any] | None, excluded: list[Any] | None) -> int | None:
        if names is None and excluded is None:
            return None
        wanted = set(range(RTMAX + 1)) if names is None else {parse_signal(n) for n in names}
        wanted -= {parse_signal(name) for name in excluded or ()}
        if not wanted:
            raise FilterInvalid(
                "every signal asked for is excluded: nothing could pass",
                hint="leave out signals (-s) or exclude_signals (-S)",
            )
        return sum(1 << number for number in wanted)

    @property
    def kernel_origins(self) -> int:
        """The origins that the kernel program lets through.

        What the OOM killer sends looks like any other of the kernel's own until a
        later record tells, so the two pass together and the reader sorts them.
        """
        pair = _bits({"oom", "kernel"})
        return self.origins | pair if self.origins & pair else self.origins

    @property
    def judges_sends(self) -> bool:
        """Whether more is asked of a send than its signal and target, which its end shows too."""
        numbers = {number for number, _ in self._keys}
        asked = {name for name in (*_PACKERS, *_CGROUPS) if FILTER[name] in numbers}
        return (
            self.failed_only
            or self._fatal
            or self.origins != _bits(ORIGINS)
            or any(name.startswith("sender_") for name in asked)
        )

    def settings(
        self,
        *,
        compat_exits: bool,
        calls: bool,
        outcomes: bool = False,
        exits: bool = False,
        details: bool = False,
        stacks: bool = False,
        direct: bool = False,
    ) -> dict[str, int]:
        """Values for the members of `struct sigsnoop_settings`."""
        filters = sum({1 << number for number, _ in self._keys})
        mask = self._signals or 0
        chosen = {
            "origins": self.kernel_origins,
            "kernel_if_fatal": self._kernel_if_fatal,
            "filters": filters,
            "filter_signals": self._filter_signals,
            "failed_only": self.failed_only,
            "fatal_only": self._fatal,
            "follow": self.follow,
            "compat_exits": compat_exits,
            "calls": calls,
            "outcomes": outcomes,
            "unlinked": not self.judges_sends,
            "exits": exits,
            "details": details,
            "tick_us": tick_us(),
            "stacks": stacks,
            "direct": direct,
            "signals.0": mask & (1 << 64) - 1,
            "signals.1": mask >> 64,
        }
        return {name: int(chosen.get(name, 0)) for name in SETTINGS_FIELDS[1:]}

    def keys(self) -> list[bytes]:
        """The keys of the kernel program's set. A target's pid is one too: as an argument."""
        return [
            struct.pack("=I", number) + value
            for number, value in self._keys
            if number != FILTER["sender_pid"]
        ]

    def pid_words(self) -> dict[int, int]:
        """Of the kernel program's bits, one for each pid, the words that hold any, by place."""
        words: dict[int, int] = {}
        first = {FILTER["sender_pid"]: 0, FILTER["target_pid"]: PID_WORDS}
        for number, value in self._keys:
            if number in first:
                (pid,) = struct.unpack("=Q8x", value)
                if 0 < pid <= PID_MAX:
                    at = first[number] + pid // 64
                    words[at] = words.get(at, 0) | 1 << pid % 64
        return words


def followed_pids(value: Iterable[int] | int | None) -> list[int]:
    """Checked pids of processes to follow; none is fine, others can be added later."""
    pids = [value] if isinstance(value, int) else list(value or ())
    for pid in pids:
        _PACKERS["sender_pid"](pid)
    return pids


def _bits(names: Iterable[str]) -> int:
    return sum(1 << ORIGIN[name] for name in names)
