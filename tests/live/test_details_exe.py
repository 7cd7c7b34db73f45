"""The program's path as the process itself would read it in /proc/self/exe."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from pysigsnoop._records import EXE_LEN

from .test_details_cmdline import sent_by
from .told import known, program, telling

# A mount namespace of its own, so that what is mounted ends with it.
_PRIVATE = ("unshare", "--mount", "--propagation", "private", "sh", "-ec")


def linked(pid: int) -> str:
    return str(Path(f"/proc/{pid}/exe").readlink())


def test_a_path_is_told_whole() -> None:
    with telling() as told:
        assert sent_by(told).exe == linked(told.pid) == str(program())


def test_a_name_that_is_no_utf8_is_told_byte_by_byte(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/new\nline\xff \x1b[31m"
    shutil.copy(program(), os.fsdecode(path))
    with telling(executable=os.fsdecode(path)) as told:
        sender = sent_by(told)
    assert sender.exe_bytes == path
    assert sender.exe == path.decode("utf-8", "backslashreplace")


def test_a_deleted_program_is_told_as_proc_tells_it(tmp_path: Path) -> None:
    path = tmp_path / "gone"
    shutil.copy(program(), path)
    with telling(executable=path) as told:
        path.unlink()
        assert sent_by(told).exe == linked(told.pid) == f"{path} (deleted)"


def test_a_program_that_was_moved_has_its_new_path(tmp_path: Path) -> None:
    path = tmp_path / "before"
    shutil.copy(program(), path)
    with telling(executable=path) as told:
        path.rename(tmp_path / "after")
        assert sent_by(told).exe == linked(told.pid) == f"{tmp_path}/after"


def test_a_program_in_memory_has_the_name_that_it_was_given() -> None:
    run = "import os, sys; fd = os.memfd_create('a name'); os.write(fd, open(sys.argv[1], 'rb')"
    run += ".read()); os.execv(f'/proc/self/fd/{fd}', ['told'])"
    with telling([sys.executable, "-c", run, str(program())], executable=sys.executable) as told:
        assert sent_by(told).exe == linked(told.pid) == "/memfd:a name (deleted)"


def deep(folder: Path, length: int) -> Path:
    """A path of that many bytes, as long as names may be."""
    while len(str(folder)) + 256 < length:
        folder /= "d" * 255
    folder /= "e" * (length - len(str(folder)) - 1 - len("/told"))
    path = folder / "told"
    folder.mkdir(parents=True)
    shutil.copy(program(), path)
    assert len(str(path)) == length
    return path


@pytest.mark.parametrize("length", [EXE_LEN, EXE_LEN + 1, 700])
def test_a_path_is_whole_as_long_as_all_but_its_last_name_read_fits(
    tmp_path: Path, length: int
) -> None:
    path = deep(tmp_path, length)
    with telling(executable=path) as told:
        assert linked(told.pid) == str(path)
        found = known(sent_by(told).exe)
    # Names are read from the last to the first; who begins below the bound is read whole.
    assert found == str(path) or (not found.startswith("/") and str(path).endswith(f"/{found}"))
    assert len(found) >= min(length, EXE_LEN)


def test_a_longer_path_has_its_end_and_no_slash_before_it(tmp_path: Path) -> None:
    path = deep(tmp_path, 2000)
    with telling(executable=path) as told:
        found = known(sent_by(told).exe)
    assert not found.startswith("/")
    assert str(path).endswith(f"/{found}")
    assert EXE_LEN <= len(found) < EXE_LEN + 256


def test_a_path_of_many_folders_has_its_end(tmp_path: Path) -> None:
    path = tmp_path.joinpath(*["d"] * 60, "told")
    path.parent.mkdir(parents=True)
    shutil.copy(program(), path)
    with telling(executable=path) as told:
        found = known(sent_by(told).exe)
    assert found == "/".join([*["d"] * 39, "told"])


def test_under_another_root_the_path_begins_there(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    shutil.copy(program(), tmp_path / "bin")
    with telling(["chroot", str(tmp_path), "/bin/told", "argument"], "/usr/sbin/chroot") as told:
        sender = sent_by(told)
        assert sender.exe == "/bin/told"
        assert sender.cmdline == ["/bin/told", "argument"]
        assert linked(told.pid) == f"{tmp_path}/bin/told"


def test_a_program_outside_its_root_has_the_path_from_the_first(tmp_path: Path) -> None:
    run = "import os, sys; fd = os.open(sys.argv[1], os.O_RDONLY); os.chroot(sys.argv[2])"
    run += "; os.chdir('/'); os.execve(fd, ['told'], {})"
    command = [sys.executable, "-c", run, str(program()), str(tmp_path)]
    with telling(command, executable=sys.executable) as told:
        assert sent_by(told).exe == linked(told.pid) == str(program())


def test_mounts_are_crossed(tmp_path: Path) -> None:
    outer, inner = tmp_path / "outer", tmp_path / "outer/a/inner"
    outer.mkdir()
    mounts = "mount -t tmpfs none $0; mkdir -p $1; mount -t tmpfs none $1; cp $2 $1/told"
    arguments = [*_PRIVATE, f"{mounts}; exec $1/told", str(outer), str(inner), str(program())]
    with telling(arguments, executable="/usr/bin/unshare") as told:
        assert sent_by(told).exe == f"{inner}/told"
    assert not os.path.ismount(outer)


@pytest.mark.parametrize("changed", [False, True], ids=["lower", "upper"])
def test_as_in_a_container_the_path_is_its_own(tmp_path: Path, changed: bool) -> None:
    if "overlay" not in Path("/proc/filesystems").read_text():
        pytest.skip("this kernel has no overlay file system")
    layers = "mount -t tmpfs none $0; cd $0; mkdir -p l/bin u w m; cp $1 l/bin/told"
    merge = "mount -t overlay none -o lowerdir=l,upperdir=u,workdir=w m"
    change = "touch m/bin/told" if changed else ":"
    root = "mkdir -p m/old; cd m; pivot_root . old; exec ./bin/told here"
    run = f"{layers}; {merge}; {change}; {root}"
    arguments = [*_PRIVATE, run, str(tmp_path), str(program())]
    with telling(arguments, executable="/usr/bin/unshare") as told:
        sender = sent_by(told)
    assert (sender.exe, sender.cmdline) == ("/bin/told", ["./bin/told", "here"])


def test_an_end_below_two_mounts_of_one_file_is_the_one_it_was_run_by(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    run = "mount --bind $1 $0/file; exec $0/file"
    arguments = [*_PRIVATE, run, str(tmp_path), str(program())]
    with telling(arguments, executable="/usr/bin/unshare") as told:
        assert sent_by(told).exe == f"{tmp_path}/file"
