"""Names that other processes chose: escaped for people, valid for JSON, whole for the API."""

from __future__ import annotations

import json
import os
import re

from pysigsnoop import SignalTracer, printable

from .conftest import MakeCommand
from .senders import NOBODY, PATIENCE, Sender

NAMES = [
    b"\x1b[31mred\x07",
    b"\x1b]0;title\x07",
    b"two\nlines",
    b"back\rover",
    b"tab\tbell\x08",
    b"\xff\xfe\x80",
    b"\x9b31m",
    "\x9b31m".encode(),
    "\u202egnp.exe".encode(),
    "\u2028line".encode(),
    b"cut \xe2\x82",
    b'"quotes\\"',
    b"\\x1b",
    b"{}[],:'`$(ls)",
    b") sent signal ",
    b" spaces  here ",
    "zażółć".encode(),
    b"\x7f",
    b"fifteen-bytes-x",
]


def test_the_api_gives_bytes_and_text(sender: Sender) -> None:
    with SignalTracer(sender_pid=sender.pid) as tracer:
        for given in NAMES:
            sender.rename(given)
            sender.send(target=NOBODY)
            (event,) = tracer.read(PATIENCE)
            assert event.sender.comm_bytes == given
            assert event.sender.comm == given.decode("utf-8", "backslashreplace")
            assert repr(event).isprintable()


def test_an_empty_name_is_told_as_empty(sender: Sender) -> None:
    with SignalTracer(sender_pid=sender.pid) as tracer:
        sender.rename(b"\0")
        sender.send(target=NOBODY)
        (event,) = tracer.read(PATIENCE)
        assert (event.sender.comm, event.sender.comm_bytes) == ("", b"")


def test_people_see_no_raw_byte_of_a_name(sender: Sender, command: MakeCommand) -> None:
    running = command("-p", str(sender.pid))
    running.wait_for_header()
    for given in NAMES:
        sender.rename(given)
        sender.send(target=NOBODY)
        line = running.line()
        assert line.isprintable()
        assert f"{printable(given)} {sender.pid} " in line
        assert re.search(rf" \u2192 {NOBODY} +0 +kill +failed ESRCH ", line)
    assert running.end().lines == []


def test_every_json_line_is_valid_and_plain_ascii(sender: Sender, command: MakeCommand) -> None:
    running = command("-j", "--no-outcomes", "-p", f"{sender.pid},{os.getpid()}")
    running.wait_by_probe()
    for given in NAMES:
        sender.rename(given)
        sender.send(target=NOBODY)
        while True:
            line = running.line()
            assert line.isascii()
            assert line.isprintable()
            found = json.loads(line)["sender"]
            if found["pid"] == sender.pid:
                break
        assert found["comm"] == given.decode("utf-8", "backslashreplace")
