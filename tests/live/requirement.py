"""Why live tests cannot run here: one reason, found once.

With PYSIGSNOOP_REQUIRE_LIVE=1 a reason is a failure; the pytest plugin does that for others' tests
too.
"""

from __future__ import annotations

import functools
import os
import shutil
from pathlib import Path

import pytest

from pysigsnoop import pytest_plugin

from .commands import ATTACH

VARIABLE = pytest_plugin.VARIABLE


@functools.cache
def reason() -> str | None:
    """None where live tests can run."""
    if os.geteuid() != 0:
        return "live tests need root: sudo make test"
    for program, package in (("cc", "gcc"), ("setpriv", "util-linux"), ("unshare", "util-linux")):
        if shutil.which(program) is None:
            return f"{program} is missing: sudo apt-get install {package}"
    return pytest_plugin.reason(ATTACH)


def check() -> None:
    """Skip, or fail where live tests are required."""
    pytest_plugin.skip_or_fail(reason())


def guest(does: str) -> None:
    """Skip what changes a whole machine, unless it is one of tests/guests, which is thrown away."""
    # What tests/guests says to the kernel that it boots.
    if "guest_nonce=" not in Path("/proc/cmdline").read_text():
        pytest.skip(f"{does}: only in a guest (tests/guests)")
