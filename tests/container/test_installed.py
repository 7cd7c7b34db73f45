"""The image holds the installed wheel, and nothing of the source."""

from __future__ import annotations

import json
import re

from .engine import Engine
from .rootfs import SUITES
from .traced import PYTHON, TRACER

# The oldest supported, on which the wheel is built, and what makes another one a newer one.
_BUILT_WITH, _NEWER = (1, 1), (1, 5)

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


def test_its_libbpf_is_the_distributions_own(engine: Engine, image: str, suite: str) -> None:
    # Which finds that it may not trace here; that it does is tested elsewhere.
    told = engine.run("run", "--rm", image, TRACER, "doctor", "--json")
    assert told.returncode == 1, told.stderr
    (said,) = (c for c in json.loads(told.stdout)["checks"] if c["name"] == "libbpf")
    found = re.match(r"v(\d+)\.(\d+)", said["found"])
    assert found, said
    version = int(found[1]), int(found[2])
    assert (version == _BUILT_WITH) if suite == "bookworm" else (version >= _NEWER)
