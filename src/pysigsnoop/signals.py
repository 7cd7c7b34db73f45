"""Signals by number and by name, as Linux numbers them on x86-64 and arm64.

The numbers are the kernel's (include/uapi/asm-generic/signal.h). Python's own
`signal` module is not used: it lacks SIGSTKFLT before 3.11, and names neither
0 nor the real-time signals between the first and the last.
"""

from __future__ import annotations

from .errors import FilterInvalid

TYPE_CHECKING = False

_STANDARD = (
    *("HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2"),
    *("PIPE", "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG"),
    *("XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS"),
)
_ALIASES = {"IOT": "ABRT", "CLD": "CHLD", "POLL": "IO", "UNUSED": "SYS"}

# The C library keeps 32 and 33 for itself, so programs count real-time signals from 34.
RTMIN = 34
RTMAX = 64


def _name(number: int) -> str | None:
    if 1 <= number <= len(_STANDARD):
        return f"SIG{_STANDARD[number - 1]}"
    if number == RTMIN:
        return "SIGRTMIN"
    if RTMIN < number <= RTMAX:
        return f"SIGRTMIN+{number - RTMIN}"
    return str(number) if number in (0, 32, 33) else None


class Signal(int):
    """A signal: an int with a `name`.

    `name` is `SIGKILL` for 9, `SIGRTMIN+3` for 37, `0`, `32` and `33` for those
    numbers, and None for a number that no signal has.
    """

    __slots__ = ()

    if TYPE_CHECKING:
        # Python's own signal.SIGKILL is an int too, and without this no type checker believes
        # that one could equal the other.
        def __eq__(self, other: object) -> bool: ...

        def __hash__(self) -> int: ...

    @property
    def name(self) -> str | None:
        return _NAMES.get(self)

    def __repr__(self) -> str:
        return f"<Signal {int(self)} {self.name or 'invalid'}>"


_NAMES = {number: _name(number) for number in range(RTMAX + 1)}
_NUMBERS = {name: number for number, name in _NAMES.items() if name}
_NUMBERS |= {f"SIG{alias}": _NUMBERS[f"SIG{name}"] for alias, name in _ALIASES.items()}
_BY_NUMBER = {number: Signal(number) for number in range(RTMAX + 1)}


def signal_of(number: int) -> Signal:
    """The signal of a number, valid or not."""
    known = _BY_NUMBER.get(number)
    return Signal(number) if known is None else known


def parse_signal(text: str | int) -> Signal:
    """A signal from `KILL`, `SIGKILL`, `kill`, `9`, 9, `RTMIN+1` or `RTMAX-2`.

    Raises FilterInvalid where no signal is called that.
    """
    number = _number_of(text)
    if number not in _BY_NUMBER:
        raise FilterInvalid(
            f"no signal is called {text!r}",
            hint="kill -l lists the names; numbers 0 to 64 and RTMIN+1 work too",
        )
    return _BY_NUMBER[number]


def _number_of(text: str | int) -> int:
    """The number that is meant, -1 for none."""
    if isinstance(text, int) and not isinstance(text, bool):
        # Not by its text: a Signal, and Python's own before 3.11, print as names of their own kind.
        return int(text)
    word = str(text).strip().upper()
    name = word if word.startswith("SIG") else f"SIG{word}"
    if name in _NUMBERS:
        return _NUMBERS[name]
    if _is_number(word):
        return int(word)
    if name == "SIGRTMAX":
        return RTMAX
    for prefix, base, step in (("SIGRTMIN+", RTMIN, 1), ("SIGRTMAX-", RTMAX, -1)):
        offset = name.removeprefix(prefix)
        if offset != name and _is_number(offset):
            number = base + step * int(offset)
            # RTMIN and RTMAX lead to real-time signals only.
            return number if RTMIN <= number <= RTMAX else -1
    return -1


def _is_number(word: str) -> bool:
    """In digits, and no longer than a signal's can be: Python refuses to convert thousands."""
    return word.isascii() and word.isdigit() and len(word) < 10
