"""Where the BPF object, the extension or libbpf is missing or damaged, the error says which."""

from __future__ import annotations

import io
import os
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from elftools.elf.elffile import ELFFile

from pysigsnoop import NotSupported, ObjectInvalid, SignalTracer
from pysigsnoop._records import LAYOUT
from pysigsnoop.exit_status import ExitStatus

from .commands import PACKAGE_ROOT, forced_script, run, run_program
from .test_errors_rights import check

OBJECT = PACKAGE_ROOT / "pysigsnoop" / "sigsnoop.bpf.o"


def patched(at: int, new: bytes) -> bytes:
    """The object with other bytes at an offset."""
    held = OBJECT.read_bytes()
    return held[:at] + new + held[at + len(new) :]


def parsed() -> Any:
    """The object as pyelftools reads it."""
    return ELFFile(io.BytesIO(OBJECT.read_bytes()))


def without_section(name: str) -> bytes:
    """The object in which a section has no name, so that nobody finds it."""
    elf = parsed()
    index = [section.name for section in elf.iter_sections()].index(name)
    return patched(elf["e_shoff"] + index * elf["e_shentsize"], struct.pack("=I", 0))


def without_program(name: str) -> bytes:
    """The object in which a program is called otherwise: by its name without the first letter."""
    table = parsed().get_section_by_name(".symtab")
    index = [symbol.name for symbol in table.iter_symbols()].index(name)
    later = table.get_symbol(index).entry["st_name"] + 1
    return patched(table["sh_offset"] + index * table["sh_entsize"], struct.pack("=I", later))


def of_another_layout() -> bytes:
    """The object as another version of the shared header would make it."""
    section = parsed().get_section_by_name(".rodata.settings")
    assert section.data()[:4] == struct.pack("=I", LAYOUT)
    return patched(section["sh_offset"], struct.pack("=I", LAYOUT ^ 1))


def with_bad_code(program: str) -> bytes:
    """The object with an instruction in one program that no verifier takes."""
    elf = parsed()
    (symbol,) = elf.get_section_by_name(".symtab").get_symbol_by_name(program)
    section = elf.get_section(symbol["st_shndx"])
    return patched(section["sh_offset"] + symbol["st_value"], b"\xff" * 8)


DAMAGE: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (lambda: b"", "not a whole ELF file"),
    "text": (lambda: b"this is no object\n" * 100, "not a whole ELF file"),
    "truncated": (lambda: OBJECT.read_bytes()[:9000], "not a whole ELF file"),
    "of another machine": (lambda: Path(sys.executable).read_bytes(), "not for BPF"),
    "without BTF": (lambda: without_section(".BTF"), "section .BTF is missing"),
    "without maps": (lambda: without_section(".maps"), "section .maps is missing"),
    "without licence": (lambda: without_section("license"), "section license is missing"),
    "without settings": (
        lambda: without_section(".rodata.settings"),
        "section .rodata.settings is missing",
    ),
    "without a program": (
        lambda: without_program("generate_btf"),
        "program generate_btf is missing",
    ),
    "older": (of_another_layout, "another version of bpf/sigsnoop.h"),
}


@pytest.mark.once
@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_object_is_told_by_what_is_wrong_with_it(damage: str, tmp_path: Path) -> None:
    make, words = DAMAGE[damage]
    path = tmp_path / "sigsnoop.bpf.o"
    path.write_bytes(make())
    ended = run("--duration", "60", PYSIGSNOOP_BPF_OBJECT=str(path))
    check(ended, str(path), words, "hint: unset PYSIGSNOOP_BPF_OBJECT")


@pytest.mark.once
def test_an_object_that_is_not_there_is_told(tmp_path: Path) -> None:
    ended = run("--duration", "60", PYSIGSNOOP_BPF_OBJECT=str(tmp_path / "none.o"))
    check(ended, str(tmp_path / "none.o"), "no BPF object", "unset PYSIGSNOOP_BPF_OBJECT")


def test_an_object_from_elsewhere_that_is_whole_is_taken(tmp_path: Path) -> None:
    shutil.copy(OBJECT, tmp_path / "prebuilt.o")
    ended = run("--duration", "0.1", "-p", "1", PYSIGSNOOP_BPF_OBJECT=str(tmp_path / "prebuilt.o"))
    assert (ended.status, ended.summary) == (ExitStatus.DONE, "0 received, 0 lost\n")


