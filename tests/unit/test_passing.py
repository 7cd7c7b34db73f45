"""Which of the signals that reach the wrapper are the command's too, by the sends of a trace."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from threading import Thread, get_native_id
from typing import Any

import pytest

from pysigsnoop import Event, passing
from pysigsnoop._records import ORIGIN, RESULT
from pysigsnoop.details import Sides
from pysigsnoop.errors import ReaderBusy, TracerClosed
from pysigsnoop.passing import Passing

from . import records
from .records import KILL, known
from .test_details import decoded

US: dict[str, Any] = {"target_pid": 50, "target_host_pid": 50, "target_start_ns": 7}
COMMAND = 2219


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Does not wait for what never comes."""
    monkeypatch.setattr(passing, "_BEHIND_S", 0.0)
    monkeypatch.setattr(passing, "_TOGETHER_S", 0.0)


def sent(parents: tuple[int, ...] = (11, 1), **changed: Any) -> Event:
    """A SIGTERM of pid 12, with these above it, to the command; or as changed."""
    above = {f"parents_{index}__pid": pid for index, pid in enumerate(parents)}
    sender = decoded(parent_count=len(parents), **above)
    event = records.event({**KILL, "signo": 15}, **changed)
    return Event(event._record, 0, Sides(sender, decoded()))


def made(*events: Event, command: int = COMMAND) -> Passing:
    found = Passing(50, command)
    found.take(events)
    return found


def test_a_call_that_reached_both_is_known_by_its_two_events_once() -> None:
    # Whichever of the two came first.
    both = made(sent(id=78, call_id=70, **US), sent(call_id=70))
    assert not both.is_for_command(15, 12)
    assert both.lines() == []
    both.take([sent(id=79, call_id=79, **US), sent(id=80, call_id=80, **US)])
    assert both.is_for_command(15, 12)
    assert both.is_for_command(15, 12)


def test_without_calls_watched_a_group_send_is_known_by_its_thread() -> None:
    assert not made(sent(call_id=0), sent(call_id=0, **US)).is_for_command(15, 12)
    assert made(sent(call_id=0, sender_host_tid=9), sent(call_id=0, **US)).is_for_command(15, 12)


def test_without_calls_watched_a_group_send_is_not_taken_for_an_earlier_one() -> None:
    found = made(sent(call_id=0), sent(call_id=0, boot_ns=5_060_000_123, **US))
    assert found.is_for_command(15, 12)


def test_without_calls_watched_the_other_record_may_come_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(passing, "_TOGETHER_S", 600.0)
    found = made(sent(call_id=0, **US))
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(found.is_for_command, 15, 12)
        assert wait([asked], 0.05).not_done
        found.take([sent(call_id=0)])
        assert not asked.result()


def test_only_what_was_queued_was_taken_and_each_by_its_sender() -> None:
    waits = RESULT["already_pending"]
    found = made(
        sent(id=1, result=waits, **US),
        sent(id=2, sender_pid=60, call_id=2, **US),
        sent(id=3, sender_pid=0, call_id=2),
        sent(id=4, sender_pid=0, call_id=4, **US),
    )
    assert found.is_for_command(15, 0)
    # That was the last.
    assert found._first(15, 60) is None


@pytest.mark.parametrize("settle", [Passing.is_for_command, Passing.took])
def test_a_record_that_comes_late_answers_for_no_later_signal(
    settle: Callable[[Passing, int, int], object],
) -> None:
    nobody: dict[str, Any] = {"sender_pid": 0}
    found = made()
    settle(found, 15, 0)
    found.take([sent(call_id=70, **nobody), sent(id=78, call_id=70, **nobody, **US)])
    found.take([sent(id=80, call_id=80, **nobody, **US)])
    assert found.is_for_command(15, 0)
    # Where that record was lost, what was sent since is a later one's.
    settle(found, 15, 0)
    since = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    later: dict[str, Any] = {"call_id": 90, "boot_ns": since, **nobody}
    found.take([sent(**later), sent(id=91, **later, **US)])
    assert not found.is_for_command(15, 0)


