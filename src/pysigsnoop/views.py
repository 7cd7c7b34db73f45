"""Which form the lines of a trace take, by the options."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import fields, sinks
from .sinks import Lines

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable
    from typing import TextIO

    from .chosen_columns import TextColumns
    from .ends import Death, Delivery
    from .event import Event
    from .text_lines import TextLines


def lines_for(chosen: Namespace, out: TextIO | None, began_ns: int) -> Lines:
    """The lines that were asked for; `began_ns` is what relative times begin at."""
    if chosen.format == "json":
        return _json(chosen)
    if chosen.format == "csv":
        return _csv(chosen)
    return _text(chosen, out, began_ns)


def _json(chosen: Namespace) -> Lines:
    lines = sinks.json_lines()
    if not chosen.fields:
        return lines
    from .chosen_columns import chosen_objects

    return Lines([], chosen_objects(chosen.fields), lines.lost)


def _csv(chosen: Namespace) -> Lines:
    from .csv_lines import CsvLines

    details = chosen.details or chosen.verbose
    table = CsvLines(chosen.fields or fields.every(details=details, stacks=chosen.stack))
    if table.tells_loss:
        return Lines([table.header], table.event, table.lost)
    return Lines([table.header], table.event, sinks.text_loss, loss_aside=True)


def _text(chosen: Namespace, out: TextIO | None, began_ns: int) -> Lines:
    from .clock_text import clock
    from .terminal import Screen

    screen = Screen(out, chosen.color)
    told = clock(chosen.time, date=chosen.date, began_ns=began_ns)
    below = _below(chosen)
    table: TextColumns | TextLines
    if chosen.fields:
        from .chosen_columns import TextColumns

        table = TextColumns(chosen.fields, told, screen, below)
    else:
        from .text_lines import TextLines

        table = TextLines(screen, told, follow_ups=not chosen.no_outcomes, below=below)
    return Lines(
        [table.header],
        lambda event: "\n".join(table.lines([event])),
        lambda lost: screen.paint(sinks.text_loss(lost), "loss"),
        table.lines,
    )


def _below(chosen: Namespace) -> Callable[[Event | Delivery | Death], list[str]] | None:
    """What gives the lines below an event's own, if any are wanted."""
    wanted: list[Callable[[Event | Delivery | Death], list[str]]] = []
    if chosen.details or chosen.verbose:
        from .verbose_lines import Verbose

        wanted.append(Verbose().lines)
    if chosen.stack:
        from .stack_lines import stack_of

        wanted.append(stack_of)
    if not wanted:
        return None
    return lambda event: [line for lines in wanted for line in lines(event)]
