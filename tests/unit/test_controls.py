"""The memory that the running programs share with user space: no number in it that never was."""

from __future__ import annotations

import mmap
import os
import signal
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from pysigsnoop._records import COUNTER, COUNTERS_FORMAT, PHASE
from pysigsnoop.bpf_object import Controls, highest, possible_cpus

# How long two processes are at it.
SECONDS = 0.7


class Maps(dict[str, mmap.mmap]):
    """Maps' values, which are plain memory that a child shares."""

    def view(self, name: str, size: int) -> mmap.mmap:
        return self.setdefault(name, mmap.mmap(-1, size))


def controls(maps: Maps, cpus: int = 1) -> Controls:
    shared: Any = maps
    return Controls(shared, cpus)


@contextmanager
def doing(work: Callable[[], object]) -> Iterator[None]:
    """A child that does it without end, until the block's."""
    child = os.fork()
    if not child:
        try:
            while True:
                work()
        finally:
            os._exit(1)
    try:
        yield
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_a_phase_is_followed_by_the_next_and_by_no_other() -> None:
    maps = Maps()
    ours = controls(maps)
    ours.set_phase("tracing")

    def change() -> None:
        for phase in ("draining", "tracing") * 100:
            ours.set_phase(phase)

    seen = set()
    with doing(change), memoryview(maps[".bss"]) as octets, octets.cast("I") as words:
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            seen |= {words[0] for _ in range(1000)}
    assert seen == {PHASE["tracing"], PHASE["draining"]}
    # Nothing beside it was touched.
    assert not any(maps[".bss"][4:])


def test_counters_are_those_of_all_cpus() -> None:
    maps = Maps()
    ours = controls(maps, 2)
    slot = struct.pack(COUNTERS_FORMAT, *range(COUNTER["counters"]))
    maps["counters"][:] = 2 * slot
    assert ours.counters() == [2 * n for n in range(COUNTER["counters"])]


@pytest.mark.parametrize(
    ("ranges", "last"),
    [("0", 0), ("0-7", 7), ("0-3,8-11", 11), ("0,2", 2), ("0-1,4,6-127", 127)],
)
def test_a_cpus_number_has_a_place_though_some_before_it_are_none(ranges: str, last: int) -> None:
    assert highest(f"{ranges}\n") == last


def test_there_is_a_place_for_each_cpu_that_there_is() -> None:
    assert max(os.sched_getaffinity(0)) < possible_cpus()
