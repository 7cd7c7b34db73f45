"""The extension's C under AddressSanitizer and UBSan, given what no kernel would give it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from pysigsnoop.bpf_path import object_path
from pysigsnoop.diagnosis import BTF

ROOT = Path(__file__).resolve().parents[2]
NATIVE = ROOT / "src" / "native"
#: How long each runs, and from where its chances start; longer by `make sanitize`.
SECONDS = float(os.environ.get("PYSIGSNOOP_SANITIZE_SECONDS", "1.5"))
SEED = os.environ.get("PYSIGSNOOP_SANITIZE_SEED", "1")
_FLAGS = (
    *("-g", "-O1", "-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter"),
    *("-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"),
)


def run(folder: Path, name: str, sources: tuple[str, ...], *arguments: object) -> list[int]:
    """Compile a driver with the extension's sources and run it; returns the numbers it prints."""
    program = folder / name
    paths = [Path(__file__).with_name(f"{name}.c"), *(NATIVE / f"{each}.c" for each in sources)]
    include = [f"-I{ROOT / 'bpf'}", f"-I{NATIVE}"]
    subprocess.run(["cc", *_FLAGS, *include, "-o", program, *paths, "-lbpf"], check=True)
    done = subprocess.run(
        [program, *map(str, arguments), str(SECONDS), SEED],
        capture_output=True,
        text=True,
        timeout=SECONDS * 10 + 60,
        check=False,
        env={**os.environ, "LD_PRELOAD": ""},
    )
    assert done.returncode == 0, done.stderr
    return [int(word) for word in done.stdout.split()]


def test_strange_records_harm_nothing(tmp_path: Path) -> None:
    sources = ("reader", "ring", "held", "companions", "numbers")
    given, came, gave_up = run(tmp_path, "strange_records", sources)
    assert given > came > 0
    assert gave_up > 0


def test_events_kept_back_come_in_their_order_and_none_is_given_up_too_soon(
    tmp_path: Path,
) -> None:
    (came,) = run(tmp_path, "held_records", ("reader", "ring", "held", "companions"))
    assert came == 1 + 4 + 2 + 600 + 3 + 2 + 65


@pytest.mark.skipif(not Path(BTF).exists(), reason="the kernel has no BTF")
def test_damaged_types_harm_nothing(tmp_path: Path) -> None:
    cuts, refused = run(tmp_path, "damaged_types", ("types",), BTF, object_path())
    assert cuts > refused > 0
