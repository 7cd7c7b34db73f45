"""What live tests share: the requirement, and processes that are ended whatever happens."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from . import requirement
from .commands import ATTACH, Command
from .programs import compiled, starter
from .senders import Sender

# What depends on how calls are watched: on what their exits tell, on how programs are attached, or
# on what such a program can read. The others see signals only, or nothing through a tracer.
BY_FAMILY = {
    *("calls", "calls_compat", "calls_failing", "groups", "groups_lost", "accounting"),
    *("filters", "filters_more", "counting", "begin_and_end", "early_end", "closing", "several"),
    *("details", "stacks", "follow", "many", "columns", "pid_namespaces"),
    *("demonstration", "command_line", "nothing_left", "errors_rights"),
    *("origins_attachment", "forced_family", "slow_path", "cpu_unplug"),
}

MakeSender = Callable[..., Sender]
MakeCommand = Callable[..., Command]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks those that need no more than one way to watch calls."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents and item.path.stem.removeprefix("test_") not in BY_FAMILY:
            item.add_marker("once")


@pytest.fixture(autouse=True, scope="session")
def _live() -> Iterator[None]:
    """Every tracer here attaches as PYSIGSNOOP_TEST_ATTACH says, unless its test says how."""
    from pysigsnoop.tracer import SignalTracer

    defaults = SignalTracer.__init__.__kwdefaults__
    assert defaults
    before = defaults["attach"]
    defaults["attach"] = ATTACH
    try:
        requirement.check()
        yield
    finally:
        defaults["attach"] = before


@pytest.fixture(scope="session")
def sender_program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """sender.c, compiled."""
    folder = tmp_path_factory.mktemp("sender")
    return compiled(Path(__file__).with_name("sender.c"), folder / "sender")


@pytest.fixture
def make_sender(sender_program: Path) -> Iterator[MakeSender]:
    """Starts senders; `prefix` is a command that runs the sender."""
    yield from starter(Sender, sender_program)


@pytest.fixture
def sender(make_sender: MakeSender) -> Sender:
    """One sender."""
    return make_sender()


@pytest.fixture
def make_sleeper() -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Starts processes that sleep: targets that are ours to kill."""
    with ExitStack() as stack:

        def make() -> subprocess.Popen[bytes]:
            process = subprocess.Popen(["sleep", "600"])
            stack.callback(process.wait)
            stack.callback(process.kill)
            return process

        yield make


@pytest.fixture
def sleeper(make_sleeper: Callable[[], subprocess.Popen[bytes]]) -> subprocess.Popen[bytes]:
    """One process that sleeps."""
    return make_sleeper()


@pytest.fixture
def command() -> Iterator[MakeCommand]:
    """Starts `pysigsnoop` with arguments."""
    with ExitStack() as stack:

        def make(*arguments: str, prefix: tuple[str, ...] = ()) -> Command:
            started = Command(*arguments, prefix=prefix)
            stack.callback(started.close)
            return started

        yield make
