"""For pytest: fixtures that trace signals, and skip with the reason where that cannot be.

Loaded by every run of pytest where the package is installed, so it imports nothing that the
fixtures alone need. With PYSIGSNOOP_REQUIRE_LIVE=1 in the environment the tests fail where
they would be skipped, so that nobody takes a run that skipped everything for one that passed.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .expecting import Seen
    from .tracer import SignalTracer

VARIABLE = "PYSIGSNOOP_REQUIRE_LIVE"


@functools.cache
def reason(attach: str = "auto") -> str | None:
    """Why signals cannot be traced here, as `pysigsnoop doctor` says it; None where they can.

    Tried once a run.
    """
    from .checks import why_not

    return why_not(attach)


def skip_or_fail(found: str | None) -> None:
    """Skip for a reason, or fail where live tests are required; None is no reason."""
    if found is None:
        return
    if os.environ.get(VARIABLE) == "1":
        pytest.fail(f"{VARIABLE} is set, and signals cannot be traced: {found}", pytrace=False)
    pytest.skip(found)


@pytest.fixture
def signal_tracer() -> Iterator[Callable[..., SignalTracer]]:
    """Makes pysigsnoop tracers: takes the arguments of SignalTracer, and returns it opened.

    Each is closed after the test. Skips where signals cannot be traced.
    """
    skip_or_fail(reason())
    from .tracer import SignalTracer

    with ExitStack() as stack:

        def make(**arguments: Any) -> SignalTracer:
            return stack.enter_context(SignalTracer(**arguments))

        yield make


@pytest.fixture
def expect_signal() -> Callable[..., AbstractContextManager[Seen]]:
    """`pysigsnoop.expect_signal`: a block that must lead to a signal.

    Skips where signals cannot be traced.
    """
    skip_or_fail(reason())
    from .expecting import expect_signal

    return expect_signal
