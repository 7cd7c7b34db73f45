"""Who does not send is slowed by nobody, where functions are watched: by the kernel's own flags."""

from __future__ import annotations

import mmap
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from benchmarks.plain_object import PlainObject, compiled
from pysigsnoop import PysigsnoopError, SignalTracer


class Tasks(NamedTuple):
    """All of the machine, and those whose system calls take the slow path."""

    all: int
    slow: int


@pytest.fixture(scope="module")
def count_tasks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Tasks]]:
    """slow_path.bpf.c at work: each call counts anew."""
    folder = tmp_path_factory.mktemp("slow-path")
    counter = PlainObject(compiled(Path(__file__).with_name("slow_path.bpf.c"), folder))
    sums = mmap.mmap(counter.map_fd(".bss"), mmap.PAGESIZE, prot=mmap.PROT_READ)

    def count() -> Tasks:
        before = struct.unpack_from("=QQ", sums)
        counter.walk_tasks()
        after = struct.unpack_from("=QQ", sums)
        return Tasks(after[0] - before[0], after[1] - before[1])

    with sums:
        yield count
    counter.close()


@pytest.mark.once
@pytest.mark.parametrize("way", ["fentry", "none", "tracepoint", "raw"])
def test_only_syscall_tracepoints_slow_every_call_of_every_task(
    way: str, count_tasks: Callable[[], Tasks]
) -> None:
    before = count_tasks()
    try:
        with SignalTracer(attach=way):
            traced = count_tasks()
    except PysigsnoopError as error:
        pytest.skip(f"refused here: {error.message}")
    if way in ("fentry", "none"):
        # None, unless somebody else's tracepoint was on already.
        assert (traced.slow > 0) == (before.slow > 0)
    else:
        assert traced.slow == traced.all > 0
