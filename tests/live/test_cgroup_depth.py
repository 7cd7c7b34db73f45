"""Filters by cgroup hold for what is below, however deep, and wherever the tracer stands."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from pysigsnoop import FilterInvalid, SignalTracer
from pysigsnoop._records import CGROUP_LEVELS

from .actors import all_events
from .commands import environment, forced_script
from .control_groups import enter, group_in, inode, unified
from .senders import PATIENCE, Sender

#: Deeper than any number of levels that is looked at.
DEPTH = 40
#: Which a process takes without harm.
CONT = int(signal.SIGCONT)


@pytest.fixture
def chain() -> Iterator[list[Path]]:
    """Groups, each in the one before."""
    with ExitStack() as stack:
        groups = [stack.enter_context(group_in(unified()))]
        while len(groups) <= DEPTH:
            groups.append(stack.enter_context(group_in(groups[-1], "d")))
        yield groups


def test_who_nests_deep_is_told_as_anybody_below(chain: list[Path], sender: Sender) -> None:
    tops = {"all": chain[0], "most": chain[10], "few": chain[35], "last": chain[DEPTH]}
    sent_at = (0, 10, 31, 32, 35, DEPTH)
    with ExitStack() as stack:
        tracers = {
            name: stack.enter_context(SignalTracer(sender_cgroup=str(folder), signals=CONT))
            for name, folder in tops.items()
        }
        both = stack.enter_context(
            SignalTracer(
                sender_cgroup=[str(chain[33]), str(chain[DEPTH])],
                target_cgroup=str(chain[20]),
                signals=CONT,
            )
        )
        stack.callback(enter, unified(), sender.pid)
        for at in sent_at:
            enter(chain[at], sender.pid)
            sender.send(1, signal=CONT, target=sender.pid)
        seen = {name: all_events(tracer) for name, tracer in tracers.items()}
        seen["both"] = all_events(both)
        ids = {inode(chain[at]): at for at in sent_at}
    found = {name: [ids[event.sender.cgroup_id] for event in seen[name]] for name in seen}
    assert found == {
        "all": [*sent_at],
        "most": [10, 31, 32, 35, DEPTH],
        "few": [35, DEPTH],
        "last": [DEPTH],
        "both": [35, DEPTH],
    }


def test_so_many_levels_and_no_more(chain: list[Path], sender: Sender) -> None:
    most = [str(folder) for folder in chain[1 : CGROUP_LEVELS + 1]]
    with ExitStack() as stack:
        tracer = stack.enter_context(SignalTracer(sender_cgroup=most, signals=CONT))
        stack.callback(enter, unified(), sender.pid)
        for at in (0, 1, CGROUP_LEVELS, DEPTH):
            enter(chain[at], sender.pid)
            sender.send(1, signal=CONT, target=sender.pid)
        assert len(all_events(tracer)) == 3
    with pytest.raises(FilterInvalid, match=f"at {CGROUP_LEVELS + 1} levels"):
        SignalTracer(target_cgroup=[*most, str(chain[0])]).open()


def test_a_group_that_is_removed_before_the_trace_is_told() -> None:
    for again in (False, True):
        with group_in(unified()) as folder:
            tracer = SignalTracer(sender_cgroup=str(folder))
        with ExitStack() as stack:
            if again:
                stack.enter_context(group_in(folder.parent, folder.name))
            with pytest.raises(FilterInvalid, match="was removed"):
                tracer.open()


# Where the namespace's root is the only one that can be seen, each level is counted from there.
_INSIDE = """
import os, subprocess, sys
from pathlib import Path
from pysigsnoop import SignalTracer

inner = Path(sys.argv[1], "inner")
inner.mkdir()
try:
    with SignalTracer(sender_cgroup="/inner", signals="USR1") as tracer:
        for words in ("", "echo $$ > cgroup.procs;"):
            command = f"{words} trap '' USR1; kill -USR1 $$"
            subprocess.run(["sh", "-c", command], cwd=inner, check=True)
        tracer.stop()
        print(len(list(tracer)))
finally:
    inner.rmdir()
"""


def test_inside_a_cgroup_namespace_levels_are_the_kernels_own(tmp_path: Path) -> None:
    with group_in(unified()) as above, group_in(above, "below") as below:
        done = subprocess.run(
            [
                *("sh", "-c", 'echo $$ > "$0"/cgroup.procs; exec unshare --cgroup --mount "$@"'),
                *(str(below), "sh", "-c", 'mount -t cgroup2 none "$0" && exec "$@"', str(tmp_path)),
                *(sys.executable, "-c", forced_script(_INSIDE), str(tmp_path)),
            ],
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
            env=environment(),
        )
    assert (done.stdout, done.returncode) == ("1\n", 0), done.stderr
