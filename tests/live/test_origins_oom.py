"""Out of memory: known as such although the kernel tells only after the signal, and from nobody."""

from __future__ import annotations

import select
import signal
from contextlib import ExitStack

from pysigsnoop import Event, SignalTracer

from .actors import acting, all_events, check_kernel, children, next_event, the_one, until
from .control_groups import enter, memory_group
from .senders import PATIENCE

_MOST = 24  # megabytes for each group


def _check(event: Event, victim: int) -> None:
    check_kernel(event, "oom", "SI_KERNEL", target=victim, fatal=True)
    assert (int(event.signal), event.sender) == (signal.SIGKILL, None)
    assert (event.result, event.disposition) == ("queued", "default")


def test_the_victim_is_told_and_nobody_is_its_sender() -> None:
    with memory_group(_MOST) as group, acting("memory", "alone", 4 * _MOST) as actor:
        enter(group, actor.pid)
        # As by default: without any word about memory.
        with SignalTracer(target_pid=actor.pid) as tracer:
            actor.go()
            assert actor.end() == -signal.SIGKILL
            _check(the_one(all_events(tracer)), actor.pid)


def test_who_asked_for_memory_is_not_the_sender_where_another_is_chosen() -> None:
    with (
        memory_group(_MOST) as group,
        acting("memory", "beside", _MOST * 5 // 8, _MOST * 5 // 8) as actor,
    ):
        victim = int(actor.said[0])
        enter(group, victim)
        enter(group, actor.pid)
        with SignalTracer(target_pid=[actor.pid, victim], signals="KILL") as tracer:
            actor.go()
            # Slow kernels choose again before the first victim's memory is back: then it is next.
            assert actor.end() in (0, -signal.SIGKILL)
            events = all_events(tracer)
    # A parent that ends asks for its child's death, which is no matter of memory.
    first, *rest = [event for event in events if event.origin != "parent-death"]
    _check(first, victim)
    for event in rest:
        _check(event, actor.pid)


def test_all_that_share_the_victims_memory_are_told() -> None:
    with memory_group(_MOST) as group, acting("memory", "shared", 4 * _MOST) as actor:
        other = int(actor.said[0])
        enter(group, other)
        enter(group, actor.pid)
        with SignalTracer(target_pid=[actor.pid, other], signals="KILL") as tracer:
            actor.go()
            assert actor.end() == -signal.SIGKILL
            events = all_events(tracer)
    assert sorted(event.target.pid or 0 for event in events if event.target) == sorted(
        [actor.pid, other]
    )
    for event in events:
        assert event.target
        _check(event, event.target.pid or 0)


def test_a_filter_by_origin_tells_it_from_the_kernels_others_and_the_books_close() -> None:
    with ExitStack() as stack:
        group = stack.enter_context(memory_group(_MOST))
        hungry = stack.enter_context(acting("memory", "alone", 4 * _MOST))
        enter(group, hungry.pid)
        leaving = stack.enter_context(acting("families", "init"))
        (orphan,) = _grandchildren(int(leaving.said[0]))
        pids = [hungry.pid, orphan]
        tracers = {
            origin: stack.enter_context(SignalTracer(target_pid=pids, origins={origin}))
            for origin in ("oom", "kernel", "timer")
        }
        for actor in (hungry, leaving):
            actor.go()
            actor.end()
        seen = {origin: all_events(tracer) for origin, tracer in tracers.items()}
        stats = {origin: tracer.stats for origin, tracer in tracers.items()}
    _check(the_one(seen["oom"]), hungry.pid)
    check_kernel(the_one(seen["kernel"]), "kernel", "SI_KERNEL", target=orphan, fatal=True)
    assert seen["timer"] == []
    # Each sees the same signals of the machine, give or take those while others begin and end.
    for origin in ("oom", "kernel"):
        assert stats[origin].received == stats[origin].signals.received == 1
        assert stats[origin].signals.filtered >= 1
        assert stats[origin].signals.lost == 0


def _grandchildren(init: int) -> list[int]:
    until("the init has a child", lambda: children(init))
    return children(init)


def test_another_kill_by_the_kernel_is_shown_soon_although_nothing_follows_it() -> None:
    with acting("families", "init") as actor:
        (orphan,) = _grandchildren(int(actor.said[0]))
        with SignalTracer(target_pid=orphan) as tracer:
            actor.go()
            check_kernel(next_event(tracer), "kernel", "SI_KERNEL", target=orphan, fatal=True)


def test_another_kill_by_the_kernel_makes_the_descriptor_readable() -> None:
    with acting("families", "init") as actor:
        (orphan,) = _grandchildren(int(actor.said[0]))
        with SignalTracer(target_pid=orphan) as tracer:
            actor.go()
            events: list[Event] = []
            while not events:
                ready, _, _ = select.select([tracer.fileno()], [], [], PATIENCE)
                assert ready, "never readable"
                events = tracer.read(0)
            check_kernel(the_one(events), "kernel", "SI_KERNEL", target=orphan, fatal=True)
