"""Signals that wait in a queue without having been generated for it."""

from __future__ import annotations

import os
import time
from typing import Any

import pytest

from pysigsnoop import Death, Delivery

from ..actors import acting
from .targets import tracing

FORKS = 400
RTMIN = 40


def test_what_reaches_a_group_reaches_whom_it_creates_just_then() -> None:
    with acting("detours", "forks", FORKS, RTMIN) as actor:
        with tracing(follow=[actor.pid], signals=RTMIN) as tracer:
            actor.go()
            while actor.process.poll() is None:
                os.killpg(actor.pid, RTMIN)
                time.sleep(50e-6)
            tracer.stop()
            told: list[Any] = list(tracer)
        (ended,) = actor.line()
    sends = {event.id: event for event in told if event.type == "send"}
    deaths = [event for event in told if isinstance(event, Death)]
    assert len(deaths) == int(ended) > 0
    # Which of many such signals it was is not always known. That one was lost never is.
    assert {death.no_send for death in deaths} <= {None, "unknown"}
    for end in (event for event in told if isinstance(event, Death | Delivery) and event.send_id):
        send = sends[end.send_id]
        # To the child itself, or to its parent while that was creating it.
        assert {end.target.pid, end.target.parent_pid} & {send.target.pid}
        assert (send.origin, send.sender.pid) == ("kill", os.getpid())
        assert end.boot_ns - send.boot_ns == end.delay_ns > 0
    passed_on = [end for end in deaths if end.send_id and sends[end.send_id].target != end.target]
    assert passed_on
    # What became of it in a child says nothing of the parent, which blocks it.
    to_parent = [send for send in sends.values() if send.target.pid == actor.pid]
    assert {send.outcome for send in to_parent} <= {"pending", "discarded"}


@pytest.mark.parametrize("number", [10, RTMIN])
def test_a_timer_that_is_ignored_no_longer_is_told_as_what_was_sent(number: int) -> None:
    # From Linux 6.13 on the signal comes back; before, there is a next one.
    with (
        acting("detours", "aside", number) as actor,
        tracing(target_pid=actor.pid, scope="all", signals=number) as tracer,
    ):
        actor.go()
        (handled,) = actor.line()
        tracer.stop()
        told: list[Any] = list(tracer)
    sends = {event.id: event for event in told if event.type == "send"}
    deliveries = [event for event in told if isinstance(event, Delivery)]
    assert len(deliveries) == int(handled) > 0
    assert {send.origin for send in sends.values()} == {"timer"}
    for delivery in deliveries:
        assert delivery.no_send is None
        assert sends[delivery.send_id].outcome == "delivered"
