"""Stacks of senders: against programs whose functions and lines the test knows."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pysigsnoop import Event, Frame, SignalTracer

from .actors import Actor, acting, state, until
from .commands import Command
from .senders import PATIENCE, Sender

SOURCE = Path(__file__).with_name("stacks.c")
#: What the program does between main and the call.
CALLS = ["inner", "middle", "outer"]
WITH_FRAME_POINTERS = ("-O1", "-g", "-fno-omit-frame-pointer")
WITHOUT_FRAME_POINTERS = ("-O2", "-g", "-fomit-frame-pointer")
NO_TABLES = ("-fno-asynchronous-unwind-tables", "-fno-unwind-tables")

Build = Callable[..., Path]


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """Compiles stacks.c with options; `name` is what it is called."""

    def make(*options: str, name: str = "stacks") -> Path:
        program = tmp_path_factory.mktemp("stacks") / name
        command = ["cc", "-Wall", "-Werror", "-pthread", *options, str(SOURCE), "-o", str(program)]
        subprocess.run(command, check=True)
        return program

    return make


@pytest.fixture(scope="module")
def plain(build: Build) -> Path:
    return build(*WITH_FRAME_POINTERS)


def line_of(what: str) -> int:
    """Where the source says `the line of WHAT`."""
    lines = SOURCE.read_text().splitlines()
    return next(at for at, text in enumerate(lines, 1) if f"the line of {what} */" in text)


def build_id(program: Path) -> str:
    done = subprocess.run(["readelf", "-n", program], capture_output=True, text=True, check=True)
    match = re.search(r"Build ID: ([0-9a-f]+)", done.stdout)
    assert match
    return match[1]


def names(stack: list[Frame] | None) -> list[str | None]:
    assert stack is not None
    return [frame.symbol for frame in stack]


def tracing(**options: object) -> SignalTracer:
    options = {"stacks": True, "signals": {0}} | options
    return SignalTracer(**options)  # type: ignore[arg-type]


def next_of(tracer: SignalTracer, pid: int) -> Event:
    """The next event that a process sent or got."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        for event in tracer.read(timeout=0.2, limit=1):
            if pid in (event.sender and event.sender.pid, event.target and event.target.pid):
                return event
    raise TimeoutError(f"no event of {pid}")


def one_of(actor: Actor, tracer: SignalTracer) -> list[Frame]:
    """Have it act once; the stack, read while it lives."""
    actor.go()
    event = next_of(tracer, actor.pid)
    stack = event.stack
    assert actor.line() == ["done"]
    assert stack is not None
    return stack


@pytest.mark.parametrize(
    "options",
    [
        WITH_FRAME_POINTERS,
        WITHOUT_FRAME_POINTERS,
        (*WITH_FRAME_POINTERS, "-no-pie"),
        (*WITH_FRAME_POINTERS, *NO_TABLES),
        (*WITHOUT_FRAME_POINTERS, "-gz", "-gdwarf-4"),
        (*WITHOUT_FRAME_POINTERS, "-static"),
    ],
    ids=" ".join,
)
def test_functions_and_lines_are_named_in_their_order(build: Build, options: list[str]) -> None:
    program = build(*options)
    with acting("stacks", "call", built=program) as actor, tracing(sender_pid=actor.pid) as tracer:
        stack = one_of(actor, tracer)
    assert stack[0].symbol == "kill"
    ours = stack[1:4]
    assert names(ours) == CALLS
    for frame in ours:
        assert frame.file == str(SOURCE)
        # A return address is in the line of the call, or the next one's first instruction.
        assert frame.line == line_of(str(frame.symbol))
        assert frame.module == str(program)
        assert frame.build_id == build_id(program)
        assert frame.offset is not None
        assert frame.offset > 0
    assert "main" in names(stack)


