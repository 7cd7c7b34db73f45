"""attach="none": what is generated is told, and no system call is watched."""

from __future__ import annotations

import signal

import pytest

from pysigsnoop import FilterInvalid, SignalTracer

from .callers import Caller

USR1 = int(signal.SIGUSR1)

pytestmark = pytest.mark.once  # it says itself how it attaches


def test_what_is_generated_is_told_and_what_failed_is_not(caller: Caller, target: Caller) -> None:
    target.ignore(USR1)
    children = target.children(3)
    with SignalTracer(attach="none", sender_pid=caller.pid, outcomes=True) as tracer:
        assert tracer.attachment.syscalls == "none"
        assert tracer.attachment.programs.calls == ()
        assert caller.call("kill", target.pid, 0) == 0
        assert caller.call("tkill", target.pid, USR1) == 0
        assert caller.call("kill", -children[0], USR1) == 0
        tracer.stop()
        single, *group = [event for event in tracer if event.type == "send"]
        stats = tracer.stats
    assert (single.origin, single.ret, single.recipients) == ("tkill", 0, 1)
    assert (single.target.pid, single.result, single.outcome) == (
        target.pid,
        "ignored",
        "discarded",
    )
    assert single.call_id == single.id
    # Nothing tells this call from the thread's next.
    assert sorted(event.target.pid or 0 for event in group) == sorted(children)
    assert {(e.call_id, e.ret, e.recipients, e.target_arg) for e in group} == {
        (None, None, None, -children[0])
    }
    assert (stats.signals.received, stats.calls.received) == (4, 1)
    assert (stats.in_flight, stats.lost_total) == (0, 0)


def test_failed_calls_cannot_be_asked_for() -> None:
    with pytest.raises(FilterInvalid, match="not watched"):
        SignalTracer(attach="none", failed_only=True)
