"""Each command of ours that the documents show is one that the command line takes."""

from __future__ import annotations

import pytest

from pysigsnoop import options
from tests.snippets import Block, blocks, commands

BLOCKS = blocks()


@pytest.mark.parametrize("block", BLOCKS, ids=[block.name for block in BLOCKS])
def test_a_block_is_run_or_its_commands_are_parsed_or_it_says_why_not(block: Block) -> None:
    if block.not_run:
        return
    if block.language == "python":
        # Run by tests/live/test_docs_python.py.
        assert block.mark.startswith("run"), f"{block.name}: neither run nor a reason"
        return
    found = list(commands(block))
    assert found, f"{block.name}: no command of ours, and no reason: <!-- not run: … -->"
    for arguments in found:
        options.parse(arguments)


def test_commands_are_found_where_people_type_them() -> None:
    def of(text: str) -> list[list[str]]:
        return list(commands(BLOCKS[0]._replace(text=text)))

    assert of("$ sudo pysigsnoop -s KILL | head\n12:00 pysigsnoop\n") == [["-s", "KILL"]]
    assert of("$ sudo make run ARGS='-j -x'\n$ make run\n") == [["-j", "-x"], []]
    assert of("pysigsnoop -T 1        who\nsudo pysigsnoop\n") == [["-T", "1"], []]
    assert of("# podman run --rm \\\n  image-of/pysigsnoop -v 2>/dev/null\n") == [["-v"]]
    assert of("$ podman build -t pysigsnoop .\n$ echo pysigsnoop\n") == []


def test_what_is_said_of_a_block_is_read() -> None:
    block = BLOCKS[0]
    assert block._replace(mark="not run: output").not_run == "output"
    assert block._replace(mark="run: proc, signals").needs == {"proc", "signals"}
    assert block._replace(mark="run").needs == set()
    assert (block._replace(mark="run").not_run, block._replace(mark="not run:").not_run) == (
        None,
        None,
    )
