"""`pysigsnoop -- COMMAND` in a terminal: programs that use all of it never notice."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from .commands import PYSIGSNOOP, forced
from .sessions import Screen

WRAPPED = shlex.join([*PYSIGSNOOP, *forced(["--"])])


# Continues the shell once it is stopped.
_STOPPED = "(until grep -q State:.T /proc/$$/status; do sleep 0.01; done; kill -CONT $$)"


@pytest.fixture
def screen() -> Iterator[Screen]:
    """A shell in a terminal."""
    shell = ["env", "PS1=out>", "bash", "--norc", "--noprofile", "-i"]
    with closing(Screen(shell, lines=40)) as screen:
        screen.prompts("out>")
        yield screen


def test_an_interactive_shell_has_its_jobs_its_editor_and_its_window(screen: Screen) -> None:
    screen.type(f"PS1='in>' {WRAPPED} bash --norc --noprofile -i\n")
    screen.prompts("in>")
    # A job that is stopped, goes on, and is interrupted.
    screen.type("sleep 600\n")
    screen.runs("sleep")
    screen.type("\x1a")
    screen.shows("Stopped")
    screen.prompts("in>")
    screen.clear()
    screen.type("fg\n")
    screen.runs("sleep")
    screen.type("\x03")
    screen.prompts("in>")
    # The window's size, as it is now.
    screen.resize(120, 30)
    screen.type("stty size\n")
    screen.shows("30 120")
    screen.prompts("in>")
    # An editor, stopped and taken up again.
    screen.type("vi -u NONE\n")
    screen.until("an empty page", lambda text: text.count("\n~") > 20)
    screen.type("ihello\x1b")
    screen.shows("hello")
    screen.type("\x1a")
    screen.prompts("in>")
    screen.type("fg\n")
    screen.until("its page again", lambda text: text.count("\n~") > 20 and "hello" in text)
    screen.type(":q!\n")
    screen.prompts("in>")
    # A pager.
    screen.type("seq 1000 | less\n")
    screen.until("the first page", lambda text: text.startswith("1\n2\n3\n") and "\n:" in text)
    screen.type("G")
    screen.shows("\n1000\n")
    screen.type("q")
    screen.prompts("in>")
    # The shell itself, stopped as one job with all of this and taken up again.
    screen.type("suspend -f\n")
    screen.prompts("out>")
    screen.clear()
    screen.type("jobs\n")
    screen.until("one job that is stopped", lambda text: text.count("Stopped") == 1)
    screen.type("fg\n")
    screen.type("echo $((6 * 7))\n")
    screen.shows("\n42\n")
    screen.clear()
    screen.type("exit 5\n")
    screen.shows("bash --norc --noprofile -i (pid ")
    # Broken into lines where the window ends.
    told = screen.prompts("out>").replace("\n ", "")
    assert "exited by itself, with status 5, at " in told
    assert "was killed by SIGINT: its terminal, at the interrupt key (Ctrl-C), at " in told
    screen.type("echo ended $?\n")
    screen.shows("ended 5")


def test_a_command_is_a_job_of_the_shell_above(screen: Screen) -> None:
    screen.type(f"{WRAPPED} vi -u NONE\n")
    screen.until("an empty page", lambda text: text.count("\n~") > 30)
    screen.type("ihello\x1b")
    screen.shows("hello")
    screen.type("\x1a")
    screen.shows("Stopped")
    screen.prompts("out>")
    screen.type("fg\n")
    screen.until("its page again", lambda text: text.count("\n~") > 30 and "hello" in text)
    screen.type(":q!\n")
    screen.shows("exited by itself, with status 0, at ")
    screen.prompts("out>")
    screen.clear()


def test_the_terminal_is_given_back_by_who_no_longer_can(screen: Screen, tmp_path: Path) -> None:
    # A shell that does not care for jobs, and reads from the terminal afterwards.
    script = tmp_path / "script"
    script.write_text(
        f"{WRAPPED} sh -c 'stty raw -echo; kill -9 $$'\n"
        "stty -a\n"
        # Stopped and continued by somebody else: nobody would continue who stops with it.
        f"{WRAPPED} sh -c '{_STOPPED} & kill -STOP $$; exit 6'; echo ended $?\n"
        f"PS1='in>' {WRAPPED} bash --norc --noprofile -i\n"
        "read word; echo got $word\n",
        encoding="ascii",
    )
    screen.type(f"sh {script}\n")
    screen.shows("was killed by SIGKILL")
    told = screen.prompts("in>")
    assert " icanon" in told
    assert " echo " in told
    assert "ended 6" in told
    # It made a process group of its own, to which the terminal belongs now.
    screen.clear()
    screen.type("kill -9 $$\n")
    screen.shows("was killed by SIGKILL")
    screen.type("this\n")
    screen.shows("got this")
    screen.prompts("out>")
