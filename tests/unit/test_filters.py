"""Filters: what is let through, and what is refused since nothing could meet it."""

from __future__ import annotations

from typing import Any

import pytest

from pysigsnoop import FilterInvalid
from pysigsnoop.filters import Filters
from pysigsnoop.signals import signal_of


def test_no_filter_lets_everything_through() -> None:
    filters = Filters()
    assert (filters.signals, filters.senders, filters.targets) == (None, None, None)
    assert not filters.failed_only


@pytest.mark.parametrize("given", ["KILL", 9, ["KILL"], {"SIGKILL", 9}, (9,), signal_of(9)])
def test_one_signal_and_many_are_the_same_set(given: Any) -> None:
    assert set(Filters(signals=given).signals or ()) == {9}


@pytest.mark.parametrize("given", [7, [7], iter([7, 7]), {7}])
def test_one_pid_and_many_are_the_same_set(given: Any) -> None:
    assert set(Filters(sender_pid=given).senders or ()) == {7}


@pytest.mark.parametrize("target", [0, -1, -2219, 2219, -(2**31), 2**31 - 1])
def test_a_target_is_any_int_that_a_caller_can_pass(target: int) -> None:
    assert set(Filters(target_pid=target).targets or ()) == {target}


@pytest.mark.parametrize(
    "impossible",
    [
        *({"signals": []}, {"signals": "NOSUCH"}, {"signals": [9, 65]}, {"signals": ""}),
        *({"sender_pid": []}, {"sender_pid": 0}, {"sender_pid": -1}, {"sender_pid": 2**22 + 1}),
        *({"sender_pid": "7"}, {"sender_pid": True}, {"sender_pid": 7.0}, {"sender_pid": [1, 0]}),
        *({"target_pid": set()}, {"target_pid": 2**31}, {"target_pid": -(2**31) - 1}),
    ],
)  # fmt: skip
def test_what_no_signal_could_meet_is_refused_with_a_hint(impossible: dict[str, Any]) -> None:
    with pytest.raises(FilterInvalid) as caught:
        Filters(**impossible)
    assert caught.value.hint
    assert isinstance(caught.value, ValueError)
