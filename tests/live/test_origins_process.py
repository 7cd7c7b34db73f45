"""Signals that the kernel sends over timers, limits, pipes, parents, messages and other input."""

from __future__ import annotations

import os
import resource
import signal
from contextlib import ExitStack
from pathlib import Path

import pytest

from pysigsnoop import Event, SignalTracer

from .actors import (
    Actor,
    acting,
    all_events,
    check_kernel,
    children,
    next_event,
    sender_of,
    target_of,
    the_one,
    until,
)
from .first_process import undisturbed

RLIMIT_RTTIME = 15  # in microseconds; the resource module has no name for it
_ITIMERS = [signal.SIGALRM, signal.SIGVTALRM, signal.SIGPROF]


def _timed(*arguments: object) -> tuple[Actor, list[Event]]:
    """One run of timers.c that a timer ends, and what a tracer told of it."""
    with (
        acting("timers", *arguments) as actor,
        SignalTracer(target_pid=actor.pid, scope="all") as tracer,
    ):
        actor.go()
        actor.end()
        return actor, all_events(tracer)


@pytest.mark.parametrize("which", range(3))
def test_an_interval_timer_names_nobody_although_a_process_ran(which: int) -> None:
    actor, events = undisturbed(lambda: _timed("itimer", which), lambda seen: bool(seen[1]))
    number = _ITIMERS[which]
    assert actor.end() == -number
    event = the_one(events)
    check_kernel(event, "timer", "SI_KERNEL", target=actor.pid, fatal=True)
    assert (int(event.signal), event.sender) == (number, None)
    assert (event.result, event.disposition) == ("queued", "default")
    assert (event.value, event.address) == (None, None)


@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGRTMIN + 2, signal.SIGKILL])
def test_a_posix_timer_is_told_with_the_value_of_its_owner(number: int) -> None:
    value = 0x123456789ABCDEF0
    actor, events = undisturbed(lambda: _timed("timer", number, value), lambda seen: bool(seen[1]))
    assert actor.end() == -number
    event = the_one(events)
    check_kernel(event, "timer", "SI_TIMER", target=actor.pid, fatal=True)
    assert (int(event.signal), event.sender, event.value) == (number, None, value)


@pytest.mark.parametrize(
    "limit", [(resource.RLIMIT_CPU, 1, 2), (RLIMIT_RTTIME, 100_000, 10_000_000)]
)
def test_a_limit_of_cpu_time_is_a_timer_and_names_nobody(limit: tuple[int, ...]) -> None:
    with (
        acting("timers", "limit", *limit) as actor,
        SignalTracer(target_pid=actor.pid, scope="all") as tracer,
    ):
        actor.go()
        assert actor.end() == -signal.SIGXCPU
        event = the_one(all_events(tracer))
    check_kernel(event, "timer", "SI_KERNEL", target=actor.pid, fatal=True)
    assert (int(event.signal), event.sender) == (signal.SIGXCPU, None)


@pytest.mark.parametrize("limit", [(resource.RLIMIT_CPU, 1, 1), (RLIMIT_RTTIME, 100_000, 100_000)])
def test_the_end_of_cpu_time_is_a_timer_and_names_nobody(limit: tuple[int, ...]) -> None:
    with (
        acting("timers", "limit", *limit) as actor,
        SignalTracer(target_pid=actor.pid, scope="all") as tracer,
    ):
        actor.go()
        assert actor.end() == -signal.SIGKILL
        events = all_events(tracer)
    # The kernel kills again at each tick, as long as the process is still on its way out, which is
    # the end of nothing more once its thread exits.
    assert (events[0].result, events[0].fatal) == ("queued", True)
    assert {event.result for event in events[1:]} <= {"already_pending", "ignored"}
    for event in events:
        check_kernel(event, "timer", "SI_KERNEL", target=actor.pid, fatal=bool(event.fatal))
        assert (int(event.signal), event.sender) == (signal.SIGKILL, None)


@pytest.mark.parametrize("what", ["pipe", "socket"])
def test_who_writes_where_nobody_reads_is_sender_and_target(what: str) -> None:
    with (
        acting("inputs", what) as actor,
        SignalTracer(sender_pid=actor.pid, scope="all", signals="PIPE") as tracer,
    ):
        actor.go()
        assert actor.end() == -signal.SIGPIPE
        event = the_one(all_events(tracer))
    check_kernel(event, "pipe", "SI_USER", target=actor.pid, fatal=True)
    assert sender_of(event).tid == actor.pid


