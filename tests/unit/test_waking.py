"""Timeouts as poll() takes them."""

from __future__ import annotations

import math
import select
from pathlib import Path

import pytest

from pysigsnoop.waking import poll_ms


@pytest.mark.parametrize(
    ("seconds", "ms"),
    [
        (None, None),
        (0.0, 0),
        (0.0001, 1),
        (1.5, 1500),
        (30 * 86400.0, 2**31 - 1),
        (1e300, 2**31 - 1),
        (math.inf, 2**31 - 1),
    ],
)
def test_a_timeout_is_never_too_short_and_as_long_as_can_be(
    seconds: float | None, ms: int | None
) -> None:
    assert poll_ms(seconds) == ms


def test_the_longest_is_taken_by_poll() -> None:
    with Path("/dev/zero").open("rb") as ready:
        poll = select.poll()
        poll.register(ready, select.POLLIN)
        assert poll.poll(poll_ms(math.inf))