def test_offsets_are_those_of_the_file(plain: Path) -> None:
    table = subprocess.run(["nm", plain], capture_output=True, text=True, check=True).stdout
    start = {
        line.split()[2]: int(line.split()[0], 16) for line in table.splitlines() if line[0] != " "
    }
    with acting("stacks", "call", built=plain) as actor, tracing(sender_pid=actor.pid) as tracer:
        stack = one_of(actor, tracer)
        maps = Path(f"/proc/{actor.pid}/maps").read_text().splitlines()
    base = int(next(line for line in maps if line.endswith(str(plain))).split("-")[0], 16)
    for frame in stack[1:4]:
        assert frame.symbol
        assert frame.offset
        assert frame.address
        assert frame.address - base == start[frame.symbol] + frame.offset
        # In a position-independent program of this size file and memory agree.
        assert frame.module_offset == frame.address - base


def test_a_stripped_program_has_the_names_that_it_exports(build: Build) -> None:
    program = build("-O2", "-rdynamic", "-s")
    with acting("stacks", "call", built=program) as actor, tracing(sender_pid=actor.pid) as tracer:
        stack = one_of(actor, tracer)
    assert names(stack)[:4] == ["kill", *CALLS]
    assert {frame.file for frame in stack[1:4]} == {None}


def test_where_there_are_no_names_addresses_are_told(build: Build) -> None:
    program = build("-O2", "-s")
    with acting("stacks", "call", built=program) as actor, tracing(sender_pid=actor.pid) as tracer:
        stack = one_of(actor, tracer)
    assert stack[0].symbol == "kill"
    for frame in stack[1:4]:
        assert (frame.symbol, frame.offset, frame.module) == (None, None, str(program))
        assert frame.address
        assert frame.module_offset
        assert frame.build_id == build_id(program)


def test_a_separate_debug_file_is_no_guess(build: Build) -> None:
    """Without one of that build id under /usr/lib/debug a stripped program stays unnamed."""
    program = build("-O2", "-g")
    subprocess.run(["objcopy", "--only-keep-debug", program, f"{program}.debug"], check=True)
    subprocess.run(["objcopy", "--strip-all", program], check=True)
    name = build_id(program)
    place = Path(f"/usr/lib/debug/.build-id/{name[:2]}/{name[2:]}.debug")
    made = [folder for folder in (place.parents[1], place.parent) if not folder.is_dir()]
    with acting("stacks", "call", built=program) as actor:
        with tracing(sender_pid=actor.pid) as tracer:
            assert names(one_of(actor, tracer))[1:4] == [None] * 3
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            place.write_bytes(Path(f"{program}.debug").read_bytes())
            with tracing(sender_pid=actor.pid) as tracer:
                stack = one_of(actor, tracer)
                assert names(stack)[1:4] == CALLS
                assert [frame.line for frame in stack[1:4]] == [line_of(name) for name in CALLS]
        finally:
            place.unlink()
            for folder in reversed(made):
                folder.rmdir()


def test_a_thread_is_told_by_its_own_stack(plain: Path) -> None:
    with acting("stacks", "thread", built=plain) as actor, tracing(sender_pid=actor.pid) as tracer:
        stack = one_of(actor, tracer)
    assert names(stack)[:5] == ["kill", *CALLS, "threaded"]
    assert "main" not in names(stack)


def test_what_a_signal_handler_interrupted_is_told_too(build: Build) -> None:
    # On arm64 what the kernel saves for the handler leaves no room in the copy for who called.
    arm64 = os.uname().machine == "aarch64"
    program = build(*(WITH_FRAME_POINTERS if arm64 else WITHOUT_FRAME_POINTERS))
    options = {"signals": {0, "SIGUSR1"}}
    with (
        acting("stacks", "handler", built=program) as actor,
        tracing(sender_pid=actor.pid, **options) as tracer,
    ):
        actor.go()
        raised, sent = next_of(tracer, actor.pid), next_of(tracer, actor.pid)
        assert raised.signal.name == "SIGUSR1"
        assert names(raised.stack)[-1] != "interrupted"
        assert "interrupted" in names(raised.stack)
        found = names(sent.stack)
    assert found[:5] == ["kill", *CALLS, "on_signal"]
    assert found.index("interrupted") < found.index("main")


