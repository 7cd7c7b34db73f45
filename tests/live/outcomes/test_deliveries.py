"""Signals that are taken, by a handler, by default or in silence; the handler says what is true."""

from __future__ import annotations

import os
import signal
import time

import pytest

from pysigsnoop import Delivery

from ..senders import PATIENCE
from .conftest import MakeTarget
from .targets import Handled, Target, deliveries, story, tracing

USR1, USR2, TERM, CHLD = signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM, signal.SIGCHLD
RT = signal.SIGRTMIN + 3


@pytest.mark.parametrize("number", [USR1, CHLD, RT, 64])
def test_a_handled_signal_is_delivered_before_its_handler_runs(number: int, target: Target) -> None:
    target.do("handle", number)
    with tracing(target_pid=target.pid) as tracer:
        os.kill(target.pid, number)
        (handled,) = target.seen()
        told = story(tracer)
    (send,), (delivery,) = told.sends, told.deliveries
    assert (delivery.send_id, delivery.action, delivery.signal) == (send.id, "handler", number)
    assert send.boot_ns < delivery.boot_ns < handled.ns
    assert send.outcome == "delivered"
    assert delivery.target.tid == handled.tid == target.pid
    assert told.deaths == []


def test_the_thread_that_took_it_is_told(target: Target) -> None:
    first, second = target.do("threads", 2)
    target.do("handle", USR1)
    target.do("block", USR1)
    target.do("in", 0, "block", USR1)
    with tracing(target_pid=target.pid) as tracer:
        os.kill(target.pid, USR1)
        # The handler counts before it writes down what it saw.
        while not (seen := target.seen()) or not (seen[0].tid and seen[0].ns):
            time.sleep(0.01)
        told = story(tracer)
    (delivery,) = told.deliveries
    assert delivery.target.tid == seen[0].tid == second != first
    assert delivery.target.pid == target.pid


def test_a_blocked_signal_is_pending_and_delivered_when_let_through(target: Target) -> None:
    target.do("handle", USR1)
    target.do("block", USR1)
    with tracing(target_pid=target.pid) as tracer:
        os.kill(target.pid, USR1)
        (send,) = tracer.read(PATIENCE)
        assert (send.outcome, send.result, send.blocked) == ("pending", "queued", True)
        os.kill(target.pid, USR1)
        (again,) = tracer.read(PATIENCE)
        assert (again.outcome, again.result) == ("discarded", "already_pending")
        let_through = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        target.do("unblock", USR1)
        (handled,) = target.seen()
        (delivery,) = deliveries(tracer.read(PATIENCE))
        assert tracer.stats.received == 3
    assert (delivery.type, delivery.send_id, delivery.action) == ("delivery", send.id, "handler")
    assert send.boot_ns < let_through < delivery.boot_ns < handled.ns
    assert delivery.delay_ns == delivery.boot_ns - send.boot_ns
    assert send.outcome == "pending"


def test_ignored_is_discarded_at_once(target: Target) -> None:
    target.do("ignore", USR1)
    with tracing(target_pid=target.pid) as tracer:
        os.kill(target.pid, USR1)
        os.kill(target.pid, CHLD)
        os.kill(target.pid, 0)
        told = story(tracer)
    assert [send.outcome for send in told.sends] == ["discarded", "discarded", None]
    assert told.deliveries == []


def test_what_is_let_through_and_does_nothing_is_discarded(target: Target) -> None:
    # Blocked signals are kept even where their default does nothing.
    target.do("block", CHLD)
    with tracing(target_pid=target.pid) as tracer:
        os.kill(target.pid, CHLD)
        target.do("unblock", CHLD)
        told = story(tracer)
    (send,), (delivery,) = told.sends, told.deliveries
    assert (delivery.send_id, delivery.action) == (send.id, "ignore")
    assert send.outcome == "discarded"


@pytest.mark.parametrize("number", [USR1, RT])
@pytest.mark.parametrize("how", ["wait", "read"])
def test_what_is_taken_in_silence_is_never_taken_for_the_next(
    how: str, number: int, target: Target
) -> None:
    target.do("handle", number)
    target.do("block", number)
    with tracing(target_pid=target.pid) as tracer:
        os.kill(target.pid, number)
        assert target.do(how, number, 10_000) == [0]
        os.kill(target.pid, number)
        target.do("unblock", number)
        assert len(target.seen()) == 1
        told = story(tracer)
    first, second = told.sends
    assert told.ends_of(first) == []
    assert told.ends_of(second) == ["handler"]
    assert (first.outcome, second.outcome) == ("pending", "delivered")


@pytest.mark.parametrize("number", [34, RT, 64])
def test_a_queue_of_real_time_signals_is_told_one_by_one(number: int, target: Target) -> None:
    target.do("handle", number)
    target.do("block", number)
    other = 64 if number != 64 else 35
    target.do("handle", other)
    target.do("block", other)
    with tracing(target_pid=target.pid) as tracer:
        for value in range(100):
            _queue(target.pid, number, value)
            _queue(target.pid, other, 1000 + value)
        # Some from the front are taken in silence, and leave no gap in what is known.
        assert [target.do("wait", number, 0) for _ in range(3)] == [[0], [1], [2]]
        target.do("unblock", number)
        assert target.do("wait", other, 0) == [1000]
        target.do("unblock", other)
        seen = target.seen()
        told = story(tracer)
    assert sorted(each.value for each in seen) == [*range(3, 100), *range(1001, 1100)]
    values: dict[int | None, int | None] = {send.id: send.value for send in told.sends}
    assert [values[each.send_id] for each in told.deliveries] == _in_order(seen, told.deliveries)
    assert {values[send.id] for send in told.sends if not told.ends_of(send)} == {0, 1, 2, 1000}


