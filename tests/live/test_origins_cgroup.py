"""cgroup.kill: who writes the file is the sender, of one SIGKILL to each process of the group."""

from __future__ import annotations

import os
import signal
from contextlib import ExitStack

import pytest

from pysigsnoop import SignalTracer

from .actors import acting, all_events, check_kernel, sender_of, target_of
from .control_groups import enter, group_in, inode, unified


def test_who_writes_cgroup_kill_is_the_sender_to_each_process_of_the_group() -> None:
    with ExitStack() as stack:
        group = stack.enter_context(group_in(unified()))
        if not (group / "cgroup.kill").exists():
            pytest.skip("this kernel has no cgroup.kill (Linux 5.14)")
        below = stack.enter_context(group_in(group))
        actors = [stack.enter_context(acting("families", "wait")) for _ in range(3)]
        pids = [actor.pid for actor in actors]
        for pid, folder in zip(pids, (group, group, below), strict=True):
            enter(folder, pid)
        tracer = stack.enter_context(SignalTracer(sender_pid=os.getpid(), signals="KILL"))
        (group / "cgroup.kill").write_text("1")
        for actor in actors:
            assert actor.end() == -signal.SIGKILL
        events = all_events(tracer)
        ids = dict(zip(pids, [inode(each) for each in (group, group, below)], strict=True))
    assert {target_of(event).pid for event in events} == set(pids)
    assert len(events) == len(pids)
    for event in events:
        target = target_of(event)
        check_kernel(event, "cgroup.kill", "SI_USER", target=target.pid or 0, fatal=True)
        assert sender_of(event).pid == os.getpid()
        assert target.pid is not None
        assert target.cgroup_id == ids[target.pid]
        assert (event.result, event.disposition) == ("queued", "default")