@pytest.mark.once
@pytest.mark.parametrize(("owner", "mode"), [(4242, 0o644), (0, 0o664), (0, 0o646)])
def test_an_object_that_others_can_write_is_not_loaded(
    tmp_path: Path, owner: int, mode: int
) -> None:
    path = tmp_path / "theirs.o"
    shutil.copy(OBJECT, path)
    path.chmod(mode)
    os.chown(path, owner, 0)
    ended = run("--duration", "60", PYSIGSNOOP_BPF_OBJECT=str(path))
    check(ended, str(path), "is not loaded", "unset PYSIGSNOOP_BPF_OBJECT")


def test_what_the_verifier_said_is_kept_with_the_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.o").write_bytes(with_bad_code("learn_tracer"))
    monkeypatch.setenv("PYSIGSNOOP_BPF_OBJECT", str(tmp_path / "bad.o"))
    with pytest.raises((NotSupported, ObjectInvalid)) as raised:
        SignalTracer().open()
    assert "learn_tracer" in raised.value.log
    assert raised.value.hint
    # The library itself prints nothing.
    assert capfd.readouterr() == ("", "")


def test_a_good_start_imports_nothing_that_only_errors_need() -> None:
    script = """
import sys
from pysigsnoop import SignalTracer
with SignalTracer():
    assert not {"elftools", "asyncio", "json", "argparse"} & sys.modules.keys(), sys.modules
"""
    ended = run_program(
        [
            sys.executable,
            "-I",
            "-c",
            f"import sys; sys.path.insert(0, {str(PACKAGE_ROOT)!r}){forced_script(script)}",
        ]
    )
    assert (ended.status, ended.err) == (0, "")


# libbpf and the extension


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of the built package, to be damaged."""
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(PACKAGE_ROOT / "pysigsnoop", tmp_path / "pysigsnoop", ignore=ignored)
    return tmp_path


@pytest.mark.once
def test_a_missing_libbpf_is_told(package: Path) -> None:
    # The extension asks the dynamic linker for a library that is not on this machine.
    extension = package / "pysigsnoop" / "_native.abi3.so"
    held = extension.read_bytes()
    assert b"libbpf.so.1\0" in held
    extension.write_bytes(held.replace(b"libbpf.so.1\0", b"libbpf.so.~\0"))
    ended = run(PYTHONPATH=str(package))
    check(ended, "libbpf 1.0 or newer is needed", "sudo apt-get install libbpf1")


@pytest.mark.once
def test_a_libbpf_that_lacks_functions_is_told(tmp_path: Path) -> None:
    # Of the right name, with the oldest functions and without those that came with 1.0.
    source = tmp_path / "old.c"
    source.write_text("unsigned int libbpf_major_version(void) { return 0; }\n")
    versions = tmp_path / "old.map"
    versions.write_text("LIBBPF_0.0.1 { global: *; };\n")
    subprocess.run(
        [
            *("cc", "-shared", "-fPIC", "-Wl,-soname,libbpf.so.1"),
            *(f"-Wl,--version-script={versions}", str(source)),
            *("-o", str(tmp_path / "libbpf.so.1")),
        ],
        check=True,
    )
    ended = run(LD_LIBRARY_PATH=str(tmp_path))
    check(ended, "libbpf 1.0 or newer is needed", "sudo apt-get install libbpf1")


@pytest.mark.once
@pytest.mark.parametrize("missing", ["_native.abi3.so", "_records.py", "sigsnoop.bpf.o"])
def test_what_was_not_built_is_told(missing: str, package: Path) -> None:
    (package / "pysigsnoop" / missing).unlink()
    ended = run(PYTHONPATH=str(package))
    check(ended, "hint: python build.py")
    assert "PYSIGSNOOP_BPF_OBJECT" not in ended.err


@pytest.mark.once
def test_an_extension_of_another_machine_is_told(package: Path) -> None:
    (package / "pysigsnoop" / "_native.abi3.so").write_bytes(os.urandom(1000))
    check(run(PYTHONPATH=str(package)), "python build.py")
