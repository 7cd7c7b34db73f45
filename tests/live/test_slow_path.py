"""Who does not send is slowed by nobody, where functions are watched: by the kernel's own flags."""

from __future__ import annotations

import mmap
import os
import struct
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from build import BPF_ARCH
from pysigsnoop import PysigsnoopError, SignalTracer
from pysigsnoop.library import Log, ffi, lib

ROOT = Path(__file__).parents[2]


class Tasks(NamedTuple):
    """All of the machine, and those whose system calls take the slow path."""

    all: int
    slow: int


@pytest.fixture(scope="module")
def count_tasks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Tasks]]:
    """slow_path.bpf.c at work: each call counts anew."""
    built = tmp_path_factory.mktemp("slow-path") / "slow_path.bpf.o"
    subprocess.run(
        [
            *("clang", "-g", "-O2", "-target", "bpf", "-mcpu=v3", "-Wall", "-Werror"),
            *(f"-D__TARGET_ARCH_{BPF_ARCH[os.uname().machine]}", f"-I{ROOT / 'bpf'}"),
            *("-c", str(Path(__file__).with_name("slow_path.bpf.c")), "-o", str(built)),
        ],
        check=True,
    )
    with Log():
        opened = lib.bpf_object__open_file(os.fsencode(built), ffi.NULL)
        assert opened != ffi.NULL
        try:
            assert lib.bpf_object__load(opened) == 0
            program = lib.bpf_object__find_program_by_name(opened, b"count_tasks")
            variables = lib.bpf_object__next_map(opened, ffi.NULL)
            last = Tasks(0, 0)

            def count() -> Tasks:
                nonlocal last
                assert lib.run_for_tasks(program) == 0
                with mmap.mmap(
                    lib.bpf_map__fd(variables), mmap.PAGESIZE, prot=mmap.PROT_READ
                ) as view:
                    sums = Tasks(*struct.unpack_from("=QQ", view))
                found = Tasks(sums.all - last.all, sums.slow - last.slow)
                last = sums
                return found

            yield count
        finally:
            lib.bpf_object__close(opened)


@pytest.mark.once
@pytest.mark.parametrize("way", ["fentry", "tracepoint", "raw"])
def test_only_syscall_tracepoints_slow_every_call_of_every_task(
    way: str, count_tasks: Callable[[], Tasks]
) -> None:
    before = count_tasks()
    try:
        with SignalTracer(attach=way):
            traced = count_tasks()
    except PysigsnoopError as error:
        pytest.skip(f"refused here: {error.message}")
    if way == "fentry":
        # None, unless somebody else's tracepoint was on already.
        assert (traced.slow > 0) == (before.slow > 0)
    else:
        assert traced.slow == traced.all > 0
