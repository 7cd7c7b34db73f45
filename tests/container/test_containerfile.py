"""The Containerfile that users get builds, on a base made here, and what it builds traces."""

from __future__ import annotations

import shlex
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import pins

from .conftest import ROOT
from .engine import LIMIT, Engine
from .traced import LEAST, PRIVILEGED, PYTHON, Sender, Traced

# What this machine needs to reach its package mirrors, lent to the build and not part of the image.
_TRUST = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pip.conf")
_SENT = 19

_ASK = """
import platform
from importlib.metadata import distributions
print(platform.python_version(), *sorted(f"{d.name.lower()}=={d.version}" for d in distributions()))
"""

pytestmark = pytest.mark.parametrize("suite", ["bookworm"], indirect=True, scope="session")


@pytest.fixture(scope="session")
def built(engine: Engine, base: str) -> Iterator[str]:
    """The image. Its build alone has a network, the host's, to install packages."""
    lent = [path for path in _TRUST if Path(path).is_file()]
    volumes = [word for path in lent for word in ("--volume", f"{path}:{path}:ro")]
    options = ("--network", "host", "--build-arg", f"BASE={base}", "--tag", "users")
    engine.check("build", *options, *volumes, ROOT)
    yield "localhost/users"
    engine.check("rmi", "--force", "users")


@pytest.mark.parametrize("rights", [PRIVILEGED, LEAST], ids=["privileged", "least"])
def test_the_image_traces(rights: tuple[str, ...], engine: Engine, built: str) -> None:
    with Traced(engine, built, rights, "-j", "-s", "WINCH") as traced:
        traced.wait_for_first_event()
        with Sender(traced) as sender:
            sender.send(signal.SIGWINCH, _SENT)
        events = traced.end_with_events()
    mine = [e for e in events if (e["sender"] or {}).get("host_pid") == sender.host_pid]
    assert [e["target_arg"] for e in mine] == [sender.child] * _SENT


def test_the_smoke_test_for_others_ci_passes(engine: Engine, built: str, tmp_path: Path) -> None:
    podman = tmp_path / "podman"
    podman.write_text(f'#!/bin/sh\nexec {shlex.join(engine.command())} "$@"\n')
    podman.chmod(0o755)
    script = ROOT / "docs" / "ci" / "smoke-test.sh"
    environment = {**engine.environment, "ENGINE": str(podman), "IMAGE": built}
    command = ["bash", str(script)]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=LIMIT, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "smoke test: 7 passed, 0 failed\n"
    assert engine.check("ps", "--all", "--quiet") == ""


def test_no_compiler_and_no_source_is_in_the_image(engine: Engine, built: str) -> None:
    shell = ("run", "--rm", "--entrypoint", "sh", built, "-c")
    assert engine.check(*shell, "command -v clang gcc || true") == ""
    assert engine.check(*shell, "find / -xdev -name 'sigsnoop.bpf.c' -o -name wheelhouse") == ""


def test_it_holds_the_pinned_libraries_and_no_others(engine: Engine, built: str) -> None:
    told = engine.check("run", "--rm", "--entrypoint", PYTHON, built, "-I", "-c", _ASK)
    version, *found = told.split()
    wanted = {
        f"{pin.requirement.name}=={pin.version}"
        for pin in pins.read("run.txt")
        if pin.wanted(version)
    }
    # What Debian's venv brings, and ourselves.
    others = {name for name in found if name.split("==")[0] in {"pip", "setuptools", "pysigsnoop"}}
    assert len(others) == 3
    assert {*found} - others == wanted
