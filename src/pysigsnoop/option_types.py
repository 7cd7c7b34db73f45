"""What an option's text means: each a `type` of argparse's, with errors that say what to type.

Lists are written with commas.
"""

from __future__ import annotations

import argparse
import re

from .errors import FilterInvalid
from .signals import Signal, parse_signal

_SIZE = re.compile(r"(\d+)([KMG]?)B?", re.IGNORECASE)
_UNITS = {"": 0, "K": 10, "M": 20, "G": 30}


def signals(text: str) -> list[Signal]:
    """Signals by name or number."""
    try:
        return [parse_signal(word) for word in text.split(",")]
    except FilterInvalid as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def pids(text: str) -> list[int]:
    """Process ids."""
    try:
        return [int(word) for word in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a list of pids\n  hint: numbers, as in 2219 or 2219,2220"
        ) from None


def size(text: str) -> int:
    """A size in bytes, as 64K, 8M, 1G."""
    match = _SIZE.fullmatch(text)
    if not match:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size\n  hint: --buffer 64K, 8M, 1G")
    return int(match[1]) << _UNITS[match[2].upper()]


def seconds(text: str) -> float:
    """A span of time."""
    try:
        number = float(text)
    except ValueError:
        number = 0
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no time\n  hint: seconds, as in 10 or 0.5")
    return number


def count(text: str) -> int:
    """A whole number, 1 or more."""
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no count\n  hint: 1 or more")
    return int(text)


def words(text: str) -> list[str]:
    """Words, as they are."""
    return text.split(",")


def users(text: str) -> list[int]:
    """User ids, from names or numbers."""
    return [int(word) if word.isdecimal() else _uid(word) for word in text.split(",")]


def _uid(name: str) -> int:
    import pwd

    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        raise argparse.ArgumentTypeError(
            f"no user: {name!r}\n  hint: getent passwd lists them"
        ) from None
