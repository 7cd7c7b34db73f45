"""What the container tests share: the engine, and an image for each Debian release tried."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from . import rootfs, views
from .engine import Engine

ROOT = Path(__file__).resolve().parents[2]

_IMAGE = """\
FROM {base}
COPY wheelhouse /wheelhouse
RUN python3 -m venv /opt/pysigsnoop && \\
    /opt/pysigsnoop/bin/pip install --no-index --find-links /wheelhouse pysigsnoop
"""


@pytest.fixture(autouse=True, scope="session")
def _possible() -> None:
    """These tests are asked for by name, so what they need is required, never skipped."""
    if os.geteuid() != 0:
        pytest.fail("container tests need root: sudo make test-container", pytrace=False)
    for program in ("podman", "runc", "debootstrap"):
        if shutil.which(program) is None:
            pytest.fail(f"{program} is missing: sudo make test-container", pytrace=False)
    views.require_initial_namespace()


@pytest.fixture(scope="session")
def engine(_possible: None) -> Iterator[Engine]:
    with tempfile.TemporaryDirectory(prefix="pysigsnoop-") as folder:
        engine = Engine(Path(folder) / "engine")
        try:
            yield engine
        finally:
            engine.close()


@pytest.fixture(scope="session", params=list(rootfs.SUITES))
def suite(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="session")
def base(engine: Engine, suite: str) -> str:
    """An image of the bare distribution."""
    engine.check("import", rootfs.tarball(suite), f"base:{suite}")
    return f"localhost/base:{suite}"


@pytest.fixture(scope="session")
def image(engine: Engine, base: str, suite: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """An image with the wheel of dist/, installed from a local wheelhouse without any network."""
    found = sorted((ROOT / "dist").glob("*.whl"))
    assert len(found) == 1, f"one wheel is expected under dist/, as `make wheel` leaves it: {found}"
    context = tmp_path_factory.mktemp("context")
    wheelhouse = context / "wheelhouse"
    command: list[str | Path] = [
        *(sys.executable, "-I", "-m", "pip", "download", "--quiet", "--only-binary", ":all:"),
        *("--python-version", rootfs.SUITES[suite], "--dest", wheelhouse),
        *("--require-hashes", "-r", ROOT / "requirements" / "run.txt"),
    ]
    subprocess.run(command, check=True, cwd="/")
    shutil.copy(found[0], wheelhouse)
    (context / "Containerfile").write_text(_IMAGE.format(base=base))
    engine.check("build", "--network", "none", "--tag", f"pysigsnoop:{suite}", context)
    return f"localhost/pysigsnoop:{suite}"
