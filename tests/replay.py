"""The console blocks of the questions' pages, and whether what was really printed agrees with them.

Times, delays, sizes of memory, pids, users and what a machine calls its own (the session's unit)
may differ, and what a page leaves out (…), but nothing else. A pid must be the same wherever the
page has the same.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

from .snippets import ROOT, Block, blocks

PAGES = tuple(
    page for page in sorted((ROOT / "docs/questions").glob("*.md")) if page.name != "README.md"
)

# What may differ, and what stands for it. The order matters.
_MAY_DIFFER = [
    (re.compile(pattern), stand_in)
    for pattern, stand_in in (
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z", "<time>"),
        (r"\d+:\d\d:\d\d(\.\d{3})?\b", "<time>"),
        # A machine's unit of a session; a scene's own service must be told.
        (r", (unit|container|pod) (?!web\.service)[^\s,]+", ""),
        (r", in [^,]+(?=, by )", ""),
        (r", logged in as \S+ \(uid \d+\)|, login \S+( \(\d+\))?", ""),
        (r"run by \S+ \(uid \d+\)|run by uid \d+", "run by <user>"),
        (r'uid": \d+', 'uid": <uid>'),
        (r"user \S+ \(\d+\)|user \d+", "user <user>"),
        (r"\+?\d+(\.\d+)? (ns|µs|us|ms|s)\b", "<span>"),
        (r"\d+(\.\d+)? (KiB|MiB|GiB)", "<size>"),
        (r"oom_score_adj being -?\d+", "oom_score_adj being <n>"),
        # Whether a core is left is a setting of the machine.
        (r", leaving a core dump| \(core dumped\)", ""),
        # The arguments of one that was killed are known where they were read in time.
        (r"\bsleep 60 \(pid", "sleep (pid"),
        # As far as was known when the line was written: what follows tells the rest.
        (r"\b(taken|stopped|queued) (?=#\d+$)", "taken "),
        (r"\b(died|fatal) (?=#\d+$)", "died "),
        # Linux 7.3 skips programs under load. What a page has must be there all the same.
        (r"\b\d+ lost \(skipped \d+\)$", "0 lost"),
        # What others do on the machine meanwhile.
        (r"(\d lost), \d+ in flight$", r"\1"),
        (r"\s+", " "),
    )
]
# Among the lines, and at the end of an account.
_SKIPPED = re.compile(r"-- \d+ lost \(skipped \d+\)|.*\d records were lost \(skipped \d+\): .*")
_RATES = [
    (re.compile(pattern), stand_in)
    for pattern, stand_in in (
        (r"\d+(\.\d+)?( events)?/s\b", r"<rate>\2/s"),
        (r"\d+(\.\d+)?% CPU", "<n>% CPU"),
        (r"\d+ MB\b", "<n> MB"),
        # The first two columns are a row's rates.
        (r"^ ?\d+\.\d \d+\.\d ", "<rate> <rate> "),
        (r"\s+", " "),
    )
]
# A pid, on a page: others of its numbers have fewer digits.
_PID = re.compile(r"\d{4,}")
# On a page: who started the shell that the scene was played from.
_LEFT_OUT = "…"


class Shown(NamedTuple):
    """A command on a page, and the lines that it printed."""

    block: Block
    arguments: list[str]
    lines: list[str]


def shown(block: Block) -> list[Shown]:
    """The commands of a console block, each with its lines."""
    found = []
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        command, _, output = part.replace("\\\n", " ").partition("\n")
        words = shlex.split(command)
        assert words[:2] == ["sudo", "pysigsnoop"], f"{block.name}: {command}"
        found.append(Shown(block, words[2:], output.splitlines()))
    return found


def replayed() -> list[Shown]:
    """All commands of the pages."""
    of_pages = [block for block in blocks(PAGES) if block.language == "console"]
    return [each for block in of_pages if not block.not_run for each in shown(block)]


class File(NamedTuple):
    """A file that a page shows, by a comment `not run: file NAME` above it."""

    name: str
    text: str


def files(page: Path) -> list[File]:
    """The files that a page's commands run."""
    found = [(re.fullmatch(r"file (\S+)", block.not_run or ""), block) for block in blocks((page,))]
    return [File(match[1], block.text) for match, block in found if match]


def pids(text: str) -> list[str]:
    """The pids in a text of a page."""
    return [word for word in re.findall(r"\d+", text) if _PID.fullmatch(word)]


def named(arguments: list[str], actual: list[int]) -> tuple[list[str], dict[str, str]]:
    """A page's arguments with pids of now in the place of its own, and which stands for which."""
    wanted = [pid for word in arguments for pid in pids(word)]
    known = dict(zip(wanted, map(str, actual), strict=True))
    return [re.sub(r"\d+", lambda m: known.get(m[0], m[0]), word) for word in arguments], known


def joined(lines: Iterable[str]) -> list[str]:
    """Lines of an account are broken where the terminal ends: as they were before."""
    whole: list[str] = []
    for line in lines:
        if whole and " (pid " in whole[-1] and re.match(r"  \S", line):
            whole[-1] += line[1:]
        else:
            whole.append(line)
    return whole


def differences(page: list[str], real: list[str], known: dict[str, str]) -> list[str]:
    """What is not as the page has it, line by line; `known`: pids of the page that are known."""
    agreed = dict(known)
    told = []
    kept = [line for line in joined(real) if not _SKIPPED.fullmatch(line)]
    for ours, theirs in zip_longest(joined(page), kept):
        if ours is None or theirs is None or not _agree(ours, theirs, agreed):
            told += [f"page: {ours}", f"real: {theirs}"]
    return told


def _agree(ours: str, theirs: str, agreed: dict[str, str]) -> bool:
    ours = _plain(ours)
    pattern = re.sub(r"\d+", r"(\\d+)", re.escape(ours).replace(re.escape(_LEFT_OUT), "[^,]*"))
    match = re.fullmatch(pattern, _plain(theirs))
    if match is None:
        return False
    numbers = zip(re.findall(r"\d+", ours), match.groups(), strict=True)
    return all(_same(one, other, agreed) for one, other in numbers)


def _same(one: str, other: str, agreed: dict[str, str]) -> bool:
    if not _PID.fullmatch(one):
        return one == other
    if one not in agreed and other in agreed.values():
        return False
    return agreed.setdefault(one, other) == other


def _plain(line: str) -> str:
    line = line.strip()
    for pattern, stand_in in _MAY_DIFFER:
        line = pattern.sub(stand_in, line)
    if "/s" in line or "% CPU" in line or re.match(r"\d+\.\d \d+\.\d ", line):
        for pattern, stand_in in _RATES:
            line = pattern.sub(stand_in, line)
    return line.strip()
