"""How much: a quick form that runs with the other tests, and the long one of `make test-full`."""

from __future__ import annotations

import os
from typing import NamedTuple

#: full: the long form; else the quick one.
VARIABLE = "PYSIGSNOOP_TEST_LOAD"


class Scale(NamedTuple):
    """The size of each load."""

    #: Seconds that the flood lasts.
    flood: float
    #: Tracers opened and closed, one after the other.
    cycles: int
    #: Commands run, one after the other.
    commands: int


_SCALES = {
    "": Scale(flood=5.0, cycles=40, commands=4),
    "full": Scale(flood=600.0, cycles=1000, commands=150),
}

SCALE = _SCALES[os.environ.get(VARIABLE, "")]


def show(**figures: object) -> None:
    """What a load came to, for `pytest -s`."""
    print("", *(f"{name}: {figure}" for name, figure in figures.items()), sep="\n")
