"""Commands beside tracing itself (`pysigsnoop doctor`): their options, and the module behind each.

The modules are imported when their command is run, and not before.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

from . import tracer_options
from .option_types import count, seconds
from .usage import Parser

if TYPE_CHECKING:
    from .cli import Console

    _Commands = argparse._SubParsersAction[Parser]
else:
    _Commands = argparse._SubParsersAction

#: Their names.
NAMES: tuple[str, ...] = ("doctor", "top", "why")


class _AfterTheName(_Commands):
    """Refuses options before the command's name, which would be lost without a word."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        name = str(values[0]) if values else ""
        for dest, value in vars(namespace).items():
            if value != parser.get_default(dest):
                option = "--" + dest.replace("_", "-")
                parser.error(
                    f"{option} stands before {name}, whose options come after it"
                    f"\n  hint: pysigsnoop {name} --help"
                )
        super().__call__(parser, namespace, values, option_string)


def add_to(top: Parser) -> None:
    """Declare them; `subcommand` is the name of the chosen one, None where there is none."""
    commands = top.add_subparsers(
        dest="subcommand",
        title="commands",
        metavar="COMMAND",
        prog=top.prog,
        action=_AfterTheName,
    )
    _add_doctor(commands)
    _add_why(commands)
    _add_top(commands)


def _add_why(commands: _Commands) -> None:
    from .options import add_output, add_stream  # which imports this module first

    why = commands.add_parser(
        "why",
        help="wait for a process, and tell what ended it",
        usage="pysigsnoop why [OPTION ...] PID|NAME",
        description="Wait for a process that runs already, and tell what ended it: the signal,\n"
        "who sent it and how, or its exit status; and which of its descendants died of\n"
        "signals meanwhile. Ctrl-C ends the wait.",
        often=("--stream", "--duration", "-v", "-j"),
        examples=(
            ("pysigsnoop why 2219", "the process of that number"),
            ("pysigsnoop why nginx", "of that name"),
            ("pysigsnoop why --stream 2219", "the lines too"),
        ),
    )
    why.add_argument("process", metavar="PID|NAME", help="a process, by number, name or program")
    add_stream(why)
    add_output(why)
    tracer_options.add_filters(why)
    limits = why.add_argument_group("limits")
    limits.add_argument("--duration", metavar="S", type=seconds, help="wait S seconds at most")
    tracer_options.add_limits(limits)


def _add_top(commands: _Commands) -> None:
    top = commands.add_parser(
        "top",
        help="a live view of who signals whom",
        usage="pysigsnoop top [OPTION ...]",
        description="A live view of who signals whom: how often, what failed, who died of it.\n"
        "Keys: q quit, p pause, s sort, r reverse, g group, / find, ? all of them.",
        often=("--interval", "--batch", "--once", "-s", "-p", "-T", "--follow", "-x", "--all"),
        examples=(
            ("pysigsnoop top", "who signals whom, a frame each second"),
            ("pysigsnoop top -s KILL,TERM", "only these signals"),
            ("pysigsnoop top --once", "one frame after a second, as text"),
        ),
    )
    top.add_argument(
        "--interval", metavar="S", type=seconds, default=1.0, help="a frame every S seconds"
    )
    frames = top.add_mutually_exclusive_group()
    frames.add_argument("--batch", metavar="N", type=count, help="N frames as plain text")
    frames.add_argument("--once", dest="batch", action="store_const", const=1, help="--batch 1")
    tracer_options.add_scope(top)
    tracer_options.add_filters(top)
    tracer_options.add_limits(top.add_argument_group("limits"))


def _add_doctor(commands: _Commands) -> None:
    parser = commands.add_parser(
        "doctor",
        help="what this machine allows, and what to type",
        usage="pysigsnoop doctor [OPTION ...]",
        description="What this machine allows, line by line, with a hint of what to type.\n"
        "Needs no rights. Exits 0 where tracing works, 1 where it does not.",
        examples=(
            ("pysigsnoop doctor", "as a user, and again with sudo"),
            ("pysigsnoop doctor --json", "the same for programs"),
        ),
    )
    parser.add_argument("-j", "--json", action="store_true", help="one JSON object")


def run(chosen: argparse.Namespace, console: Console) -> int:
    """Run the chosen one, `main(chosen, console)` of the module of its name; its exit status."""
    return int(import_module(f".{chosen.subcommand}", __package__).main(chosen, console))
