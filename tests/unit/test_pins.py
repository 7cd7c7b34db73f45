"""All that is installed has one version and its hashes, and pip is told to take no other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.pins import FILES, read

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", FILES)
def test_each_package_has_one_version_and_its_hashes(name: str) -> None:
    pins = read(name)
    assert pins
    for pin in pins:
        assert pin.version
        assert pin.hashes, pin.requirement
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", of) for of in pin.hashes), pin.requirement


@pytest.mark.parametrize("name", FILES)
def test_no_file_has_another_version_than_what_builds_and_tests(name: str) -> None:
    def versions(of: str) -> dict[tuple[str, str], str]:
        return {(p.requirement.name, str(p.requirement.marker)): p.version for p in read(of)}

    ours, common = versions(name), versions("develop.txt")
    assert {key: ours[key] for key in ours.keys() & common.keys()} == {
        key: common[key] for key in ours.keys() & common.keys()
    }


def test_what_builds_the_image_is_fetched_by_hash_or_not_at_all() -> None:
    lines = re.findall(r"pip (?:install|wheel|download)\b.*", (ROOT / "Containerfile").read_text())
    assert len(lines) == 5
    options = re.search(r'^ENV PINNED="(.*)"$', (ROOT / "Containerfile").read_text(), re.MULTILINE)
    assert options
    assert options[1] in re.sub(r"\\\n\s*", "", (ROOT / "Makefile").read_text())
    for line in lines:
        assert "$PINNED -r /source/requirements/" in line or "--no-index" in line
