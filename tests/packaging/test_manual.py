"""The man page and the shells' completions: in the wheel, read by man and by the shells."""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from functools import partial
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
            if "--help" in action.option_strings:  # which the library leaves out
                continue
            for name in action.option_strings[-1:]:
                assert re.search(rf" {name}[ ,.]", manual), name
            assert action.help is None or " ".join(action.help.split()) in manual
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
        screen.type(f"{settings}\r")
        screen.until("a prompt", lambda: last_line(screen) == PROMPT.rstrip())
        yield screen
    finally:
        screen.close()


def last_line(screen: Screen) -> str:
    """The line that is being typed."""
    return next((line for line in reversed(screen.lines) if line), "")


def is_typed(screen: Screen, line: str) -> bool:
    """Whether it is that; a list may go on, so a comma is offered too."""
    return last_line(screen).rstrip(",") == line


# What is typed, and what TAB adds to it.
COMPLETED = [
    ("", "--fol", "low"),
    ("", "to", "p"),
    ("", "-s KI", "LL"),
    ("", "-s KILL,TER", "M"),
    ("", "--format js", "on"),
    ("", "--attach fe", "ntry"),
    ("", "-o time,sender.com", "m"),
    ("", "--origin oom,parent", "-death"),
    ("", "-u roo", "t"),
    ("", "-x -- unsha", "re"),
    ("", "-- ls /etc/hostn", "ame"),
    ("top ", "--inter", "val"),
    ("top ", "-s HU", "P"),
    ("why ", "--str", "eam"),
    ("doctor ", "--js", "on"),
]


def test_a_shell_completes_what_is_typed(shell: Screen) -> None:
    for command, typed, added in COMPLETED:
        line = f"{PROMPT}pysigsnoop {command}{typed}"
        shell.type(line.removeprefix(PROMPT) + "\t")
        shell.until(line + added, partial(is_typed, shell, line + added))
        shell.type("\x15")
        shell.until("an empty line", lambda: last_line(shell) == PROMPT.rstrip())


@pytest.mark.parametrize("name", ["zsh", "fish"])
def test_a_command_is_told_as_its_line_in_the_help(name: str, share: Path) -> None:
    (commands,) = (
        a for a in options.parser()._actions if isinstance(a, argparse._SubParsersAction)
    )
    text = (share / PLACES[name]).read_text()
    for command in commands._get_subactions():
        assert re.search(rf"\b{command.dest}(:| -d )'{command.help}'", text), command.dest


@pytest.mark.parametrize("name", STARTED)
def test_the_shells_take_them(name: str, share: Path) -> None:
    done = subprocess.run(
        [name, "-n", share / PLACES[name]], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
