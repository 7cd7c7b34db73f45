"""docs/kernels.md: read from what guests print, merged run by run, written between its marks."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from tests.guests import GuestError, page, results
from tests.guests.features import FEATURES
from tests.guests.kernels import Kernel
from tests.guests.machine import Outcome
from tests.guests.report import Guest, table
from tests.guests.results import Result, Suite

PAGE = Path(__file__).parents[2] / "docs" / "kernels.md"
EMPTY = f"# Title\n\nbefore\n\n{page.BEGIN}\n{page.END}\n\nafter\n"
SAID = [
    "fentry: yes",
    'features {"fentry": "yes", "oom_figures": "no: no figures | none", "oom": "failed: OSError"}',
    "== fentry",
    "s.                                                                       [100%]",
    "=========================== short test summary info ============================",
    "SKIPPED [1] tests/live/test_x.py:54: this kernel has no cgroup.kill (Linux 5.14)",
    "SKIPPED [2] tests/live/test_y.py:7: this kernel has no cgroup.kill (Linux 5.14)",
    "FAILED tests/live/test_z.py::test_z - AssertionError: 1 passed in 2s",
    "1 failed, 48 passed, 3 skipped, 1 warning in 61.20s (0:01:01)",
    "== tracepoint (without those marked once, which ran with fentry)",
    "========== 40 passed, 12 deselected in 31.00s ==========",
    "== raw (without those marked once, which ran with fentry)",
]


def found(version: str = "5.10.262-1", date: str = "2026-01-02") -> Result:
    return results.of_lines(SAID, version, date)


def rows(text: str, title: str) -> list[list[str]]:
    """The cells of a section's table, without its head."""
    section = text.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [re.split(r" (?<!\\)\| ", line.strip("| ")) for line in lines[2:]]


def test_what_a_guest_says_is_told_apart() -> None:
    of = found()
    assert of.features["oom_figures"] == "no: no figures | none"
    fentry = of.tests["fentry"]
    assert fentry.counts == {"failed": 1, "passed": 48, "skipped": 3}
    assert fentry.skipped == {"this kernel has no cgroup.kill (Linux 5.14)": 3}
    assert of.tests["tracepoint"] == Suite({"passed": 40})
    # It began and never ended.
    assert of.tests["raw"] == Suite()


def test_a_saved_log_says_the_same_as_the_run(capsys: pytest.CaptureFixture[str]) -> None:
    guests = [
        Guest(Kernel(f"{series}.0-1-cloud-amd64", f"{series}.262-1")) for series in ("5.10", "7.3")
    ]
    for line in SAID:
        guests[0].line(line)
    guests[0].end(Outcome("exit 1", 2.0, 90.0, "a word of the kernel's"))
    guests[1].line("SKIPPED [1] tests/live/test_x.py:1: of another kernel")
    print(table(guests))
    log = capsys.readouterr().out
    told = results.of_log(log, "2026-01-02")
    assert told.keys() == {"5.10", "7.3"}
    assert told["5.10"] == found()
    # Cut off before its table, it does not tell which version that was.
    assert results.of_log(log.partition("kernel  version")[0], "2026-01-02") == {}


def test_a_run_replaces_its_own_kernels_and_ways_only() -> None:
    other = Result("6.1.1-1", "2026-01-01", {"fentry": "yes"}, {})
    old = {"6.1": other, "5.10": found()}
    raw = {"raw": Suite({"passed": 3})}
    new = results.merged(old, {"5.10": Result("5.10.262-1", "2026-01-03", {}, raw)})
    assert [*new] == ["5.10", "6.1"]
    assert new["6.1"] == other
    assert new["5.10"].date == "2026-01-03"
    assert new["5.10"].features == found().features
    assert new["5.10"].tests == found().tests | raw
    # Features alone are no run of the tests.
    alone = Result("5.10.262-1", "2026-01-04", {"fentry": "no"}, {})
    tried = results.merged(new, {"5.10": alone})["5.10"]
    assert (tried.date, tried.features) == ("2026-01-03", {"fentry": "no"})
    # What was found on another version says nothing of this one.
    newer = Result("5.10.263-1", "2026-01-04", {"fentry": "yes"}, {})
    assert results.merged(new, {"5.10": newer})["5.10"] == newer


def test_parts_of_the_tests_are_added_up() -> None:
    part = Result("1-1", "2026-01-02", {}, {"raw": Suite({"passed": 2, "skipped": 1}, {"x": 1})})
    other = Result("1-1", "2026-01-01", {}, {"raw": Suite({"passed": 3, "failed": 1})})
    (whole,) = results.joined([{"5.10": part}, {"5.10": other}]).values()
    assert whole.tests == {"raw": Suite({"passed": 5, "skipped": 1, "failed": 1}, {"x": 1})}
    assert whole.date == "2026-01-02"
    (never,) = results.joined([{"5.10": part}, {"5.10": found("1-1")}]).values()
    assert never.tests["raw"] == Suite()
    # Another version is no part of it.
    (newer,) = results.joined([{"5.10": part}, {"5.10": replace(other, version="2-1")}]).values()
    assert newer.tests == other.tests


