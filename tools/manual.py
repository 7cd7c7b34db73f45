"""Write the man page and the shells' completions, all from the parser, into a folder laid out as
share/ is: `python tools/manual.py FOLDER`, with argparse-manpage and shtab. build.py runs it for
wheels; the same sources give the same bytes.
"""

from __future__ import annotations

import argparse
import os
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "src"))
# What argparse wraps at, wherever this runs.
os.environ["COLUMNS"] = "80"

import shtab  # noqa: E402
from argparse_manpage.manpage import Manpage  # noqa: E402

from pysigsnoop import __version__, fields, options, signals  # noqa: E402
from pysigsnoop.exit_status import ExitStatus  # noqa: E402
from pysigsnoop.filters import ORIGINS  # noqa: E402
from pysigsnoop.usage import Parser  # noqa: E402

_NAME = "pysigsnoop"
#: Where each file goes, below share/.
PLACES = {
    "man": f"man/man1/{_NAME}.1",
    "bash": f"bash-completion/completions/{_NAME}",
    "zsh": f"zsh/site-functions/_{_NAME}",
    "fish": f"fish/vendor_completions.d/{_NAME}.fish",
}
_SHELLS = ("bash", "zsh", "fish")

_STATUS = {
    ExitStatus.DONE: "Done; for doctor: tracing works.",
    ExitStatus.FAILED: "Could not run; the error says what to type.",
    ExitStatus.USAGE: "Wrong usage.",
    ExitStatus.LOST: "Records were lost.",
    ExitStatus.NOT_RUN: "A COMMAND was not run: wrong usage, or tracing failed.",
    ExitStatus.NOT_EXECUTABLE: "A COMMAND cannot be run.",
    ExitStatus.NOT_FOUND: "There is no COMMAND of that name.",
    ExitStatus.SIGNALLED: "Signal N ended the COMMAND.",
    ExitStatus.INTERRUPTED: "Ended by Ctrl-C.",
}
_STATUS_ORDER = (
    "With a COMMAND that ran, its own. Without, the first that holds of 2, 1, 3, 130 and 0."
)
_SEE_ALSO = "kill(1), strace(1), signal(7), sigqueue(3), pidfd_send_signal(2), credentials(7)"


def _commands(top: Parser) -> dict[str, Parser]:
    (found,) = (a for a in top._actions if isinstance(a, argparse._SubParsersAction))
    return dict(found.choices)


# The man page


def man_page() -> str:
    """In roff, for man(1); without a date, which would differ from build to build."""
    top = options.parser()
    commands = _commands(top)
    examples = {typed: said for each in (*commands.values(), top) for typed, said in each.examples}
    told = {tuple(action.option_strings): action.help for action in top._actions}
    for parser in commands.values():
        _tell_once(parser, told)
    top.epilog = None
    page = Manpage(top, format="single-commands-section")
    page.date = ""
    page.source = f"{_NAME} {__version__}"
    page.manual = "User Commands"
    page.description = "who sent which signal to whom, and what became of it"
    page.synopsis = [_NAME, "[OPTION ...] [-- COMMAND ...]\n.br\n" + _synopsis(commands)]
    page.add_section("notes", "=", _roff(top.notes))
    page.add_section("examples", "=", "\n".join(_example(*each) for each in examples.items()))
    page.add_section("exit status", "=", "\n".join(_exit_status()))
    page.add_section("see also", "=", _roff(_SEE_ALSO))
    return str(page)


def _tell_once(parser: Parser, told: dict[tuple[str, ...], str | None]) -> None:
    """Of a command's options, name only those that are told above."""
    again = [
        action
        for action in parser._actions
        if action.option_strings and told.get(tuple(action.option_strings)) == action.help
    ]
    for action in again:
        action.help = argparse.SUPPRESS
    # The library leaves out --help.
    names = ", ".join(n for action in again if (n := action.option_strings[-1]) != "--help")
    if names:
        again_told = textwrap.fill(f"As above: {names}.", 72, break_on_hyphens=False)
        parser.description = f"{parser.description}\n\n{again_told}"


def _synopsis(commands: dict[str, Parser]) -> str:
    lines = []
    for name, parser in sorted(commands.items()):
        rest = str(parser.usage).removeprefix(f"{_NAME} {name}").strip()
        lines += [f"\\fB{_NAME} {name}\\fR {_roff(rest)}"]
    return "\n.br\n".join(lines)


def _roff(text: str) -> str:
    """Plain text as roff takes it: no character means anything, none at a line's start either."""
    lines = textwrap.wrap(text.strip(), 72, break_on_hyphens=False)
    escaped = (line.replace("\\", "\\e").replace("-", "\\-") for line in lines)
    return "\n".join(f"\\&{line}" if line[:1] in (".", "'") else line for line in escaped)


def _example(typed: str, said: str) -> str:
    return f".TP\n\\fB{_roff(typed)}\\fR\n{_roff(said)}"


def _exit_status() -> Iterator[str]:
    yield _roff(_STATUS_ORDER)
    for status in ExitStatus:
        plus = " + N" * (status == ExitStatus.SIGNALLED)
        yield f".TP\n\\fB{int(status)}{plus}\\fR\n{_roff(_STATUS[status])}"


# Completions

# What an option of that `dest` takes: a function of tools/completion.*.
_TAKES = {
    **dict.fromkeys(("signal", "exclude_signal"), "signals"),
    **dict.fromkeys(("pid", "target", "follow"), "pids"),
    **dict.fromkeys(("user", "target_user"), "users"),
    **dict.fromkeys(("comm", "target_comm"), "comms"),
    **dict.fromkeys(("cgroup", "target_cgroup"), "cgroups"),
    "origin": "origins",
    "fields": "fields",
    "as": "user",
    "process": "process",
}


def completions(shell: str) -> str:
    """What a shell is to read."""
    top = options.parser()
    for parser in _commands(top).values():
        # The library tells a command by the first line of this, which breaks where help is full;
        # without it, by its line in the help.
        parser.description = None
    for parser in (top, *_commands(top).values()):
        for action in parser._actions:
            if action.dest in _TAKES:
                action.complete = {  # type: ignore[attr-defined]
                    "bash": f"_pysigsnoop_{_TAKES[action.dest]}",
                    "zsh": f"_pysigsnoop_{_TAKES[action.dest]}",
                    "fish": f"(__pysigsnoop_{_TAKES[action.dest]})",
                }
    return _assembled(shell, shtab.complete(top, shell))


def _signal_names() -> Iterator[str]:
    for number in range(1, signals.RTMAX + 1):
        name = signals.signal_of(number).name or ""
        if name.startswith("SIG"):
            yield name


def _assembled(shell: str, made: str) -> str:
    """What the library made, with our functions where the shell looks for them."""
    lists = {
        "SIGNALS": [name.removeprefix("SIG") for name in _signal_names()],
        "ORIGINS": ORIGINS,
        "FIELDS": fields.every(details=True, stacks=True),
    }
    ours = (HERE / f"completion.{shell}").read_text()
    for name, words in lists.items():
        ours = ours.replace(f"@{name}@", " ".join(words))
    if shell == "zsh":
        # Its last lines call what stands above them.
        before, last, after = made.partition("typeset -A opt_args\n")
        assert last, "shtab's zsh completion has another end than is known"
        return f"{before}{ours}\n{last}{after}"
    return f"{made}\n\n{ours}"


def main(folder: Path) -> None:
    """Write them all."""
    made = {"man": man_page(), **{shell: completions(shell) for shell in _SHELLS}}
    for name, text in made.items():
        place = folder / PLACES[name]
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text.rstrip("\n") + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
