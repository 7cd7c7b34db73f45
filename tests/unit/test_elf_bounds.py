"""Files that say they hold more than they do, or pack much into little: bounded, and survived."""

from __future__ import annotations

import struct
import subprocess
import tracemalloc
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest

from pysigsnoop.elf_image import ElfImage, NotElf, open_file
from pysigsnoop.elf_sections import read_sections, unpacked
from pysigsnoop.module import Module
from pysigsnoop.module_tables import KeptTables

PROGBITS, STRTAB, NOBITS = 1, 3, 8
COMPRESSED = 0x800
#: What may be taken to find that a file is no good.
ROOM = 16 << 20
BOMB = 128 << 20


def image(path: Path) -> ElfImage:
    return ElfImage(open_file(str(path)))


def elf(
    path: Path,
    *sections: tuple[str, int, int, bytes, int | None],
    count: int | None = None,
    names_size: int | None = None,
) -> Path:
    """A file with sections: name, type, flags, data, and the size that it says."""
    names, data, rows = b"\0", b"", [bytes(64)]
    whole = (*sections, (".shstrtab", STRTAB, 0, b"", names_size))
    spelled = b"\0" + b"".join(name.encode() + b"\0" for name, *_ in whole)
    for name, kind, flags, given, size in whole:
        held = given or (spelled if name == ".shstrtab" else b"")
        at = len(names)
        names += name.encode() + b"\0"
        said = len(held) if size is None else size
        rows.append(
            struct.pack("<IIQQQQIIQQ", at, kind, flags, 0, 64 + len(data), said, 0, 0, 1, 0)
        )
        data += held
    header = struct.pack(
        *("<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01", 2, 62, 1, 0, 0, 64 + len(data), 0, 64, 56),
        *(0, 64, len(rows) if count is None else count, len(rows) - 1),
    )
    path.write_bytes(header + data + b"".join(rows))
    return path


@contextmanager
def bounded() -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < ROOM, most


@cache
def zeros(size: int) -> bytes:
    packer = zlib.compressobj()
    body = b"".join(packer.compress(bytes(1 << 20)) for _ in range(size >> 20))
    return body + packer.flush()


def packed(size: int, said: int) -> bytes:
    """So many zeros, behind a header that says another number."""
    return struct.pack("<IxxxxQQ", 1, said, 1) + zeros(size)


def old(said: int) -> bytes:
    return b"ZLIB" + struct.pack(">Q", said) + zeros(BOMB)


HUGE = {
    "more than memory": (".debug_info", PROGBITS, 0, b"x", 1 << 62),
    "less than none": (".debug_info", PROGBITS, 0, b"x", (1 << 64) - 1),
    "nothing, at length": (".debug_info", NOBITS, 0, b"", 1 << 40),
    "frames": (".eh_frame", PROGBITS, 0, b"x", 1 << 62),
    "symbols": (".symtab", PROGBITS, 0, b"x", 1 << 62),
    "packed, unsaid": (".debug_info", PROGBITS, COMPRESSED, packed(BOMB, 0), None),
    "packed, little said": (".debug_info", PROGBITS, COMPRESSED, packed(BOMB, 1), None),
    "packed, said": (".debug_info", PROGBITS, COMPRESSED, packed(BOMB, BOMB), None),
    "packed, no header": (".debug_info", PROGBITS, COMPRESSED, packed(1 << 20, 1 << 20), 3),
    "packed, all memory": (".debug_info", PROGBITS, COMPRESSED, packed(1 << 20, 1 << 62), None),
    "packed of old": (".zdebug_info", PROGBITS, 0, old(1), None),
    "packed of old, said": (".zdebug_info", PROGBITS, 0, old(BOMB), None),
}


