"""Each takes any bytes, and fails where the tracer would crash, forge a line or print raw text."""

from __future__ import annotations

import csv
import json
import os
import struct
from collections.abc import Callable
from functools import cache

from pysigsnoop import Event, FilterInvalid
from pysigsnoop._records import (
    ACTION,
    DETAILS_FIELDS,
    DETAILS_FORMAT,
    DISPOSITION,
    END_FIELDS,
    END_FORMAT,
    NO_SEND,
    ORIGIN,
    OUTCOME,
    RECORD_TYPE,
    RESULT,
    SEND_FIELDS,
    SEND_FORMAT,
)
from pysigsnoop.clock_text import clock
from pysigsnoop.csv_lines import CsvLines
from pysigsnoop.details import Details, Sides
from pysigsnoop.elf_image import ElfImage, NotElf
from pysigsnoop.ends import Began, Death, Delivery
from pysigsnoop.fields import every
from pysigsnoop.module import Module
from pysigsnoop.module_tables import KeptTables
from pysigsnoop.places import place_in
from pysigsnoop.signals import parse_signal
from pysigsnoop.sinks import json_lines, original_line
from pysigsnoop.terminal import Screen
from pysigsnoop.text_lines import TextLines
from pysigsnoop.trace_assembly import Call, Joiner
from pysigsnoop.trace_lines import LostEvents, Record, split_records
from pysigsnoop.verbose_lines import Verbose

from . import NAMES

# Fields that the programs alone write: any of their values, and no other.
_OWN = {
    "origin": [number for name, number in ORIGIN.items() if number],
    "result": [*RESULT.values()],
    "disposition": [*DISPOSITION.values()],
    "outcome": [*OUTCOME.values()],
    "no_send": [*NO_SEND.values()],
}
_DEATHS = [ACTION["killed"], ACTION["exited"]]
_DELIVERIES = [number for number in ACTION.values() if number not in _DEATHS]
_COLUMNS = every(details=True, stacks=False)


def _record(data: bytes, form: str, names: tuple[str, ...], **fixed: int) -> bytes:
    """A record that the programs could write: others' text and numbers as they come."""
    layout = struct.Struct(form)
    values = list(layout.unpack(data[: layout.size].ljust(layout.size, b"\0")))
    for at, name in enumerate(names):
        if name in fixed:
            values[at] = fixed[name]
        elif name in _OWN:
            values[at] = _OWN[name][values[at] % len(_OWN[name])]
    return layout.pack(*values)


def _details(data: bytes) -> Details:
    """Text of any content, of the sizes that the record says."""
    head = struct.calcsize(DETAILS_FORMAT)
    text = data[head : head + 4096]
    sizes = {"cmdline_size": len(text) // 2, "exe_size": len(text) - len(text) // 2}
    count = data[0] % 9 if data else 0
    return Details(
        _record(data, DETAILS_FORMAT, DETAILS_FIELDS, parent_count=count, **sizes) + text
    )


def records(data: bytes) -> None:
    """Sends, deliveries and deaths in every form of lines."""
    kind, data = data[:1], data[1:]
    told: Event | Delivery | Death
    if kind < b"\x80":
        size = struct.calcsize(SEND_FORMAT)
        rest = data[size:]
        both = Sides(_details(rest), _details(rest[::-1])) if kind < b"\x40" else None
        told = Event(_record(data, SEND_FORMAT, SEND_FIELDS, type=RECORD_TYPE["send"]), 0, both)
    else:
        made = Delivery if kind < b"\xc0" else Death
        actions = _DEATHS if made is Death else _DELIVERIES
        own = {"type": RECORD_TYPE[made.__name__.lower()]}
        own["action"] = actions[kind[0] % len(actions)]
        record = _record(data, END_FORMAT, END_FIELDS, **own)
        told = made(record, 0, Began(0, gaps=data[:1] < b"\x80"))
    (line,) = json_lines().of([told])  # type: ignore[list-item]
    assert line.isprintable()
    assert json.loads(line)["type"] == type(told).__name__.lower().replace("event", "send")
    (row,) = csv.reader([CsvLines(_COLUMNS).event(told)])
    assert len(row) == len(_COLUMNS)
    assert all(cell.isprintable() for cell in row)
    view = TextLines(Screen(None, "never"), clock("utc"), below=Verbose(lambda _: None).lines)
    for line in view.lines([told]):
        assert all(part.isprintable() for part in line.split("\n")), line


def trace_lines(data: bytes) -> None:
    """The text of trace_pipe: each record of ours becomes a line, or half of one, of its own."""
    joiner = Joiner()
    for record in split_records(data):
        if isinstance(record, LostEvents):
            continue
        assert isinstance(record, Record)
        for found in joiner.add(record):
            if isinstance(found, Call):
                assert original_line(found).isprintable()


def cgroup_paths(data: bytes) -> None:
    """Container, unit and pod, each no longer than the folder that it is read from."""
    longest = max(map(len, data.split(b"/")))
    for name in place_in(data):
        assert name is None or 0 < len(name) <= 4 * longest


@cache
def _file() -> int:
    return os.memfd_create("elf")


def elf_objects(data: bytes) -> None:
    """A file that a process has mapped: headers, symbols, lines, unwinding tables."""
    os.ftruncate(_file(), 0)
    os.pwrite(_file(), data, 0)
    try:
        image = ElfImage(os.open(f"/proc/self/fd/{_file()}", os.O_RDONLY))
        found = Module("/any", image, KeptTables())
    except NotElf:
        return
    addresses = [0, (1 << 64) - 1]
    for segment in found.image.segments[:4]:
        addresses += [segment.address, segment.address + segment.size // 2]
    for address in addresses:
        found.at(address)
        found.call_frames.row_at(address)
        found.image.address_of(address)


def filters(data: bytes) -> None:
    """The name of a signal: one that there is, or an error that says so."""
    try:
        found = parse_signal(data.decode("utf-8", "surrogateescape"))
    except FilterInvalid as error:
        if not error.hint:
            raise AssertionError("an error that says nothing of what to type") from error
        return
    assert 0 <= found <= 64


TARGETS: dict[str, Callable[[bytes], None]] = {
    each.__name__: each for each in (records, trace_lines, cgroup_paths, elf_objects, filters)
}
assert (*TARGETS,) == NAMES
