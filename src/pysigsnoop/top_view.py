"""The live view's picture: from counts and choices to lines of text. Draws nothing by itself."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from .stats import Lost
from .top_choices import HELP, Choices, shown
from .top_table import End, Row, Tables

#: Lines that are no rows: three of totals, the headings, the keys.
CHROME = 5

# rich reads its table of widths where it first meets a character that needs it, and by then
# its files may be out of reach.
cell_len("世")

_FOOT = (
    *("q quit", "p pause", "s sort", "r reverse", "g group", "/ find", "x failed", "d died"),
    *("z zero", "? help", "+- pace", "up/down move"),
)


class Cost(NamedTuple):
    """What the view itself takes: of one CPU, events read a second, bytes of its own memory."""

    cpu: float = 0.0
    events: float = 0.0
    memory: int = 0


class State(NamedTuple):
    """All that a picture shows."""

    tables: Tables
    choices: Choices
    #: How long it has counted, and how long it runs, in seconds.
    counted: float
    running: float
    #: The wall clock, in seconds.
    clock: float
    lost: Lost = Lost()
    cost: Cost = Cost()


class _Column(NamedTuple):
    title: str
    #: The word of `Choices.sort`; empty where nothing sorts by it.
    sort: str
    width: int
    cell: Callable[[Row, State, int], tuple[str, str]]


def lines(state: State, width: int, height: int | None = None) -> list[Text]:
    """The picture, each line as wide as the screen, in cells; all rows where it has no height."""
    choices = state.choices
    if choices.help and height is not None:
        found = [_title(state, width), *_help(width)]
    else:
        found = _table(state, width, height)
    if height is not None:
        found = found[: max(0, height - 1)]
        found += [_fit(Text(), width)] * (height - 1 - len(found))
        found += [_foot(choices, width)] * min(1, height)
    return found


def _table(state: State, width: int, height: int | None) -> list[Text]:
    choices = state.choices
    table = state.tables.of[choices.group]
    wanted = choices.wanted(table.rows.values())
    others = table.others if table.others.total or table.others.died else None
    shown = wanted
    if height is not None:
        page = max(1, height - CHROME - bool(others))
        choices.page = page
        choices.first = min(choices.first, max(0, len(wanted) - page))
        shown = wanted[choices.first : choices.first + page]
    columns = _columns(width, choices)
    found = [
        _title(state, width),
        _totals(state, width),
        _second(state, len(wanted), len(table.rows), width),
        _headings(columns, choices, width),
    ]
    found += [_row(row, columns, state, width) for row in shown]
    if others and not choices.picky:
        found.append(_row(others, columns, state, width, others=True))
    return found


def _fit(text: Text, width: int) -> Text:
    """Exactly so many cells, and never more lines than one."""
    text.no_wrap, text.overflow, text.end = True, "crop", ""
    text.truncate(width, overflow="crop", pad=True)
    return text


def _sides(left: Text, right: Text, width: int) -> Text:
    """One at either side; the left one gives way."""
    room = width - right.cell_len
    if room < left.cell_len + 1:
        return _fit(left, width) if room < 1 else _fit(_fit(left, room) + right, width)
    return _fit(_fit(left, room) + right, width)


def _title(state: State, width: int) -> Text:
    choices = state.choices
    clock = time.strftime("%H:%M:%S", time.localtime(state.clock))
    text = Text()
    text.append("pysigsnoop top", "bold")
    text.append(f"  {clock}  up {_span(state.running)}  every {choices.interval:g} s")
    right = Text()
    if choices.paused:
        right.append(" PAUSED ", "bold black on yellow")
    return _sides(text, right, width)


def _totals(state: State, width: int) -> Text:
    total = state.tables.total
    text = Text("sends ")
    text.append(f"{_rate(total.now)}/s", "bold")
    text.append(f" now  {_rate(total.total / state.counted)}/s mean  ")
    text.append(_count(total.total, 6), "bold")
    text.append(" all  ")
    text.append(f"failed {_count(total.failed, 5)}", "red" if total.failed else "")
    text.append("  ")
    text.append(f"died {_count(total.died, 5)}", "magenta" if total.died else "")
    text.append("  ")
    lost = sum(state.lost)
    text.append(f"lost {_count(lost, 5)}", "bold white on red" if lost else "green")
    if width >= 100:
        reasons = {name.replace("_", " "): n for name, n in state.lost._asdict().items() if n}
        told = [f"{name} {n}" for name, n in reasons.items()]
        text.append(f" ({', '.join(told)})" if told else "")
        text.append(f"  taken {_count(state.tables.taken, 8)}")
        errors = sorted(total.errors.items(), key=lambda item: -item[1])
        text.append("  ")
        text.append(" ".join(f"{name} {n}" for name, n in errors), "red")
    return _fit(text, width)


def _second(state: State, wanted: int, rows: int, width: int) -> Text:
    choices, cost = state.choices, state.cost
    left = f"cost {cost.cpu:.1%} CPU {_rate(cost.events)} events/s {cost.memory / 1e6:.0f} MB"
    picky = [f"{choices.find!r}"] if choices.find else []
    picky += ["failed"] * choices.failed_only + ["died"] * choices.died_only
    some = f"{wanted} of {rows}" if choices.picky else f"{rows}"
    which = f" with {', '.join(picky)}" if picky else ""
    order = " reversed" if choices.reverse else ""
    right = f"{some} {choices.group}s{which} by {choices.sort}{order}"
    return _sides(Text(left, "dim"), Text(right), width)


def _headings(columns: list[_Column], choices: Choices, width: int) -> Text:
    text = Text()
    for column in columns:
        title = _cut(column.title, column.width, right=column.title in _NUMBERS)
        text.append(title, "bold underline" if column.sort == choices.sort else "")
        text.append(" ")
    text = _fit(text, width)
    text.stylize("reverse")
    return text


def _row(
    row: Row, columns: list[_Column], state: State, width: int, *, others: bool = False
) -> Text:
    text = Text()
    for column in columns:
        cell, style = column.cell(row, state, column.width)
        if others and column.title not in _NUMBERS:
            # They have no latest send: which it was would say nothing.
            cell, style = ("(others)" if column.sort == "sender" else ""), "dim"
        text.append(_cut(cell, column.width, right=column.title in _NUMBERS), style)
        text.append(" ")
    return _fit(text, width)


def _cut(text: str, width: int, *, right: bool = False) -> str:
    """Exactly so many cells; what was cut off is told by an ellipsis."""
    size = cell_len(text)
    if size > width:
        return set_cell_size(text, max(0, width - 1)) + "…" * min(1, width)
    return " " * (width - size) + text if right else text + " " * (width - size)


def _columns(width: int, choices: Choices) -> list[_Column]:
    """What there is room for; the two ends share what the others leave."""
    wide, wider = width >= 110, width >= 160
    # The column that rows are grouped by is of the row, and the other two of its latest send.
    one = choices.group in ("sender", "signal", "target")
    titles = {
        name: f"LAST {name.upper()}" if one and name != choices.group else name.upper()
        for name in ("sender", "signal", "target")
    }
    number = 9 if wide else 6
    before = [
        _Column("NOW/S", "now", number - (0 if wide else 1), _now),
        _Column("MEAN/S", "", number, _mean),
        _Column("TOTAL", "total", number, _total),
    ]
    before += [_Column("UID", "", 7, _uid)] if wider else []
    middle = [_Column("HOW", "", 24 if wider else 15, _how)] if wide else []
    middle += [_Column(titles["signal"], "signal", 11 if one else 8, _signal)]
    after = [
        _Column("FAILED", "failed", 28 if wider else 16 if wide else 11, _failed),
        _Column("DIED", "died", 6 if wide else 4, _died),
    ]
    after += [_Column("LAST", "last", 8, _last)] if wide else []
    fixed = [*before, *middle, *after]
    # A space follows each column, the two ends' as well.
    room = max(0, width - sum(column.width + 1 for column in fixed) - 2 + 1)
    sender = min(40, room // 2)
    target = min(40, room - sender)
    return [
        *before,
        _Column(titles["sender"], "sender", sender, _sender),
        *middle,
        _Column(titles["target"], "target", target, _target),
        *after,
    ]


_NUMBERS = {"NOW/S", "MEAN/S", "TOTAL", "DIED", "UID"}


def _now(row: Row, _state: State, _width: int) -> tuple[str, str]:
    return (_rate(row.now), "bold") if row.now else ("0", "dim")


def _mean(row: Row, state: State, _width: int) -> tuple[str, str]:
    return _rate(row.total / state.counted), ""


def _total(row: Row, _state: State, width: int) -> tuple[str, str]:
    return _count(row.total, width), ""


def _sender(row: Row, state: State, _width: int) -> tuple[str, str]:
    return _end(row.sender, state)


def _target(row: Row, state: State, _width: int) -> tuple[str, str]:
    return _end(row.target, state)


def _uid(row: Row, state: State, _width: int) -> tuple[str, str]:
    """The sender's, where a row has one sender."""
    if state.choices.group not in ("pair", "sender"):
        return "", ""
    return "-" if row.sender.uid is None else str(row.sender.uid), ""


