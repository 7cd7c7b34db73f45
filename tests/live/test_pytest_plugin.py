"""The pytest plugin as others get it: a pytest of its own, which finds it by its entry point."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pysigsnoop import pytest_plugin

from .commands import Ended, environment, run_program
from .test_errors_rights import with_only

pytestmark = pytest.mark.once

PROJECT = Path(__file__).parents[2] / "pyproject.toml"
TESTS = """
import os, signal, subprocess
import pytest

@pytest.fixture
def proc():
    with subprocess.Popen(["sleep", "600"]) as process:
        yield process
        process.kill()

def test_tracer(signal_tracer, proc):
    tracer, other = signal_tracer(target_pid=proc.pid), signal_tracer(target_pid=os.getpid())
    proc.terminate()
    (event,) = tracer.read(60)
    assert event.signal == signal.SIGTERM
    assert other.read(0) == []
    global last
    last = tracer

def test_the_tracer_is_closed_afterwards():
    assert last.closed

def test_block(expect_signal, proc):
    with expect_signal(signal.SIGTERM, target=proc.pid, timeout=60) as seen:
        proc.terminate()
    assert seen.event.sender.pid == os.getpid()

def test_what_does_not_come(expect_signal, proc):
    with pytest.raises(AssertionError, match="and nothing else"):
        with expect_signal(signal.SIGTERM, target=proc.pid, timeout=0):
            pass
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Another project's tests, and the package as if it were installed: with its entry point."""
    points = re.findall(r'\[project\.entry-points\.(.+)\]\n(.+) = "(.+)"\n', PROJECT.read_text())
    assert [group for group, *_ in points] == ["pytest11"]
    info = tmp_path / "site" / "pysigsnoop-0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: pysigsnoop\nVersion: 0\n")
    (info / "entry_points.txt").write_text(
        "".join(f"[{group}]\n{name} = {module}\n" for group, name, module in points)
    )
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_signals.py").write_text(TESTS)
    return tmp_path


def pytest_run(
    project: Path, *arguments: str, prefix: tuple[str, ...] = (), required: str = ""
) -> Ended:
    """Run another project's tests, all warnings errors."""
    paths = (environment()["PYTHONPATH"], str(project / "site"))
    return run_program(
        [
            *(*prefix, sys.executable, "-m", "pytest", "-q", "-rs", "-W", "error"),
            *("-p", "no:cacheprovider", "--rootdir", str(project)),
            *(*arguments, str(project / "tests")),
        ],
        PYTHONPATH=os.pathsep.join(paths),
        **{pytest_plugin.VARIABLE: required},
    )


def test_the_fixtures_trace(project: Path) -> None:
    # Not loaded twice, either, by who names it beside.
    ended = pytest_run(project, "-p", "pysigsnoop")
    assert (ended.status, ended.lines[-1].split(" in ")[0]) == (0, "4 passed"), ended


@pytest.mark.parametrize(
    ("required", "status", "words"), [("", 0, "3 skipped"), ("1", 1, "errors")]
)
def test_where_they_cannot_they_skip_with_the_doctors_reason_or_fail(
    required: str, status: int, words: str, project: Path
) -> None:
    ended = pytest_run(project, "-k", "not closed", prefix=with_only(), required=required)
    assert ended.status == status
    assert words in ended.lines[-1]
    assert "passed" not in ended.lines[-1]
    assert any("CAP_BPF and CAP_PERFMON missing" in line for line in ended.lines)
    assert any("hint: sudo pysigsnoop" in line for line in ended.lines)


def test_a_run_that_uses_no_fixture_loads_no_tracer(project: Path) -> None:
    (project / "tests" / "test_signals.py").write_text(
        "import sys\n"
        "def test_modules():\n"
        "    loaded = sorted(name for name in sys.modules if name.startswith('pysigsnoop'))\n"
        "    assert loaded == [f'pysigsnoop{each}' for each in\n"
        "        ('', '.errors', '.pytest_plugin', '.signals', '.text')]\n"
    )
    ended = pytest_run(project)
    assert (ended.status, ended.lines[-1].split(" in ")[0]) == (0, "1 passed"), ended


def test_this_projects_own_run_does_not_load_it(project: Path) -> None:
    """It would come from where the package is installed, and not from the source under test."""
    told = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "--rootdir", str(PROJECT.parent), "--trace-config"),
            *("--collect-only", "-q", str(PROJECT.parent / "tests/unit/test_text.py")),
        ],
        cwd=PROJECT.parent,
        env=environment(PYTHONPATH=str(project / "site")),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "pysigsnoop.pytest_plugin" not in told
    assert "test_text.py" in told
