"""Why it did not work: what is said of a refusal goes by what is known of the machine."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path

import pytest

from pysigsnoop import NotPermitted, NotSupported, diagnosis

Machine = Callable[..., None]
EXITS = "this kernel refuses programs on function exits: Operation not permitted"


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Machine:
    """One with all rights and BTF; of a lockdown where it shows one."""

    def made(*, modes: str | None, seccomp: str = "0", capabilities: int = 1 << 21) -> None:
        status = {"CapEff": f"{capabilities:x}", "Seccomp": seccomp}
        monkeypatch.setattr(diagnosis, "status_of", status.get)
        monkeypatch.setattr(diagnosis, "in_initial_namespace", lambda _: True)
        monkeypatch.setattr(diagnosis, "BTF", str(tmp_path))
        file = tmp_path / "lockdown"
        if modes is not None:
            file.write_text(modes)
        monkeypatch.setattr(diagnosis, "LOCKDOWN", str(file))

    return made


@pytest.mark.parametrize(
    ("modes", "said"),
    [
        (None, "cat /sys/kernel/security/lockdown"),
        ("[none] integrity confidentiality\n", "sudo dmesg"),
        ("none [integrity] confidentiality\n", "sudo dmesg"),
        ("none integrity [confidentiality]\n", "boot with lockdown=integrity"),
    ],
)
def test_lockdown_is_named_where_it_may_be_the_reason(
    machine: Machine, modes: str | None, said: str
) -> None:
    machine(modes=modes)
    assert diagnosis.not_permitted("tracing").hint.startswith(said)


@pytest.mark.parametrize("modes", [None, "[none] integrity confidentiality\n"])
def test_function_exits_that_are_refused_point_to_another_way(
    machine: Machine, modes: str | None
) -> None:
    machine(modes=modes)
    error = diagnosis.exits_refused(errno.EPERM, "no object", ())
    assert isinstance(error, NotSupported)
    assert (error.message, error.hint.split("  ")[0]) == (EXITS, "--attach auto")


@pytest.mark.parametrize(
    ("lacking", "said"),
    [
        ({"modes": None, "capabilities": 0}, "CAP_BPF and CAP_PERFMON missing"),
        ({"modes": None, "seccomp": "2"}, "seccomp filter"),
        ({"modes": "none integrity [confidentiality]\n"}, "locked down"),
    ],
)
def test_where_the_rights_are_lacking_function_exits_are_not_to_blame(
    machine: Machine, lacking: dict[str, object], said: str
) -> None:
    machine(**lacking)
    error = diagnosis.exits_refused(errno.EPERM, "no object", ())
    assert isinstance(error, NotPermitted)
    assert said in error.message
