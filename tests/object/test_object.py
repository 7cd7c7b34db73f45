"""The BPF object as built: its sections, its types, and the same bytes every time."""

from __future__ import annotations

import io
import re
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from elftools.elf.constants import SH_FLAGS
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

import build

from .architectures import object_types
from .btf import Btf

ROOT = Path(__file__).parents[2]
OBJECT = ROOT / "src/pysigsnoop/sigsnoop.bpf.o"


@pytest.fixture(scope="module")
def btf() -> Btf:
    return Btf(OBJECT)


@pytest.fixture(scope="module")
def sections() -> dict[str, bytes]:
    with OBJECT.open("rb") as file:
        elf = ELFFile(file)
        assert elf["e_machine"] == "EM_BPF"
        return {section.name: section.data() for section in elf.iter_sections()}


def test_the_licence_is_the_originals(sections: dict[str, bytes]) -> None:
    assert sections["license"] == b"Dual BSD/GPL\0"


@pytest.mark.parametrize(
    ("section", "program"),
    [
        ("?tracepoint/syscalls/sys_enter_kill", "kill_entry"),
        ("?tracepoint/syscalls/sys_exit_kill", "kill_exit"),
        ("?tracepoint", "exit_six"),
        ("?tp_btf/sys_exit", "exit_any"),
        ("?tp_btf/signal_generate", "generate_btf"),
        ("?raw_tp/signal_generate", "generate_raw"),
        ("?raw_tp/mark_victim", "oom_victim"),
        ("?raw_tp", "learn_tracer"),
        ("?raw_tp", "still_runs"),
        ("?raw_tp", "level_of_cgroup"),
        ("?raw_tp/sched_wakeup_new", "follow_birth"),
        ("?raw_tp/sched_process_free", "follow_end"),
        ("?raw_tp", "follow_number"),
        ("?iter/task", "follow_look"),
    ],
)
def test_each_program_is_in_the_section_that_says_where_it_attaches(
    section: str, program: str
) -> None:
    with OBJECT.open("rb") as file:
        elf = ELFFile(file)
        table = elf.get_section_by_name(".symtab")
        assert isinstance(table, SymbolTableSection)
        symbols = table.get_symbol_by_name(program)
        assert symbols
        (symbol,) = symbols
        assert symbol["st_info"]["type"] == "STT_FUNC"
        assert elf.get_section(symbol["st_shndx"]).name == section


def instructions(arch: str) -> Iterator[tuple[int, int, int]]:
    """Operation, registers (the target's number is the lower half) and constant of each."""
    elf = ELFFile(io.BytesIO(object_types(arch)[0]))
    for section in elf.iter_sections():
        if section["sh_flags"] & SH_FLAGS.SHF_EXECINSTR:
            for operation, registers, _, constant in struct.iter_unpack("=BBhi", section.data()):
                yield operation, registers, constant


@pytest.mark.parametrize("arch", build.BPF_ARCH.values())
def test_atomics_return_nothing_as_old_kernels_have_no_others(arch: str) -> None:
    # BPF_STX | BPF_ATOMIC of either width; what it does is in the constant, and adds by 0.
    found = {constant for operation, _, constant in instructions(arch) if operation in (0xC3, 0xDB)}
    assert found == {0}


@pytest.mark.parametrize("arch", build.BPF_ARCH.values())
def test_where_such_atomics_are_no_barrier_the_kernel_looks_whom_to_wake(arch: str) -> None:
    flags: set[int] = set()
    lately: list[int] = []
    for operation, registers, constant in instructions(arch):
        if operation in (0xB4, 0xB7) and registers & 15 == 2:
            lately.append(constant)
        elif operation == 0x85:
            if (registers, constant) == (0, 132):  # bpf_ringbuf_submit
                flags.update(lately[-3:])
            lately.clear()
    no_wakeup, force_wakeup = 1, 2
    assert force_wakeup in flags
    assert (no_wakeup in flags) == (arch != "arm64")


def test_types_are_there_and_dwarf_is_not(sections: dict[str, bytes]) -> None:
    assert sections[".BTF"]
    assert sections[".BTF.ext"]
    assert not [name for name in sections if "debug" in name]


