"""Wheel and sdist carry what they should, and nothing else."""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import zipfile
from email.parser import Parser
from pathlib import Path, PurePosixPath

import pytest

from .conftest import ROOT
from .environment import run

_BINARY = {".o", ".so", ".pyc", ".whl", ".a"}
_C = {".c", ".h"}


@pytest.fixture
def in_wheel(wheel: Path) -> list[PurePosixPath]:
    with zipfile.ZipFile(wheel) as archive:
        return [PurePosixPath(name) for name in archive.namelist() if not name.endswith("/")]


@pytest.fixture
def in_sdist(source: Path, tmp_path: Path, from_wheelhouse: dict[str, str]) -> list[PurePosixPath]:
    """What an sdist of a tree with built artifacts in it carries, relative to its top folder."""
    for name in ("sigsnoop.bpf.o", "_native.abi3.so", "_records.py"):
        built = ROOT / "src/pysigsnoop" / name
        (source / "src/pysigsnoop" / name).write_bytes(built.read_bytes())
    (source / "dist").mkdir()
    (source / "dist" / "old.whl").touch()
    command = (sys.executable, "-I", "-m", "hatchling", "build", "-t", "sdist", "-d", tmp_path)
    run(*command, cwd=source, extra=from_wheelhouse)
    (made,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(made) as archive:
        names = [PurePosixPath(m.name) for m in archive.getmembers() if m.isfile()]
    return [name.relative_to(name.parts[0]) for name in names]


def test_the_wheel_carries_every_module_and_artifact(in_wheel: list[PurePosixPath]) -> None:
    folder = ROOT / "src" / "pysigsnoop"
    modules = {f"pysigsnoop/{path.name}" for path in folder.glob("*.py")}
    artifacts = {"pysigsnoop/_native.abi3.so", "pysigsnoop/sigsnoop.bpf.o", "pysigsnoop/py.typed"}
    assert {str(path) for path in in_wheel if path.parts[0] == "pysigsnoop"} == modules | artifacts


def test_the_wheel_names_its_command_and_its_pytest_plugin(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (n for n in archive.namelist() if n.endswith(".dist-info/entry_points.txt"))
        told = archive.read(name).decode().split("\n\n")
    assert [group.split("\n") for group in map(str.strip, told)] == [
        ["[console_scripts]", "pysigsnoop = pysigsnoop.__main__:main"],
        ["[pytest11]", "pysigsnoop = pysigsnoop.pytest_plugin"],
    ]


def test_the_wheel_carries_the_licences_and_no_c(in_wheel: list[PurePosixPath]) -> None:
    licences = {path.name for path in in_wheel if path.parent.name == "licenses"}
    assert licences == {path.name for path in ROOT.glob("LICENSE*")}
    assert [path for path in in_wheel if path.suffix in _C] == []
    folders = {path.parts[0] for path in in_wheel}
    (version,) = (f.removesuffix(".dist-info") for f in folders if f.endswith(".dist-info"))
    assert folders == {"pysigsnoop", f"{version}.dist-info", f"{version}.data"}


def test_the_wheel_is_one_for_all_cpythons_and_distributions(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (n for n in archive.namelist() if n.endswith(".dist-info/WHEEL"))
        told = Parser().parsestr(archive.read(name).decode())
    tags = told.get_all("Tag") or []
    assert tags
    assert all(tag.startswith("cp310-abi3-manylinux") for tag in tags)
    assert told["Root-Is-Purelib"] == "false"


def test_libbpf_is_the_only_library_from_outside(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        extension = archive.extract("pysigsnoop/_native.abi3.so", tmp_path)
    command = ["readelf", "-dW", extension]
    told = subprocess.run(command, capture_output=True, text=True, check=True)
    needed = set(re.findall(r"\(NEEDED\).*\[(.*)\]", told.stdout))
    glibc = {name for name in needed if name == "libc.so.6" or name.startswith("ld-linux")}
    assert needed - glibc == {"libbpf.so.1"}
    assert "RUNPATH" not in told.stdout
    assert "RPATH" not in told.stdout


def test_the_sdist_carries_all_sources_and_no_binary(in_sdist: list[PurePosixPath]) -> None:
    carried = {str(path) for path in in_sdist}
    expected = {"build.py", "pyproject.toml", "Makefile", "README.md", "Containerfile", "PKG-INFO"}
    for folder in ("bpf", "src", "tests", "tools", "requirements", "docs", "examples"):
        paths = (path for path in (ROOT / folder).rglob("*") if path.is_file())
        expected |= {str(path.relative_to(ROOT)) for path in paths if path.suffix not in _BINARY}
    expected |= {path.name for path in ROOT.glob("LICENSE*")}
    expected.remove("src/pysigsnoop/_records.py")  # generated
    assert expected - carried == set()
    assert {path for path in in_sdist if path.suffix in _BINARY} == set()
    assert "src/pysigsnoop/_records.py" not in carried
