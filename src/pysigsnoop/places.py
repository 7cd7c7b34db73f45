"""What the path of a cgroup says: the container, the systemd unit and the pod that it belongs to.

A convention of those who make cgroups, and no more: whoever may make cgroups
names them as they like. docs/events.md has the table of the forms that are read.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

# Longer than the kernel writes a path anywhere (PATH_MAX).
_LONGEST = 4096


class Place(NamedTuple):
    """Where a process runs; each None where the path does not name one.

    Text as the folders spell it, with bytes that are no UTF-8 as `\\xff`; none of
    it is safe to print: see `pysigsnoop.printable`.
    """

    container: str | None
    unit: str | None
    pod: str | None


NOWHERE = Place(None, None, None)

_HEX = rb"[0-9a-f]{64}"

# Docker, containerd and others under the cgroupfs driver name the folder by the id alone; under
# systemd's, and podman and CRI-O always, there is the engine before it. What is no container is
# told by its longer prefix (`libpod-conmon-`, `crio-conmon-`), which does not match.
_CONTAINER = re.compile(
    rb"(?:(?:docker|cri-containerd|nerdctl|crio|libpod)-(?P<scope>%b)\.scope"
    rb"|(?:(?:crio|libpod|libpod-payload)-)?(?P<folder>%b)"
    rb"|[^:]+\.slice:(?:docker|cri-containerd|nerdctl|crio|libpod):(?P<escaped>%b))" % ((_HEX,) * 3)
)
# `lxc.payload.NAME`; before LXC 4.0 NAME below one of these.
_LXC = b"lxc.payload."
_LXC_PARENTS = (b"lxc.payload", b"lxc")
# systemd-nspawn keeps itself in `supervisor`. Without `payload` below, a machine's scope is
# another's: libvirt's virtual machines have one too.
_NSPAWN = re.compile(rb"(?:machine-(?P<scope>.+)\.scope|systemd-nspawn@(?P<instance>.+)\.service)")

# The kubelet's systemd driver writes `_` for `-`. With `--cgroup-root` there is more in front.
_POD_SLICE = re.compile(
    rb"(?:.+-)?kubepods(?:-burstable|-besteffort)?-pod(?P<uid>[0-9A-Za-z_.]+)\.slice(?::.*)?"
)
_POD_FOLDER = re.compile(rb"pod(?P<uid>[0-9A-Za-z_.-]+)")
_PODMAN_POD = re.compile(rb"(?:.+-)?libpod_pod_(?P<id>%b)\.slice" % _HEX)
_PODMAN_PARENT = b"libpod_parent"

# systemd.unit(5), of the types that have a cgroup.
_UNIT = re.compile(rb"[0-9A-Za-z:_.\\@-]{1,247}\.(?:service|scope|slice|socket|mount|swap)")


@lru_cache(maxsize=1024)
def place_in(path: bytes) -> Place:
    """Read a path, as /proc/PID/cgroup writes it. Takes any bytes, and never fails.

    Of several containers, units or pods the innermost counts, each by itself.
    """
    if len(path) > _LONGEST:
        return NOWHERE
    container = unit = pod = None
    kubepods = False
    folders = path.split(b"/")
    for folder, parent, child in zip(folders, [b"", *folders], [*folders[1:], b""], strict=False):
        found = _pod(folder, parent, kubepods)
        # podman's folder of a pod looks like a container's: it is one or the other.
        if found is not None:
            pod = found
        if found is None or b":" in folder:
            container = _container(folder, parent, child) or container
        # systemd puts `_` before what would look like a file of the kernel's (`cpu.service`).
        if _UNIT.fullmatch(folder):
            unit = folder.removeprefix(b"_")
        kubepods = kubepods or folder == b"kubepods"
    return Place(_text(container), _text(unit), _text(pod))


def _container(folder: bytes, parent: bytes, child: bytes) -> bytes | None:
    if match := _CONTAINER.fullmatch(folder):
        return match["scope"] or match["folder"] or match["escaped"]
    if folder.startswith(_LXC):
        return folder[len(_LXC) :] or None
    if parent in _LXC_PARENTS:
        return folder or None
    if child == b"payload" and (match := _NSPAWN.fullmatch(folder)):
        return _unescaped(match["scope"] or match["instance"])
    return None


def _pod(folder: bytes, parent: bytes, kubepods: bool) -> bytes | None:
    if match := _POD_SLICE.fullmatch(folder):
        return match["uid"].replace(b"_", b"-")
    if kubepods and (match := _POD_FOLDER.fullmatch(folder)):
        return match["uid"]
    if match := _PODMAN_POD.fullmatch(folder):
        return match["id"]
    if parent == _PODMAN_PARENT and re.fullmatch(_HEX, folder):
        return folder
    return None


def _unescaped(name: bytes) -> bytes:
    """A machine's name, from how systemd writes it inside a unit's."""
    return re.sub(rb"\\x([0-9a-f]{2})", lambda match: bytes.fromhex(match[1].decode()), name)


def _text(name: bytes | None) -> str | None:
    return None if name is None else name.decode("utf-8", "backslashreplace")