def test_a_deep_stack_is_told_as_far_as_it_was_copied(build: Build) -> None:
    with_pointers = build(*WITH_FRAME_POINTERS)
    without = build(*WITHOUT_FRAME_POINTERS, name="without")
    found = {}
    for program in (with_pointers, without):
        with (
            acting("stacks", "deep", built=program) as actor,
            tracing(sender_pid=actor.pid) as tracer,
        ):
            found[program] = names(one_of(actor, tracer))
    assert found[with_pointers].count("deeper") == 20
    assert "main" in found[with_pointers]
    assert found[without][:4] == ["kill", *CALLS]
    assert 3 < found[without].count("deeper") < 20
    assert {*found[without][4:]} == {"deeper"}


def test_a_file_that_was_replaced_is_still_the_one_that_runs(build: Build) -> None:
    program = build(*WITH_FRAME_POINTERS)
    other = build("-O2", "-s", "-rdynamic", "-Dinner=other", "-Dmiddle=other2", "-Douter=other3")
    with acting("stacks", "call", built=program) as actor, tracing(sender_pid=actor.pid) as tracer:
        other.rename(program)
        stack = one_of(actor, tracer)
    assert names(stack)[1:4] == CALLS
    assert stack[1].module == f"{program} (deleted)"


def test_each_process_has_its_own_root(build: Build, plain: Path) -> None:
    """The path names one file for the tracer, and another for the sender."""
    decoy = build("-O2", "-g", "-Dinner=other", "-Dmiddle=other2", "-Douter=other3", name="decoy")
    script = f"mount --bind {plain} {decoy} && exec {decoy} call"
    prefix = ("unshare", "--mount", "--propagation", "private", "sh", "-c", script)
    with (
        acting("stacks", built=Path("sh"), prefix=prefix) as actor,
        tracing(sender_pid=actor.pid) as tracer,
    ):
        stack = one_of(actor, tracer)
    assert names(stack)[1:4] == CALLS
    assert stack[1].module == str(decoy)
    assert stack[1].build_id == build_id(plain) != build_id(decoy)


def test_a_sender_that_ended_is_named_where_its_program_is_known(build: Build) -> None:
    program = build(*WITHOUT_FRAME_POINTERS)
    with (
        acting("stacks", "call", built=program) as seen,
        acting("stacks", "once", built=program) as actor,
        tracing(sender_comm="stacks") as tracer,
    ):
        seen.go()
        assert names(next_of(tracer, seen.pid).stack)[1:4] == CALLS
        actor.go()
        actor.end()
        event = next_of(tracer, actor.pid)
    stack = event.stack
    assert names(stack)[:5] == ["kill", *CALLS, "main"]
    assert stack is not None
    assert stack[1].line == line_of("inner")


def test_a_sender_that_ended_and_was_never_seen_has_build_ids(build: Build) -> None:
    unique = "1234567890abcdef" * 2 + "12345678"
    program = build(*WITH_FRAME_POINTERS, f"-Wl,--build-id=0x{unique}")
    with acting("stacks", "once", built=program) as actor, tracing(sender_comm="stacks") as tracer:
        actor.go()
        actor.end()
        stack = next_of(tracer, actor.pid).stack
    assert stack is not None
    assert stack[0].symbol == "kill"
    # inner's address is known by the C library's tables; what its file is, only the kernel knew.
    assert stack[1].address
    assert not {*names(stack)} & {*CALLS, "main"}
    known = [frame for frame in stack[1:] if frame.build_id == unique]
    table = subprocess.run(["nm", "-S", program], capture_output=True, text=True, check=True).stdout
    spans = {
        words[3]: (int(words[0], 16), int(words[1], 16))
        for words in map(str.split, table.splitlines())
        if len(words) == 4
    }
    found = [
        name
        for frame in known
        for name, (start, size) in spans.items()
        if frame.module_offset and start < frame.module_offset <= start + size
    ]
    assert found[:2] == ["middle", "outer"]


