"""Signals by name and by number."""

from __future__ import annotations

import signal

import pytest

from pysigsnoop import FilterInvalid, Signal
from pysigsnoop.signals import parse_signal, signal_of

NAMES = {
    0: "0", 1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 4: "SIGILL", 5: "SIGTRAP", 6: "SIGABRT",
    7: "SIGBUS", 8: "SIGFPE", 9: "SIGKILL", 10: "SIGUSR1", 11: "SIGSEGV", 12: "SIGUSR2",
    13: "SIGPIPE", 14: "SIGALRM", 15: "SIGTERM", 16: "SIGSTKFLT", 17: "SIGCHLD", 18: "SIGCONT",
    19: "SIGSTOP", 20: "SIGTSTP", 21: "SIGTTIN", 22: "SIGTTOU", 23: "SIGURG", 24: "SIGXCPU",
    25: "SIGXFSZ", 26: "SIGVTALRM", 27: "SIGPROF", 28: "SIGWINCH", 29: "SIGIO", 30: "SIGPWR",
    31: "SIGSYS", 32: "32", 33: "33", 34: "SIGRTMIN",
    **{number: f"SIGRTMIN+{number - 34}" for number in range(35, 65)},
}  # fmt: skip


@pytest.mark.parametrize("number", range(65))
def test_every_number_has_its_name_and_the_name_leads_back(number: int) -> None:
    known = signal_of(number)
    assert known == number
    assert known.name == NAMES[number]
    assert parse_signal(NAMES[number]) == number
    assert parse_signal(number) == number
    assert parse_signal(str(number)) == number


@pytest.mark.parametrize("known", signal.Signals)
def test_numbers_and_names_agree_with_the_c_library(known: signal.Signals) -> None:
    if known.name == "SIGRTMAX":
        assert parse_signal("RTMAX") == int(known)
    else:
        assert parse_signal(known.name) == int(known)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        *(("KILL", 9), ("SIGKILL", 9), ("kill", 9), ("sigKill", 9), (" term ", 15), ("009", 9)),
        *(("IOT", 6), ("CLD", 17), ("POLL", 29), ("UNUSED", 31), ("SIGPOLL", 29)),
        *(("RTMIN", 34), ("rtmin+1", 35), ("SIGRTMIN+30", 64), ("RTMIN+0", 34)),
        *(("RTMAX", 64), ("RTMAX-0", 64), ("sigrtmax-2", 62), ("RTMAX-30", 34)),
    ],
)
def test_names_are_taken_as_kill_takes_them(text: str, number: int) -> None:
    assert parse_signal(text) == number


@pytest.mark.parametrize(
    "same", [Signal(9), signal.SIGKILL, signal_of(9), signal_of(0), signal_of(64)]
)
def test_a_signal_that_is_a_number_already_is_taken_as_it_is(same: int) -> None:
    assert parse_signal(same) == int(same)


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "SIG", "KILLER", "SIGSIGKILL", "-9", "+9", "9.0", "0x9", "65"),
        *("1000", "9" * 5000),
        *("RTMIN+31", "RTMIN-1", "RTMIN+", "RTMIN+-1", "RTMIN+" + "9" * 5000, "RTMAX+1"),
        *("RTMAX-31", "RTMAX-", "SIG9", "KILL,TERM", "\u0669", "\u00b2", "RTMIN+\u0661"),
        *(-1, 65, 2**31, 10**30, True, None, 9.0, b"KILL"),
    ],
)  # fmt: skip
def test_what_no_signal_is_called_is_refused_with_a_hint(text: str | int) -> None:
    with pytest.raises(FilterInvalid) as caught:
        parse_signal(text)
    assert "kill -l" in caught.value.hint


@pytest.mark.parametrize("number", [-1, 65, -(2**31), 2**31 - 1])
def test_a_number_that_no_signal_has_is_kept_without_a_name(number: int) -> None:
    invalid = signal_of(number)
    assert invalid == number
    assert invalid.name is None
    assert repr(invalid) == f"<Signal {number} invalid>"


def test_a_signal_is_an_int_whose_repr_says_its_name() -> None:
    assert isinstance(signal_of(9), int)
    assert repr(signal_of(9)) == "<Signal 9 SIGKILL>"
    assert {signal_of(9): "found"}[Signal(9)] == "found"