def test_what_failed_and_ran_again_stands_in_its_place() -> None:
    had = {"5.10": found(), "6.1": found("6.1.1-1")}
    again = Result("5.10.262-1", "2026-01-05", {}, {"fentry": Suite({"passed": 1})})
    both = results.mended(had, {"5.10": again})
    assert both["5.10"].tests["fentry"].counts == {"passed": 49, "skipped": 3}
    assert both["5.10"].tests["fentry"].skipped == had["5.10"].tests["fentry"].skipped
    assert both["5.10"].tests["tracepoint"] == had["5.10"].tests["tracepoint"]
    assert (both["5.10"].date, both["6.1"]) == ("2026-01-05", had["6.1"])
    still = replace(again, tests={"fentry": Suite({"failed": 1})})
    assert results.mended(had, {"5.10": still})["5.10"].tests["fentry"].counts == {
        **{"passed": 48, "skipped": 3, "failed": 1}
    }
    # More, or fewer, than failed; where nothing did; of another version, or kernel.
    more = replace(again, tests={"fentry": Suite({"passed": 2})})
    clean = replace(again, tests={"tracepoint": Suite({"passed": 1})})
    for wrong in ({"5.10": more}, {"5.10": clean}, {"6.1": again}, {"7.3": again}):
        with pytest.raises(GuestError):
            results.mended(had, wrong)


def test_kernels_stand_in_the_order_of_their_numbers() -> None:
    one = Result("1-1", "2026-01-01")
    assert [*results.merged({}, dict.fromkeys(("6.12", "7.3", "5.10", "6.1"), one))] == [
        *("5.10", "6.1", "6.12", "7.3")
    ]


def test_the_tables_tell_features_reasons_and_skips() -> None:
    whole = Result("6.1.1-1", "2026-01-01", {"fentry": "yes", "oom_figures": "yes"}, {})
    text = page.written(EMPTY, {"5.10": found(), "6.1": whole})
    assert text.startswith("# Title\n\nbefore\n\n")
    assert text.endswith(f"{page.END}\n\nafter\n")
    old, new = rows(text, "Kernels")
    assert old[:3] == ["5.10", "5.10.262-1", "2026-01-02"]
    assert old[3:] == ["**1 failed**, 48 passed, 3 skipped", "40 passed", "**not ended**"]
    assert new[0] == "6.1"
    cells = {row[0].strip("`"): row[2:] for row in rows(text, "Features")}
    assert [*cells] == [*FEATURES]
    assert cells["fentry"] == ["yes", "yes"]
    assert cells["oom_figures"] == ["–", "yes"]
    assert cells["oom"][0] == "**failed: OSError**"
    assert rows(text, "What is lacking") == [["`oom_figures`", "5.10", r"no figures \| none"]]
    assert rows(text, "Tests that are skipped") == [
        ["this kernel has no cgroup.kill (Linux 5.14)", "5.10 (3)"]
    ]
    # Written again from the same, it stays.
    assert page.written(text, {"5.10": found(), "6.1": whole}) == text


def test_a_page_and_what_is_kept_beside_it_grow_by_runs(tmp_path: Path) -> None:
    path = tmp_path / "kernels.md"
    path.write_text(EMPTY)
    page.update(path, {"6.1": found("6.1.1-1")})
    page.update(path, {"5.10": found()})
    assert [row[0] for row in rows(path.read_text(), "Kernels")] == ["5.10", "6.1"]
    assert results.load(path.with_suffix(".json")) == {"5.10": found(), "6.1": found("6.1.1-1")}


def test_a_feature_that_is_not_as_the_page_says_is_a_difference(tmp_path: Path) -> None:
    path = tmp_path / "kernels.md"
    path.write_text(EMPTY)
    page.update(path, {"5.10": found()})
    now = found("5.10.263-1")
    assert page.differences(path, {"5.10": now, "8.1": Result("8.1-1", "", {"fentry": "no"})}) == []
    now.features["fentry"] = "no: refused"
    assert page.differences(path, {"5.10": now}) == [
        "5.10: fentry: 'no: refused' where the page has 'yes'"
    ]


def test_what_cannot_be_written_or_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(GuestError, match="no place for tables"):
        page.written("# Another page\n", {})
    held = tmp_path / "kernels.json"
    held.write_text('{"5.10": {}}')
    with pytest.raises(GuestError, match="is not what a run wrote"):
        results.load(held)


def test_the_page_is_what_its_results_say() -> None:
    text = PAGE.read_text()
    held = results.load(PAGE.with_suffix(".json"))
    assert held
    assert page.written(text, held) == text


def test_every_feature_is_in_the_page_and_no_other() -> None:
    assert [row[0] for row in rows(PAGE.read_text(), "Features")] == [
        f"`{key}`" for key in FEATURES
    ]
    for of in results.load(PAGE.with_suffix(".json")).values():
        assert {*of.features} <= {*FEATURES}


def test_every_word_that_the_page_explains_is_a_feature() -> None:
    explained = PAGE.read_text().partition(page.BEGIN)[0]
    keys = re.findall(r"`([a-z_]+)`: ", explained)
    assert "registers" in keys
    assert {*keys} <= {*FEATURES}
