"""Deaths that the kernel brings about: out of memory, a cgroup killed, a parent gone."""

from __future__ import annotations

import os
import signal
from contextlib import ExitStack

import pytest

from ..actors import acting, children, state, until
from ..control_groups import enter, group_in, memory_group, unified
from .conftest import MakeTarget
from .targets import story, tracing

_MOST = 24  # megabytes


def test_out_of_memory() -> None:
    with memory_group(_MOST) as group, acting("memory", "alone", 4 * _MOST) as actor:
        enter(group, actor.pid)
        with tracing(target_pid=actor.pid) as tracer:
            actor.go()
            assert actor.end() == -signal.SIGKILL
            told = story(tracer)
    (send,), (death,) = told.sends, told.deaths
    assert (send.origin, death.send_id) == ("oom", send.id)
    assert death.signal == signal.SIGKILL


def test_out_of_memory_where_another_asked_for_it() -> None:
    with (
        memory_group(_MOST) as group,
        acting("memory", "beside", _MOST * 5 // 8, _MOST * 5 // 8) as actor,
    ):
        victim = int(actor.said[0])
        enter(group, victim)
        enter(group, actor.pid)
        with tracing(target_pid=[actor.pid, victim], signals="KILL") as tracer:
            actor.go()
            actor.end()
            told = story(tracer)
    first = told.sends[0]
    assert (first.origin, first.target and first.target.pid) == ("oom", victim)
    (death,) = (each for each in told.deaths if each.target.pid == victim)
    assert death.send_id == first.id


def test_cgroup_kill(make_target: MakeTarget) -> None:
    targets = [make_target() for _ in range(3)]
    with ExitStack() as stack:
        group = stack.enter_context(group_in(unified()))
        if not (group / "cgroup.kill").exists():
            pytest.skip("this kernel has no cgroup.kill (Linux 5.14)")
        for target in targets:
            enter(group, target.pid)
        tracer = stack.enter_context(tracing(sender_pid=os.getpid(), signals="KILL"))
        (group / "cgroup.kill").write_text("1")
        for target in targets:
            assert os.WTERMSIG(target.status()) == signal.SIGKILL
        told = story(tracer)
    assert {send.origin for send in told.sends} == {"cgroup.kill"}
    sends = {send.target.pid: send.id for send in told.sends if send.target}
    assert {death.target.pid: death.send_id for death in told.deaths} == sends
    assert sends.keys() == {target.pid for target in targets}


def test_a_parent_s_death() -> None:
    with acting("families", "parent-death", signal.SIGTERM) as actor:
        child = int(actor.said[0])
        assert children(actor.pid) == [child]
        with tracing(target_pid=child) as tracer:
            actor.go()
            actor.end()
            until("the child has ended", lambda: state(child) in ("", "Z"))
            told = story(tracer)
    assert [death.send_id for death in told.deaths] == [send.id for send in told.sends]
