"""Tracers opened and closed again and again: no descriptor, no memory and no BPF object stays."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from statistics import median

import pytest

from ..live.commands import PACKAGE_ROOT, Command, environment
from ..live.kernel_objects import Object, objects_of, wait_until_gone
from ..live.senders import PATIENCE
from .cycling import ROUND, Cycle
from .held import held_here
from .scale import SCALE, show

ROOT = Path(__file__).resolve().parents[2]
#: What each command is to tell.
CALLS = 7

#: Bytes by which two rounds may differ: a table of Python's own that grew, and what an allocator
#: keeps. What a tracer is made of is more, and would be left behind by each cycle.
SWING = {"allocated": 64 << 10, "resident": 2 << 20}

#: So that what is allocated is what was asked for and not given back: Python's own allocator hands
#: on pieces of what it has, and glibc's cache for each thread (2.26) counts as used what is free.
EXACT = {"PYTHONMALLOC": "malloc", "GLIBC_TUNABLES": "glibc.malloc.tcache_count=0"}


def cycles(count: int) -> list[Cycle]:
    """So many in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.load.cycling", str(count)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=environment(PYTHONPATH=f"{PACKAGE_ROOT}:{ROOT}", **EXACT),
        timeout=PATIENCE + 5 * count,
        check=True,
    )
    return [Cycle(*json.loads(line)) for line in done.stdout.splitlines()]


def test_a_process_that_opened_many_tracers_holds_no_more_than_after_the_first() -> None:
    found = cycles(SCALE.cycles)
    assert len(found) == SCALE.cycles
    objects = [{(kind, number) for kind, number in each.objects} for each in found]
    assert all({kind for kind, _ in each} == {"link", "map", "prog"} for each in objects)
    # No object was there in two cycles.
    assert len(set().union(*objects)) == sum(map(len, objects))
    wait_until_gone(set().union(*objects))
    assert len({(each.descriptors, each.threads, each.children) for each in found}) == 1
    # By half of it all is imported, and tables are as large as they get. What naming stacks takes
    # for a moment is given back at the next open, so the middle of each round counts.
    half = len(found) // 2 // ROUND * ROUND
    rounds = found[half - ROUND : half], found[-ROUND:]
    early, late = (
        {name: median(getattr(each, name) for each in some) for name in SWING} for some in rounds
    )
    show(cycles=len(found), descriptors=found[-1].descriptors, early=early, late=late)
    for name, swing in SWING.items():
        assert late[name] - early[name] <= swing, name


def test_many_commands_leave_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    me = os.getpid()
    before = held_here()
    ends = ((signal.SIGINT, 130), (signal.SIGTERM, 0), (signal.SIGKILL, -9), (0, 0))
    seen: set[Object] = set()
    for number, (ending, status) in zip(range(SCALE.commands), itertools.cycle(ends), strict=False):
        # Where no signal ends it, it ends by itself. What ends it is no signal 0, and not told.
        how = () if ending else ("--count", str(CALLS))
        with closing(Command("-p", str(me), "-s", "0", *how)) as command:
            command.wait_for_header()
            held = objects_of(command.process.pid)
            assert {kind for kind, _ in held} == {"link", "map", "prog"}, number
            for _ in range(CALLS):
                os.kill(me, 0)
            for _ in range(CALLS):
                assert command.line().endswith(" ok")
            ended = command.end(ending)
        assert ended.status == status
        assert not ended.lines
        if ending != signal.SIGKILL:
            assert ended.summary == f"{CALLS} received, 0 lost\n"
        assert not held & seen
        seen |= held
    wait_until_gone(seen)
    assert held_here() == before
    assert not [*tmp_path.iterdir()]
