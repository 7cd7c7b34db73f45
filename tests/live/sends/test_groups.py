"""Group sends: one call, and one line for each recipient."""

from __future__ import annotations

import signal
import time
from collections import Counter, defaultdict

import pytest

from pysigsnoop import Event

from ..books import assert_missing
from ..senders import PATIENCE
from .callers import SIGNAL_PROCESS_GROUP, STRANGER, Caller, only, read_out, tracing
from .conftest import MakeCaller
from .test_calls import has_scopes
from .test_fate_ends import child_of

USR1 = int(signal.SIGUSR1)


def reached(events: list[Event]) -> list[int]:
    """Who was reached, in order, each as often as told."""
    return sorted(event.target.pid or 0 for event in events)


def assert_one_call(events: list[Event], recipients: int, argument: int) -> None:
    """All of one call, which agrees with itself."""
    assert len({event.call_id for event in events}) == 1
    assert len({event.id for event in events}) == len(events)
    assert {(event.ret, event.error) for event in events} == {(0, None)}
    assert {event.recipients for event in events} == {recipients}
    assert {event.target_arg for event in events} == {argument}


def test_a_group_is_told_recipient_by_recipient(caller: Caller, target: Caller) -> None:
    target.ignore(USR1)
    children = target.children(5)
    with tracing(sender_pid=caller.pid) as tracer:
        assert caller.call("kill", -children[0], USR1) == 0
        events = read_out(tracer)
        stats = tracer.stats
    assert_one_call(events, 5, -children[0])
    assert reached(events) == sorted(children)
    assert {event.sender.pid for event in events} == {caller.pid}
    assert {(event.result, event.disposition, event.si_code) for event in events} == {
        ("ignored", "ignored", "SI_USER")
    }
    assert (stats.calls.received, stats.signals.received, stats.lost_total) == (1, 5, 0)


def test_0_is_the_caller_s_own_group(caller: Caller) -> None:
    caller.ignore(USR1)
    children = caller.children(3, group=False)
    with tracing(sender_pid=caller.pid) as tracer:
        assert caller.call("kill", 0, USR1) == 0
        events = read_out(tracer)
    assert_one_call(events, 4, 0)
    assert reached(events) == sorted([caller.pid, *children])


def test_minus_1_is_everybody_but_the_caller_and_the_init(make_caller: MakeCaller) -> None:
    # Only in a pid namespace of its own: -1 reaches nobody outside. The init there calls.
    inside = make_caller("unshare", "--pid", "--fork", "--kill-child")
    pid = child_of(inside)
    inside.ignore(USR1)
    children = inside.children(4)
    with tracing(sender_pid=pid) as tracer:
        assert inside.call("kill", -1, USR1) == 0
        assert inside.call("kill", -1, 0) == 0
        *events, probe = read_out(tracer)
    assert_one_call(events, 4, -1)
    assert sorted(event.target.ns_pid for event in events) == sorted(children)
    assert {event.target.parent_pid for event in events} == {pid}
    assert (probe.target_arg, probe.target, probe.ret, probe.recipients) == (-1, None, 0, 0)


def test_a_thousand_recipients_are_each_told_once(caller: Caller, target: Caller) -> None:
    target.ignore(USR1)
    children = target.children(1000)
    with tracing(sender_pid=caller.pid) as tracer:
        assert caller.call("kill", -children[0], USR1) == 0
        events = read_out(tracer)
        stats = tracer.stats
    assert_one_call(events, 1000, -children[0])
    assert reached(events) == sorted(children)
    assert (stats.calls.received, stats.signals.received, stats.lost_total) == (1, 1000, 0)


def test_a_group_of_one_is_still_a_group(caller: Caller, target: Caller) -> None:
    target.ignore(USR1)
    children = target.children(1)
    with tracing(sender_pid=caller.pid) as tracer:
        assert caller.call("kill", -children[0], USR1) == 0
        event = only(tracer)
    assert_one_call([event], 1, -children[0])
    assert event.target.pid == children[0]


def test_a_group_by_pidfd_is_a_group_send(caller: Caller, target: Caller) -> None:
    target.ignore(USR1)
    children = target.children(4)
    fd = caller.pidfd(children[2])
    known = has_scopes(caller)
    with tracing(sender_pid=caller.pid) as tracer:
        ret = caller.call("pidfd_send_signal", fd, USR1, 0, SIGNAL_PROCESS_GROUP)
        again = caller.pidfd(children[0])
        leader = caller.call("pidfd_send_signal", again, USR1, 0, SIGNAL_PROCESS_GROUP)
        events = read_out(tracer)
    if not known:
        assert ret == leader == "EINVAL"
        assert [event.error for event in events] == ["EINVAL"] * 2
        return
    # The pidfd must be of the group's leader: the pid stands for the group of that number.
    assert (ret, leader) == ("ESRCH", 0)
    failed, *events = events
    assert (failed.error, failed.target, failed.recipients) == ("ESRCH", None, 0)
    assert_one_call(events, 4, again)
    assert {event.flags for event in events} == {SIGNAL_PROCESS_GROUP}
    assert reached(events) == sorted(children)


def test_a_group_that_nobody_may_be_signalled_in_fails_with_no_recipients(
    caller: Caller, target: Caller
) -> None:
    children = target.children(3)
    caller.do("uid", STRANGER)
    with tracing(sender_pid=caller.pid) as tracer:
        assert caller.call("kill", -children[0], USR1) == "EPERM"
        assert caller.call("kill", -children[0], 0) == "EPERM"
        events = read_out(tracer)
        stats = tracer.stats
    assert [(event.error, event.target, event.recipients) for event in events] == [
        ("EPERM", None, 0)
    ] * 2
    assert [event.target_arg for event in events] == [-children[0]] * 2
    assert (stats.calls.received, stats.signals.received) == (2, 0)


