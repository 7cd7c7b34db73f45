"""Files of other processes: held against what binutils says of them, and damaged ones survived."""

from __future__ import annotations

import os
import random
import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pysigsnoop.call_frames import CallFrames
from pysigsnoop.elf_image import ElfImage, NotElf, open_file
from pysigsnoop.module import Module
from pysigsnoop.module_tables import KeptTables

SOURCE = """\
#include <stdio.h>
static int hidden(int n) { volatile char room[100]; room[0] = n; return room[0] + 1; }
int shown(int n) { return hidden(n) * 2 + printf("%d", n); }
int main(int count, char **arguments) { return shown(count) + (arguments == NULL); }
"""
STACK, FRAME = 7, 6  # DWARF's numbers on x86-64
NAMES = {"rsp": STACK, "rbp": FRAME}

pytestmark = pytest.mark.skipif(os.uname().machine != "x86_64", reason="registers of x86-64")


def tool(*command: object) -> str:
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=True)
    return done.stdout


def compiled(folder: Path, *options: str, name: str = "program") -> Path:
    source = folder / "program.c"
    source.write_text(SOURCE)
    program = folder / name
    tool("cc", *options, source, "-o", program)
    return program


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("elf")


@pytest.fixture(scope="module")
def program(folder: Path) -> Path:
    return compiled(folder, "-O1", "-g", "-fno-inline")


def module(path: Path) -> Module:
    return Module(str(path), ElfImage(open_file(str(path))), KeptTables())


def symbols(path: Path) -> dict[str, tuple[int, int]]:
    """Names, starts and sizes of functions, as nm has them."""
    words = [line.split() for line in tool("nm", "-S", path).splitlines()]
    return {
        each[3]: (int(each[0], 16), int(each[1], 16))
        for each in words
        if len(each) == 4 and each[2] in "tT"
    }


def test_the_build_id_is_that_of_the_file(program: Path) -> None:
    said = re.search(r"Build ID: (\w+)", tool("readelf", "-n", program))
    build_id = ElfImage(open_file(str(program))).build_id
    assert said
    assert build_id is not None
    assert build_id.hex() == said[1]


def test_a_file_without_build_id_has_none(folder: Path) -> None:
    path = compiled(folder, "-Wl,--build-id=none", name="none")
    assert ElfImage(open_file(str(path))).build_id is None


@pytest.mark.parametrize(
    "options", [("-no-pie",), ("-pie", "-fPIE"), ("-gdwarf-4", "-gz")], ids=str
)
def test_every_address_is_in_the_function_that_nm_says(folder: Path, options: list[str]) -> None:
    path = compiled(folder, "-O1", "-g", "-fno-inline", *options, name="functions")
    found, expected = module(path), symbols(path)
    assert {"hidden", "shown", "main"} <= {*expected}
    for name in ("hidden", "shown", "main"):
        start, size = expected[name]
        for address in (start, start + size - 1):
            function, _ = found.at(address)
            assert function == (start, name)
    last = max(start + size for start, size in expected.values())
    assert found.at(last + 4096) == (None, None)


