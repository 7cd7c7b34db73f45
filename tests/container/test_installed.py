"""The image holds the installed wheel, and nothing of the source."""

from __future__ import annotations

from .engine import Engine
from .rootfs import SUITES
from .traced import PYTHON, TRACER

_ASK = "import pysigsnoop, sys; print(*sys.version_info[:2], sep='.'); print(pysigsnoop.__file__)"


def test_the_source_is_absent_and_the_package_is_the_wheels(
    engine: Engine, image: str, suite: str
) -> None:
    told = engine.check("run", "--rm", "--workdir", "/", image, PYTHON, "-c", _ASK)
    version, place = told.split()
    assert version == SUITES[suite]
    assert place.startswith("/opt/pysigsnoop/lib/")
    search = ("find", "/", "-xdev", "-name", "sigsnoop.bpf.c", "-o", "-name", "reader.c")
    assert engine.check("run", "--rm", image, *search) == ""


def test_help_needs_no_rights(engine: Engine, image: str) -> None:
    rights = ("--cap-drop", "ALL", "--user", "1000")
    told = engine.check("run", "--rm", *rights, image, TRACER, "--help")
    assert told.startswith("usage: pysigsnoop")
