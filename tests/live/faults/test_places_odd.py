"""A tracer in a changed root, with a root that is read-only, in a user namespace."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pysigsnoop.exit_status import ExitStatus

from ..commands import PYSIGSNOOP, environment, forced, run, run_program
from ..senders import PATIENCE
from ..test_errors_rights import check, with_mounts

QUIET = ("--duration", "0.1", "-p", "1", "-s", "0")


def changed_root(folder: Path, *kept: str) -> tuple[str, ...]:
    """A command with this machine's files for its root, but of /proc, /sys and /dev only those."""
    # What lies below another mount is to be seen too: the interpreter, and the package.
    wanted = {Path.cwd(), Path(sys.prefix), Path(sys.base_prefix)}
    binds = [f"mount --bind {path} {folder}{path}" for path in sorted(wanted)]
    for name in ("proc", "sys", "dev"):
        # Below a mount of these there may be anything; in a guest it is what its host has there.
        what = f"--rbind /{name}" if name in kept else "-t tmpfs tmpfs"
        binds.append(f"mount {what} {folder}/{name}")
    return with_mounts(
        "; ".join([f"mount --bind / {folder}", *binds]), "chroot", str(folder), "env", "--chdir=/"
    )


@pytest.mark.parametrize("kept", [(), ("proc",)], ids=["nothing", "proc"])
def test_a_changed_root_without_sysfs_is_told(kept: tuple[str, ...], tmp_path: Path) -> None:
    ended = run(*QUIET, prefix=changed_root(tmp_path, *kept))
    check(ended, "sysfs is not mounted", "mount -t sysfs sysfs /sys")


def test_a_changed_root_with_proc_and_sys_will_do(tmp_path: Path) -> None:
    ended = run_program([*changed_root(tmp_path, "proc", "sys"), *PYSIGSNOOP, "doctor"])
    assert ended.status == ExitStatus.DONE, ended
    assert ended.lines[-1].startswith("Tracing works here")


def test_a_changed_root_without_devices_ends_quietly_where_nobody_reads(tmp_path: Path) -> None:
    # There is no /dev/null for what was left unwritten.
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as nobody:
        done = subprocess.run(
            [*changed_root(tmp_path, "proc", "sys"), *PYSIGSNOOP, *forced(QUIET)],
            stdout=nobody,
            stderr=subprocess.PIPE,
            env=environment(),
            timeout=PATIENCE,
            check=False,
        )
    assert (done.returncode, done.stderr) == (ExitStatus.DONE, b"")


def test_a_read_only_root_will_do() -> None:
    ended = run(*QUIET, prefix=with_mounts("mount -o remount,bind,ro /"))
    assert (ended.status, ended.summary) == (ExitStatus.DONE, "0 received, 0 lost\n")


@pytest.mark.parametrize("arguments", [QUIET, ("top", "--once")], ids=["trace", "top"])
def test_in_a_user_namespace_it_says_that_its_rights_end_there(arguments: tuple[str, ...]) -> None:
    prefix = ("unshare", "--user", "--map-root-user")
    check(run(*arguments, prefix=prefix), "in this user namespace only", "outside")
