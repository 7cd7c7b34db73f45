"""The same source makes the same wheel, byte for byte, wherever it lies; its SBOM is as steady."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from .conftest import ROOT
from .environment import run


def test_wheel_and_sbom_are_the_same_bytes_from_another_folder(wheel: Path, source: Path) -> None:
    run("make", "--no-print-directory", f"VENV={ROOT / '.venv'}", "sbom", cwd=source)
    assert (source / "dist" / wheel.name).read_bytes() == wheel.read_bytes()
    name = wheel.with_suffix(".cdx.json").name
    sbom = (source / "dist" / name).read_bytes()
    assert sbom == (wheel.parent / name).read_bytes()
    check(json.loads(sbom), wheel)


def check(sbom: dict[str, Any], wheel: Path) -> None:
    """It is of this wheel, and says of each pinned library which files it can be."""
    (digest,) = sbom["metadata"]["component"]["hashes"]
    expected = {"alg": "SHA-256", "content": hashlib.sha256(wheel.read_bytes()).hexdigest()}
    assert digest == expected
    needed = {c["name"]: c for c in sbom["components"] if c.get("scope") == "required"}
    assert {"cffi", "pyelftools", "rich", "libbpf"} <= needed.keys()
    pins = (ROOT / "requirements" / "run.txt").read_text()
    for name, component in needed.items():
        if component["purl"].startswith("pkg:pypi/"):
            assert f"\n{name}=={component['version']} " in pins
    built_with = {c["name"] for c in sbom["components"] if c.get("scope") == "excluded"}
    assert {"clang", "hatchling", "libbpf"} <= built_with
