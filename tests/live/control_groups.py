"""Control groups made for one test: each has its own name, and is removed with all in it ended."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from .actors import until


def mounts() -> list[tuple[Path, str, list[str]]]:
    """Where control groups are mounted: the folder, cgroup or cgroup2, and the controllers."""
    found = []
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, folder, kind, options, *_ = line.split()
        if kind in ("cgroup", "cgroup2"):
            found.append((Path(folder), kind, options.split(",")))
    return found


def _removed(folder: Path) -> bool:
    with contextlib.suppress(OSError):
        folder.rmdir()
    return not folder.exists()


@contextmanager
def group_in(parent: Path, name: str = "") -> Iterator[Path]:
    """A new group; whoever enters it must have ended with the block."""
    folder = parent / (name or f"pysigsnoop-{uuid.uuid4().hex}")
    folder.mkdir()
    try:
        yield folder
    finally:
        until("the group can be removed", lambda: _removed(folder))


def enter(folder: Path, pid: int) -> None:
    """Put a process into a group."""
    (folder / "cgroup.procs").write_text(str(pid))


def inode(folder: Path) -> int:
    """By which the kernel knows a group of version 2."""
    return folder.stat().st_ino


def legacy() -> Path:
    """Where a hierarchy of version 1 is mounted; skips the test where none is."""
    for folder, kind, options in mounts():
        if kind == "cgroup" and {"pids", "freezer"} & {*options} and os.access(folder, os.W_OK):
            return folder
    pytest.skip("cgroup v1 is not in use: neither pids nor freezer is mounted")


def unified() -> Path:
    """Where version 2 is mounted; skips the test where it is not."""
    for folder, kind, _ in mounts():
        if kind == "cgroup2":
            return folder
    pytest.skip("cgroup v2 is not mounted")


@contextmanager
def memory_group(megabytes: int) -> Iterator[Path]:
    """A group with so much memory; skips the test where the kernel offers none."""
    for folder, kind, options in mounts():
        if kind == "cgroup" and "memory" in options and os.access(folder, os.W_OK):
            with group_in(folder) as group:
                (group / "memory.limit_in_bytes").write_text(str(megabytes << 20))
                yield group
            return
    root = unified()
    if "memory" not in (root / "cgroup.controllers").read_text().split():
        pytest.skip("no memory controller: neither in cgroup v1 nor in v2")
    switch = root / "cgroup.subtree_control"
    was_on = "memory" in switch.read_text().split()
    if not was_on:
        switch.write_text("+memory")
    try:
        with group_in(root) as group:
            (group / "memory.max").write_text(str(megabytes << 20))
            # Where there is swap, memory ends later than the test means it to.
            swap = group / "memory.swap.max"
            if swap.exists():
                swap.write_text("0")
            yield group
    finally:
        if not was_on:
            switch.write_text("-memory")
