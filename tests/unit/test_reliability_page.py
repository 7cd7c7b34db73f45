"""docs/reliability.md: each row names tests that are there, or commands of make."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reliability.md"
# Where a name without a folder lies, if none before it in its cell has one.
PLAIN = {"Faults": "tests/live/faults"}
# What is wanted of the whole; each has a table.
SECTIONS = {
    *("Other kernels", "Every packaging", "Least privilege", "As a service", "Hostile input"),
    *("Faults", "Load", "Supply chain", "arm64"),
}


def tables() -> dict[str, list[tuple[str, str]]]:
    """What holds and where it is tested, row by row, by section."""
    found: dict[str, list[tuple[str, str]]] = {}
    section = ""
    for line in PAGE.read_text().splitlines():
        if line.startswith("## "):
            section = line.removeprefix("## ")
        elif line.startswith("|") and section:
            cells = re.split(r" (?<!\\)\| ", line.strip("| "))
            found.setdefault(section, []).append((cells[0], cells[-1]))
    # Without their heads.
    return {title: rows[2:] for title, rows in found.items() if rows[0][1] == "where it is tested"}


TABLES = tables()
ROWS = [(title, *row) for title, rows in TABLES.items() for row in rows]


def named(cell: str, folder: str) -> list[str]:
    """The files and folders of tests that a cell names, from the clone's folder."""
    names = []
    for word in re.findall(r"`((?:[\w/]+/)?\w+\.py|tests/[\w/]+)(?:::\w+)?`", cell):
        names.append(word if word.startswith("tests/") else f"{folder}/{word}")
        if word.endswith(".py"):
            folder = names[-1].rpartition("/")[0]
    return names


def test_each_demand_has_a_table() -> None:
    assert TABLES.keys() == SECTIONS
    assert all(TABLES.values())


@pytest.mark.parametrize(("section", "what", "cell"), ROWS, ids=[row[1][:40] for row in ROWS])
def test_what_a_row_names_is_there(section: str, what: str, cell: str) -> None:
    names = named(cell, PLAIN.get(section, ""))
    targets = re.findall(r"`make ([a-z-]+)", cell)
    assert names or targets or cell == "not tested", f"{what}: nothing is named"
    for name in names:
        assert (ROOT / name).exists(), f"{what}: {name} is not there"
    makefile = (ROOT / "Makefile").read_text()
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"{what}: make {target}"


def test_a_name_without_a_folder_is_in_the_one_before() -> None:
    assert named("`tests/a/b.py`, `c.py`; `d.py::test_e` (`X=1`, `tests/f`)", "") == [
        *("tests/a/b.py", "tests/a/c.py", "tests/a/d.py", "tests/f")
    ]
    assert named("`b.py`", "tests/z") == ["tests/z/b.py"]
