"""What is remembered of places is bounded; of a process, only its own cgroups are told."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from pysigsnoop.cgroup_tree import mounts, path_of
from pysigsnoop.places import NOWHERE
from pysigsnoop.process_cgroups import cgroups_of
from pysigsnoop.whereabouts import Recent, Whereabouts

TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
#: No machine has handed out such an id yet.
NO_CGROUP = 2**63
NO_PROCESS = 10_000_000


def start_ns(pid: int | str) -> int:
    """When a process started, to the clock tick."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]) * TICK_NS


@given(st.integers(1, 8), st.lists(st.integers(0, 40), max_size=200))
def test_what_was_asked_for_lately_is_remembered_and_never_more_than_twice_the_size(
    size: int, keys: list[int]
) -> None:
    recent: Recent[int, str] = Recent(size)
    for at, key in enumerate(keys):
        found = recent.get(key)
        # The last `size` different keys before this one.
        lately = list(dict.fromkeys(reversed(keys[:at])))[:size]
        assert found == str(key) if key in lately else found in (None, str(key))
        if found is None:
            recent.put(key, str(key))
        assert len(recent) <= 2 * size


def test_a_process_is_told_its_own_cgroups_and_only_with_its_own_start() -> None:
    start = start_ns("self")
    lines = Path("/proc/self/cgroup").read_bytes().splitlines()
    found = cgroups_of(os.getpid(), start)
    assert found is not None
    assert found == cgroups_of(os.getpid(), start + TICK_NS - 1) == cgroups_of("self")
    assert cgroups_of(os.getpid(), start - 1) is None
    assert cgroups_of(os.getpid(), start + TICK_NS) is None
    paths = {line.split(b":", 2)[2] for line in lines if not line.startswith(b"0:")}
    assert set(found.legacy) == paths
    assert found.unified == next((line[3:] for line in lines if line.startswith(b"0::")), None)


def test_a_process_that_ended_has_no_cgroups() -> None:
    child = subprocess.Popen(["sleep", "600"])
    start = start_ns(child.pid)
    assert cgroups_of(child.pid, start) is not None
    child.kill()
    child.wait()
    assert cgroups_of(child.pid, start) is None
    assert cgroups_of(NO_PROCESS, start) is None


@given(st.integers(0, 2**64 - 1), st.none() | st.integers(1, 2**32 - 1), st.integers(0, 2**64 - 1))
def test_any_record_has_a_place_or_none(cgroup: int, pid: int | None, start: int) -> None:
    assert len(Whereabouts().place_of(cgroup, pid, start)) == 3


def test_a_cgroup_that_there_never_was_has_no_path() -> None:
    assert path_of(NO_CGROUP, mounts()) is None
    assert Whereabouts().place_of(NO_CGROUP, None, 0) == NOWHERE


def test_what_is_remembered_is_not_read_again() -> None:
    finder, pid, start = Whereabouts(), os.getpid(), start_ns("self")
    before = _reads()
    first = finder.place_of(NO_CGROUP, pid, start)
    once = _reads() - before
    assert once > 1  # what _reads itself does, and more
    end = time.monotonic() + 0.2
    before = _reads()
    while time.monotonic() < end:
        assert finder.place_of(NO_CGROUP, pid, start) == first
    assert _reads() - before < once


def _reads() -> int:
    """How many times this process called read() and its like."""
    for line in Path("/proc/self/io").read_text().splitlines():
        if line.startswith("syscr:"):
            return int(line.split()[1])
    raise AssertionError("this kernel does not count reads")