def test_between_functions_there_is_none(folder: Path) -> None:
    path = compiled(folder, "-O1", "-fno-inline", "-rdynamic", "-s", name="stripped")
    whole = symbols(compiled(folder, "-O1", "-fno-inline", "-rdynamic", name="whole"))
    start, size = whole["hidden"]
    # Its name is gone, and that of the function before it is not given instead.
    assert module(path).at(start + size // 2)[0] is None
    assert module(path).at(whole["shown"][0])[0] == (whole["shown"][0], "shown")


@pytest.mark.parametrize(
    "options", [(), ("-gdwarf-4",), ("-gz",), ("-gdwarf-3", "-no-pie")], ids=str
)
def test_lines_are_those_of_addr2line(folder: Path, options: list[str]) -> None:
    path = compiled(folder, "-O1", "-g", "-fno-inline", *options, name="lines")
    found = module(path)
    for name in ("hidden", "shown", "main"):
        start, size = symbols(path)[name]
        addresses = range(start, start + size)
        said = tool("addr2line", "-e", path, *map(hex, addresses)).splitlines()
        for address, line in zip(addresses, said, strict=True):
            _, ours = found.at(address)
            file, _, number = line.partition(":")
            assert ours
            assert (ours.file, str(ours.line)) == (file, number.split(" ")[0])


def rows_of_readelf(path: Path) -> list[tuple[int, int, str, int, str]]:
    """Begin, end, CFA register, offset, and rule of rbp of each row that readelf works out."""
    text = tool("readelf", "--debug-dump=frames-interp", "-wN", path)
    found = []
    for part in text.split("\n\n"):
        head = re.search(r" FDE .*pc=([0-9a-f]+)\.\.([0-9a-f]+)", part)
        if not head:
            continue
        end = int(head[2], 16)
        table = part[head.end() :].strip().splitlines()
        if not table:
            continue  # as all of its kind begin
        columns = table[0].split()
        rows = [line.split() for line in table[1:] if re.match(r"[0-9a-f]{16} ", line)]
        starts = [int(row[0], 16) for row in rows]
        for row, start, after in zip(rows, starts, [*starts[1:], end], strict=True):
            match = re.fullmatch(r"(rsp|rbp)\+(\d+)", row[1])
            if match:
                rule = row[columns.index("rbp")] if "rbp" in columns else "u"
                found.append((start, after, match[1], int(match[2]), rule))
    return found


@pytest.mark.parametrize("which", ["program", "libc", "static"])
def test_call_frames_are_those_of_readelf(folder: Path, program: Path, which: str) -> None:
    path = {
        "program": program,
        "libc": Path(tool("cc", "-print-file-name=libc.so.6").strip()),
        "static": compiled(folder, "-static", name="static") if which == "static" else program,
    }[which]
    expected = rows_of_readelf(path)
    frames = CallFrames(ElfImage(open_file(str(path))))
    assert len(expected) > 5
    for start, end, register, offset, rule in expected[:: 1 + len(expected) // 2000]:
        for address in {start, end - 1}:
            row = frames.row_at(address)
            assert row, hex(address)
            assert (row.register, row.offset) == (NAMES[register], offset), hex(address)
            assert row.return_register == 16
            if re.fullmatch(r"c-\d+", rule):
                assert row.saved[FRAME] == (None, -int(rule[2:])), hex(address)
            elif rule == "u":
                assert row.saved.get(FRAME) is None, hex(address)


def use(path: Path, addresses: list[int]) -> None:
    """All that is asked of a file; only NotElf may come of it, and only at once."""
    try:
        found = module(path)
    except NotElf:
        return
    for address in addresses:
        found.at(address)
        found.call_frames.row_at(address)
        found.image.address_of(address)


def test_damaged_files_are_survived(folder: Path, program: Path) -> None:
    whole = program.read_bytes()
    addresses = [start for start, _ in symbols(program).values()]
    chance = random.Random(7)
    damaged = folder / "damaged"
    for _ in range(150):
        data = bytearray(whole)
        for _ in range(chance.choice([1, 4, 40, 400])):
            # Headers are what the rest depends on.
            limit = chance.choice([64, 1024, len(data)])
            data[chance.randrange(limit)] = chance.choice([0, 1, 0x7F, 0x80, 0xFF])
        damaged.write_bytes(data[: chance.choice([len(data), chance.randrange(len(data))])])
        use(damaged, addresses)


def test_damaged_tables_of_sections_are_survived(folder: Path, program: Path) -> None:
    whole = program.read_bytes()
    addresses = [start for start, _ in symbols(program).values()]
    sections = int.from_bytes(whole[40:48], "little")
    chance = random.Random(8)
    damaged = folder / "sections"
    for _ in range(150):
        data = bytearray(whole)
        for _ in range(chance.choice([1, 3, 10])):
            at = chance.randrange(sections, len(data))
            data[at] = chance.choice([0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)])
        damaged.write_bytes(data)
        use(damaged, addresses)


@given(st.binary(max_size=400), st.sampled_from([b"", b"\x7fELF\x02\x01", b"\x7fELF\x01\x02"]))
def test_any_bytes_are_survived(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, head: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "bytes"
    path.write_bytes(head + data)
    use(path, [0, 64, 1 << 63, (1 << 64) - 1])


def test_what_is_no_regular_file_is_never_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path / "fifo", Path("/dev/null"), tmp_path):
        with pytest.raises(OSError, match="no regular file"):
            open_file(str(path))