def test_who_writes_beyond_its_limit_of_file_size_is_sender_and_target() -> None:
    with (
        acting("timers", "limit", resource.RLIMIT_FSIZE, 4096, 4096) as actor,
        SignalTracer(sender_pid=actor.pid, scope="all", signals="XFSZ") as tracer,
    ):
        actor.go()
        assert actor.end() == -signal.SIGXFSZ
        event = the_one(all_events(tracer))
    # No origin of its own; the siginfo names the process itself.
    check_kernel(event, "kernel", "SI_USER", target=actor.pid, fatal=True)
    assert sender_of(event).pid == actor.pid


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1, signal.SIGKILL])
def test_the_signal_of_a_parents_death_is_sent_by_the_dying_parent(number: int) -> None:
    with acting("families", "parent-death", number) as actor:
        child = int(actor.said[0])
        with SignalTracer(target_pid=child, scope="all") as tracer:
            actor.go()
            assert actor.end() == 0
            event = next_event(tracer)
            # Whoever adopts it reaps it.
            assert all_events(tracer, read=1) == []
    check_kernel(event, "parent-death", "SI_USER", target=child, fatal=True)
    assert int(event.signal) == number
    parent = sender_of(event)
    assert (parent.pid, parent.comm) == (actor.pid, "families")


@pytest.mark.parametrize(
    ("number", "sent", "code"),
    [
        (0, signal.SIGIO, "SI_KERNEL"),
        (signal.SIGRTMIN + 3, signal.SIGRTMIN + 3, "POLL_IN"),
        (signal.SIGUSR1, signal.SIGUSR1, "POLL_IN"),
        (signal.SIGBUS, signal.SIGBUS, "SI_SIGIO"),
    ],
    ids=["SIGIO", "F_SETSIG", "F_SETSIG of another", "F_SETSIG of a fault's"],
)
def test_who_writes_what_another_is_told_of_is_not_its_sender(
    number: int, sent: int, code: str
) -> None:
    with (
        acting("inputs", "input", number) as actor,
        SignalTracer(target_pid=actor.pid, scope="all", signals=sent) as tracer,
    ):
        actor.go()
        assert actor.end() == -sent
        # The writer ends after it, and that too is told.
        event, *others = all_events(tracer)
    check_kernel(event, "io", code, target=actor.pid, fatal=True)
    assert (int(event.signal), event.sender) == (sent, None)
    assert {(other.origin, other.sender) for other in others} <= {("io", None)}


def test_who_sends_the_message_that_another_is_told_of_is_named_as_its_siginfo_does() -> None:
    if not Path("/proc/sys/fs/mqueue").exists():
        pytest.skip("this kernel has no message queues")
    with acting("inputs", "queue", signal.SIGUSR2, 0x1234) as actor:
        child = int(actor.said[0])
        with SignalTracer(target_pid=actor.pid, scope="all", signals="USR2") as tracer:
            actor.go()
            assert actor.end() == -signal.SIGUSR2
            event = the_one(all_events(tracer))
    check_kernel(event, "io", "SI_MESGQ", target=actor.pid, fatal=True)
    assert sender_of(event).pid == child
    assert event.value == 0x1234


def test_out_of_band_data_is_input_and_names_nobody() -> None:
    with (
        acting("inputs", "urgent") as actor,
        SignalTracer(target_pid=actor.pid, scope="all", signals="URG") as tracer,
    ):
        actor.go()
        assert actor.end() == 0
        event = the_one(all_events(tracer))
    check_kernel(event, "io", "SI_KERNEL", target=actor.pid, fatal=False)
    assert (event.sender, event.disposition) == (None, "handler")


def test_the_end_of_a_pid_namespaces_init_kills_the_rest_and_names_nobody() -> None:
    with acting("families", "init") as actor:
        init = int(actor.said[0])
        until("the init has a child", lambda: children(init))
        (child,) = children(init)
        with SignalTracer(target_pid=child, scope="all") as tracer:
            actor.go()
            assert actor.end() == 0
            event = the_one(all_events(tracer))
    check_kernel(event, "kernel", "SI_KERNEL", target=child, fatal=True)
    assert (int(event.signal), event.sender) == (signal.SIGKILL, None)
    assert event.target is not None
    assert (event.target.ns_pid, event.target.parent_pid) == (2, init)


