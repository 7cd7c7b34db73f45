"""Out of memory: known as such although the kernel tells only after the signal, and from nobody."""

from __future__ import annotations

import functools
import os
import select
import signal
import struct
import threading
from contextlib import ExitStack
from pathlib import Path

from pysigsnoop import Event, Lost, Oom, SignalTracer
from pysigsnoop._records import COUNTER, OOM_VICTIM_FORMAT, SEND_FORMAT

from ..object.btf import Btf
from .actors import acting, all_events, check_kernel, children, next_event, the_one, until
from .control_groups import enter, memory_group
from .senders import PATIENCE

_MOST = 24  # megabytes for each group
# The smallest ring; and what the kernel puts before each record, which it rounds up to as much.
_RING, _HEADER = 4096, 8
# What each CPU may have counted and not yet added to a process's memory, in all: 64 pages each.
_UNSETTLED_KB = 1024


@functools.cache
def _kernel_has_figures() -> bool:
    """Whether its event carries them, by the kernel's own description."""
    event = Btf(Path("/sys/kernel/btf/vmlinux")).named("STRUCT", "trace_event_raw_mark_victim")
    return any(member["name"] == "total_vm" for member in event["members"])


def _figures(oom: Oom) -> dict[str, int | None]:
    told = oom.as_dict()
    del told["allocator"]
    return told


def _check(event: Event, victim: int) -> None:
    check_kernel(event, "oom", "SI_KERNEL", target=victim, fatal=True)
    assert (int(event.signal), event.sender) == (signal.SIGKILL, None)
    assert (event.result, event.disposition) == ("queued", "default")


def _check_memory(event: Event, *, allocator: int, least: int, score: int) -> None:
    """Who asked, and what the victim held, at `least` so many megabytes of its own."""
    assert event.oom
    assert event.oom.allocator
    assert (event.oom.allocator.pid, event.oom.allocator.comm) == (allocator, "memory")
    assert event.oom.allocator.cgroup_id
    assert event.oom.allocator.start_ns
    if not _kernel_has_figures():
        assert set(_figures(event.oom).values()) == {None}
        return
    oom = event.oom
    assert oom.anon_rss_kb is not None
    assert oom.total_vm_kb is not None
    assert oom.pgtables_kb
    assert (least << 10) - _UNSETTLED_KB <= oom.anon_rss_kb <= (_MOST << 10) + _UNSETTLED_KB
    assert oom.anon_rss_kb <= oom.total_vm_kb <= (6 * _MOST) << 10
    assert oom.pgtables_kb <= 1024
    # Its program and its libraries; it shares nothing.
    assert oom.file_rss_kb is not None
    assert oom.file_rss_kb <= 16 << 10
    assert oom.shmem_rss_kb is not None
    assert oom.shmem_rss_kb <= _UNSETTLED_KB
    assert oom.oom_score_adj == score


def test_the_victim_is_told_and_nobody_is_its_sender() -> None:
    with memory_group(_MOST) as group, acting("memory", "alone", 4 * _MOST) as actor:
        enter(group, actor.pid)
        # As by default: without any word about memory.
        with SignalTracer(target_pid=actor.pid) as tracer:
            actor.go()
            assert actor.end() == -signal.SIGKILL
            event = the_one(all_events(tracer))
    _check(event, actor.pid)
    own = int(Path("/proc/self/oom_score_adj").read_text())
    _check_memory(event, allocator=actor.pid, least=_MOST * 3 // 4, score=own)


def test_a_trace_that_ends_between_the_kill_and_its_reason_tells_both() -> None:
    with memory_group(_MOST) as group, acting("memory", "alone", 4 * _MOST) as actor:
        enter(group, actor.pid)
        with SignalTracer(target_pid=actor.pid) as tracer:
            watch = threading.Thread(target=_stop_at_first, args=(tracer,))
            watch.start()
            actor.go()
            watch.join(PATIENCE)
            assert actor.end() == -signal.SIGKILL
            event = the_one(all_events(tracer))
    _check(event, actor.pid)


def _in_ring(layout: str) -> int:
    return -(-(struct.calcsize(layout) + _HEADER) // _HEADER) * _HEADER


def test_a_kill_whose_reason_finds_no_room_is_told_and_the_reason_as_lost() -> None:
    room, send = _RING - 1, _in_ring(SEND_FORMAT)
    assert room % send < _in_ring(OOM_VICTIM_FORMAT)
    with memory_group(_MOST) as group, acting("memory", "alone", 4 * _MOST) as actor:
        enter(group, actor.pid)
        with SignalTracer(target_pid=actor.pid, buffer_size=_RING) as tracer:
            # Leaves room for one send more, and not for the smaller record that follows it.
            while tracer._controls.counters()[COUNTER["call_submitted"]] < room // send - 1:
                os.kill(actor.pid, 0)
            actor.go()
            assert actor.end() == -signal.SIGKILL
            tracer.stop()
            *_, event = tracer
            stats = tracer.stats
    check_kernel(event, "kernel", "SI_KERNEL", target=actor.pid, fatal=True)
    assert (event.oom, event.sender) == (None, None)
    assert stats.received == room // send
    assert stats.lost._replace(skipped=0) == Lost(oom_victims=1)


def test_no_reason_is_lost_of_a_kill_that_is_not_wanted() -> None:
    with memory_group(_MOST) as group, acting("memory", "alone", 4 * _MOST) as actor:
        enter(group, actor.pid)
        with SignalTracer(
            sender_pid=os.getpid(), target_pid=actor.pid, buffer_size=_RING
        ) as tracer:
            room = _RING // _in_ring(SEND_FORMAT)
            while tracer._controls.counters()[COUNTER["call_submitted"]] < room:
                os.kill(actor.pid, 0)
            actor.go()
            assert actor.end() == -signal.SIGKILL
            all_events(tracer)


def _stop_at_first(tracer: SignalTracer) -> None:
    """End the trace as soon as a signal is generated, without waiting to be woken."""
    while not tracer._controls.counters()[COUNTER["signal_submitted"]]:
        pass
    tracer.stop()


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
    _check_memory(first, allocator=actor.pid, least=_MOST * 5 // 8, score=1000)
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
        assert event.oom
        assert event.oom.allocator
        assert event.oom.allocator.pid == actor.pid
    # The figures are the victim's, and told once.
    told = [event.oom for event in events if event.oom and any(_figures(event.oom).values())]
    assert len(told) == _kernel_has_figures()


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
    assert the_one(seen["kernel"]).oom is None
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


def test_another_kill_by_the_kernel_has_no_number_of_a_sender_in_its_record_either() -> None:
    with acting("families", "init") as actor:
        (orphan,) = _grandchildren(int(actor.said[0]))
        with SignalTracer(target_pid=orphan) as tracer:
            actor.go()
            columns = tracer.read_columns(PATIENCE)
    assert list(columns.column("target.pid")) == [orphan]
    assert list(columns.column("sender.host_tid")) == [0]
