"""The man page and the shells' completions: in the wheel, read by man and by the shells."""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from pysigsnoop import options
from pysigsnoop.exit_status import ExitStatus
from tests.live.screens import Screen

from .conftest import ROOT
from .environment import run

PLACES = {
    "man": "man/man1/pysigsnoop.1",
    "bash": "bash-completion/completions/pysigsnoop",
    "zsh": "zsh/site-functions/_pysigsnoop",
    "fish": "fish/vendor_completions.d/pysigsnoop.fish",
}
PROMPT = "ready> "


@pytest.fixture(scope="module")
def share(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the wheel puts below share/."""
    folder = tmp_path_factory.mktemp("wheel")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    (found,) = folder.glob("*.data/data/share")
    return found


@pytest.fixture(scope="module")
def manual(share: Path) -> str:
    """The man page as man shows it, its blanks and line ends as one blank each."""
    shown = subprocess.run(
        ["man", "--no-hyphenation", "--warnings=w", "-l", "-"],
        input=(share / PLACES["man"]).read_bytes(),
        env={**os.environ, "MANWIDTH": "80", "MAN_KEEP_FORMATTING": "", "LC_ALL": "C.UTF-8"},
        capture_output=True,
        check=True,
    )
    assert shown.stderr == b""
    assert max(map(len, shown.stdout.decode().splitlines())) <= 80
    return " ".join(shown.stdout.decode().split())


def test_the_wheel_has_them_the_same_from_each_build(share: Path, tmp_path: Path) -> None:
    found = {str(path.relative_to(share)) for path in share.rglob("*") if path.is_file()}
    assert found == {*PLACES.values()}
    elsewhere = {"COLUMNS": "200", "LANG": "C", "TZ": "Asia/Tokyo", "SOURCE_DATE_EPOCH": "1"}
    run(sys.executable, "-B", ROOT / "tools/manual.py", tmp_path, cwd=tmp_path, extra=elsewhere)
    for place in PLACES.values():
        assert (tmp_path / place).read_bytes() == (share / place).read_bytes(), place


def test_the_man_page_tells_every_option_and_exit_status(manual: str) -> None:
    top = options.parser()
    (commands,) = (a for a in top._actions if isinstance(a, argparse._SubParsersAction))
    for parser in (top, *commands.choices.values()):
        assert parser.description
        assert " ".join(parser.description.split()) in manual
        for action in parser._actions:
            names = [f"{name} " for name in action.option_strings if name != "-h"]
            assert [name for name in names if name not in f"{manual.replace(',', ' ')} "] == []
            if action.help and not {"-h", *names}.issuperset(action.option_strings):
                assert " ".join(action.help.split()) in manual, names
        for typed, said in parser.examples:
            assert typed in manual
            assert said in manual or typed in [other for other, _ in top.examples]
    for status in ExitStatus:
        assert re.search(rf"\b{int(status)}\b", manual.partition("EXIT STATUS")[2])


def test_roff_finds_nothing_wrong_with_it(share: Path) -> None:
    page = share / PLACES["man"]
    for command in (["groff", "-man", "-ww", "-z"], ["mandoc", "-T", "lint", "-W", "error"]):
        done = subprocess.run([*command, page], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), command


# A shell, how it is started, and what it must be told. Each loads completions as it is meant to.
STARTED = {
    "bash": ["bash", "--norc", "--noprofile", "-i"],
    "zsh": ["zsh", "-f", "-i"],
    "fish": ["fish", "--private", "-i"],
}
SETTINGS = {
    "bash": "bind 'set enable-bracketed-paste off'; source {share}/{place}; PS1='{prompt}'",
    "zsh": "fpath=({folder} $fpath); autoload -Uz compinit; compinit -u -D; PS1='{prompt}'",
    "fish": "set fish_autosuggestion_enabled 0; function fish_prompt; echo -n '{prompt}'; end",
}


@pytest.fixture(scope="module", params=STARTED)
def shell(
    request: pytest.FixtureRequest, share: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Screen]:
    """A shell on a terminal, ready for a line to be typed."""
    home = tmp_path_factory.mktemp(request.param)
    stub = home / "bin" / "pysigsnoop"
    stub.parent.mkdir()
    stub.write_text("#!/bin/sh\n")
    stub.chmod(0o755)
    place = PLACES[request.param]
    variables = [
        *(f"HOME={home}", f"XDG_DATA_DIRS={share}:/usr/share", f"PATH={stub.parent}:/usr/bin:/bin"),
        *("LC_ALL=C.UTF-8", f"XDG_CONFIG_HOME={home}", f"XDG_DATA_HOME={home}"),
    ]
    screen = Screen(["env", "-i", "TERM=xterm", *variables, *STARTED[request.param]], 100, 24)
    try:
        settings = SETTINGS[request.param].format(
            share=share, place=place, folder=(share / place).parent, prompt=PROMPT
        )
        # What is typed shows the prompt too, but not where a line begins.
        screen.type(f"{settings}\r")
        screen.until("a prompt", lambda: screen.lines_with(PROMPT))
        yield screen
    finally:
        screen.close()


@pytest.mark.parametrize("name", STARTED)
def test_the_shells_take_them(name: str, share: Path) -> None:
    done = subprocess.run(
        [name, "-n", share / PLACES[name]], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
