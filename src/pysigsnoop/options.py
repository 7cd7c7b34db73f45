"""The command line's options: parsed and checked, with errors that say what to type."""

from __future__ import annotations

import argparse
import sys

from . import __version__, clock_text, fields, subcommands, tracer_options
from .exit_status import ExitStatus
from .option_types import count, seconds
from .usage import Parser

_HELP = ("-h", "--help", "--help-all")
_FORMATS = ("text", "json", "csv")
# What --help tells; --help-all has the rest.
_OFTEN = ("-s", "-p", "-T", "--all", "--follow", "-v", "-j")
_EXAMPLES = (
    ("pysigsnoop", "sends by processes, the kernel's fatal signals"),
    ("pysigsnoop -s KILL,TERM -x", "only these signals, only those that failed"),
    ("pysigsnoop -- make -j8", "run it; at the end, what ended it"),
    ("pysigsnoop why 2219", "wait for process 2219, and tell what ended it"),
    ("pysigsnoop --all", "the kernel's others too, SIGCHLD included"),
    ("pysigsnoop -T 2219", "who signals process 2219"),
    ("pysigsnoop --origin oom,fault", "out of memory, and faults"),
    ("pysigsnoop -j --duration 60", "a minute of JSON lines"),
    ("pysigsnoop --stack -s KILL", "which function sends"),
    ("pysigsnoop --follow 2219", "of process 2219, its children and theirs"),
    ("pysigsnoop --trace-pipe", "the original program, through trace_pipe"),
)
_NOTES = """\
With a COMMAND the exit status is its own: 128 + N where signal N ended it, 127
where there is none of that name, 126 where it cannot be run, 125 where it was
not run: tracing failed, or a signal came first. The trace ends with the
command. Signals are passed on to it, unless they come from the terminal, which
tells both.
"""


def parser(*, commands: bool = True) -> Parser:
    """The parser, from which the help comes too. Exits 2 by itself on wrong usage.

    `commands`: with the subcommands. Without, a stray word is called one, not a command misspelt.
    """
    top = Parser(
        prog="pysigsnoop",
        usage=f"pysigsnoop [{'|'.join(subcommands.NAMES)}] [OPTION ...] [-- COMMAND ...]",
        description="Who sent which signal to whom, how, and what became of it: live.",
        often=_OFTEN,
        examples=_EXAMPLES,
        notes=_NOTES,
    )
    top.set_defaults(command=None)
    top.add_argument("--version", action="version", version=f"pysigsnoop {__version__}")
    add_output(top).add_argument(
        "--trace-pipe", action="store_true", help="run the original program; takes no filters"
    )
    run = top.add_argument_group("with -- COMMAND")
    run.add_argument("--as", metavar="USER", help="run it as this user (default: who called sudo)")
    add_stream(run)
    tracer_options.add_filters(top)
    end = top.add_argument_group("limits")
    end.add_argument("--duration", metavar="S", type=seconds, help="end after S seconds")
    end.add_argument("--count", metavar="N", type=count, help="end after N lines")
    tracer_options.add_limits(end)
    top.set_defaults(subcommand=None)
    if commands:
        subcommands.add_to(top)
    return top


def add_stream(to: argparse._ActionsContainer) -> None:
    """Whether lines are shown beside an account."""
    to.add_argument(
        "--stream", action="store_true", help="lines too; -v, -o, --stack, --format imply it"
    )


def lines_asked_for(options: argparse.Namespace) -> bool:
    """Whether lines are shown beside an account."""
    how = options.stream or options.verbose or options.stack or options.fields
    return bool(how) or options.format != "text"