def test_what_had_come_before_it_was_taken_unasked_is_settled_too() -> None:
    found = made(sent(call_id=70), sent(id=78, call_id=70, **US), sent(id=80, call_id=80, **US))
    found.took(15, 12)
    assert found.is_for_command(15, 12)


def test_what_another_thread_takes_is_not_answered_for() -> None:
    mine: dict[str, Any] = {"origin": ORIGIN["tgkill"], "target_tid": get_native_id()}
    found = made(
        sent(call_id=70),
        sent(id=78, call_id=70, **US | mine | {"target_tid": 50}),
        sent(id=80, call_id=80, **US | mine),
    )
    assert found.is_for_command(15, 12)


def test_a_signal_that_lost_its_siginfo_came_from_nobody() -> None:
    lost: dict[str, Any] = {"result": RESULT["lost_info"], **US}
    found = made(sent(call_id=70), sent(id=78, call_id=70, **lost))
    assert found._first(15, 12) is None
    assert not found.is_for_command(15, 0)


def test_the_kernel_is_told_from_a_sender_out_of_sight() -> None:
    hangs_up = sent(
        signo=1, origin=ORIGIN["terminal"], known=known("target", "code", "generated"), **US
    )
    found = made(hangs_up)
    assert found._first(1, 0) is None
    assert found.is_for_command(1, None)
    # Its siginfo names the parent that died.
    died = sent(origin=ORIGIN["parent-death"], **US)
    assert made(died).is_for_command(15, 12)


def test_a_terminal_that_is_given_up_is_told_by_who_gives_it_up_to_the_whole_group() -> None:
    given_up = sent(signo=1, origin=ORIGIN["terminal"], **US)
    found = made(given_up)
    assert found._first(1, None) is None
    assert found._first(1, 12) is given_up
    assert not made(given_up).is_for_command(1, 12)


def test_what_was_sent_from_below_the_command_is_not_turned_against_it() -> None:
    for pid in (12, 11):
        assert not made(sent(**US), command=pid).is_for_command(15, 12)
    assert not made(sent((11, COMMAND, 1), **US)).is_for_command(15, 12)
    # Further up than the kernel told, by /proc.
    for above in (os.getpid(), os.getppid()):
        assert not made(sent((11, above), **US), command=os.getppid()).is_for_command(15, 12)
    assert made(sent((11, os.getpid()), **US)).is_for_command(15, 12)
    with subprocess.Popen(["true"]) as gone:
        pass
    # Nor is anything kept back whose sender the trace does show.
    assert made(sent((11, gone.pid), **US)).is_for_command(15, 12)


@pytest.mark.parametrize("error", [TracerClosed("closed"), ReaderBusy("busy"), OSError()])
def test_where_the_trace_ends_or_fails_nobody_waits_for_it(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passing, "_BEHIND_S", 600.0)
    batches = iter([[sent(call_id=70)], [sent(id=78, call_id=70, **US)]])

    def read() -> list[Event]:
        for events in batches:
            return events
        raise error

    found = Passing(50, COMMAND)
    reader = Thread(target=found.feed, args=(read,))
    # What was read before the end holds; who waits already is told of the end.
    reader.start()
    assert not found.is_for_command(15, 12)
    assert found.is_for_command(15, os.getpid())
    reader.join()


def test_without_a_trace_proc_tells_and_who_is_gone_is_not_guessed_at() -> None:
    assert not made(command=os.getppid()).is_for_command(15, os.getpid())
    assert not made(command=os.getpid()).is_for_command(15, os.getpid())
    assert made().is_for_command(15, os.getpid())
    assert made().is_for_command(15, 0)
    assert made().is_for_command(1, None)
    with subprocess.Popen(["true"]) as gone:
        pass
    found = made()
    assert not found.is_for_command(15, gone.pid)
    (told,) = found.lines()
    assert told.startswith("SIGTERM was not passed on: the trace did not show who sent it")
    assert not found.is_for_command(15, gone.pid)
    (told,) = found.lines()
    assert told.startswith("SIGTERM was not passed on (2 times): ")
