"""docs/events.md against the code: each key and each word documented, and nothing else."""

from __future__ import annotations

import re
import struct
from pathlib import Path

from pysigsnoop import line_words
from pysigsnoop._records import (
    ACTION,
    END_FORMAT,
    NO_SEND,
    ORIGIN,
    OUTCOME,
    PROCESS_FIELDS,
    RESULT,
    SEND_FIELDS,
    SEND_FORMAT,
)
from pysigsnoop.details import sides
from pysigsnoop.ends import Began, Death, Delivery
from pysigsnoop.event import Event
from pysigsnoop.families import CALL_FAMILIES, NO_CALLS
from pysigsnoop.loss import as_dict
from pysigsnoop.stack import Frame
from pysigsnoop.stats import Lost

PAGE = (Path(__file__).parents[2] / "docs" / "events.md").read_text()


def section(title: str) -> str:
    """The text from a heading to the next."""
    match = re.search(rf"^#+ {re.escape(title)}\n(.*?)(?=^#|\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert match, f"docs/events.md has no section {title}"
    return match[1]


def first_column(title: str) -> list[str]:
    """The words in code type in the first column of a section's table."""
    rows = re.findall(r"^\| (`[^|]+) \|", section(title), re.MULTILINE)
    return [word for row in rows for word in re.findall(r"`([^`]+)`", row)]


def empty_event() -> Event:
    """With all keys, those of what must be asked for included."""
    blank = [b"" if code == "s" else 0 for code in re.findall(r"[a-zA-Z]", SEND_FORMAT)]
    blank[SEND_FIELDS.index("origin")] = ORIGIN["kill"]
    blank[SEND_FIELDS.index("known")] = 0xFFFFFFFF
    return Event(struct.pack(SEND_FORMAT, *blank), 0, stack=None)


def test_every_key_of_a_send_is_documented_and_no_other() -> None:
    assert sorted(first_column("Lines of type `send`")) == sorted(empty_event().as_dict())


def test_every_key_of_a_process_is_documented_and_no_other() -> None:
    sender = empty_event().sender
    assert sender is not None
    assert sorted(first_column("`sender` and `target`")) == sorted(sender.as_dict())
    assert len(PROCESS_FIELDS) == len(set(PROCESS_FIELDS))


def test_every_key_of_details_is_documented_and_no_other() -> None:
    blank = empty_event()
    detailed = Event(blank._record, 0, sides([])).as_dict()["sender"].keys()
    assert sorted(first_column("With `--details`")) == sorted(detailed - blank.as_dict()["sender"])


def test_every_key_of_a_frame_is_documented_and_no_other() -> None:
    assert sorted(first_column("`stack`")) == sorted(Frame(*[None] * 8).as_dict())


def test_every_origin_is_documented_and_no_other() -> None:
    calls = re.findall(r"`([a-z_]+)`(?: \(|,|\.)", section("`origin`").partition("The reason")[0])
    known = set(ORIGIN) - {"none"}
    asides = {"raise", "abort", "pthread_kill", "sigqueue", "pthread_sigqueue"}
    assert (set(calls) | set(first_column("`origin`"))) - asides == known


def test_every_result_is_documented_and_no_other() -> None:
    assert set(first_column("`result`")) == set(RESULT)


def test_every_key_that_can_be_null_is_explained() -> None:
    nulls = {
        key for key, value in Event(unknown(), 0, stack=None).as_dict().items() if value is None
    }
    assert nulls <= set(first_column("When a value is null")) | {"signal"}


def unknown() -> bytes:
    blank = [b"" if code == "s" else 0 for code in re.findall(r"[a-zA-Z]", SEND_FORMAT)]
    blank[SEND_FIELDS.index("origin")] = ORIGIN["kernel"]
    return struct.pack(SEND_FORMAT, *blank)


def end(kind: type[Delivery] | type[Death]) -> Delivery | Death:
    return kind(bytes(struct.calcsize(END_FORMAT)), 0, Began(0, gaps=False))


def test_every_key_of_a_delivery_and_a_death_is_documented_and_no_other() -> None:
    both = first_column("Lines of type `delivery` and `death`")
    death_only = {"status", "core"}
    assert sorted(both) == sorted(end(Death).as_dict())
    assert {*both} - death_only == set(end(Delivery).as_dict())


def test_every_word_about_ends_is_documented_and_no_other() -> None:
    assert set(first_column("`outcome`")) == {*OUTCOME} - {"none"}
    assert set(first_column("`action`")) == set(ACTION)
    assert set(first_column("`no_send`")) == {*NO_SEND} - {"sent", "unseen"}


def test_every_key_of_a_lost_line_is_documented_and_no_other() -> None:
    assert sorted(first_column("Lines of type `lost`")) == sorted(as_dict(Lost(ring_full=1)))


def test_every_word_of_the_text_view_is_documented() -> None:
    said = [
        *line_words._OUTCOMES.values(),
        *line_words._RESULTS.values(),
        *line_words._ACTIONS.values(),
        *line_words._WAITING.values(),
        line_words.end(end(Death)),
    ]
    ways = {way for words in said for way in words.ways} | {*line_words._NO_SEND.values()}
    view = section("The text view").replace("`exited 3`", "`exited 0`")
    assert {way for way in ways if f"`{way}`" not in view} == set()


def test_every_way_to_attach_is_documented() -> None:
    assert tuple(first_column("How calls are watched")) == (*CALL_FAMILIES, NO_CALLS)
