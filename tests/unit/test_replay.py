"""What is held against a page of docs/questions/ agrees with it, or is told."""

from __future__ import annotations

import pytest

from tests.replay import PAGES, differences, named, replayed
from tests.snippets import ROOT, blocks

_SENT = "17:40:35.115 bash 16103      → server 16096    SIGTERM   kill     taken #1"
_DIED = "17:40:35.115              #1 └ server 16096    SIGTERM   +52.8 µs died"
_ACCOUNT = [
    "./web (pid 16002) was killed by SIGKILL: /bin/sh ./stop, run",
    "  by root (uid 0), pid 16016, below nightly.sh ← …, by kill(16002, SIGKILL), at",
    "  17:40:31.281; it died 48.7 us later",
]


@pytest.mark.parametrize(
    ("page", "real"),
    [
        (
            [_SENT, _DIED],
            [
                "09:00:00.000 bash 7 → server 12 SIGTERM kill queued #1",
                "09:00:00.001 #1 └ server 12 SIGTERM +1.5 ms died",
            ],
        ),
        (
            _ACCOUNT,
            [
                "./web (pid 3) was killed by SIGKILL: /bin/sh ./stop, run by adm (uid 1000),",
                "  logged in as backup (uid 1001), pid 4, below nightly.sh ← cron ← init, in",
                "  cron.service, by kill(3, SIGKILL), at 01:02:03.004; it died 2 ms later",
            ],
        ),
        (["3 received, 0 lost"], ["3 received, 0 lost, 2 in flight"]),
        (["3 received, 0 lost"], ["-- 1 lost (skipped 1)", "3 received, 1 lost (skipped 1)"]),
        (
            ["sends 22.9/s now  46 all  failed 2", " 19.9   19.9     40   17190 poller   0"],
            ["sends 1.0/s now  46 all  failed 2", "  1.0    2.0     40   12 poller   0"],
        ),
    ],
)
def test_what_may_differ_does(page: list[str], real: list[str]) -> None:
    assert differences(page, real, {}) == []


@pytest.mark.parametrize(
    ("page", "real"),
    [
        ([_SENT], [_SENT.replace("SIGTERM", "SIGKILL")]),
        ([_SENT], [_SENT.replace("taken", "ignored")]),
        ([_SENT], [_SENT.replace("#1", "#2")]),
        ([_SENT], [_SENT.replace("server", "client")]),
        # Another pid than before; the same for two.
        ([_SENT, _DIED], [_SENT, _DIED.replace("16096", "16097")]),
        ([_SENT], [_SENT.replace("16103", "16096")]),
        ([_SENT, _DIED], [_DIED, _SENT]),
        ([_SENT, _DIED], [_SENT]),
        ([_SENT], [_SENT, _DIED]),
        (_ACCOUNT, [line.replace("nightly", "hourly") for line in _ACCOUNT]),
        (_ACCOUNT, [line.replace("later", "later, and more") for line in _ACCOUNT]),
        (["web exited 3"], ["web exited 4"]),
        (["3 received, 0 lost"], ["3 received, 1 lost (ring full 1)"]),
        (["3 received, 0 lost"], ["-- 1 lost (ring full 1)", "3 received, 0 lost"]),
        (["  1.0    1.0     40   12 poller   0"], ["  1.0    1.0     41   12 poller   0"]),
    ],
)
def test_what_may_not_differ_is_told(page: list[str], real: list[str]) -> None:
    assert differences(page, real, {})


def test_the_pids_that_a_command_names_are_those_of_its_lines() -> None:
    arguments, known = named(["-T", "16096", "--count", "20"], [7])
    assert arguments == ["-T", "7", "--count", "20"]
    assert differences([_SENT], [_SENT.replace("16096", "7")], known) == []
    assert differences([_SENT], [_SENT], known)


def test_every_page_has_a_command_and_what_it_printed() -> None:
    commands = replayed()
    assert commands
    assert all(command.lines for command in commands)


def test_what_the_readme_opens_with_is_what_a_page_has() -> None:
    (first, *_) = blocks((ROOT / "README.md",))
    (page,) = [page for page in PAGES if page.stem == "who-killed-my-process"]
    assert first.text in page.read_text()


def test_the_index_has_every_page() -> None:
    index = (ROOT / "docs/questions/README.md").read_text()
    assert [page.name for page in PAGES if f"]({page.name})" not in index] == []
