"""What this machine calls users, and whether a record's numbers of them mean the same here."""

from __future__ import annotations

import functools
import os
import pwd

# Of the initial user namespace: every number is itself.
_ALL = [b"0", b"0", b"%d" % (2**32 - 1)]


@functools.lru_cache(256)
def name_of_user(uid: int) -> str | None:
    """A user's name; None where the number has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except (KeyError, OverflowError):
        return None


def uids_are_ours(uid_map: str | os.PathLike[str] = "/proc/self/uid_map") -> bool:
    """Whether uids of the initial user namespace, which records tell, are what this process knows
    them as."""
    try:
        with open(uid_map, "rb") as file:
            return file.read().split() == _ALL
    except OSError:
        return False
