"""What the fuzzer was given or found before is still survived."""

from __future__ import annotations

import pytest

from tests.fuzz import NAMES
from tests.fuzz.__main__ import CORPUS
from tests.fuzz.targets import TARGETS


@pytest.mark.parametrize("name", NAMES)
def test_the_kept_corpus_is_survived(name: str) -> None:
    inputs = sorted((CORPUS / name).iterdir())
    assert inputs
    for path in inputs:
        TARGETS[name](path.read_bytes())