def test_of_a_group_that_is_partly_permitted_only_those_are_recipients(
    caller: Caller, target: Caller
) -> None:
    target.ignore(USR1)
    leader, *_ = target.children(2)
    caller.ignore(USR1)
    # Some more in the caller's group, of the stranger and of root.
    mine = caller.children(2, uid=STRANGER, group=False)
    caller.children(2, group=False)
    caller.do("uid", STRANGER)
    with tracing(sender_pid=caller.pid) as tracer:
        assert caller.call("kill", 0, USR1) == 0
        assert caller.call("kill", -leader, USR1) == "EPERM"
        *events, failed = read_out(tracer)
    assert_one_call(events, 3, 0)
    assert reached(events) == sorted([caller.pid, *mine])
    assert {event.target.uid for event in events} == {STRANGER}
    assert failed.error == "EPERM"


@pytest.mark.parametrize("which", ["group", "own"])
def test_signal_0_to_a_group_reaches_nobody(which: str, caller: Caller, target: Caller) -> None:
    argument = -target.children(3)[0] if which == "group" else 0
    with tracing(sender_pid=caller.pid) as tracer:
        assert caller.call("kill", argument, 0) == 0
        event = only(tracer)
    assert (event.signal.name, event.ret, event.target_arg) == ("0", 0, argument)
    assert (event.recipients, event.target, event.result) == (0, None, None)


def test_recipients_are_counted_whatever_the_filter(caller: Caller, target: Caller) -> None:
    target.ignore(USR1)
    children = target.children(7)
    with tracing(sender_pid=caller.pid, target_pid=children[3:5]) as tracer:
        assert caller.call("kill", -children[0], USR1) == 0
        events = read_out(tracer)
        stats = tracer.stats
    assert_one_call(events, 7, -children[0])
    assert reached(events) == children[3:5]
    assert stats.filtered >= 5


def test_a_dying_group_answers_too(caller: Caller, target: Caller) -> None:
    children = target.children(20)
    with tracing(sender_pid=caller.pid) as tracer:
        assert caller.call("kill", -children[0], 9) == 0
        events = read_out(tracer)
    assert_one_call(events, 20, -children[0])
    assert {(event.fatal, event.result) for event in events} == {(True, "queued")}
    assert target.do("reap", 20) == [20]


def test_a_caller_that_kills_its_own_group_is_answered_too(make_caller: MakeCaller) -> None:
    suicide = make_caller()
    children = suicide.children(3, group=False)
    # Its children are also told of its death, by the kernel.
    with tracing(sender_pid=suicide.pid, origins="kill") as tracer:
        suicide.tell("call kill 0 15")
        assert suicide.process.wait(PATIENCE) == -15
        events = read_out(tracer)
    assert_one_call(events, 4, 0)
    assert reached(events) == sorted([suicide.pid, *children])


def test_groups_by_several_threads_at_once_are_not_mixed(caller: Caller, target: Caller) -> None:
    target.ignore(USR1)
    children = target.children(10)
    with tracing(sender_pid=caller.pid) as tracer:
        done = caller.flood(4, 211, "kill", -children[0], USR1)
        events = read_out(tracer)
        stats = tracer.stats
    calls = defaultdict(list)
    for event in events:
        calls[event.call_id].append(event)
    assert done.calls == 4 * 211 == len(calls)
    # Kernel 7.3 skips exits under load: such a call is counted as lost, its recipients are told.
    unanswered = sum(told[0].ret is None for told in calls.values())
    assert_missing(stats, unanswered)
    for told in calls.values():
        if told[0].ret is not None:
            assert_one_call(told, 10, -children[0])
        assert reached(told) == sorted(children)
        assert len({event.sender.tid for event in told}) == 1
    assert Counter(told[0].sender.tid for told in calls.values()) == done.threads
    assert stats.calls.received == done.calls - unanswered
    assert stats.signals.received == 10 * done.calls


def test_an_answer_is_kept_however_slow_the_reader(
    caller: Caller, target: Caller, make_caller: MakeCaller
) -> None:
    # Another's calls stand between a group's recipients and its answer in the ring, so the
    # first batch ends between them; the answer is read when it is a second late.
    target.ignore(USR1)
    children = target.children(100)
    other = make_caller()
    pids = [caller.pid, other.pid]
    with tracing(sender_pid=pids, buffer_size=64 << 20) as tracer:
        with other.flooding(1, "kill", target.pid, 0) as floods:
            done = caller.flood(0, 101, "kill", -children[0], USR1)
        events = tracer.read(PATIENCE, limit=1)
        time.sleep(1.1)
        events += read_out(tracer)
        stats = tracer.stats
    groups = [event for event in events if event.target_arg < 0]
    assert len(groups) == 100 * done.calls
    # Those whose exit kernel 7.3 skipped have none.
    answers = Counter((event.ret, event.recipients) for event in groups)
    unanswered = answers.pop((None, None), 0)
    assert answers == {(0, 100): len(groups) - unanswered}
    assert unanswered <= 100 * stats.lost.skipped
    assert stats.lost_total == stats.lost.skipped
    missing = floods[0].calls + unanswered // 100 - (len(events) - len(groups))
    assert_missing(stats, missing)
    assert stats.calls.received == done.calls + floods[0].calls - missing