def test_a_command_that_lived_a_moment_is_told_by_its_installed_file() -> None:
    with tracing(sender_comm="kill") as tracer:
        process = subprocess.Popen(["/bin/kill", "-0", str(os.getpid())])
        assert process.wait(PATIENCE) == 0
        event = next_of(tracer, process.pid)
    stack = event.stack
    assert stack is not None
    assert stack[0].symbol == "kill"
    assert stack[0].module
    assert "libc" in stack[0].module
    assert stack[1].module == os.path.realpath("/bin/kill")
    assert stack[1].address


def test_another_program_of_the_same_process_is_not_taken_for_it() -> None:
    """The sender has become another program before anybody looked."""
    script = "import os,sys; os.kill(os.getpid(), 0); os.execv('/bin/sleep', ['sleep', '60'])"
    with tracing(sender_comm="python3") as tracer:
        process = subprocess.Popen(["python3", "-c", script])
        try:
            until("it sleeps", lambda: Path(f"/proc/{process.pid}/comm").read_text() == "sleep\n")
            stack = next_of(tracer, process.pid).stack
        finally:
            process.kill()
            process.wait()
    assert stack is not None
    assert stack[0].symbol == "kill"
    assert not [frame for frame in stack if frame.module and "sleep" in frame.module]


def test_the_kernels_own_have_the_kernels_stack_and_the_writers(plain: Path) -> None:
    with (
        acting("stacks", "pipe", built=plain) as actor,
        tracing(signals={"SIGPIPE"}, sender_pid=actor.pid) as tracer,
    ):
        stack = one_of(actor, tracer)
    kernel = [frame for frame in stack if frame.module == "[kernel]"]
    assert kernel == stack[: len(kernel)]
    assert any("pipe_write" in str(frame.symbol) for frame in kernel)
    assert not [frame for frame in kernel if frame.symbol and "bpf" in frame.symbol]
    assert {frame.address for frame in kernel} == {None}
    found = names(stack[len(kernel) :])
    assert found[1] == "writes"
    assert "main" in found


def test_a_fault_is_told_by_the_function_that_did_it(build: Build) -> None:
    program = build(*WITHOUT_FRAME_POINTERS)
    with (
        acting("stacks", "fault", built=program) as actor,
        tracing(signals={0, "SIGSEGV"}, target_pid=actor.pid) as tracer,
    ):
        assert names(one_of(actor, tracer))[1:4] == CALLS
        actor.go()
        assert actor.end() == -11
        event = next_of(tracer, actor.pid)
    stack = event.stack
    assert event.sender is None
    assert event.origin == "fault"
    user = [frame.symbol for frame in stack or () if frame.module != "[kernel]"]
    assert user[:1] == ["crashes"]
    assert "main" in user
    kernel = [frame.symbol for frame in stack or () if frame.module == "[kernel]"]
    assert any("fault" in str(name) for name in kernel)


def test_nobodys_signal_has_the_kernels_stack_alone() -> None:
    with tracing(signals={"SIGALRM"}, scope="kernel", target_comm="python3") as tracer:
        process = subprocess.Popen(
            ["python3", "-c", "import signal; signal.alarm(1); signal.pause()"]
        )
        assert process.wait(PATIENCE) == -14
        event = next_of(tracer, process.pid)
    assert event.sender is None
    assert event.stack
    assert {frame.module for frame in event.stack} == {"[kernel]"}


def test_who_does_not_ask_gets_none(plain: Path) -> None:
    with (
        acting("stacks", "call", built=plain) as actor,
        tracing(stacks=False, sender_pid=actor.pid) as tracer,
    ):
        actor.go()
        event = next_of(tracer, actor.pid)
    assert event.stack is None
    assert "stack" not in event.as_dict()


