"""`pysigsnoop doctor`: what this machine allows, line by line, and in a sentence at the end."""

from __future__ import annotations

import textwrap
from argparse import Namespace
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

from . import progress
from .check_tracing import TRIAL
from .checks import FAIL, OK, WARN, Check, examine
from .exit_status import ExitStatus
from .terminal import Screen

if TYPE_CHECKING:
    from .cli import Console

_COLOURS = {OK: "\33[32m", WARN: "\33[33m", FAIL: "\33[31m"}
_PLAIN = "\33[0m"
# Of the status and of the longest name, and two blanks after each.
_STATUS_WIDTH, _NAME_WIDTH = 6, 18
_INDENT = " " * (_STATUS_WIDTH + _NAME_WIDTH)
# Further left than what was found, so that what is to be typed stays in one piece.
_HINT = " " * _STATUS_WIDTH + "  hint: "
# In a hint: between what is to be typed and what is said of it.
_GAP = "     "


def main(chosen: Namespace, console: Console) -> int:
    """Examine and tell; DONE where tracing works, FAILED where it does not."""
    screen = Screen(console.out)
    watched = progress.seen(console.err)
    lines = Lines(screen.width, coloured=screen.coloured)

    def begin(name: str) -> None:
        progress.show(console.err, f"{'...':{_STATUS_WIDTH}}{name}")

    found = []
    with closing(examine(begin if watched else lambda _: None)) as checks, ExitStack() as last:
        if watched:
            last.callback(progress.show, console.err, "")
        for check in checks:
            found.append(check)
            if watched:
                progress.show(console.err, "")
            if not chosen.json:
                console.lines(lines.of(check))
    if chosen.json:
        console.lines([as_json(found)])
    else:
        console.lines([sentence(found)])
    return ExitStatus.DONE if works(found) else ExitStatus.FAILED


def works(found: list[Check]) -> bool:
    """Whether tracing works: by the live trial, whatever else was found."""
    return any(each.name == TRIAL and each.status == OK for each in found)


def as_json(found: list[Check]) -> str:
    """One object: `ok`, and under `checks` each with name, status, found and hint."""
    import json

    checks = [{**each._asdict(), "hint": each.hint or None} for each in found]
    return json.dumps({"ok": works(found), "checks": checks})


def sentence(found: list[Check]) -> str:
    """What it comes to."""
    failed = next((each for each in found if each.status == FAIL), None)
    if not works(found):
        return f"Tracing does not work here: see {failed.name if failed else TRIAL}."
    warnings = sum(each.status != OK for each in found)
    if not warnings:
        return "Tracing works here, in every way."
    return f"Tracing works here; {warnings} line{'s' * (warnings > 1)} above may be worth a look."


class Lines:
    """Checks as aligned lines; a hint that was given already is not given again."""

    def __init__(self, width: int | None = None, *, coloured: bool = False) -> None:
        self._width = width
        self._coloured = coloured
        self._given: set[str] = set()

    def of(self, check: Check) -> list[str]:
        """A check's lines: what was found, and under it what to type."""
        status = f"{check.status:{_STATUS_WIDTH}}"
        if self._coloured:
            status = f"{_COLOURS[check.status]}{status}{_PLAIN}"
        first, *more = self._wrapped(check.found, len(_INDENT))
        lines = [f"{status}{check.name:{_NAME_WIDTH}}{first}", *(_INDENT + each for each in more)]
        if check.hint and check.hint not in self._given:
            self._given.add(check.hint)
            first, *more = self._hint(check.hint)
            lines += [_HINT + first, *(" " * len(_HINT) + each for each in more)]
        return lines

    def _hint(self, hint: str) -> list[str]:
        command, gap, said = hint.partition(_GAP)
        whole = self._wrapped(hint, len(_HINT))
        if not gap or len(whole) == 1:
            return whole
        return [*self._wrapped(command, len(_HINT)), *self._wrapped(said, len(_HINT))]

    def _wrapped(self, text: str, indent: int) -> list[str]:
        if self._width is None:
            return [text]
        room = max(20, self._width - indent)
        wrapped = textwrap.wrap(text, room, break_long_words=False, break_on_hyphens=False)
        return wrapped or [""]
