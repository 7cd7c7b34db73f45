"""What the packaging tests share: the wheel as released, copies of the source, build tools."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from .environment import Environment, run

ROOT = Path(__file__).resolve().parents[2]
_NOT_SOURCE = shutil.ignore_patterns(
    ".git", ".venv", "dist", "build", "__pycache__", "*.o", "*.so", "_records.py", ".*_cache"
)
# What [build-system] asks for, as one who builds without isolation must install it.
BUILD_REQUIREMENTS = ("hatchling>=1.21", "cffi>=1.15", "argparse-manpage>=4.6", "shtab>=1.10")

MakeEnvironment = Callable[..., Environment]


@pytest.fixture(autouse=True, scope="session")
def _can_trace() -> None:
    """What was installed is tried on real signals, so a machine that cannot trace fails here."""
    command = [sys.executable, "-m", "pysigsnoop", "--duration", "0.01"]
    tried = subprocess.run(command, cwd=ROOT / "src", capture_output=True, text=True, check=False)
    if tried.returncode:
        pytest.fail(f"this machine cannot trace: {tried.stderr}", pytrace=False)


@pytest.fixture(scope="session")
def wheel() -> Path:
    """The wheel under dist/, as `make wheel` made, audited and tagged it."""
    found = sorted((ROOT / "dist").glob("*.whl"))
    assert len(found) == 1, f"one wheel is expected under dist/, as `make wheel` leaves it: {found}"
    return found[0]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A clean copy of the source in a path with spaces, where builds may leave what they like."""
    target = tmp_path / "a path with spaces" / "pysigsnoop"
    shutil.copytree(ROOT, target, ignore=_NOT_SOURCE)
    return target


@pytest.fixture
def make_environment(tmp_path: Path) -> MakeEnvironment:
    """Makes fresh virtual environments, of the Python that runs the tests if none is named."""

    def make(name: str = "venv", interpreter: str = sys.executable) -> Environment:
        return Environment(tmp_path / name, interpreter)

    return make


@pytest.fixture(scope="session")
def wheelhouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Wheels of all that building and running needs, so that what follows needs no network."""
    folder = tmp_path_factory.mktemp("wheelhouse")
    needed = ("--require-hashes", "-r", ROOT / "requirements" / "packaging.txt")
    # Not downloaded alone: what comes as sources is built, by what the Makefile installed for that.
    options = ("--quiet", "--no-build-isolation", "--wheel-dir", folder)
    run(sys.executable, "-I", "-m", "pip", "wheel", *options, *needed)
    return folder


@pytest.fixture(scope="session")
def from_wheelhouse(wheelhouse: Path) -> dict[str, str]:
    """Variables under which pip, and the pip that it starts itself, use the wheelhouse alone."""
    return {
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": wheelhouse.as_uri(),
        "PIP_EXTRA_INDEX_URL": "",
        "PIP_CONFIG_FILE": "/dev/null",
    }
