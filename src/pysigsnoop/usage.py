"""A parser whose help fits a screen, and whose errors say what to type."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

from .exit_status import ExitStatus

# Of what is typed in an example, before what is said of it.
_EXAMPLE_WIDTH = 32


class Parser(argparse.ArgumentParser):
    """`--help` tells the options named by `often` and the first `examples`, `--help-all` all.

    `usage` is written by hand. `examples` are what to type and what is said of it; `notes` stand
    at the end of all. A parser without `often` has so few options that `--help` tells them all.
    """

    def __init__(
        self,
        *,
        often: Sequence[str] = (),
        examples: Sequence[tuple[str, str]] = (),
        examples_shown: int = 4,
        notes: str = "",
        **more: Any,
    ) -> None:
        self._often = often
        self.examples = examples
        self.notes = notes
        self._shown = _listed(examples[:examples_shown])
        super().__init__(
            epilog="\n\n".join(filter(None, [_listed(examples), notes])),
            formatter_class=_Formatter,
            allow_abbrev=False,
            add_help=False,
            **more,
        )
        if often:
            text = f"all options; also: man {self.prog.split()[0]}"
            self.add_argument("-h", "--help", action=_Brief, help="the options used most")
            self.add_argument("--help-all", action="help", help=text)
        else:
            self.add_argument("-h", "--help", "--help-all", action="help", help="this help")

    def format_brief(self) -> str:
        """What --help prints."""
        formatter = self._get_formatter()
        formatter.add_usage(self.usage, (), ())
        formatter.add_text(self.description)
        formatter.start_section(None)
        formatter.add_arguments(self._named(*self._often, "--help-all"))
        formatter.end_section()
        for commands in self._actions:
            if isinstance(commands, argparse._SubParsersAction):
                formatter.start_section(f"commands ({self.prog} COMMAND --help)")
                formatter.add_arguments(commands._get_subactions())
                formatter.end_section()
        formatter.add_text(self._shown)
        return formatter.format_help()

    def _print_message(self, message: str, file: Any = None) -> None:
        """Raises where help or version cannot be written, which argparse passes over."""
        to = file or sys.stderr
        if not message or not to:
            return
        try:
            to.write(message)
            to.flush()
        except OSError:
            if to is sys.stdout:
                raise

    def command(self, name: str | None) -> Parser:
        """The parser of a command, or this one where none is named."""
        if name is None:
            return self
        (commands,) = (a for a in self._actions if isinstance(a, argparse._SubParsersAction))
        found = commands.choices[name]
        assert isinstance(found, Parser)
        return found

    def of(self, command: str | None) -> Iterable[str]:
        """The options that are taken, by a command where one is named."""
        return list(self.command(command)._option_string_actions)

    def _named(self, *names: str) -> Iterable[argparse.Action]:
        return [self._option_string_actions[name] for name in names]

    def error(self, message: str) -> NoReturn:
        """Exit 2 with the usage and what is wrong, which ends in what to type."""
        if sys.stderr is None:
            self.exit(ExitStatus.USAGE)  # argparse would tell it on stdout
        if "hint:" not in message:
            message += f"\n  hint: {self.prog} --help"
        super().error(message)


def _listed(examples: Iterable[tuple[str, str]]) -> str:
    lines = [f"  {typed:{_EXAMPLE_WIDTH - 1}} {said}".rstrip() for typed, said in examples]
    return "\n".join(["examples:", *lines]) if lines else ""


def _width() -> int:
    """Of lines of help, as argparse has it; but for that it imports what takes some ms, and makes
    a formatter for each option that it gets."""
    try:
        columns = int(os.environ.get("COLUMNS", ""))
    except ValueError:
        columns = 0
    if columns <= 0 and sys.__stdout__:
        with contextlib.suppress(OSError, ValueError):
            columns = os.get_terminal_size(sys.__stdout__.fileno()).columns
    return (columns if columns > 0 else 80) - 2


class _Brief(argparse.Action):
    """--help: a screen, and the end."""

    def __init__(self, option_strings: Sequence[str], **more: Any) -> None:
        unset = {"dest": argparse.SUPPRESS, "default": argparse.SUPPRESS}
        super().__init__(option_strings, nargs=0, **{**more, **unset})

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        assert isinstance(parser, Parser)
        parser._print_message(parser.format_brief(), sys.stdout)
        parser.exit()


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """Keeps examples as they are, and says an option's value once, as Python 3.13 does."""

    def __init__(self, prog: str, **more: Any) -> None:
        super().__init__(prog, **{"width": _width(), **more})

    def _format_action_invocation(self, action: argparse.Action) -> str:
        if not action.option_strings or action.nargs == 0:
            return super()._format_action_invocation(action)
        value = self._format_args(action, action.dest.upper())
        return f"{', '.join(action.option_strings)} {value}"
