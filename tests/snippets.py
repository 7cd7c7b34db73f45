"""The code blocks of the documents, and what is said of each in a comment above it.

`<!-- run: proc, signals -->` has a Python block run, with what it needs (see
tests/live/test_docs_python.py); `<!-- not run: REASON -->` says why any block is neither run nor
read as commands of ours. The comment is the line above the fence.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))

_BLOCK = re.compile(
    r"(?:^<!-- (?P<mark>.*?) -->\n)?^```(?P<language>\w*)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
# What ends a command of a shell's line.
_OPERATORS = ("|", "&", "&&", "||", ";", ">", "2>", "<", ">>")


class Block(NamedTuple):
    """One block between fences."""

    page: Path
    line: int
    language: str
    text: str
    mark: str

    @property
    def name(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def not_run(self) -> str | None:
        """The reason why it is not run; None where there is none."""
        return self.mark.partition("not run:")[2].strip() or None

    @property
    def needs(self) -> set[str]:
        """What it is run with."""
        return {word.strip() for word in self.mark.partition("run:")[2].split(",")} - {""}


def blocks(pages: tuple[Path, ...] = PAGES) -> list[Block]:
    """All of them, in the order of the pages."""
    found = []
    for page in pages:
        text = page.read_text()
        for match in _BLOCK.finditer(text):
            line = text.count("\n", 0, match.start("text"))
            mark = match["mark"] or ""
            found.append(Block(page, line, match["language"], match["text"], mark))
    return found


def commands(block: Block) -> Iterator[list[str]]:
    """The arguments of each `pysigsnoop` in a block: typed at a prompt, after `make run`, in a
    container, or in a list of commands with what each does behind it."""
    for line in block.text.replace("\\\n", " ").splitlines():
        prompt = re.match(r"[$#] (.+)", line)
        if prompt:
            words = _words(prompt[1])
        elif re.match(r"(sudo )?pysigsnoop( |$)", line) and "$ " not in block.text:
            # Two blanks are where the explanation begins.
            words = _words(line.split("  ")[0])
        else:
            continue
        found = _arguments(words)
        if found is not None:
            yield found


def _words(text: str) -> list[str]:
    words = shlex.split(text, comments=True)
    ends = [
        at for at, word in enumerate(words) if word in _OPERATORS or word.startswith(("2>", ">"))
    ]
    return words[: ends[0]] if ends else words


def _arguments(words: list[str]) -> list[str] | None:
    """What of a command's words are arguments of pysigsnoop; None where it is another command."""
    if words[0] == "sudo":
        words = words[1:]
    if words[:2] == ["make", "run"]:
        (given,) = [w.removeprefix("ARGS=") for w in words[2:] if w.startswith("ARGS=")] or [""]
        return shlex.split(given)
    at = [i for i, word in enumerate(words) if Path(word).name == "pysigsnoop"]
    in_container = Path(words[0]).name in ("podman", "docker") and words[1] == "run"
    if at and (at[0] == 0 or (in_container and "--entrypoint" not in words)):
        return words[at[0] + 1 :]
    return None