def test_each_stack_that_found_no_room_is_counted(sender: Sender) -> None:
    # Room for four stacks with their sends; in what is left some sends find room, and no stack.
    with tracing(sender_pid=sender.pid, buffer_size=32 * 1024) as tracer:
        sent = sender.send(300, target=sender.pid)
        tracer.stop()
        events = list(tracer)
        stats = tracer.stats
    without = [event for event in events if event.stack is None]
    # Of a send without a stack the key is there, and null.
    assert {repr(event.as_dict()["stack"]) for event in without} <= {"None"}
    assert len(without) == stats.lost.stacks > 0
    assert len(events) + stats.lost.ring_full + stats.lost.skipped == sent
    assert len(events) > len(without)


def test_recipients_of_a_group_have_the_stack_of_their_call() -> None:
    script = "import os; os.setpgid(0, 0); [os.fork() for _ in range(2)]; os.killpg(0, 28)"
    with tracing(signals={"SIGWINCH"}, sender_comm="python3") as tracer:
        process = subprocess.Popen(["python3", "-c", script])
        assert process.wait(PATIENCE) == 0
        until("its children ended", lambda: state(process.pid) == "")
        tracer.stop()
        events = [event for event in tracer if event.target_arg == 0]
    assert len(events) >= 4
    assert {names(event.stack)[0] for event in events} <= {"kill", "killpg"}
    assert None not in {event.recipients for event in events}


def test_the_command_line_shows_it(plain: Path, command: Callable[..., Command]) -> None:
    with acting("stacks", "call", built=plain) as actor:
        shown = command("--stack", "-s", "0", "-p", str(actor.pid), "--count", "1")
        shown.wait_for_header()
        actor.go()
        lines = shown.end(0).lines
    assert [line.split("+")[0].strip() for line in lines if line.startswith("    ")][:4] == [
        "kill",
        *CALLS,
    ]
    assert any(line.endswith(f"{SOURCE}:{line_of('outer')}") for line in lines)


def test_names_of_functions_are_never_printed_raw(
    build: Build, command: Callable[..., Command]
) -> None:
    program = build(*WITH_FRAME_POINTERS)
    subprocess.run(["objcopy", "--redefine-sym", "inner=in\x1b[31mn\ner", program], check=True)
    with acting("stacks", "call", built=program) as actor:
        options = ("--stack", "-s", "0", "-p", str(actor.pid), "--count", "1")
        text = command(*options)
        text.wait_for_header()
        actor.go()
        lines = text.end(0).lines
        assert actor.line() == ["done"]
        with tracing(sender_pid=actor.pid) as tracer:
            assert names(one_of(actor, tracer))[1] == "in\x1b[31mn\ner"
    assert [line for line in lines if line.startswith("    in\\x1b[31mn\\ner+")]
    assert not [line for line in lines if "\x1b" in line]


def test_json_has_the_frames(plain: Path, command: Callable[..., Command]) -> None:
    with acting("stacks", "call", built=plain) as actor:
        pids = f"{actor.pid},{os.getpid()}"
        shown = command("--stack", "-j", "--no-outcomes", "-s", "0", "-p", pids)
        shown.wait_by_probe()
        actor.go()
        while (found := shown.object())["sender"]["pid"] != actor.pid:
            pass
    frame = found["stack"][1]
    assert frame["symbol"] == "inner"
    assert (frame["file"], frame["line"]) == (str(SOURCE), line_of("inner"))
    assert frame["build_id"] == build_id(plain)
    assert int(frame["address"], 16) > 0


def test_it_goes_together_with_all_else_that_can_be_asked_for(plain: Path) -> None:
    with (
        acting("stacks", "call", built=plain) as actor,
        tracing(sender_pid=actor.pid, details=True, outcomes=True) as tracer,
    ):
        actor.go()
        event = next_of(tracer, actor.pid)
        assert names(event.stack)[1:4] == CALLS
    assert event.sender
    assert event.sender.cmdline == [str(plain), "call"]
    assert tracer.stats.lost.details == tracer.stats.lost.stacks == 0
