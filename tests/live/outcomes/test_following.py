"""`tracer.follow`: waiting for the end of one send."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest

from pysigsnoop import Death, Delivery, TracerClosed

from ..senders import PATIENCE
from .conftest import MakeTarget
from .targets import Target, tracing

USR1, TERM, KILL = signal.SIGUSR1, signal.SIGTERM, signal.SIGKILL


def test_it_waits_for_the_delivery_and_keeps_what_else_came(make_target: MakeTarget) -> None:
    target, other = make_target(), make_target()
    target.do("handle", USR1)
    target.do("block", USR1)
    with tracing(target_pid=[target.pid, other.pid]) as tracer:
        os.kill(target.pid, USR1)
        (send,) = tracer.read(PATIENCE)
        later = threading.Timer(0.3, target.do, ("unblock", USR1))
        os.kill(other.pid, 0)
        later.start()
        (delivery,) = tracer.follow(send, PATIENCE)
        later.join()
        assert isinstance(delivery, Delivery)
        assert (delivery.send_id, delivery.action) == (send.id, "handler")
        assert delivery.delay_ns > 300_000_000
        assert [event.type for event in tracer.read(PATIENCE)] == ["send", "delivery"]


def test_of_a_core_it_waits_for_the_death_too(target: Target) -> None:
    with tracing(target_pid=target.pid) as tracer:
        os.kill(target.pid, signal.SIGQUIT)
        send = tracer.read(PATIENCE, limit=1)[0]
        found = tracer.follow(send, PATIENCE)
    assert [type(each) for each in found] == [Delivery, Death]
    assert [each.action for each in found] == ["default", "killed"]


def test_what_it_returned_is_received_once_whether_it_is_read_again_or_not(
    make_target: MakeTarget,
) -> None:
    for again in (False, True):
        first, other = make_target(), make_target()
        with tracing(target_pid=[first.pid, other.pid]) as tracer:
            os.kill(first.pid, TERM)
            (send,) = tracer.read(PATIENCE, limit=1)
            os.kill(other.pid, 0)
            for _ in range(2):
                (death,) = tracer.follow(send, PATIENCE)
                assert isinstance(death, Death)
            tracer.stop()
            stats = tracer.stats
            assert (stats.deaths.received, stats.received, stats.lost.unread) == (1, 2, 0)
            if again:
                assert sorted(event.type for event in tracer.read(0)) == ["death", "send"]
                assert tracer.stats.received == 3
        stats = tracer.stats
        # The other's signal 0 was handed over by a read alone.
        assert (stats.deaths.received, stats.deaths.lost) == (1, 0)
        assert (stats.received, stats.lost.unread) == ((3, 0) if again else (2, 1))


def test_it_returns_at_once_where_nothing_follows(target: Target) -> None:
    target.do("ignore", USR1)
    with tracing(target_pid=target.pid) as tracer:
        os.kill(target.pid, USR1)
        os.kill(target.pid, 0)
        for _ in range(2):
            (event,) = tracer.read(PATIENCE, limit=1)
            assert tracer.follow(event) == []


def test_it_ends_when_time_is_out_or_the_trace_is(target: Target) -> None:
    target.do("block", USR1)
    with tracing(target_pid=target.pid) as tracer:
        os.kill(target.pid, USR1)
        (send,) = tracer.read(PATIENCE)
        before = time.monotonic()
        assert tracer.follow(send, 0.2) == []
        assert time.monotonic() - before >= 0.2
        tracer.stop()
        assert tracer.follow(send) == []
    with pytest.raises(TracerClosed):
        tracer.follow(send)


def test_it_ends_with_a_process_that_took_the_signal_in_silence(target: Target) -> None:
    target.do("block", USR1)
    with tracing(target_pid=target.pid) as tracer:
        os.kill(target.pid, USR1)
        (send,) = tracer.read(PATIENCE)
        assert target.do("wait", USR1, 10_000) == [0]
        target.tell("exit", 0)
        target.status()
        assert tracer.follow(send, PATIENCE) == []
