"""Deaths: of which send, and of none; held against what waitpid says."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pysigsnoop import Death, Delivery

from ..actors import state, until
from ..senders import PATIENCE
from .conftest import MakeTarget
from .targets import Story, Target, story, tracing

KILL, TERM, USR1, SEGV = signal.SIGKILL, signal.SIGTERM, signal.SIGUSR1, signal.SIGSEGV


def the_death(told: Story, status: int, target: Target) -> Death:
    """The one death, which is what waitpid said it was."""
    (death,) = told.deaths
    assert os.WIFSIGNALED(status)
    assert (death.action, death.signal, death.status) == ("killed", os.WTERMSIG(status), None)
    assert death.core is os.WCOREDUMP(status)
    assert (death.target.pid, death.target.tid) == (target.pid, target.pid)
    return death


def threads_of(target: Target) -> int:
    return len([*Path(f"/proc/{target.pid}/task").iterdir()])


@pytest.mark.parametrize("number", [KILL, TERM, signal.SIGALRM, 34, 64])
def test_a_death_names_the_send_that_caused_it(number: int, target: Target) -> None:
    with tracing(target_pid=target.pid) as tracer:
        os.kill(target.pid, number)
        status = target.status()
        ended = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        told = story(tracer)
    death = the_death(told, status, target)
    (send,) = told.sends
    assert death.send_id == send.id
    assert send.boot_ns < death.boot_ns < ended
    # It is never delivered as itself.
    assert told.deliveries == []
    assert send.outcome == "died"


def test_terminated_then_killed_two_seconds_later(target: Target) -> None:
    target.do("handle", TERM)
    with tracing(target_pid=target.pid) as tracer:
        os.kill(target.pid, TERM)
        (handled,) = target.seen()
        time.sleep(2)
        os.kill(target.pid, KILL)
        status = target.status()
        told = story(tracer)
    death = the_death(told, status, target)
    term, kill = told.sends
    (delivery,) = told.deliveries
    assert (delivery.send_id, delivery.action) == (term.id, "handler")
    assert delivery.boot_ns < handled.ns
    assert death.send_id == kill.id
    assert death.boot_ns - delivery.boot_ns > 1_900_000_000
    assert told.ends_of(term) == ["handler"]


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("core", [False, True])
@pytest.mark.parametrize("number", [SEGV, signal.SIGABRT, signal.SIGQUIT])
def test_signals_that_dump_a_core(
    number: int, core: bool, own: bool, make_target: MakeTarget, tmp_path: Path
) -> None:
    size = (resource.RLIM_INFINITY if core else 0, resource.RLIM_INFINITY)
    target = make_target(
        cwd=tmp_path, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, size)
    )
    with tracing(target_pid=target.pid) as tracer:
        if own:
            orders: dict[int, str] = {SEGV: "fault", signal.SIGABRT: "abort"}
            target.tell(orders.get(number, f"raise {number}"))
        else:
            os.kill(target.pid, number)
        status = target.status()
        told = story(tracer)
    death = the_death(told, status, target)
    (send,) = told.sends
    if own:
        assert send.origin == ("fault" if number == SEGV else "tgkill")
    assert death.send_id == send.id
    assert told.ends_of(send) == ["default", "killed"]
    assert send.outcome == "died"
    pattern = Path("/proc/sys/kernel/core_pattern").read_text()
    if core and not pattern.startswith(("|", "/", "@")):
        assert death.core


@pytest.mark.parametrize("number", [KILL, TERM, SEGV])
def test_a_process_of_many_threads_dies_once(number: int, target: Target) -> None:
    target.do("threads", 32)
    with tracing(target_pid=target.pid) as tracer:
        os.kill(target.pid, number)
        status = target.status()
        told = story(tracer)
    if not told.deaths:
        # Where many threads end at once kernel 7.3 skips programs, and counts what it skipped.
        assert tracer.stats.deaths.lost
        return
    death = the_death(told, status, target)
    assert death.send_id == told.sends[0].id


def test_the_fault_of_a_thread_ends_its_process(target: Target) -> None:
    (tid,) = target.do("threads", 1)
    with tracing(target_pid=target.pid) as tracer:
        target.tell("in", 0, "fault")
        status = target.status()
        told = story(tracer)
    death = the_death(told, status, target)
    (send,), (delivery,) = told.sends, told.deliveries
    assert (send.origin, send.target.tid) == ("fault", tid)
    assert (delivery.target.tid, delivery.send_id, death.send_id) == (tid, send.id, send.id)


def test_a_leader_that_left_first(target: Target) -> None:
    target.do("leave")
    with tracing(target_pid=target.pid) as tracer:
        os.kill(target.pid, KILL)
        status = target.status()
        told = story(tracer)
    assert the_death(told, status, target).send_id == told.sends[0].id


def test_a_process_that_executed_from_another_thread(target: Target) -> None:
    target.do("threads", 3)
    target.tell("in", 1, "exec")
    assert target.answer() == [target.pid]
    with tracing(target_pid=target.pid) as tracer:
        os.kill(target.pid, TERM)
        status = target.status()
        told = story(tracer)
    assert the_death(told, status, target).send_id == told.sends[0].id


def test_an_exec_from_another_thread_is_no_death(target: Target) -> None:
    target.do("threads", 3)
    with tracing(target_pid=target.pid, exits=True) as tracer:
        target.tell("in", 1, "exec")
        assert target.answer() == [target.pid]
        assert story(tracer) == ([], [], [])


@pytest.mark.parametrize("threads", [0, 5])
def test_an_exit_after_a_handled_signal_is_no_death_by_it(threads: int, target: Target) -> None:
    target.do("threads", threads)
    target.do("handle", TERM)
    with tracing(target_pid=target.pid, exits=True) as tracer:
        os.kill(target.pid, TERM)
        target.do("seen")
        target.tell("exit", 7)
        status = target.status()
        told = story(tracer)
    (death,) = told.deaths
    assert os.WIFEXITED(status)
    assert (death.action, death.status, death.signal, death.core) == ("exited", 7, None, None)
    assert (death.send_id, death.no_send, death.delay_ns) == (None, "none", None)
    assert told.ends_of(told.sends[0]) == ["handler"]


def test_exits_are_told_where_asked_for(target: Target) -> None:
    with tracing(target_pid=target.pid) as tracer:
        target.tell("exit", 3)
        target.status()
        assert story(tracer) == ([], [], [])


def test_strict_seccomp_kills_without_a_signal(target: Target) -> None:
    with tracing(target_pid=target.pid) as tracer:
        target.tell("strict")
        status = target.status()
        told = story(tracer)
    death = the_death(told, status, target)
    assert os.WTERMSIG(status) == KILL
    assert (death.send_id, death.no_send) == (None, "none")
    assert told.sends == []


@pytest.mark.parametrize(
    ("order", "ended"),
    [
        (("in", 0, "strict"), lambda target: threads_of(target) == 1),
        (("strict",), lambda target: state(target.pid) == "Z"),
    ],
    ids=["another thread", "the first thread"],
)
def test_a_thread_that_strict_seccomp_ended_hides_nobody_who_kills_the_process(
    order: tuple[int | str, ...], ended: Callable[[Target], bool], target: Target
) -> None:
    target.do("threads", 1)
    with tracing(target_pid=target.pid) as tracer:
        target.tell(*order)
        until("the thread has ended", lambda: ended(target))
        os.kill(target.pid, KILL)
        status = target.status()
        told = story(tracer)
    death = the_death(told, status, target)
    (send,) = told.sends
    assert (death.send_id, death.no_send) == (send.id, None)
    assert send.outcome == "died"


def test_strict_seccomp_in_the_last_thread_sends_nothing_either(target: Target) -> None:
    target.do("leave")
    with tracing(target_pid=target.pid) as tracer:
        target.tell("strict")
        status = target.status()
        told = story(tracer)
    if os.WIFEXITED(status):
        # Before Linux 6.0 a process ends with what its first thread said.
        assert told.deaths == []
        return
    death = the_death(told, status, target)
    assert os.WTERMSIG(status) == KILL
    assert (death.send_id, death.no_send) == (None, "none")


def test_the_end_of_a_namespace_s_init_ends_its_children(make_target: MakeTarget) -> None:
    # sh is init, so the target has another number inside; the kernel names it by ours.
    target = make_target("unshare", "-pf", "sh", "-c", '"$0"; :')
    inside = _descendants(target.process.pid)
    init, child = inside[-2:]
    with tracing(target_pid=inside) as tracer:
        os.kill(init, KILL)
        target.process.wait(PATIENCE)
        told = story(tracer)
    deaths = {death.target.pid: death for death in told.deaths}
    sends = {send.target.pid: send for send in told.sends if send.signal == KILL}
    assert deaths.keys() == sends.keys() == {init, child}
    assert deaths[init].send_id == sends[init].id
    assert deaths[child].send_id == sends[child].id
    assert (sends[init].origin, sends[child].origin) == ("kill", "kernel")
    assert sends[child].sender is None


def _descendants(pid: int) -> list[int]:
    found = []
    while children := Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        (child,) = children
        found.append(pid := int(child))
    return found


def test_of_two_fatal_signals_the_first_wins(target: Target) -> None:
    with tracing(target_pid=target.pid) as tracer:
        os.kill(target.pid, TERM)
        os.kill(target.pid, KILL)
        status = target.status()
        told = story(tracer)
    death = the_death(told, status, target)
    assert os.WTERMSIG(status) == TERM
    assert death.send_id == told.sends[0].id
    assert told.ends_of(told.sends[1]) == []


@pytest.mark.parametrize("number", [KILL, TERM, SEGV])
def test_a_doomed_process_gets_more_signals(number: int, target: Target) -> None:
    target.do("threads", 20)
    with tracing(target_pid=target.pid) as tracer:
        for _ in range(50):
            os.kill(target.pid, number)
        status = target.status()
        told = story(tracer)
    death = the_death(told, status, target)
    assert death.send_id == told.sends[0].id
    assert sum("killed" in told.ends_of(send) for send in told.sends) == 1


def test_a_handled_signal_beside_a_fatal_one_did_not_kill(target: Target) -> None:
    target.do("handle", USR1)
    target.do("block", USR1)
    with tracing(target_pid=target.pid) as tracer:
        os.kill(target.pid, USR1)
        os.kill(target.pid, KILL)
        status = target.status()
        told = story(tracer)
    usr1, kill = told.sends
    assert the_death(told, status, target).send_id == kill.id
    assert told.ends_of(usr1) == []
    assert usr1.outcome == "pending"


def test_blocked_and_then_let_through(target: Target) -> None:
    target.do("block", TERM)
    with tracing(target_pid=target.pid) as tracer:
        os.kill(target.pid, TERM)
        target.tell("unblock", TERM)
        status = target.status()
        told = story(tracer)
    assert the_death(told, status, target).send_id == told.sends[0].id


def test_a_send_from_before_the_trace_is_said_to_be_so(target: Target) -> None:
    target.do("block", TERM)
    target.do("handle", USR1)
    target.do("block", USR1)
    os.kill(target.pid, TERM)
    os.kill(target.pid, USR1)
    with tracing(target_pid=target.pid) as tracer:
        target.do("unblock", USR1)
        target.tell("unblock", TERM)
        status = target.status()
        told = story(tracer)
    death = the_death(told, status, target)
    assert told.sends == []
    assert (death.send_id, death.no_send) == (None, "before")
    assert [each.no_send for each in told.deliveries] == ["before"] * 2


def test_a_send_that_was_lost_is_said_to_be_so(
    target: Target, sleeper: subprocess.Popen[bytes]
) -> None:
    target.do("block", TERM)
    with tracing(target_pid=[target.pid, sleeper.pid], buffer_size=4096) as tracer:
        while not tracer.stats.lost.ring_full:
            os.kill(sleeper.pid, 0)
        os.kill(target.pid, TERM)
        while tracer.read(0):
            pass
        target.tell("unblock", TERM)
        status = target.status()
        tracer.stop()
        ends: list[Any] = [event for event in tracer if isinstance(event, Delivery | Death)]
    delivery, death = ends
    assert os.WTERMSIG(status) == TERM
    assert (death.type, death.send_id, death.no_send) == ("death", None, "lost")
    assert (delivery.send_id, delivery.no_send) == (None, "lost")


def test_what_the_filters_leave_out_is_left_out_to_its_end(make_target: MakeTarget) -> None:
    handled, killed = make_target(), make_target()
    handled.do("handle", USR1)
    with tracing(target_pid=[handled.pid, killed.pid], sender_comm="nobody-at-all") as tracer:
        os.kill(handled.pid, USR1)
        handled.do("seen")
        os.kill(killed.pid, KILL)
        killed.status()
        assert story(tracer) == ([], [], [])
        stats = tracer.stats
    assert stats.deliveries.filtered >= 1
    assert stats.deaths.filtered >= 1


def test_a_filter_on_signals_holds_for_ends_too(make_target: MakeTarget) -> None:
    first, second = make_target(), make_target()
    with tracing(target_pid=[first.pid, second.pid], signals="TERM") as tracer:
        os.kill(first.pid, KILL)
        os.kill(second.pid, TERM)
        first.status()
        second.status()
        told = story(tracer)
    assert [death.target.pid for death in told.deaths] == [second.pid]
