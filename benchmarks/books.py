"""Correctness first: what a tracer told, held against what the senders counted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from .senders import NAME, Run


class BooksOpen(Exception):
    """A tracer's accounting was not exact, so its figures count for nothing."""


class Saw(NamedTuple):
    """What a tracer says that it saw: its own report, or how many lines told a send."""

    report: dict[str, Any]
    lines: int | None


def missing(saw: Saw, told: Sequence[Run], silent: Sequence[Run]) -> int:
    """How many of the sends that are to be told were not.

    `told` are the runs whose sends the tracer is to tell, `silent` those that it is
    not to. Raises BooksOpen where its own count of what it lost does not explain
    what is missing, or where it told more than was sent.
    """
    sent = sum(run.sent for run in told)
    report = saw.report
    if saw.lines is not None:
        # Who keeps no books has lost what is missing.
        lost = report.get("lost", sent)
        if not sent - lost <= saw.lines <= sent:
            raise BooksOpen(f"{saw.lines} lines for {sent} sends, and {lost} lost")
        return sent - saw.lines
    seen: int
    if "by_pid" in report:
        by_pid = {int(pid): count for pid, count in report["by_pid"].items()}
        if any(by_pid.get(run.pid) for run in silent):
            raise BooksOpen("it told what it was to leave out")
        for run in told:
            if by_pid.get(run.pid, 0) > run.sent:
                raise BooksOpen(f"{by_pid[run.pid]} events for {run.sent} sends")
        seen = sum(by_pid.get(run.pid, 0) for run in told)
    else:
        # No event was looked at, so those of others on the machine are among them.
        seen = min(sent, report["received"])
    # Others' events can be among the lost.
    if sent - seen > report["lost"]:
        raise BooksOpen(f"of {sent} sends {seen} were told, and {report['lost']} lost")
    if not told and report["filtered"] + report["lost"] < sum(run.sent for run in silent):
        raise BooksOpen("fewer filtered than sent")
    return sent - seen


def count_lines(text: bytes, holds: bytes, name: bytes = NAME.encode()) -> int:
    """How many lines tell a send by a sender."""
    return sum(name in line and holds in line for line in text.splitlines())
