"""The arithmetic of the benchmarks, their books and their page; what they measure is no test's."""

from __future__ import annotations

import pytest

from benchmarks import page, report
from benchmarks.books import BooksOpen, Saw, count_lines, missing
from benchmarks.cost import Cost
from benchmarks.figures import added, number, percent, percentile, ratio, spread, table
from benchmarks.senders import Run
from benchmarks.tracers import EACH, FILTERED, GENERATED, GENERATED_FILTERED


def test_a_spread_is_median_half_the_range_and_least() -> None:
    assert spread([9, 1, 4]) == (4, 4, 1)
    assert spread([3, 1]) == (2, 1, 1)
    assert str(spread([240.4, 230.6, 300])) == "240 ±34.7 (231)"
    assert str(spread([5])) == "5.00"
    with pytest.raises(ValueError, match="no figure"):
        spread([])


def test_what_is_added_is_told_pair_by_pair_and_by_the_least_of_each() -> None:
    # The second pair was disturbed in both runs, the third only alone.
    pairs = [(100, 350), (1100, 1340), (180, 340)]
    assert added(pairs) == (240, 45, 240)
    assert percent([(100, 150), (200, 220)]) == pytest.approx((30, 20, 50))


def test_a_percentile_is_the_least_value_that_the_share_has_not_passed() -> None:
    assert percentile({1: 98, 5: 1, 9: 1}, 0.5) == 1
    assert percentile({1: 98, 5: 1, 9: 1}, 0.99) == 5
    assert percentile({9: 1, 1: 1}, 1.0) == 9
    with pytest.raises(ValueError, match="no figure"):
        percentile({}, 0.5)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0.00"), (-0.001, "0.00"), (0.252, "0.25"), (12.34, "12.3"), (-237.4, "-237")],
)
def test_numbers_have_three_digits_or_so(value: float, text: str) -> None:
    assert number(value) == text


def test_a_ratio_to_nothing_is_a_dash() -> None:
    assert ratio(300, 250) == "1.20 ×"
    assert ratio(300, 0) == ratio(300, -3) == "–"


def test_a_table_is_as_wide_as_its_headings() -> None:
    assert table(["what", "ns"], [["a|b", "1"]]) == "| what | ns |\n|---|---:|\n| a\\|b | 1 |"
    with pytest.raises(ValueError, match="wide"):
        table(["what", "ns"], [["a"]])


def test_a_page_is_written_between_its_markers_and_nowhere_else() -> None:
    text = "before\n<!-- measured: cost -->\nold\n<!-- end: cost -->\nafter\n"
    once = page.replaced(text, {"cost": "new\n"})
    assert once == "before\n<!-- measured: cost -->\n\nnew\n\n<!-- end: cost -->\nafter\n"
    assert page.replaced(once, {"cost": "new"}) == once
    with pytest.raises(ValueError, match="no place for 'flood'"):
        page.replaced(text, {"flood": "new"})


def test_the_page_has_a_place_for_each_part() -> None:
    parts = ["machine", "cost", "ratios", "footprint", "reader", "flood", "growth", "steps"]
    parts.append("instructions")
    text = page.PAGE.read_text()
    assert page.replaced(text, dict.fromkeys(parts, "measured")).count("\nmeasured\n") == len(parts)


def _saw(by_pid: dict[str, int] | None = None, lost: int = 0, filtered: int = 0) -> Saw:
    received = sum((by_pid or {}).values())
    report = {"received": received, "filtered": filtered, "lost": lost}
    return Saw(report if by_pid is None else report | {"by_pid": by_pid}, None)


SENT = [Run(10, 100, 0, 0), Run(11, 50, 0, 0)]


def test_books_close_where_what_was_sent_was_told_or_lost() -> None:
    # Somebody else, 12, sent too.
    assert missing(_saw({"10": 100, "11": 50, "12": 7}), SENT, []) == 0
    assert missing(_saw({"10": 90, "11": 50}, lost=10), SENT, []) == 10
    assert missing(_saw({"10": 100}), SENT[:1], SENT[1:]) == 0
    assert missing(_saw({}, filtered=151), [], SENT) == 0
    assert missing(Saw({}, 149), SENT, []) == 1
    assert missing(Saw({"lost": 2}, 149), SENT, []) == 1


