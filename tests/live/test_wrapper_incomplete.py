"""An account that cannot be whole says what stands in the way."""

from __future__ import annotations

import re
import signal
import sys

from .commands import forced, run, run_program
from .test_launch import sh
from .test_wrapper import TIME, account, one

# A ring whose first record is never whole, so that nothing behind it can be read.
_STALLED = """
import sys
from pysigsnoop import cli
from pysigsnoop.ring import Ring

Ring.fill = lambda *_, **__: 0
sys.exit(cli.main({arguments!r}))
"""


def test_what_could_not_be_read_is_told_with_the_account() -> None:
    text = _STALLED.format(arguments=forced(sh("kill -9 $$")))
    ended = run_program([sys.executable, "-c", text])
    assert ended.status == 128 + signal.SIGKILL
    told = account(ended.err)
    one(told, r"sh .*\(pid \d+\) was killed by SIGKILL; who sent it was not seen")
    one(told, r"(\d+) records were lost \(unread \1\): this may not be all$")


def test_who_asked_for_some_lines_is_told_that_the_trace_ended_with_them() -> None:
    ended = run("--stream", "--count", "2", *sh("kill -0 $$; kill -0 $$; kill -9 $$"))
    assert ended.status == 128 + signal.SIGKILL
    end, note = account(ended.err)
    assert "was killed by SIGKILL; who sent it was not seen" in end
    assert note == "the trace ended before the command did"
    assert re.search(r"^2 received, 0 lost, \d+ unread", ended.err, re.MULTILINE)


def test_loss_is_told_with_the_account() -> None:
    storm = " ".join(["kill -URG $$;"] * 40)
    ended = run("--buffer", "4K", *sh(f"{storm} exit 7"))
    assert ended.status == 7
    told = account(ended.err)
    lost = one(told, r"(\d+) records were lost \((.*)\): this may not be all$")
    assert int(lost[1]) == sum(int(each.split()[-1]) for each in lost[2].split(", ")) > 0
    filtered = run("-s", "KILL", *sh("kill -TERM $$"))
    assert filtered.status == 128 + signal.SIGTERM
    end, note = account(filtered.err)
    assert re.search(rf"was killed by SIGTERM; who sent it was not seen; it died {TIME}$", end)
    assert note == "filters were given: what they left out is not told here"
