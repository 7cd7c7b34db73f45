"""si_code by name: the kernel's own header says what each is called."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pysigsnoop.siginfo import code_name

HEADER = Path("/usr/include/asm-generic/siginfo.h")
PREFIXES = {"ILL": 4, "TRAP": 5, "BUS": 7, "FPE": 8, "SEGV": 11, "CLD": 17, "POLL": 29, "SYS": 31}


def in_header() -> list[tuple[str, int, int]]:
    """Each code that the system's header defines, with the signal that it is of; 0 for any."""
    found = []
    for name, number in re.findall(
        r"^#\s*define\s+(\w+_\w+)\s+(-?\d+|0x[0-9a-f]+)\b", HEADER.read_text(), re.MULTILINE
    ):
        kind = name.lstrip("_").split("_")[0]
        if kind == "SI" and name != "SI_MAX_SIZE":
            found.append((name, 0, int(number, 0)))
        elif kind in PREFIXES:
            found.append((name, PREFIXES[kind], int(number, 0)))
    return found


def test_every_code_of_the_systems_header_has_its_name() -> None:
    codes = in_header()
    assert {signo for _, signo, _ in codes} == {0, *PREFIXES.values()}
    for name, signo, code in codes:
        if name.startswith(("__ILL_", "__SEGV_")):
            continue  # of ia64, with numbers above those that are shared
        assert code_name(signo or 10, code, "kernel") == name


@pytest.mark.parametrize(
    ("signo", "code", "name"),
    [
        (9, 0, "SI_USER"),
        (9, 128, "SI_KERNEL"),
        (34, -1, "SI_QUEUE"),
        (14, -2, "SI_TIMER"),
        (10, -6, "SI_TKILL"),
        (11, 1, "SEGV_MAPERR"),
        (11, 2, "SEGV_ACCERR"),
        (8, 1, "FPE_INTDIV"),
        (7, 5, "BUS_MCEERR_AO"),
        (17, 1, "CLD_EXITED"),
        (17, 6, "CLD_CONTINUED"),
        (29, 6, "POLL_HUP"),
        (31, 1, "SYS_SECCOMP"),
    ],
)
def test_a_code_is_told_by_its_name(signo: int, code: int, name: str) -> None:
    assert code_name(signo, code, "kill") == name


def test_a_childs_state_is_told_whatever_signal_clone_asked_for() -> None:
    assert code_name(10, 2, "child") == "CLD_KILLED"
    assert code_name(11, 1, "child") == "CLD_EXITED"


def test_an_io_event_is_told_whatever_signal_was_asked_for() -> None:
    assert code_name(34, 1, "io") == "POLL_IN"
    assert code_name(10, 6, "io") == "POLL_HUP"


@pytest.mark.parametrize(
    ("signo", "code"),
    [(11, 11), (9, 1), (34, 7), (17, 7), (10, -100), (11, -8), (-1, 1), (65, 1), (4, 2**31 - 1)],
)
def test_a_code_that_has_no_name_stays_a_number(signo: int, code: int) -> None:
    assert code_name(signo, code, "rt_sigqueueinfo") == str(code)
