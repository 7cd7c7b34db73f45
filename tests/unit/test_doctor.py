"""What doctor says and how: its lines, its sentence, its JSON; each check by itself."""

from __future__ import annotations

import json

import pytest

from pysigsnoop import LibraryMissing
from pysigsnoop.checks import FAIL, OK, WARN, Check, isolated
from pysigsnoop.doctor import Lines, as_json, sentence, works

LONG = "a text of several words that does not fit into one line of a terminal of eighty columns"
TRIAL = Check("trial", OK, "told")


def test_lines_are_aligned_and_a_hint_stands_under_its_check() -> None:
    lines = Lines()
    assert lines.of(Check("btf", OK, "there")) == ["ok    btf               there"]
    assert lines.of(Check("unprivileged_bpf", WARN, "closed", "sudo x")) == [
        "warn  unprivileged_bpf  closed",
        "        hint: sudo x",
    ]
    # What was said once is not said again.
    assert lines.of(Check("trial", FAIL, LONG, "sudo x")) == [f"FAIL  trial             {LONG}"]


def test_on_a_terminal_nothing_is_wider_than_it() -> None:
    hint = "sudo pysigsnoop     (in a container: --privileged, or --cap-add BPF,PERFMON)"
    shown = Lines(width=80).of(Check("capabilities", FAIL, LONG, hint))
    assert max(map(len, shown)) <= 80
    assert " ".join(" ".join(shown).split()) == f"FAIL capabilities {LONG} hint: " + " ".join(
        hint.split()
    )
    # What is to be typed is not broken, only what is said of it.
    assert shown[-2:] == [
        "        hint: sudo pysigsnoop",
        "              (in a container: --privileged, or --cap-add BPF,PERFMON)",
    ]
    narrow = Lines(width=40).of(Check("lockdown", WARN, LONG))
    assert all(line.startswith(" " * 24) for line in narrow[1:])


def test_only_the_status_is_coloured() -> None:
    (line,) = Lines(coloured=True).of(Check("btf", OK, "there"))
    assert line == "\33[32mok    \33[0mbtf               there"
    for status, colour in ((WARN, "33"), (FAIL, "31")):
        assert Lines(coloured=True).of(Check("x", status, "y"))[0].startswith(f"\33[{colour}m")


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ([TRIAL], "Tracing works here, in every way."),
        ([Check("jit", WARN, ""), TRIAL], "Tracing works here; 1 line above may be worth a look."),
        (
            [Check("jit", WARN, ""), Check("btf", FAIL, ""), TRIAL],
            "Tracing works here; 2 lines above may be worth a look.",
        ),
        (
            [Check("jit", WARN, ""), Check("btf", FAIL, ""), TRIAL._replace(status=FAIL)],
            "Tracing does not work here: see btf.",
        ),
        ([TRIAL._replace(status=FAIL)], "Tracing does not work here: see trial."),
        ([TRIAL._replace(status=WARN)], "Tracing does not work here: see trial."),
        ([], "Tracing does not work here: see trial."),
    ],
)
def test_the_sentence_is_that_of_the_live_trial(found: list[Check], said: str) -> None:
    assert sentence(found) == said
    assert json.loads(as_json(found))["ok"] is works(found) is ("works" in said)


def test_json_has_every_check_and_null_for_no_hint() -> None:
    found = [Check("btf", FAIL, "no", "boot another"), TRIAL]
    assert json.loads(as_json(found)) == {
        "ok": True,
        "checks": [
            {"name": "btf", "status": "FAIL", "found": "no", "hint": "boot another"},
            {"name": "trial", "status": "ok", "found": "told", "hint": None},
        ],
    }


def test_a_check_that_raises_takes_no_other_with_it() -> None:
    def missing() -> Check:
        raise LibraryMissing("no library", hint="install it")

    def broken() -> Check:
        raise ZeroDivisionError("oh")

    assert isolated("libbpf", missing) == Check("libbpf", FAIL, "no library", "install it")
    assert isolated("odd", broken) == Check("odd", WARN, "cannot be told: ZeroDivisionError: oh")
    assert isolated("trial", lambda: TRIAL) == TRIAL