@pytest.mark.parametrize("section", HUGE.values(), ids=HUGE)
def test_no_section_takes_more_than_there_is(
    tmp_path: Path, section: tuple[str, int, int, bytes, int | None]
) -> None:
    others = [(name, PROGBITS, 0, b"x", None) for name in (".debug_info", ".strtab")]
    path = elf(tmp_path / "elf", *others, section)
    with bounded():
        found = Module(str(path), image(path), KeptTables())
        assert found.at(0) == (None, None)
        assert found.call_frames.row_at(0) is None


@pytest.mark.parametrize("count", [0, 4097, 65535])
def test_a_file_with_more_sections_than_any_program_has_none(tmp_path: Path, count: int) -> None:
    path = elf(tmp_path / "elf", count=count)
    with bounded(), pytest.raises(NotElf):
        read_sections(image(path))


def test_names_without_an_end_are_bounded(tmp_path: Path) -> None:
    path = elf(tmp_path / "elf", ("x" * 200, PROGBITS, 0, b"", None))
    assert {*read_sections(image(path))} == {".shstrtab"}
    path = elf(tmp_path / "long", names_size=1 << 40)
    with bounded(), pytest.raises(NotElf):
        read_sections(image(path))


@pytest.mark.parametrize("style", ["zlib-gabi", "zlib-gnu"])
def test_what_objcopy_packed_is_unpacked(tmp_path: Path, style: str) -> None:
    source, plain, made = (tmp_path / name for name in ("many.c", "plain", "packed"))
    many = [f"int named_{number}(int n) {{ return n + {number}; }}" for number in range(300)]
    source.write_text("\n".join([*many, "int main(void) { return 0; }", ""]))
    subprocess.run(["cc", "-g", source, "-o", plain], check=True)
    subprocess.run(["objcopy", f"--compress-debug-sections={style}", plain, made], check=True)
    name, expected = ".debug_info", read_sections(image(plain))[".debug_info"]
    whole = unpacked(image(plain), expected, 1 << 20)
    section = read_sections(image(made))[name if style == "zlib-gabi" else ".zdebug_info"]
    assert section.size < expected.size == len(whole)
    assert unpacked(image(made), section, len(whole)) == whole
    with pytest.raises(NotElf):
        unpacked(image(made), section, len(whole) - 1)
    (start,) = (
        int(line.split()[0], 16)
        for line in subprocess.check_output(["nm", plain], text=True).splitlines()
        if line.endswith(" named_7")
    )
    for path in (plain, made):
        assert Module(str(path), image(path), KeptTables()).at(start) == (
            (start, "named_7"),
            (str(source), 8),
        )


def test_tables_of_many_files_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "named.c"
    source.write_text("int named(int n) { return n + 1; }\nint main(void) { return named(0); }\n")
    paths = [tmp_path / f"program{number}" for number in range(5)]
    for path in paths:
        subprocess.run(["cc", "-g", source, "-o", path], check=True)
    said = subprocess.check_output(["nm", paths[0]], text=True)
    (start,) = (int(line.split()[0], 16) for line in said.splitlines() if line.endswith(" named"))
    tables = KeptTables()
    modules = [Module(str(path), image(path), tables) for path in paths]

    def name_all(offset: int) -> None:
        for module in modules:
            function, line = module.at(start + offset)
            assert function == (start, "named")
            assert line
            assert (line.file, line.line) == (str(source), 1)

    name_all(0)
    (weight,) = {each.weight for each in tables._kept.values()}
    assert weight > 1000
    assert len(tables._kept) == len(paths)
    monkeypatch.setattr(KeptTables, "MOST", 3 * weight)
    # One by one the oldest goes, and what went is read again.
    for offset in (1, 2):
        name_all(offset)
        assert [*tables._kept] == [module.image for module in modules[-3:]]
    monkeypatch.setattr(KeptTables, "MOST_FILES", 2)
    name_all(3)
    assert len(tables._kept) == 2
    monkeypatch.setattr(KeptTables, "MOST", 1)
    name_all(4)
    assert len(tables._kept) == 1
    tables.forget(modules[-1].image)
    assert not tables._kept
