"""What requirements/ names: of each package one version, where it is wanted, and its hashes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from packaging.requirements import Requirement

FOLDER = Path(__file__).resolve().parents[1] / "requirements"
FILES = sorted(path.name for path in FOLDER.glob("*.txt"))


class Pin(NamedTuple):
    """One entry of such a file."""

    requirement: Requirement
    hashes: tuple[str, ...]

    @property
    def version(self) -> str:
        """The one version that it allows."""
        (only,) = self.requirement.specifier
        assert only.operator == "==", self.requirement
        return only.version

    def wanted(self, python: str) -> bool:
        """Whether it is installed on that CPython, by its full version."""
        marker = self.requirement.marker
        return marker is None or marker.evaluate(
            {"python_full_version": python, "python_version": ".".join(python.split(".")[:2])}
        )


def read(name: str) -> list[Pin]:
    """The entries of one file; a line that is none is an error."""
    text = re.sub(r"^\s*#.*\n", "", (FOLDER / name).read_text(), flags=re.MULTILINE)
    entries = text.replace("\\\n", " ").splitlines()
    pins = []
    for entry in entries:
        words, *hashes = entry.split(" --hash=")
        pins.append(Pin(Requirement(words.strip()), tuple(word.strip() for word in hashes)))
    return pins
