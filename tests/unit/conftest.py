"""Property tests leave no file in the clone, and take as long as the machine needs."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator

import pytest
from hypothesis import configuration, settings

settings.register_profile("here", database=None, deadline=None, print_blob=True, max_examples=200)
settings.load_profile("here")


@pytest.fixture(autouse=True, scope="session")
def _no_files_in_the_clone() -> Iterator[None]:
    with tempfile.TemporaryDirectory() as folder:
        configuration.set_hypothesis_home_dir(folder)
        yield
