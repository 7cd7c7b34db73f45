"""cgroup v2 paths and the ids by which the kernel program knows them."""

from __future__ import annotations

import os
from pathlib import Path

from .cgroup_tree import mounts
from .errors import FilterInvalid


def _mounts() -> list[Path]:
    """Where cgroup v2 is mounted; the usual place first."""
    return [Path(os.fsdecode(mount.folder)) for mount in mounts()]


def cgroup_id(path: str) -> int:
    """The id of a cgroup: the inode number of its folder (kernel 5.5 and newer, 64 bit).

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
                return resolved.stat().st_ino
    raise FilterInvalid(
        f"{path} is no cgroup below {found[0]}", hint=f"find {found[0]} -type d lists them"
    )
