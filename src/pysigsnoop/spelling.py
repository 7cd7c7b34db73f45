"""What a wrong word was meant to be, for the hint of an error."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Sequence

# Below this two words have little in common but some letters: --csv and --as have 0.67.
_ALIKE = 0.8
# Commands are few and short: in `tpo` two letters changed places.
_ALIKE_COMMANDS = 0.6
# So many letters begin a word that is meant, and not any.
_BEGUN = 2


def nearest(word: str, known: Sequence[str], most: int = 1) -> list[str]:
    """Those that are spelt alike, the nearest first."""
    return difflib.get_close_matches(word, known, n=most, cutoff=_ALIKE)


def command(word: str, names: Sequence[str]) -> str | None:
    """The subcommand that was meant."""
    return next(iter(difflib.get_close_matches(word, names, n=1, cutoff=_ALIKE_COMMANDS)), None)


def option(
    word: str,
    subcommand: str | None,
    subcommands: Iterable[str],
    options_of: Callable[[str | None], Iterable[str]],
) -> str | None:
    """The option that was meant, behind the subcommand that takes it."""
    name = word.partition("=")[0]
    known = [each for each in options_of(subcommand) if each.startswith("--")]
    form = name.removeprefix("--")
    if "--format" in known and form in ("text", "csv"):
        return _typed(subcommand, f"--format {form}")
    begun = [each for each in known if each.startswith(name) and len(form) >= _BEGUN]
    if len(begun) == 1:
        return _typed(subcommand, begun[0])
    takes = [each for each in subcommands if name in options_of(each)]
    # Not where tracing takes it as well: that another takes it too says nothing.
    if len(takes) == 1 and name.startswith("--") and name not in options_of(None):
        return _typed(takes[0], name)
    near = nearest(name, known)
    return _typed(subcommand, near[0]) if near else None


def _typed(subcommand: str | None, text: str) -> str:
    return " ".join(filter(None, ["pysigsnoop", subcommand, text]))