def add_output(top: argparse.ArgumentParser) -> argparse._MutuallyExclusiveGroup:
    """What is shown, and how; the group of those that exclude each other."""
    what = tracer_options.add_scope(top)
    ends = top.add_mutually_exclusive_group()
    ends.add_argument("--no-outcomes", action="store_true", help="sends only: no follow-up lines")
    ends.add_argument("--exits", action="store_true", help="processes that exit by themselves too")
    top.add_argument(
        "--details",
        action="store_true",
        help="command line, program, parents and login of both ends",
    )
    top.add_argument(
        "-v", "--verbose", action="store_true", help="below each line, who both ends are"
    )
    top.add_argument("--stack", action="store_true", help="the stack of the thread that sends")
    form = top.add_argument_group("how to show it")
    form.add_argument(
        *("--format",),
        choices=_FORMATS,
        default="text",
        metavar="FORM",
        help="text (default), json or csv",
    )
    form.add_argument(
        *("-j", "--json"),
        dest="format",
        action="store_const",
        const="json",
        help="a JSON object a line",
    )
    form.add_argument(
        *("-o", "--fields"),
        metavar="FIELDS",
        type=fields.chosen,
        action="extend",
        help="these keys of the JSON form only: time,sender.comm,signal",
    )
    form.add_argument(
        "--time",
        choices=clock_text.KINDS,
        default="wall",
        metavar="KIND",
        help="of text: wall (default: local), utc or relative",
    )
    form.add_argument("--date", action="store_true", help="the date before the time")
    form.add_argument(
        "--color",
        choices=("auto", "always", "never"),
        default="auto",
        metavar="WHEN",
        help="of text: always, never or auto (default: on a terminal, unless NO_COLOR is set)",
    )
    return what


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """The checked options; `command` is what follows the first `--`.

    Exits by itself on wrong usage: with 2, and with a command as if it could not be run.
    """
    given = sys.argv[1:] if arguments is None else arguments
    top = parser(commands=not {*_HELP, *subcommands.NAMES}.isdisjoint(given))
    if "--" not in given:
        options = _checked(top, given)
        if getattr(options, "as") is not None:
            top.error("--as is for a command\n  hint: pysigsnoop --as USER -- COMMAND")
        if options.stream and not options.subcommand:
            top.error(
                "--stream is for a command, and without one lines are shown in any case"
                "\n  hint: pysigsnoop --stream -- COMMAND"
            )
        return options
    at = given.index("--")
    try:
        options = _checked(top, given[:at])
        if options.trace_pipe:
            top.error("--trace-pipe runs the original program, which follows no command")
        options.command = given[at + 1 :]
        if not options.command:
            top.error("no command after --\n  hint: pysigsnoop -- sleep 1")
        if options.subcommand:
            top.error(f"{options.subcommand} runs no command\n  hint: pysigsnoop -- COMMAND")
        if options.count is not None and not lines_asked_for(options):
            top.error(
                "--count is of lines, and beside a command none are shown"
                f"\n  hint: pysigsnoop --stream --count {options.count} -- COMMAND"
            )
    except SystemExit as ended:
        if ended.code == ExitStatus.USAGE:
            raise SystemExit(ExitStatus.NOT_RUN) from None
        raise
    return options


def _checked(top: Parser, given: list[str]) -> argparse.Namespace:
    options, unknown = top.parse_known_args(given)
    # The usage and the help of what was asked for.
    asked = top.command(options.subcommand)
    if unknown:
        meant = _meant(options.subcommand, unknown[0])
        hint = f"\n  hint: {meant}" if meant else ""
        asked.error(f"unrecognized arguments: {' '.join(unknown)}{hint}")
    if options.date and options.time == "relative":
        asked.error("--date goes with --time wall or utc\n  hint: leave out one of --date, --time")
    for name in ("date", "time"):
        if options.format != "text" and getattr(options, name) != top.get_default(name):
            asked.error(
                f"--{name} is of text: {options.format} has the date always, and UTC"
                f"\n  hint: leave out --{name}, or --format {options.format}"
            )
    if options.trace_pipe:
        taken = {"trace_pipe", "duration", "count", "keep_privileges"}
        for name, value in vars(options).items():
            if value != top.get_default(name) and name not in taken:
                option = name.replace("_", "-")
                top.error(f"--trace-pipe runs the original program, which has no --{option}")
    return options


def _meant(subcommand: str | None, word: str) -> str | None:
    """What to type in place of a word that is not known; None where nothing is near."""
    from . import spelling  # late: few are wrong

    if word.startswith("-"):
        # With the subcommands, which the parser of a trace lacks.
        return spelling.option(word, subcommand, subcommands.NAMES, parser().of)
    if subcommand:
        return None
    if word.isdecimal():
        return f"pysigsnoop -T {word}, or pysigsnoop why {word}"
    name = spelling.command(word, subcommands.NAMES)
    return f"pysigsnoop {name}" if name else None
