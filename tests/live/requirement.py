"""Why live tests cannot run here: one reason, found once.

With PYSIGSNOOP_REQUIRE_LIVE=1 a reason is a failure, so that nobody takes a run
that skipped everything for one that passed.
"""

from __future__ import annotations

import functools
import os
import shutil

import pytest

VARIABLE = "PYSIGSNOOP_REQUIRE_LIVE"


@functools.cache
def reason() -> str | None:
    """None where live tests can run."""
    if os.geteuid() != 0:
        return "live tests need root: sudo make test"
    for program, package in (("cc", "gcc"), ("setpriv", "util-linux"), ("unshare", "util-linux")):
        if shutil.which(program) is None:
            return f"{program} is missing: sudo apt-get install {package}"
    from pysigsnoop import PysigsnoopError

    try:
        from pysigsnoop import SignalTracer

        with SignalTracer():
            pass
    except PysigsnoopError as error:
        return str(error)
    return None


def check() -> None:
    """Skip, or fail where live tests are required."""
    found = reason()
    if found is None:
        return
    if os.environ.get(VARIABLE) == "1":
        pytest.fail(f"{VARIABLE} is set, and live tests cannot run: {found}", pytrace=False)
    pytest.skip(found)
