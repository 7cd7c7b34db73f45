"""A process of a container as the host numbers it, from the kernel's own list of its pids."""

from __future__ import annotations

import contextlib
from pathlib import Path

# The inode of the initial pid namespace, PROC_PID_INIT_INO in the kernel.
_INITIAL = "pid:[4026531836]"


def require_initial_namespace() -> None:
    """Here /proc's pids are compared with the initial namespace's, so this must be it."""
    here = Path("/proc/self/ns/pid").readlink().name
    assert here == _INITIAL, f"these tests must run in the initial pid namespace, not in {here}"


def host_pid(container_pid: int, inside: int) -> int:
    """The host's pid of what is `inside` in the namespace of the host's `container_pid`."""
    namespace = Path(f"/proc/{container_pid}/ns/pid").readlink()
    for process in Path("/proc").glob("[0-9]*"):
        # Some end meanwhile, and some that hold more rights than root here do not let it look.
        with contextlib.suppress(FileNotFoundError, ProcessLookupError, PermissionError):
            if (process / "ns/pid").readlink() == namespace:
                host, *_, own = _nspid(process)
                if own == inside:
                    return host
    raise AssertionError(f"no process is {inside} in the namespace of {container_pid}")


def _nspid(process: Path) -> list[int]:
    for line in (process / "status").read_text().splitlines():
        if line.startswith("NSpid:"):
            return [int(word) for word in line.split()[1:]]
    raise AssertionError(f"{process} has no NSpid")
