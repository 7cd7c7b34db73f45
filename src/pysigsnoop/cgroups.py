"""cgroup v2 paths and the ids by which the kernel program knows them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from ._records import CGROUP_LEVELS
from .cgroup_tree import mounts
from .errors import FilterInvalid


class Cgroup(NamedTuple):
    """A cgroup's folder, and its id: the folder's inode number (kernel 5.5 and newer, 64 bit)."""

    folder: Path
    id: int


def _mounts() -> list[Path]:
    """Where cgroup v2 is mounted; the usual place first."""
    return [Path(os.fsdecode(mount.folder)) for mount in mounts()]


def find_cgroup(path: str) -> Cgroup:
    """The cgroup that a path names.

    `path` is a folder of the cgroup v2 mount, or the same as /proc/PID/cgroup
    writes it (`/system.slice/cron.service`). Raises FilterInvalid where there is none.
    """
    found = _mounts()
    if not found:
        raise FilterInvalid(
            "cgroup v2 is not mounted",
            hint="sudo mount -t cgroup2 cgroup2 /sys/fs/cgroup     (v1 cgroups have no ids)",
        )
    for mount in found:
        for place in (Path(path), mount / path.lstrip("/")):
            resolved = place.resolve()
            if (resolved == mount or mount in resolved.parents) and resolved.is_dir():
                return Cgroup(resolved, resolved.stat().st_ino)
    raise FilterInvalid(
        f"{path} is no cgroup below {found[0]}", hint=f"find {found[0]} -type d lists them"
    )


def levels(cgroups: Iterable[Cgroup], level_of: Callable[[int, int], int]) -> list[int]:
    """How deep they lie below the kernel's root, each number once, ascending.

    `level_of` says it of one, from a descriptor of its folder and its id. Raises FilterInvalid
    where one was removed meanwhile, or where they lie at too many levels.
    """
    found = sorted({_level(each, level_of) for each in set(cgroups)})
    if len(found) > CGROUP_LEVELS:
        raise FilterInvalid(
            f"these cgroups lie at {len(found)} levels of the tree",
            hint=f"at {CGROUP_LEVELS} at the most: one above several stands for all of them",
        )
    return found


def _level(cgroup: Cgroup, level_of: Callable[[int, int], int]) -> int:
    removed = FilterInvalid(f"{cgroup.folder} was removed", hint="one made anew is another cgroup")
    try:
        folder = os.open(cgroup.folder, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        raise removed from None
    try:
        if os.fstat(folder).st_ino != cgroup.id:
            raise removed
        return level_of(folder, cgroup.id)
    finally:
        os.close(folder)
