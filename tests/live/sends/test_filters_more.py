"""Filters in the kernel: each on the end that it is about, alone and together."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from pysigsnoop import Event

from ..senders import NOBODY
from .callers import SI_QUEUE, STRANGER, Caller, read_out, tracing
from .conftest import MakeCaller

USR1 = int(signal.SIGUSR1)
TERM = int(signal.SIGTERM)

#: Who, which signal, to whom.
Told = tuple[int | None, int, int | None]


@pytest.fixture
def other(make_caller: MakeCaller) -> Caller:
    """Another caller, and another target."""
    return make_caller()


def cgroup_mount() -> Path:
    """Where cgroup v2 is mounted."""
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        fields, _, kind = line.partition(" - ")
        if kind.startswith("cgroup2 "):
            return Path(fields.split()[4])
    pytest.fail("cgroup v2 is not mounted")


@pytest.fixture
def cgroups(caller: Caller, target: Caller, other: Caller) -> Iterator[tuple[Path, Path]]:
    """A cgroup that `caller` is in, and one two levels below it that `target` is in."""
    home = Path("/proc/self/cgroup").read_text().rpartition("0::")[2].strip()
    mount = cgroup_mount()
    above = mount / f"pysigsnoop-test-{caller.pid}"
    below = above / "middle" / "below"
    below.mkdir(parents=True)
    try:
        (above / "cgroup.procs").write_text(str(caller.pid))
        (below / "cgroup.procs").write_text(str(target.pid))
        yield above, below
    finally:
        back = mount / home.lstrip("/")
        for caller_ in (caller, target, other):
            if caller_.process.poll() is None:
                (back / "cgroup.procs").write_text(str(caller_.pid))
        for path in (below, below.parent, above):
            path.rmdir()


def told(events: list[Event]) -> list[Told]:
    """What the events are about."""
    return [
        (event.sender.pid, int(event.signal), event.target.pid if event.target else None)
        for event in events
    ]


@contextmanager
def seeing(expected: Sequence[Told], **filters: Any) -> Iterator[None]:
    """Holds that just these are let through, in this order, and that something was refused."""
    with tracing(**filters) as tracer:
        yield
        events = read_out(tracer)
        assert told(events) == [*expected]
        assert tracer.stats.received == len(expected)
        assert tracer.stats.filtered > 0


def test_by_the_sender_s_pid(caller: Caller, target: Caller, other: Caller) -> None:
    with seeing([(caller.pid, 0, target.pid), (caller.pid, 0, None)], sender_pid=caller.pid):
        other.call("kill", target.pid, 0)
        caller.call("kill", target.pid, 0)
        caller.call("kill", NOBODY, 0)


def test_by_the_target_s_pid_whichever_way_it_is_reached(
    caller: Caller, target: Caller, other: Caller
) -> None:
    target.ignore(USR1)
    (tid,) = target.threads(1)
    children = target.children(2)
    caller.info(USR1, SI_QUEUE)
    fd = caller.pidfd(target.pid)
    wrong = caller.pidfd(other.pid)
    reached = (caller.pid, USR1, target.pid)
    expected = [reached] * 5 + [(caller.pid, USR1, children[1])]
    with seeing(expected, target_pid=[target.pid, children[1]]):
        assert caller.call("kill", target.pid, USR1) == 0
        assert caller.call("kill", tid, USR1) == 0
        assert caller.call("tkill", tid, USR1) == 0
        assert caller.call("pidfd_send_signal", fd, USR1, 0, 0) == 0
        assert caller.call("rt_sigqueueinfo", tid, USR1, "info") == 0
        assert caller.call("kill", -children[0], USR1) == 0
        assert caller.call("pidfd_send_signal", wrong, 0, 0, 0) == 0
        assert caller.call("kill", other.pid, 0) == 0


def test_the_target_of_a_failed_or_empty_send_is_the_process_named(
    caller: Caller, target: Caller, other: Caller
) -> None:
    (tid,) = target.threads(1)
    fd = caller.pidfd(target.pid)
    caller.do("uid", STRANGER)
    expected = [(caller.pid, number, target.pid) for number in (0, USR1, 0, 0)]
    with seeing(expected, target_pid=target.pid):
        assert caller.call("kill", target.pid, 0) == "EPERM"
        assert caller.call("kill", tid, USR1) == "EPERM"
        assert caller.call("tkill", tid, 0) == "EPERM"
        assert caller.call("pidfd_send_signal", fd, 0, 0, 0) == "EPERM"
        assert caller.call("kill", other.pid, 0) == "EPERM"


def test_where_nothing_was_reached_the_argument_is_the_target(caller: Caller) -> None:
    expected = [(caller.pid, 0, None)] * 2
    with seeing(expected, target_pid=NOBODY):
        assert caller.call("kill", NOBODY, 0) == "ESRCH"
        assert caller.call("tgkill", 1, NOBODY, 0) == "ESRCH"
        assert caller.call("kill", NOBODY + 1, 0) == "ESRCH"
        assert caller.call("kill", -NOBODY, 0) == "ESRCH"


def test_a_pidfd_s_number_is_no_pid(caller: Caller, target: Caller) -> None:
    fd = caller.pidfd(target.pid)
    with seeing([(caller.pid, 0, None)], target_pid=fd, sender_pid=caller.pid):
        assert caller.call("pidfd_send_signal", fd, 0, 0, 0) == 0
        assert caller.call("pidfd_send_signal", -1, 0, 0, 0) == "EBADF"
        # A thread of that number is another process's.
        assert caller.call("tgkill", fd + NOBODY, fd, 0) == "ESRCH"


@pytest.mark.parametrize("argument", ["0", "-pgid"])
def test_0_and_negative_numbers_match_the_argument(
    argument: str, caller: Caller, target: Caller
) -> None:
    caller.ignore(USR1)
    target.ignore(USR1)
    children = target.children(3)
    number = 0 if argument == "0" else -children[0]
    reached = [caller.pid] if argument == "0" else children
    with tracing(target_pid=number, sender_pid=caller.pid) as tracer:
        assert caller.call("kill", number, USR1) == 0
        assert caller.call("kill", number, 0) == 0
        assert caller.call("kill", -NOBODY, 0) == "ESRCH"
        assert caller.call("kill", target.pid, USR1) == 0
        *events, probe = read_out(tracer)
    assert {*told(events)} == {(caller.pid, USR1, pid) for pid in reached}
    assert len(events) == len(reached)
    assert {event.recipients for event in events} == {len(reached)}
    assert (probe.target_arg, probe.target, probe.ret) == (number, None, 0)


def test_by_either_end_s_name_cut_to_15_bytes(
    caller: Caller, target: Caller, other: Caller
) -> None:
    long = b"sixteen-bytes-xy"
    for process, name in ((caller, long), (other, b"sixteen-bytes-z")):
        assert process.do("name", name.hex()) == [0]
    mine, others = (caller.pid, 0, other.pid), (other.pid, 0, caller.pid)
    for filters, expected in (
        ({"sender_comm": long}, [mine]),
        ({"sender_comm": long[:15].decode()}, [mine]),
        ({"target_comm": long.decode()}, [others]),
        ({"sender_comm": [long, "sixteen-bytes-z"]}, [mine, others]),
        ({"sender_comm": [long], "target_comm": "sixteen-bytes-z"}, [mine]),
    ):
        with seeing(expected, **filters):
            caller.call("kill", other.pid, 0)
            other.call("kill", caller.pid, 0)
            target.call("kill", target.pid, 0)


def test_by_either_end_s_user(caller: Caller, target: Caller, other: Caller) -> None:
    uid = 61234
    other.do("uid", uid)
    with seeing([(other.pid, 0, target.pid), (other.pid, 0, None)], sender_uid=uid):
        caller.call("kill", target.pid, 0)
        caller.call("kill", other.pid, 0)
        assert other.call("kill", target.pid, 0) == "EPERM"
        assert other.call("kill", NOBODY, 0) == "ESRCH"
    with seeing([(caller.pid, 0, other.pid)], target_uid=uid):
        caller.call("kill", target.pid, 0)
        caller.call("kill", other.pid, 0)
        caller.call("kill", NOBODY, 0)


def test_by_either_end_s_cgroup_with_what_is_below(
    caller: Caller, target: Caller, other: Caller, cgroups: tuple[Path, Path]
) -> None:
    above, below = (str(path) for path in cgroups)
    mount = str(cgroup_mount())
    from_above, from_below = (caller.pid, 0, other.pid), (target.pid, 0, other.pid)
    to_above, to_below = (other.pid, 0, caller.pid), (other.pid, 0, target.pid)
    for filters, expected in (
        ({"sender_cgroup": above}, [from_above, from_below]),
        ({"sender_cgroup": below}, [from_below]),
        ({"sender_cgroup": above.removeprefix(mount)}, [from_above, from_below]),
        ({"target_cgroup": above}, [to_above, to_below]),
        ({"target_cgroup": str(cgroups[1].parent)}, [to_below]),
        ({"target_cgroup": [above, below]}, [to_above, to_below]),
        ({"target_cgroup": below, "sender_pid": other.pid}, [to_below]),
    ):
        with seeing(expected, **filters):
            caller.call("kill", other.pid, 0)
            target.call("kill", other.pid, 0)
            other.call("kill", caller.pid, 0)
            other.call("kill", target.pid, 0)
            other.call("kill", NOBODY, 0)


def test_the_root_cgroup_holds_everybody(caller: Caller, target: Caller) -> None:
    with tracing(sender_cgroup=str(cgroup_mount()), sender_pid=caller.pid) as tracer:
        caller.call("kill", target.pid, 0)
        assert told(read_out(tracer)) == [(caller.pid, 0, target.pid)]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"signals": 0}, [0]),
        ({"signals": ["USR1", 64]}, [USR1, 64]),
        ({"signals": ["RTMIN+3"]}, [37]),
        ({"signals": [32]}, [32]),
        ({"exclude_signals": [0, "USR1"]}, [32, 37, 64]),
        ({"exclude_signals": ["RTMAX", 32]}, [0, USR1, 37]),
        ({"signals": ["USR1", 0, 64], "exclude_signals": [0]}, [USR1, 64]),
    ],
)
def test_by_signal_with_0_and_the_real_time_ones(
    filters: dict[str, Any], expected: list[int], caller: Caller, target: Caller
) -> None:
    for number in (USR1, 32, 37, 64):
        target.do("mask", 1, number)
    with seeing(
        [(caller.pid, number, target.pid) for number in expected],
        sender_pid=caller.pid,
        **filters,
    ):
        for number in (0, USR1, 32, 37, 64):
            assert caller.call("kill", target.pid, number) == 0


def test_by_origin(caller: Caller, target: Caller) -> None:
    target.ignore(USR1)
    for origins in ("tkill", ["kill", "tgkill"]):
        with tracing(sender_pid=caller.pid, origins=origins) as tracer:
            for number in (0, USR1):
                caller.call("kill", target.pid, number)
                caller.call("tkill", target.pid, number)
                caller.call("tgkill", target.pid, target.pid, number)
            events = read_out(tracer)
        expected = [origins] if isinstance(origins, str) else origins
        assert [event.origin for event in events] == expected * 2


def test_failed_only(caller: Caller, target: Caller) -> None:
    target.ignore(USR1)
    children = target.children(2)
    expected = [(caller.pid, 0, None), (caller.pid, 65, target.pid), (caller.pid, USR1, None)]
    with seeing(expected, sender_pid=caller.pid, failed_only=True):
        assert caller.call("kill", target.pid, 0) == 0
        assert caller.call("kill", target.pid, USR1) == 0
        assert caller.call("kill", -children[0], USR1) == 0
        assert caller.call("kill", -children[0], 0) == 0
        assert caller.call("kill", NOBODY, 0) == "ESRCH"
        assert caller.call("kill", target.pid, 65) == "EINVAL"
        assert caller.call("kill", -NOBODY, USR1) == "ESRCH"


def test_fatal_only(caller: Caller, target: Caller) -> None:
    target.ignore(USR1)
    target.do("action", TERM, 2)
    (pid,) = target.children(1)
    with seeing([(caller.pid, 9, pid)], sender_pid=caller.pid, fatal_only=True):
        assert caller.call("kill", target.pid, 0) == 0
        assert caller.call("kill", target.pid, USR1) == 0
        assert caller.call("kill", target.pid, TERM) == 0
        assert caller.call("kill", target.pid, int(signal.SIGCHLD)) == 0
        assert caller.call("kill", NOBODY, 9) == "ESRCH"
        assert caller.call("kill", pid, int(signal.SIGSTOP)) == 0
        assert caller.call("kill", pid, 9) == 0


def test_all_filters_must_be_met(caller: Caller, target: Caller, other: Caller) -> None:
    target.ignore(USR1)
    other.ignore(USR1)
    with seeing(
        [(caller.pid, USR1, target.pid)],
        sender_pid=[caller.pid, other.pid],
        sender_comm="caller",
        sender_uid=0,
        target_pid=target.pid,
        target_uid=0,
        target_comm=["caller", "nobody"],
        signals=["USR1", "TERM"],
        exclude_signals="TERM",
        origins=["kill", "tkill"],
    ):
        caller.call("kill", target.pid, 0)
        caller.call("kill", other.pid, USR1)
        caller.call("tgkill", target.pid, target.pid, USR1)
        caller.call("kill", NOBODY, USR1)
        caller.call("kill", target.pid, USR1)
        target.call("kill", target.pid, USR1)


def test_ten_thousand_pids_are_each_matched(caller: Caller, target: Caller) -> None:
    # Pids that cannot be, and among them, at either end and between, those that are.
    many = [*range(1_000_000, 1_010_000)]
    senders = [caller.pid, *many]
    targets = [*many[:5000], target.pid, *many[5000:]]
    with seeing(
        [(caller.pid, 0, target.pid), *[(caller.pid, 0, None)] * 10_000],
        sender_pid=senders,
        target_pid=targets,
    ):
        caller.call("kill", target.pid, 0)
        caller.call("kill", caller.pid, 0)
        target.call("kill", target.pid, 0)
        for pid in many:
            caller.tell(f"call kill {pid} 0")
        assert [caller.answer() for _ in many] == [[-3]] * 10_000


def test_what_is_refused_is_counted(caller: Caller, target: Caller) -> None:
    target.ignore(USR1)
    with (
        tracing(sender_pid=caller.pid) as all_,
        tracing(sender_pid=caller.pid, signals=USR1) as some,
    ):
        zeros = caller.flood(0, 1009, "kill", target.pid, 0)
        sent = caller.flood(0, 503, "kill", target.pid, USR1)
        everything, told_ = read_out(all_), read_out(some)
        stats = some.stats
    assert len(everything) == zeros.calls + sent.calls
    assert len(told_) == sent.calls
    assert stats.calls.received == stats.signals.received == 503
    assert stats.calls.filtered >= 1009
    assert stats.filtered >= 1009