def _in_order(seen: list[Handled], deliveries: list[Delivery]) -> list[int | None]:
    """The values that the handler saw, in the order of the deliveries: handlers nest, so the last
    delivered runs first, but of one number they come in turn."""
    left = sorted(seen, key=lambda each: each.value)
    values: list[int | None] = []
    for delivery in deliveries:
        first = next(each for each in left if each.signo == delivery.signal)
        left.remove(first)
        values.append(first.value)
    return values


def _queue(pid: int, number: int, value: int) -> None:
    """sigqueue, which Python lacks."""
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    libc.sigqueue.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_void_p]
    assert libc.sigqueue(pid, number, value) == 0


def test_a_thread_s_own_and_the_process_s_are_told_apart(target: Target) -> None:
    target.do("handle", USR1)
    target.do("block", USR1)
    with tracing(target_pid=target.pid) as tracer:
        os.kill(target.pid, USR1)
        _tgkill(target.pid, target.pid, USR1)
        target.do("unblock", USR1)
        assert len(target.seen()) == 2
        told = story(tracer)
    shared, own = told.sends
    assert (shared.origin, own.origin) == ("kill", "tgkill")
    # A thread's own queue is emptied first.
    assert [delivery.send_id for delivery in told.deliveries] == [own.id, shared.id]


def _tgkill(pid: int, tid: int, number: int) -> None:
    import ctypes

    assert ctypes.CDLL(None).tgkill(pid, tid, number) == 0


def test_two_of_a_number_of_which_one_was_taken_in_silence_are_told_by_their_code(
    target: Target,
) -> None:
    target.do("handle", USR1)
    target.do("block", USR1)
    with tracing(target_pid=target.pid) as tracer:
        os.kill(target.pid, USR1)
        _tgkill(target.pid, target.pid, USR1)
        target.do("wait", USR1, 10_000)
        target.do("unblock", USR1)
        assert len(target.seen()) == 1
        told = story(tracer)
    shared, own = told.sends
    assert (told.ends_of(shared), told.ends_of(own)) == (["handler"], [])


def test_a_stop_and_a_continue(target: Target) -> None:
    with tracing(target_pid=target.pid) as tracer:
        os.kill(target.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, target.pid, os.WSTOPPED)
        os.kill(target.pid, signal.SIGCONT)
        os.waitid(os.P_PID, target.pid, os.WCONTINUED)
        os.kill(target.pid, signal.SIGCONT)
        told = story(tracer)
    stop, first, second = told.sends
    assert [told.ends_of(send) for send in told.sends] == [["stop"], [], []]
    assert (stop.outcome, first.outcome, second.outcome) == ("stopped", "continued", "discarded")


def test_a_handled_continue_continues_and_is_delivered(target: Target) -> None:
    target.do("handle", signal.SIGCONT)
    with tracing(target_pid=target.pid) as tracer:
        for count in range(1, 4):
            os.kill(target.pid, signal.SIGSTOP)
            os.waitid(os.P_PID, target.pid, os.WSTOPPED)
            os.kill(target.pid, signal.SIGCONT)
            os.waitid(os.P_PID, target.pid, os.WCONTINUED)
            # A stop takes back a continue that waits for its handler.
            assert len(target.seen()) == count
        told = story(tracer)
    assert [send.outcome for send in told.sends] == ["stopped", "continued"] * 3
    assert [told.ends_of(send) for send in told.sends] == [["stop"], ["handler"]] * 3


@pytest.mark.parametrize("number", [signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU])
@pytest.mark.parametrize("orphaned", [False, True])
def test_a_stop_from_a_terminal_stops_unless_the_group_is_orphaned(
    orphaned: bool, number: int, make_target: MakeTarget
) -> None:
    # Orphaned: a session of its own. Else its parent, the test, is in the session, not the group.
    target = make_target(start_new_session=orphaned)
    if not orphaned:
        assert target.do("group") == [0]
    with tracing(target_pid=target.pid, signals=number) as tracer:
        os.kill(target.pid, number)
        if orphaned:
            assert target.do("seen") == []
        else:
            os.waitid(os.P_PID, target.pid, os.WSTOPPED)
        told = story(tracer)
    if not orphaned:
        os.kill(target.pid, signal.SIGCONT)
    (send,) = told.sends
    assert told.ends_of(send) == ["ignore" if orphaned else "stop"]
    assert send.outcome == ("discarded" if orphaned else "stopped")


def test_a_flood_is_counted_by_its_handler(target: Target) -> None:
    target.do("handle", USR1)
    with tracing(target_pid=target.pid) as tracer:
        for _ in range(3000):
            os.kill(target.pid, USR1)
        seen = target.seen()
        told = story(tracer)
    assert len(told.sends) == 3000
    assert len(told.deliveries) == len(seen)
    delivered = {delivery.send_id for delivery in told.deliveries}
    assert delivered == {send.id for send in told.sends if send.result == "queued"}


def test_a_tracer_without_outcomes_gives_sends_only(target: Target) -> None:
    from pysigsnoop import SignalTracer

    target.do("handle", USR1)
    with SignalTracer(target_pid=target.pid) as tracer:
        os.kill(target.pid, USR1)
        assert len(target.seen()) == 1
        target.do("ignore", USR2)
        os.kill(target.pid, USR2)
        tracer.stop()
        events = list(tracer)
    assert [event.outcome for event in events] == ["pending", "discarded"]
    assert tracer.stats.deliveries == tracer.stats.deaths == (0, 0, 0)
