"""Commands beside tracing itself (`pysigsnoop doctor`): their options, and the module behind each.

The modules are imported when their command is run, and not before.
"""

from __future__ import annotations

import argparse
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .cli import Console

#: Their names.
NAMES: tuple[str, ...] = ()


def add_to(top: argparse.ArgumentParser) -> None:
    """Declare them; `subcommand` is the name of the chosen one, None where there is none."""
    top.add_subparsers(dest="subcommand", title="commands", metavar="COMMAND")


def run(chosen: argparse.Namespace, console: Console) -> int:
    """Run the chosen one, `main(chosen, console)` of the module of its name; its exit status."""
    return int(import_module(f".{chosen.subcommand}", __package__).main(chosen, console))