@pytest.mark.parametrize(
    ("saw", "told", "silent"),
    [
        (_saw({"10": 99, "11": 50}), SENT, []),
        (_saw({"10": 101, "11": 49}), SENT, []),
        (_saw({"10": 90, "11": 50}, lost=9), SENT, []),
        (_saw({"10": 100, "11": 1}), SENT[:1], SENT[1:]),
        (_saw({}, filtered=149), [], SENT),
        (_saw(), SENT, []),
        (Saw({}, 151), SENT, []),
        (Saw({"lost": 1}, 148), SENT, []),
    ],
)
def test_open_books_are_refused(saw: Saw, told: list[Run], silent: list[Run]) -> None:
    with pytest.raises(BooksOpen):
        missing(saw, told, silent)


def test_lines_of_others_and_of_probes_are_not_counted() -> None:
    text = (
        b"1 benchsender kill(1, 0)\n2 benchprobe kill(1, 0)\n3 benchsender read()\n4 bash kill(1)"
    )
    assert count_lines(text, b"kill(") == 1
    assert count_lines(text, b"kill(", name=b"") == 3


def test_tables_of_costs_have_ratios_to_the_limit_and_say_what_is_missing() -> None:
    pairs = {kind: [(100.0, 350.0), (110.0, 340.0)] for kind in ("check", "ignored", "handled")}
    pairs["other"] = [(100.0, 130.0), (100.0, 140.0)]
    limit = Cost(pairs, pairs, [], [], 0, 0, None)
    dear = limit._replace(
        cpu=pairs | {"check": [(100.0, 600.0), (100.0, 590.0)]}, sent=1000, missing=5
    )
    heading, _, *rows = report.costs({"a": limit, "b": dear}, limit, {"c": "no kprobes"}).split(
        "\n"
    )
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    assert {len(row) for row in cells} == {heading.count("|") - 1}
    assert cells[0][:6] == [
        *("a", "240 ±10.0 (240)", "240 ±10.0 (240)", "240 ±10.0 (240)"),
        *("+35.0 ±5.0 (+30.0) %", "1.00 × (1.00 ×)"),
    ]
    assert cells[0][-1] == "–"
    assert cells[1][1] == "495 ±5.00 (490)"
    assert cells[1][-1] == "0.50 %"
    assert cells[2] == ["c", "no kprobes", *["–"] * 6]


def test_what_is_filtered_out_is_told_with_and_without_the_kernels_share() -> None:
    def cost(added_ns: float) -> Cost:
        return Cost({"ignored": [(100.0, 100.0 + added_ns)]}, {}, [], [], 0, 0, None)

    rows = {EACH: cost(500), FILTERED: cost(350)}
    assert report.filtered(rows, cost(200)) == (
        "A signal that is filtered out adds, of what a recorded one adds, 0.70 × (0.70 ×); "
        "0.50 × (0.50 ×) without what empty programs on exit add to both."
    )
    rows |= {GENERATED: cost(300), GENERATED_FILTERED: cost(120)}
    assert report.filtered(rows, None) == (
        "A signal that is filtered out adds, of what a recorded one adds, 0.70 × (0.70 ×); "
        "0.40 × (0.40 ×) where only what is generated is watched."
    )


def test_instructions_are_told_as_what_each_way_adds() -> None:
    alone = {"check": 1000.2, "ignored": 1500.0, "handled": 4000.0, "other": 300.0}
    way = {kind: ns + 96.3 for kind, ns in alone.items()}
    rows = report.instructions("6.12", {"alone": alone, "`raw`": way, "one_end": alone}).split("\n")
    assert rows[0] == "Linux 6.12."
    assert rows[4:] == [
        "| untraced, in all | 1000 | 1500 | 4000 | 300 |",
        "| `raw` | 96.3 | 96.3 | 96.3 | 96.3 |",
        "| empty programs, exit | 0.00 | 0.00 | 0.00 | 0.00 |",
    ]
