"""The page of kernels and features: its tables written from results, all else left as it is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from . import GuestError, results
from .features import FAILED, FEATURES, NO
from .results import Result

#: Between these the page is written by a run.
BEGIN = "<!-- begin: written by make test-guests -->"
END = "<!-- end: written by make test-guests -->"
_WAYS = ("fentry", "tracepoint", "raw")
_MISSING = "–"


def update(page: Path, found: Mapping[str, Result]) -> None:
    """Put what was found into the page, and into the file beside it that holds what all runs
    found. GuestError: the page has no place for it."""
    _write(page, results.merged(results.load(page.with_suffix(".json")), found))


def mend(page: Path, again: Mapping[str, Result]) -> None:
    """Put what came of a run of those tests that failed, as the page has it, in their place.
    GuestError: it was of others."""
    _write(page, results.mended(results.load(page.with_suffix(".json")), again))


def _write(page: Path, found: Mapping[str, Result]) -> None:
    text = written(page.read_text(), found)
    results.dump(found, page.with_suffix(".json"))
    page.write_text(text)


def differences(page: Path, found: Mapping[str, Result]) -> list[str]:
    """What of the features that were found is not as the page says, in words."""
    return results.changes(results.load(page.with_suffix(".json")), found)


def written(text: str, found: Mapping[str, Result]) -> str:
    """The page's text with its tables made anew."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise GuestError(f"the page has no place for tables: {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{tables(found)}\n{END}{after}"


def tables(found: Mapping[str, Result]) -> str:
    """All of them, with their headings."""
    parts = {
        "Kernels": _kernels(found),
        "Features": _features(found),
        "What is lacking": _lacking(found),
        "Tests that are skipped": _skipped(found),
    }
    return "\n".join("\n".join([f"## {title}\n", *rows, ""]) for title, rows in parts.items())


def _kernels(found: Mapping[str, Result]) -> Iterable[str]:
    yield from _head("kernel", "Debian's version", "last run", *(f"`{way}`" for way in _WAYS))
    for series, of in found.items():
        told = (_counts(of.tests[way].counts) if way in of.tests else "" for way in _WAYS)
        yield _row(series, of.version, of.date, *told)


def _counts(counts: Mapping[str, int]) -> str:
    if not counts:
        return "**not ended**"
    bad = [f"**{counts[word]} {word}**" for word in ("failed", "error", "errors") if word in counts]
    good = [f"{counts[word]} {word}" for word in ("passed", "skipped") if word in counts]
    return ", ".join(bad + good)


def _features(found: Mapping[str, Result]) -> Iterable[str]:
    yield from _head("feature", "what it is", *found)
    for key, what in FEATURES.items():
        yield _row(f"`{key}`", what, *(_cell(of.features.get(key, "")) for of in found.values()))


def _cell(answer: str) -> str:
    if answer.startswith(NO):
        return _MISSING
    return f"**{answer}**" if answer.startswith(FAILED) else answer


def _lacking(found: Mapping[str, Result]) -> Iterable[str]:
    """Each reason once, with the features and the kernels that it is the reason for."""
    kernels: dict[tuple[str, str], list[str]] = {}
    for series, of in found.items():
        for key in FEATURES:
            answer = of.features.get(key, "")
            if answer.startswith(NO):
                kernels.setdefault((key, answer.removeprefix(NO)), []).append(series)
    order = [*FEATURES]
    yield from _head("feature", "kernels", "reason")
    for (key, reason), where in sorted(kernels.items(), key=lambda each: order.index(each[0][0])):
        yield _row(f"`{key}`", ", ".join(where), reason)


def _skipped(found: Mapping[str, Result]) -> Iterable[str]:
    """Each reason, with how often on each kernel, all ways taken together."""
    counts: dict[str, dict[str, int]] = {}
    for series, of in found.items():
        for tests in of.tests.values():
            for reason, count in tests.skipped.items():
                by_kernel = counts.setdefault(reason, {})
                by_kernel[series] = by_kernel.get(series, 0) + count
    yield from _head("reason", "kernels, and how often")
    for reason, by_kernel in sorted(counts.items()):
        yield _row(reason, ", ".join(f"{series} ({count})" for series, count in by_kernel.items()))


def _head(*cells: str) -> list[str]:
    return [_row(*cells), "|" + "---|" * len(cells)]


def _row(*cells: str) -> str:
    shown = (re.sub(r"\s+", " ", cell).replace("|", r"\|") for cell in cells)
    return "| " + " | ".join(shown) + " |"
