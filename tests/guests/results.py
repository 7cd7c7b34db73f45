"""What the guests' output says: of features, and of each way's tests. Read live, or from a log."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from . import GuestError
from .features import MARK

# A line of a guest's, and a row of the closing table, as report.py prints them.
_LINE = re.compile(r" *(\d+\.\S+) \| ?(.*)")
_ROW = re.compile(r"(\d+\.\S+) +(\S+) +(?:[\d.]+|-) +(?:[\d.]+|-) +\S")
# What `suite` and pytest print.
_WAY = re.compile(r"== (\w+)")
_SKIPPED = re.compile(r"SKIPPED \[(\d+)\] \S+?: (.+)")
_CLOSING = re.compile(r"=* ?(\d+ \w+(?:, \d+ \w+)*) in [\d.]+s.*")
_FAILURES = ("failed", "error", "errors")
_ENDS = ("passed", "skipped", *_FAILURES)


@dataclass
class Suite:
    """How the tests of one way ended (no counts: they did not), and why some were skipped, each
    reason with its number."""

    counts: dict[str, int] = field(default_factory=dict)
    skipped: dict[str, int] = field(default_factory=dict)


@dataclass
class Result:
    """What was found on one kernel; `version` is Debian's."""

    version: str
    date: str
    features: dict[str, str] = field(default_factory=dict)
    tests: dict[str, Suite] = field(default_factory=dict)


def of_lines(lines: Iterable[str], version: str, date: str) -> Result:
    """From all that one guest said."""
    result, tests = Result(version, date), Suite()
    for line in lines:
        if line.startswith(f"{MARK} {{"):
            result.features = json.loads(line.removeprefix(MARK))
        elif way := _WAY.match(line):
            tests = Suite()
            result.tests[way[1]] = tests
        elif skip := _SKIPPED.match(line):
            tests.skipped[skip[2]] = tests.skipped.get(skip[2], 0) + int(skip[1])
        elif closing := _CLOSING.fullmatch(line):
            pairs = (words.split() for words in closing[1].split(", "))
            tests.counts = {word: int(count) for count, word in pairs if word in _ENDS}
    return result


def of_log(text: str, date: str) -> dict[str, Result]:
    """From what a whole run printed, by kernel; those that it never told the version of are not
    ended, and left out."""
    lines: dict[str, list[str]] = {}
    versions = {}
    for line in text.splitlines():
        if said := _LINE.fullmatch(line):
            lines.setdefault(said[1], []).append(said[2])
        elif row := _ROW.match(line):
            versions[row[1]] = row[2]
    return {
        series: of_lines(lines.get(series, ()), version, date)
        for series, version in versions.items()
    }


def joined(parts: Iterable[Mapping[str, Result]]) -> dict[str, Result]:
    """Of runs that each had a part of the tests: added up where kernel, version and way agree."""
    whole: dict[str, Result] = {}
    for part in parts:
        for series, result in part.items():
            had = whole.get(series)
            tests = dict(result.tests)
            if had and had.version == result.version:
                tests |= {
                    way: _sum(had.tests[way], tests[way]) for way in tests if way in had.tests
                }
            whole = merged(whole, {series: replace(result, tests=tests)})
    return whole


def mended(held: Mapping[str, Result], again: Mapping[str, Result]) -> dict[str, Result]:
    """`held` with what failed in it as it came out again, once it was mended.

    `again` is a run of those tests and no other: of a kernel and way with failures it has to
    have as many results as those were. GuestError: it has not, or is of another kernel.
    """
    both = dict(held)
    for series, later in again.items():
        for way, now in later.tests.items():
            had = both[series].tests.get(way, Suite()) if series in both else Suite()
            failed = sum(had.counts.get(word, 0) for word in _FAILURES)
            if not failed or failed != sum(now.counts.values()):
                raise GuestError(f"{series}, {way}: {now.counts} is not what failed there")
            if both[series].version != later.version:
                raise GuestError(f"{series}: that was {both[series].version}")
            passed = {word: n for word, n in had.counts.items() if word not in _FAILURES}
            tests = both[series].tests | {way: _sum(Suite(passed, had.skipped), now)}
            both[series] = replace(
                both[series], tests=tests, date=max(later.date, held[series].date)
            )
    return both


def _sum(one: Suite, other: Suite) -> Suite:
    if not one.counts or not other.counts:
        return Suite()
    return Suite(
        dict(Counter(one.counts) + Counter(other.counts)),
        dict(Counter(one.skipped) + Counter(other.skipped)),
    )


def merged(old: Mapping[str, Result], new: Mapping[str, Result]) -> dict[str, Result]:
    """`old` with what `new` found in its place, kernel by kernel, and within one version of a
    kernel feature by feature and way by way; oldest kernel first. The date is that of tests."""
    both = dict(old)
    for series, found in new.items():
        had = both.get(series)
        if had is None or had.version != found.version:
            both[series] = found
        else:
            both[series] = Result(
                found.version,
                max(had.date, found.date) if found.tests else had.date,
                found.features or had.features,
                {**had.tests, **found.tests},
            )
    return {series: both[series] for series in sorted(both, key=_numbers)}


def changes(held: Mapping[str, Result], found: Mapping[str, Result]) -> list[str]:
    """In words, what of the features that were found is not as held for that kernel; of a kernel
    that nothing is held of there is nothing to say."""
    return [
        f"{series}: {key}: {answer!r} where the page has {had!r}"
        for series, result in found.items()
        if series in held
        for key, answer in result.features.items()
        if (had := held[series].features.get(key)) != answer
    ]


def load(path: Path) -> dict[str, Result]:
    """What earlier runs wrote there; nothing where there is no such file."""
    if not path.exists():
        return {}
    try:
        held: dict[str, dict[str, Any]] = json.loads(path.read_text())
        return {
            series: Result(
                **{**of, "tests": {way: Suite(**tests) for way, tests in of["tests"].items()}}
            )
            for series, of in held.items()
        }
    except (ValueError, TypeError, KeyError) as error:
        raise GuestError(f"{path} is not what a run wrote: {error!r}") from error


def dump(results: Mapping[str, Result], path: Path) -> None:
    """For the next run to add to."""
    held = {series: asdict(result) for series, result in results.items()}
    path.write_text(json.dumps(held, indent=1) + "\n")


def _numbers(series: str) -> tuple[list[int], str]:
    """To sort by: 6.1 before 6.12."""
    return [int(number) for number in re.findall(r"\d+", series)], series