def _how(row: Row, _state: State, _width: int) -> tuple[str, str]:
    return " ".join(sorted(row.how)), ""


def _signal(row: Row, _state: State, _width: int) -> tuple[str, str]:
    return row.signal, "yellow"


def _failed(row: Row, _state: State, width: int) -> tuple[str, str]:
    if not row.failed:
        return "", ""
    errors = sorted(row.errors, key=lambda error: -row.errors[error])
    if len(errors) == 1 or width < 20:
        more = "+" * (len(errors) > 1)
        return f"{_count(row.failed, 4)} {errors[0]}{more}", "red"
    return " ".join(f"{_count(row.errors[error], 4)} {error}" for error in errors), "red"


def _died(row: Row, _state: State, width: int) -> tuple[str, str]:
    return (_count(row.died, width), "bold magenta") if row.died else ("", "")


def _last(row: Row, _state: State, _width: int) -> tuple[str, str]:
    return time.strftime("%H:%M:%S", time.localtime(row.last_ns / 1e9)), ""


def _end(end: End, state: State) -> tuple[str, str]:
    return shown(end, state.choices.group), "cyan" if end.word else ""


def _foot(choices: Choices, width: int) -> Text:
    if choices.typing:
        text = Text("find: ", "bold")
        text.append(choices.find)
        text.append(" ", "reverse")
        return _sides(text, Text("Enter keep, Escape end", "dim"), width)
    if choices.help:
        return _fit(Text("? back, q back", "dim"), width)
    text = Text()
    for each in _FOOT:
        key, _, word = each.partition(" ")
        if text.cell_len + len(each) > width:
            break
        text.append(key, "bold")
        text.append(f" {word}  ", "dim")
    return _fit(text, width)


def _help(width: int) -> list[Text]:
    found = [_fit(Text(), width)]
    for keys, what in HELP:
        text = Text("  ")
        text.append(f"{keys:10}", "bold")
        text.append(f" {what}")
        found.append(_fit(text, width))
    notes = (
        "",
        "  NOW/S: sends a second between the last two frames; MEAN/S: since start or z.",
        "  (others) sums up what the table has no room for, so nothing is left out.",
        "  cost: of this program itself; what those who send pay is not in it.",
    )
    return found + [_fit(Text(note, "dim"), width) for note in notes]


def _rate(rate: float) -> str:
    """A rate in five characters at most."""
    return f"{rate:.1f}" if rate < 999.95 else _count(round(rate), 5)


def _count(number: int, width: int) -> str:
    """A count in so many characters, 4 or more: exact where it fits."""
    if len(str(number)) <= width:
        return str(number)
    size = float(number)
    for unit in "kMGT":
        size /= 1000
        for digits in (1, 0):
            text = f"{size:.{digits}f}{unit}"
            if len(text) <= width and size < 1000:
                return text
    return f"{number:.0e}"


def _span(seconds: float) -> str:
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02d}:{second:02d}"