# What the kernel itself would say, sent by a process to itself: it remains that process's call.
@pytest.mark.parametrize(
    ("number", "code", "name"),
    [
        (signal.SIGUSR1, 128, "SI_KERNEL"),
        (signal.SIGSEGV, 1, "SEGV_MAPERR"),
        (signal.SIGCHLD, 1, "CLD_EXITED"),
        (signal.SIGALRM, -2, "SI_TIMER"),
        (signal.SIGALRM, 128, "SI_KERNEL"),
        (signal.SIGIO, 1, "POLL_IN"),
        (signal.SIGPIPE, 0, "SI_USER"),
    ],
)
def test_a_forged_siginfo_is_still_its_callers(number: int, code: int, name: str) -> None:
    with (
        acting("families", "forged", number, code, 0x5678) as actor,
        SignalTracer(target_pid=actor.pid, scope="all") as tracer,
    ):
        actor.go()
        assert actor.end() == 0
        event = the_one(all_events(tracer))
    assert (event.origin, event.si_code, event.signal) == ("rt_sigqueueinfo", name, number)
    assert sender_of(event).pid == actor.pid
    assert (event.target_arg, event.ret, event.recipients) == (actor.pid, 0, 1)
    assert (event.value, event.address) == (0x5678, None)
    assert event.disposition == "handler"


def _ends(event: Event) -> tuple[str, int | None, int | None]:
    sender = sender_of(event).pid if event.sender else None
    return event.origin, sender, target_of(event).pid


def test_what_a_process_that_killed_itself_sends_as_it_dies_is_not_its_kill() -> None:
    with acting("families", "by-itself", signal.SIGUSR2) as actor:
        child = int(actor.said[0])
        (grandchild,) = children(child)
        with SignalTracer(
            target_pid=[actor.pid, child, grandchild], scope="all", signals="USR2"
        ) as tracer:
            actor.go()
            assert actor.end() == 0
            events = all_events(tracer)
    assert sorted(map(_ends, events)) == [
        ("child", child, actor.pid),
        ("kill", child, child),
        ("parent-death", child, grandchild),
    ]
    by_origin = {event.origin: event for event in events}
    assert by_origin["child"].si_code == "CLD_KILLED"
    assert by_origin["child"].disposition == "handler"


def _race() -> tuple[int, int, int, list[Event]]:
    """A process that kills itself by the signal of its timer: its pid, its kills, the least that
    the timer sent, and what was told."""
    with (
        acting("timers", "race", 5000) as actor,
        SignalTracer(target_pid=actor.pid, scope="all") as tracer,
    ):
        actor.go()
        own, least = map(int, actor.line())
        assert actor.end() == 0
        return actor.pid, own, least, all_events(tracer)


def test_a_timer_that_strikes_inside_a_kill_with_its_signal_is_not_that_kill() -> None:
    pid, own, least, events = undisturbed(_race, lambda seen: len(seen[3]) >= seen[1] + seen[2])
    kills = [event for event in events if event.origin == "kill"]
    timers = [event for event in events if event.origin == "timer"]
    assert len(kills) == own >= 5000
    assert len(timers) == len(events) - own
    assert len(timers) >= least >= 20
    assert {sender_of(event).pid for event in kills} == {pid}
    assert {event.si_code for event in kills} == {"SI_USER"}
    assert {(event.sender, event.si_code) for event in timers} == {(None, "SI_KERNEL")}


def _timers_beside(busy: list[int]) -> tuple[list[int], list[Event]]:
    """Processes that a timer ends, and what was told of them; nothing as sent by who is busy."""
    with ExitStack() as stack:
        actors = [stack.enter_context(acting("timers", "timer", 14, n)) for n in range(1, 21)]
        pids = [actor.pid for actor in actors]
        sent_by_busy = stack.enter_context(
            SignalTracer(sender_pid=busy, target_pid=pids, scope="all")
        )
        tracer = stack.enter_context(SignalTracer(target_pid=pids, scope="all"))
        for actor in actors:
            actor.go()
        for actor in actors:
            assert actor.end() == -signal.SIGALRM
        assert all_events(sent_by_busy) == []
        return pids, all_events(tracer)


def test_a_busy_bystander_is_never_the_sender_of_a_timers_signal() -> None:
    cpus = len(os.sched_getaffinity(0))
    with ExitStack() as stack:
        busy = [stack.enter_context(acting("families", "busy")) for _ in range(2 * cpus)]
        pids, events = undisturbed(
            lambda: _timers_beside([actor.pid for actor in busy]),
            lambda seen: len(seen[0]) == len(seen[1]),
        )
        for actor in busy:
            assert actor.process.poll() is None
    assert [_ends(event)[:2] for event in events] == [("timer", None)] * len(pids)
    assert {target_of(event).pid for event in events} == set(pids)
