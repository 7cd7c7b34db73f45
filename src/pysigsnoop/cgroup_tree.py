"""The tree of cgroup v2 as it is mounted: the path of a cgroup, from its id.

The id is the number of the folder's inode (kernel 5.5 and newer, 64 bit). The
kernel never gives one out twice, and never renames a folder of version 2, so a
path once found stays right.
"""

from __future__ import annotations

import errno
import os
import re
from typing import NamedTuple

from .errors import PysigsnoopError

#: Looking through the tree ends here: who may make cgroups could make too many.
MOST_FOLDERS = 20_000


class Mount(NamedTuple):
    """One mount of cgroup v2."""

    folder: bytes
    #: The path of the cgroup that is mounted there, in the reader's cgroup namespace.
    root: bytes
    device: int


def mounts() -> list[Mount]:
    """Where cgroup v2 is mounted; the usual place first."""
    found = []
    with open("/proc/self/mountinfo", "rb") as file:
        lines = file.read().splitlines()
    for line in lines:
        fields, _, kind = line.partition(b" - ")
        if kind.split(b" ")[0] == b"cgroup2":
            _, _, device, root, folder, *_ = fields.split(b" ")
            major, minor = map(int, device.split(b":"))
            found.append(Mount(_plain(folder), _plain(root), os.makedev(major, minor)))
    return sorted(found, key=lambda mount: (mount.root != b"/", mount.folder.count(b"/")))


def _plain(field: bytes) -> bytes:
    """Spaces and the like stand there in octal."""
    return re.sub(rb"\\([0-7]{3})", lambda match: bytes([int(match[1], 8)]), field)


def path_of(cgroup_id: int, among: list[Mount]) -> bytes | None:
    """The path of a cgroup, as /proc/PID/cgroup writes it.

    None where it was removed, or where no mount shows it: the reader is inside
    a cgroup namespace, and the cgroup is not. Without CAP_DAC_READ_SEARCH the
    tree is looked through, up to MOST_FOLDERS. Never fails.
    """
    for mount in among:
        try:
            folder = _by_handle(cgroup_id, mount)
        except (OSError, PysigsnoopError):
            folder = _by_search(cgroup_id, mount)
        if folder is not None:
            below = folder.removeprefix(mount.folder)
            return b"/" + (mount.root.strip(b"/") + below).lstrip(b"/")
    return None


def is_it(folder: bytes, cgroup_id: int, mount: Mount) -> bool:
    """Whether this folder is that cgroup."""
    try:
        seen = os.lstat(folder)
    except (OSError, ValueError):
        return False
    return (seen.st_ino, seen.st_dev) == (cgroup_id, mount.device)


def _by_handle(cgroup_id: int, mount: Mount) -> bytes | None:
    """By asking the kernel, at once. Raises OSError where it refuses to say."""
    # Late: who only reads events needs no extension.
    from .library import lib

    root = os.open(mount.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        found = lib.open_cgroup(root, cgroup_id)
    finally:
        os.close(root)
    if found < 0:
        # A file's number, for a number that is no cgroup's.
        if -found in (errno.ESTALE, errno.ENOTDIR):
            return None
        raise OSError(-found, os.strerror(-found))
    try:
        folder = os.readlink(b"/proc/self/fd/%d" % found)
    finally:
        os.close(found)
    # The name of what lies outside this mount is not a path in it, though it may look like one.
    inside = folder == mount.folder or folder.startswith(mount.folder + b"/")
    return folder if inside and is_it(folder, cgroup_id, mount) else None


def _by_search(cgroup_id: int, mount: Mount) -> bytes | None:
    if is_it(mount.folder, cgroup_id, mount):
        return mount.folder
    ahead = [mount.folder]
    for _ in range(MOST_FOLDERS):
        if not ahead:
            break
        try:
            with os.scandir(ahead.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        if entry.inode() == cgroup_id and is_it(entry.path, cgroup_id, mount):
                            return entry.path
                        ahead.append(entry.path)
        except OSError:  # removed meanwhile
            continue
    return None
