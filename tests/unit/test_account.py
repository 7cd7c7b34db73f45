"""An account: what ended a process, in sentences, from events as records make them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pysigsnoop import Death, Delivery, Event, account
from pysigsnoop._records import ACTION, DISPOSITION, NO_SEND, ORIGIN, OUTCOME, RESULT
from pysigsnoop.account import Account, Main
from pysigsnoop.details import Sides
from pysigsnoop.ends import Began
from pysigsnoop.passing import Passing
from pysigsnoop.run_as import RunAs
from pysigsnoop.stats import Lost
from pysigsnoop.wording import command_line, span, when

from . import records
from .records import KILL, known
from .test_details import decoded, packed
from .test_ends import record

WALL = 1_700_000_000_000_000_000
MAIN = Main(2219, None, "sleep 600")
DIED = {**KILL, "outcome": OUTCOME["died"], "signo": 15}


def sent(details: Sides | None = None, **changed: Any) -> Event:
    """A SIGTERM that ends process 2219, or as changed."""
    event = records.event(DIED, WALL, **changed)
    return Event(event._record, WALL, details)


def died(**changed: Any) -> Death:
    """The end of 2219 by that SIGTERM."""
    values = {"signo": 15, "status": 15, "start_ns": 4_500_000_000, **changed}
    return Death(record(**values), WALL, Began(1_000, gaps=False))


def exited(status: int = 0, **changed: Any) -> Death:
    nothing = {"signo": 0, "send_id": 0, "no_send": NO_SEND["none"], "action": ACTION["exited"]}
    return died(**nothing, status=status << 8, **changed)


def taken(action: str, **changed: Any) -> Delivery:
    values = {"signo": 15, "start_ns": 4_500_000_000, "action": ACTION[action], **changed}
    return Delivery(record(**values), WALL, Began(1_000, gaps=False))


def of(*events: Event | Delivery | Death, **how: Any) -> list[str]:
    """The account of 2219 after these."""
    told = Account(MAIN, **how)
    for event in events:
        told.take(event)
    return told.lines()


AT = when(WALL + 5_000_000_123)


def test_who_sent_it_how_and_when_and_what_came_of_it() -> None:
    sender = decoded(
        *("cmdline", "exe", "login"),
        cmdline=packed([b"kill", b"-TERM", b"2219"]),
        exe=b"kill\0bin\0usr\0",
        parent_count=2,
        parents_0__pid=11,
        parents_0__comm=b"bash",
        parents_1__comm=b"sshd",
        loginuid=4_000_000_001,
    )
    assert of(sent(Sides(sender, decoded()), sender_uid=4_000_000_000), died()) == [
        "sleep 600 (pid 2219) was killed by SIGTERM: kill -TERM 2219, run by uid 4000000000, "
        "logged in as uid 4000000001, pid 12, below bash ← sshd, by kill(2219, SIGTERM), "
        f"{AT}; it died 40 us later"
    ]
    # Without details, from a process that our pid namespace does not hold; with a core.
    assert of(
        sent(sender_uid=4_000_000_000, sender_pid=0, signo=11, target_arg=-7, recipients=3),
        died(signo=11, status=11 | 0x80, delay_ns=2_345_678_901),
    ) == [
        "sleep 600 (pid 2219) was killed by SIGSEGV, leaving a core dump: bash, run by uid "
        "4000000000, host pid 5978, below sshd, by kill(-7, SIGSEGV), which reached 3 processes, "
        f"{AT}; it died 2.35 s later"
    ]


_OWN = {"sender_host_pid": 3219, "sender_start_ns": 4_500_000_000}
_FAULT = known("target", "code", "generated", "address")
_PLAIN = known("target", "code", "generated")
_NAMED = known("target", "code", "generated", "sender")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({**_OWN}, "it sent that to itself, by kill(2219, SIGTERM)"),
        (
            {"origin": "fault", "signo": 11, "si_code": 1, "value": 0x123, "known": _FAULT},
            "a fault of its own at address 0x123 (SEGV_MAPERR: nothing is mapped there)",
        ),
        (
            {"origin": "fault", "signo": 8, "si_code": 1, "value": 0x40, "known": _FAULT},
            "a fault of its own in its code at 0x40 (FPE_INTDIV: a division by zero)",
        ),
        (
            {"origin": "fault", "signo": 11, "si_code": 128, "known": _PLAIN},
            "a fault of its own, for which the processor gives no address (SI_KERNEL)",
        ),
        (
            {"origin": "pipe", "signo": 13, "known": _NAMED, **_OWN},
            "it wrote to a pipe or socket that nobody reads any more",
        ),
        (
            {"origin": "terminal", "signo": 2, "known": _PLAIN},
            "its terminal, at the interrupt key (Ctrl-C)",
        ),
        (
            {"origin": "terminal", "signo": 1, "known": _PLAIN},
            "its terminal, which hung up or whose session ended",
        ),
        (
            {"origin": "parent-death", "known": _NAMED},
            "its parent bash (pid 12) died, and it had asked for that signal then "
            "(PR_SET_PDEATHSIG)",
        ),
        (
            {"origin": "timer", "signo": 9, "si_code": 128, "known": _PLAIN},
            "its hard limit of CPU time (ulimit -Ht)",
        ),
        (
            {"origin": "timer", "signo": 9, "si_code": -2, "known": _PLAIN},
            "a timer that it had set (timer_create)",
        ),
        (
            {"origin": "kernel", "signo": 25, "known": _NAMED},
            "it wrote beyond its limit of file size",
        ),
        ({"origin": "kernel", "signo": 9, "known": _PLAIN}, "the kernel itself, as it does where"),
        (
            {"origin": "cgroup.kill", "signo": 9, "known": _NAMED, "sender_uid": 4_000_000_000},
            "bash, run by uid 4000000000, pid 12, below sshd, by writing to cgroup.kill",
        ),
        (
            {"origin": "oom", "signo": 9, "known": _PLAIN},
            "the kernel was out of memory, and its OOM killer chose this process, ",
        ),
    ],
    ids=lambda value: value.get("origin", "") if isinstance(value, dict) else "",
)
def test_why_the_kernel_sent_it(changed: dict[str, Any], said: str) -> None:
    number = changed.get("signo", 15)
    origin = ORIGIN[changed.pop("origin", "kill")]
    (told,) = of(sent(origin=origin, **changed), died(signo=number, status=number))
    assert f": {said}" in told


def test_an_oom_kill_has_its_figures() -> None:
    (told,) = of(
        sent(
            origin=ORIGIN["oom"],
            signo=9,
            known=known("target", "code", "generated", "allocator", "memory"),
            value=64 << 10,
            ret=6144,
            target_arg=0,
            tgid_arg=0,
            flags=96,
            recipients=500,
        ),
        died(signo=9, status=9),
    )
    assert (
        "chose this process, which held 24.0 MiB of its own, 0 KiB of files, 0 KiB shared, 96 "
        "KiB of page tables, 256.0 MiB mapped in all, its oom_score_adj being 500; memory had been "
        "asked for by bash (pid 12), "
    ) in told


@pytest.mark.parametrize(
    ("why", "said"),
    [
        ("none", "no signal was sent: seccomp's strict mode"),
        ("unseen", "it was sent before the trace began"),
        ("unknown", "of several sends, which one it was cannot be told"),
        ("parent", "it was sent to the process that was just creating it"),
    ],
)
def test_a_death_without_a_send_says_why(why: str, said: str) -> None:
    death = Death(record(signo=9, send_id=0, no_send=NO_SEND[why]), WALL, Began(1_000, gaps=False))
    (told,) = of(death)
    assert told.startswith(f"sleep 600 (pid 2219) was killed by SIGKILL: {said}")
    assert told.endswith(f"; it died {AT}")


def test_what_a_fork_passed_on_names_who_sent_it_to_the_parent() -> None:
    how = {"target_pid": 4, "target_host_pid": 4, "blocked": 1, "outcome": OUTCOME["pending"]}
    to_parent = sent(None, **how)
    (told,) = of(to_parent, died(no_send=NO_SEND["parent"]))
    assert told.startswith("sleep 600 (pid 2219) was killed by SIGTERM: bash, ")


def test_what_exits_is_said_to_and_what_it_handled_before_comes_behind() -> None:
    (told,) = of(exited(7))
    assert told == f"sleep 600 (pid 2219) exited by itself, with status 7, {AT}"
    (told,) = of(exited(137))
    assert "with status 137 (so shells tell that SIGKILL ended what they ran), " in told
    handler = sent(
        outcome=OUTCOME["pending"],
        disposition=DISPOSITION["handler"],
        fatal=0,
        boot_ns=3_000_000_123,
    )
    (told,) = of(handler, taken("handler", boot_ns=3_000_001_123), exited(0))
    assert ". 2 s before its end it was sent SIGTERM, and handled it: bash, run by " in told
    # Long ago, or of a kind that ends nobody: nothing to do with it.
    (told,) = of(handler, taken("handler"), exited(0, boot_ns=95_000_000_000))
    assert "before its end" not in told
    (told,) = of(sent(signo=23, boot_ns=5_000_000_000, fatal=0), taken("handler"), exited(0))
    assert "before its end" not in told


def test_a_timer_counts_as_what_came_before_where_it_is_of_the_kind_that_ends() -> None:
    how: dict[str, Any] = {
        "fatal": 0,
        "outcome": OUTCOME["pending"],
        "disposition": DISPOSITION["handler"],
        "boot_ns": 4_900_000_000,
    }
    alarm = sent(**how, id=70, signo=14, si_code=128, origin=ORIGIN["timer"], known=_PLAIN)
    rang = taken("handler", send_id=70, signo=14)
    (told,) = of(alarm, rang, exited(9))
    assert ". 100 ms before its end it was sent SIGALRM, and handled it: an alarm that" in told
    (told,) = of(alarm, rang, exited(9, boot_ns=6_000_000_000))
    assert "before its end" not in told
    # A profiler's, or whoever asked for an end while the clock ticks.
    (told,) = of(
        sent(**how, id=70, signo=27, origin=ORIGIN["timer"], known=_PLAIN),
        taken("handler", send_id=70, signo=27),
        exited(9),
    )
    assert "before its end" not in told
    asked = sent(**{**how, "boot_ns": 4_000_000_000}, id=71)
    (told,) = of(alarm, rang, asked, taken("handler", send_id=71), exited(9))
    assert ". 1 s before its end it was sent SIGTERM, and handled it: bash, run by " in told


def test_what_was_asked_before_it_was_killed_is_told_too() -> None:
    ignored: dict[str, Any] = {
        "result": RESULT["ignored"],
        "disposition": DISPOSITION["ignored"],
        "fatal": 0,
    }
    (told,) = of(
        sent(id=76, boot_ns=4_000_000_123, outcome=OUTCOME["discarded"], **ignored),
        sent(signo=9),
        died(signo=9, status=9),
    )
    assert "by kill(2219, SIGKILL)" in told
    assert ". 1 s before its end it was sent SIGTERM, and ignored it: " in told


def test_what_is_passed_on_is_told_by_its_first_sender() -> None:
    us: dict[str, Any] = {
        "target_pid": 50,
        "target_host_pid": 50,
        "target_start_ns": 7,
        "target_arg": 50,
        "outcome": OUTCOME["pending"],
    }
    late = 2**62  # after what is noted here and now
    above = decoded(parent_count=1, parents_0__pid=1, parents_0__comm=b"sshd")
    first = sent(Sides(above, decoded()), id=70, boot_ns=4_999_000_000, **us)
    # Came before that one was passed on, and was not what was.
    second = sent(id=79, boot_ns=late - 1, sender_pid=60, sender_comm=b"late", **us)
    passed = sent(
        boot_ns=late, sender_pid=50, sender_host_pid=50, sender_start_ns=7, sender_comm=b"python3"
    )
    passing = Passing(50, 2219)
    passing.take([first, second])
    assert passing.is_for_command(15, 12)
    (told,) = of(first, second, passed, died(boot_ns=late), passing=passing)
    assert "by SIGTERM: pysigsnoop passed it on, which got it so: bash, run by " in told
    assert ", by kill(50, SIGTERM), " in told
    # Of a signal that came before the trace began.
    (told,) = of(passed, died(boot_ns=late), passing=Passing(50, 2219))
    assert ": pysigsnoop passed it on, and who sent it to pysigsnoop was not seen, " in told


def test_others_are_told_and_beyond_a_number_counted() -> None:
    many = account.TOLD + 5
    events: list[Event | Delivery | Death] = []
    for pid in range(1, many + 1):
        events += [
            sent(id=pid, target_pid=pid, target_host_pid=pid, target_start_ns=9),
            Death(
                record(
                    signo=15,
                    send_id=pid,
                    start_ns=9,
                    **{"target.pid": pid, "target.host_pid": pid},
                ),
                WALL,
                Began(1_000, gaps=False),
            ),
        ]
    told = of(*events)
    assert len(told) == account.TOLD + 1
    assert told[0].startswith("sleep (pid 1) was killed by SIGTERM: bash, ")
    assert told[-1] == "5 more processes died of signals (SIGTERM 5)"
    # Nobody saw this one's end.
    (told_doomed,) = of(sent(target_pid=4, target_host_pid=4))
    assert told_doomed.startswith("sleep (pid 4) was sent SIGTERM: ")
    assert told_doomed.endswith(f", {AT}; its end was not seen")


def test_memory_is_bounded_and_what_was_forgotten_is_told_as_such() -> None:
    told = Account(MAIN)
    told.take(sent(id=1))
    for number in range(1, 500):
        told.take(sent(id=number + 1, signo=23))
    # Of one signal however many, and of others nothing is lost by it.
    assert told._held == 1 + account.EACH
    for pid in range(10_000, 10_000 + account.PROCESSES):
        told.take(sent(id=pid, target_pid=pid, target_host_pid=pid))
    assert len(told._sends) == len(told.doomed) == account.PROCESSES
    assert told._held <= account.SENDS
    told.take(died(send_id=1))
    (main, *_) = told.lines()
    assert (
        "by SIGTERM: who sent it was seen, but so much was sent since that it is forgotten" in main
    )


def test_a_process_that_runs_on_has_an_account_so_far() -> None:
    told = Account(MAIN)
    told.take(sent(outcome=OUTCOME["pending"], blocked=1))
    told.take(sent(id=78, signo=10, outcome=OUTCOME["pending"], disposition=DISPOSITION["handler"]))
    told.take(taken("handler", send_id=78, signo=10))
    told.take(sent(id=79, target_pid=4, target_host_pid=4))
    told.take(sent(id=80, signo=18, result=RESULT["ignored"], outcome=OUTCOME["discarded"]))
    blocked, handled, discarded = told.so_far()
    assert blocked.startswith("sleep 600 (pid 2219) was sent SIGTERM: bash, ")
    assert blocked.endswith(f", {AT}; it blocked it")
    assert handled.endswith("; it handled it")
    assert discarded.endswith("; it did nothing about it")


@given(st.binary(min_size=1, max_size=15), st.lists(st.binary(max_size=40), max_size=5))
def test_what_others_call_themselves_is_never_raw(comm: bytes, arguments: list[bytes]) -> None:
    both = decoded("cmdline", cmdline=packed(arguments))
    event = sent(Sides(both, both), sender_comm=comm, target_comm=comm, target_pid=4)
    for line in of(event, died(**{"target.pid": 4, "target.comm": comm})):
        assert line.isprintable()


def test_spans_and_command_lines_are_short() -> None:
    assert [span(ns) for ns in (52, 52_600, 999_000, 1_590_000, 10_000_000_000, 3 * 10**12)] == [
        *("0.052 us", "52.6 us", "999 us", "1.59 ms", "10 s", "3000 s"),
    ]
    assert command_line((b"a b", b"c")) == "'a b' c"
    assert len(command_line((b"x" * 1000,))) == 100
    assert command_line((b"x",), more=True) == "x ..."


def test_loss_is_told_by_reason() -> None:
    assert account.loss(Lost()) == []
    assert account.loss(Lost(ring_full=3, unfollowed=1)) == [
        "4 records were lost (ring full 3, unfollowed 1): this may not be all"
    ]


def test_a_users_environment_is_theirs_and_no_longer_sudos() -> None:
    alice = RunAs("alice", 1000, 1000, [1000], "/home/alice", "/bin/zsh")
    ours = {"HOME": "/root", "USER": "root", "SUDO_UID": "1000", "SUDO_USER": "alice", "TERM": "vt"}
    assert alice.environment(ours) == {
        "TERM": "vt",
        "HOME": "/home/alice",
        "USER": "alice",
        "LOGNAME": "alice",
        "SHELL": "/bin/zsh",
    }
