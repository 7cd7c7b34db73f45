"""Signals that wait in a queue without having been generated for it."""

from __future__ import annotations

import os
import time
from typing import Any

import pytest

from pysigsnoop import Death, Delivery

from ..actors import acting
from ..first_process import undisturbed
from ..senders import PATIENCE
from .targets import tracing

FORKS = 400
RTMIN = 40


def test_what_reaches_a_group_reaches_whom_it_creates_just_then() -> None:
    with acting("detours", "forks", FORKS, RTMIN) as actor:
        with tracing(follow=[actor.pid], signals=RTMIN) as tracer:
            actor.go()
            patience = time.monotonic() + PATIENCE
            while actor.process.poll() is None:
                assert time.monotonic() < patience
                os.killpg(actor.pid, RTMIN)
                time.sleep(50e-6)
            tracer.stop()
            told: list[Any] = list(tracer)
        (ended,) = actor.line()
    sends = {event.id: event for event in told if event.type == "send"}
    deaths = [event for event in told if isinstance(event, Death)]
    assert len(deaths) == int(ended) > 0
    # Which of many such signals it was is not always known. That one was lost never is.
    assert {death.no_send for death in deaths} <= {None, "parent", "unknown"}
    passed_on = [end for end in deaths if end.no_send == "parent"]
    assert passed_on
    for end in passed_on:
        assert end.parent_send_id is not None
        send = sends[end.parent_send_id]
        assert send.target.pid == end.target.parent_pid == actor.pid
        assert (send.origin, send.sender.pid) == ("kill", os.getpid())
        assert end.boot_ns - send.boot_ns == end.delay_ns > 0
    for end in (event for event in told if event.type != "send" and event.send_id):
        assert end.target.pid == sends[end.send_id].target.pid
        assert end.parent_send_id is None
    # What becomes of it in a child says nothing of the parent, which blocks it.
    to_parent = [send for send in sends.values() if send.target.pid == actor.pid]
    assert {send.outcome for send in to_parent} <= {"pending", "discarded"}


@pytest.mark.parametrize("number", [10, RTMIN])
def test_a_timer_that_is_ignored_no_longer_is_told_as_what_was_sent(number: int) -> None:
    # From Linux 6.13 on the signal comes back; before, there is a next one.
    (handled,), sends, deliveries = undisturbed(
        lambda: _timers("aside", number),
        lambda seen: all(delivery.send_id for delivery in seen[2]),
    )
    assert len(deliveries) == handled > 0
    assert {send.origin for send in sends.values()} == {"timer"}
    for delivery in deliveries:
        assert delivery.no_send is None
        assert sends[delivery.send_id].outcome == "delivered"


@pytest.mark.parametrize("number", [10, RTMIN])
def test_of_timers_of_one_number_none_is_taken_for_another(number: int) -> None:
    values, sends, deliveries = undisturbed(
        lambda: _timers("timers", number),
        lambda seen: len(seen[1]) >= 3,
    )
    assert sorted(values) == [2, 3]
    first, second = deliveries
    assert sends[second.send_id].value == values[1]
    if number == RTMIN:
        assert sends[first.send_id].value == values[0]
    else:
        # Which of two it was the kernel's queue does not show.
        assert (first.send_id, first.no_send) == (None, "unknown")
    # The one that is gone did nothing, whatever was thought of it then.
    (gone,) = (send for send in sends.values() if send.value == 1)
    assert gone.outcome in ("pending", "discarded")


def _timers(what: str, number: int) -> tuple[list[int], dict[int, Any], list[Any]]:
    """What the actor says at its end; the sends that were told, by id, and the deliveries."""
    with (
        acting("detours", what, number) as actor,
        tracing(target_pid=actor.pid, scope="all", signals=number) as tracer,
    ):
        actor.go()
        said = [int(word) for word in actor.line()]
        tracer.stop()
        told: list[Any] = list(tracer)
    sends = {event.id: event for event in told if event.type == "send"}
    return said, sends, [event for event in told if isinstance(event, Delivery)]