def test_the_original_map_is_the_originals(btf: Btf) -> None:
    fields = {m["name"]: m["type_id"] for m in _map(btf, "values")["members"]}
    assert set(fields) == {"type", "max_entries", "key", "value"}
    assert btf.number(fields["type"]) == 1  # BPF_MAP_TYPE_HASH
    assert btf.number(fields["max_entries"]) == 10240
    key = btf.plain(btf.plain(fields["key"])["type_id"])
    assert (key["kind"], key["size"], key["encoding"]) == ("INT", 4, "(none)")
    value = btf.plain(btf.plain(fields["value"])["type_id"])
    assert (value["kind"], value["name"], value["size"]) == ("STRUCT", "event", 32)
    layout = [
        (m["name"], m["bits_offset"] // 8, _spelt(btf, m["type_id"])) for m in value["members"]
    ]
    assert layout == [
        ("pid", 0, "unsigned int"),
        ("tpid", 4, "unsigned int"),
        ("sig", 8, "int"),
        ("ret", 12, "int"),
        ("comm", 16, "char[16]"),
    ]


def _map(btf: Btf, name: str) -> dict[str, Any]:
    return btf.plain(btf.named("VAR", name)["type_id"])


def _spelt(btf: Btf, type_id: int) -> str:
    found = btf.plain(type_id)
    if found["kind"] == "ARRAY":
        return f"{_spelt(btf, found['type_id'])}[{found['nr_elems']}]"
    return str(found["name"])


def test_the_original_prints_its_two_pieces_and_nothing_else_prints(
    sections: dict[str, bytes],
) -> None:
    assert b"PID %d (%s) sent signal %d \0" in sections[".rodata"]
    assert b"to PID %d, ret = %d\0" in sections[".rodata"]
    assert _printing_programs() == {"kill_exit": 2}


def _printing_programs() -> dict[str, int]:
    """How often each program calls bpf_trace_printk, helper 6."""
    with OBJECT.open("rb") as file:
        elf = ELFFile(file)
        found: dict[str, int] = {}
        table = elf.get_section_by_name(".symtab")
        assert isinstance(table, SymbolTableSection)
        for symbol in table.iter_symbols():
            if symbol["st_info"]["type"] != "STT_FUNC":
                continue
            code = elf.get_section(symbol["st_shndx"]).data()
            start = symbol["st_value"]
            body = code[start : start + symbol["st_size"]]
            calls = [body[at : at + 8] for at in range(0, len(body), 8)]
            count = sum(each == bytes((0x85, 0, 0, 0, 6, 0, 0, 0)) for each in calls)
            if count:
                found[symbol.name] = count
        return found


def test_the_same_source_makes_the_same_bytes_in_any_directory(tmp_path: Path) -> None:
    built = []
    for place in (tmp_path / "a", tmp_path / "a much longer name" / "deep" / "er"):
        shutil.copytree(ROOT / "bpf", place / "bpf")
        shutil.copytree(ROOT / "src/native", place / "src/native")
        (place / "src/pysigsnoop").mkdir()
        shutil.copy(ROOT / "build.py", place)
        subprocess.run([sys.executable, "build.py"], cwd=place, check=True, capture_output=True)
        built.append((place / "src/pysigsnoop/sigsnoop.bpf.o").read_bytes())
    assert built[0] == built[1]
    assert built[0] == OBJECT.read_bytes()


def test_every_ring_record_and_shared_struct_is_free_of_padding(tmp_path: Path) -> None:
    # As clang lays them out for BPF: the object holds only the types that its maps name.
    header = ROOT / "bpf/sigsnoop.h"
    ours = re.findall(r"^struct (sigsnoop_\w+) \{", header.read_text(), re.MULTILINE)
    assert "sigsnoop_send" in ours
    uses = "".join(f"struct {name} {name};\n" for name in ours)
    (tmp_path / "all.c").write_text(f'#include "{header}"\n{uses}')
    command = ["clang", "-g", "-O2", "-target", "bpf", "-c", "all.c", "-o", "all.o"]
    subprocess.run(command, cwd=tmp_path, check=True)
    btf = Btf(tmp_path / "all.o")
    for name in ours:
        struct = btf.named("STRUCT", name)
        end = 0
        for member in struct["members"]:
            assert member["bits_offset"] == end, f"padding before {name}.{member['name']}"
            end += 8 * _size(btf, member["type_id"])
        assert end == 8 * struct["size"], f"padding at the end of {name}"


def _size(btf: Btf, type_id: int) -> int:
    found = btf.plain(type_id)
    if found["kind"] == "ARRAY":
        return int(found["nr_elems"]) * _size(btf, found["type_id"])
    return 8 if found["kind"] == "PTR" else int(found["size"])
