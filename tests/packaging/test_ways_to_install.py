"""Every way to install ends in a copy that traces; all from a path with spaces."""

from __future__ import annotations

from pathlib import Path

import pytest

from . import known_kill
from .conftest import BUILD_REQUIREMENTS, MakeEnvironment

# No network at all, not even one that answers with an error.
OFFLINE = ("unshare", "--net")


def test_pip_install(
    source: Path, make_environment: MakeEnvironment, from_wheelhouse: dict[str, str]
) -> None:
    environment = make_environment()
    environment.pip("install", ".", cwd=source, extra=from_wheelhouse)
    assert known_kill.check(environment).is_relative_to(environment.folder)
    assert (environment.folder / "share/man/man1/pysigsnoop.1").is_file()


def test_pip_install_editable_follows_the_source(
    source: Path, make_environment: MakeEnvironment, from_wheelhouse: dict[str, str]
) -> None:
    environment = make_environment()
    environment.pip("install", "-e", ".", cwd=source, extra=from_wheelhouse)
    assert known_kill.check(environment) == source / "src" / "pysigsnoop"
    assert (environment.folder / "share/man/man1/pysigsnoop.1").is_file()


def test_pip_wheel(
    source: Path, tmp_path: Path, make_environment: MakeEnvironment, from_wheelhouse: dict[str, str]
) -> None:
    environment = make_environment()
    environment.pip("wheel", ".", "-w", tmp_path / "out", cwd=source, extra=from_wheelhouse)
    (made,) = (tmp_path / "out").glob("pysigsnoop-*-cp310-abi3-linux_*.whl")
    environment.pip("install", made, extra=from_wheelhouse)
    known_kill.check(environment)


def test_build_makes_an_sdist_and_from_it_a_wheel(
    source: Path, tmp_path: Path, make_environment: MakeEnvironment, from_wheelhouse: dict[str, str]
) -> None:
    builder = make_environment("builder")
    builder.pip("install", "build", extra=from_wheelhouse)
    # -I, because the project's own build.py stands in the current folder.
    out = tmp_path / "out"
    builder.run_python("-I", "-m", "build", "-o", out, cwd=source, extra=from_wheelhouse)
    (sdist,), (wheel,) = out.glob("*.tar.gz"), out.glob("*.whl")
    for made in (sdist, wheel):
        environment = make_environment(made.suffix.lstrip("."))
        environment.pip("install", made, extra=from_wheelhouse)
        known_kill.check(environment)


@pytest.mark.parametrize("options", [(), ("-e",)], ids=["plain", "editable"])
def test_offline_given_the_build_requirements(
    options: tuple[str, ...],
    source: Path,
    wheelhouse: Path,
    make_environment: MakeEnvironment,
) -> None:
    environment = make_environment()
    house = ("--no-index", "--find-links", wheelhouse)
    needed = (*BUILD_REQUIREMENTS, "pyelftools", "rich", "editables")
    environment.pip("install", *house, *needed, prefix=OFFLINE)
    install = ("install", "--no-build-isolation", "--no-index", *options, ".")
    environment.pip(*install, cwd=source, prefix=OFFLINE)
    known_kill.check(environment)


def test_a_prebuilt_object_needs_no_clang(
    source: Path, tmp_path: Path, make_environment: MakeEnvironment, from_wheelhouse: dict[str, str]
) -> None:
    built = Path(__file__).parents[2] / "src" / "pysigsnoop" / "sigsnoop.bpf.o"
    extra = {**from_wheelhouse, "PYSIGSNOOP_BPF_OBJECT": str(built), "CLANG": "/nonexistent"}
    (tmp_path / "bin").mkdir()
    for tool in ("cc", "pkg-config", "as", "ld"):
        (tmp_path / "bin" / tool).symlink_to(f"/usr/bin/{tool}")
    extra["PATH"] = str(tmp_path / "bin")
    environment = make_environment()
    environment.pip("install", ".", cwd=source, extra=extra)
    assert (known_kill.check(environment) / built.name).read_bytes() == built.read_bytes()
