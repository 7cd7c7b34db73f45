"""--trace-pipe on the running kernel: each line is a call that was made, whole and once."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from pysigsnoop import printable
from pysigsnoop.original import OriginalTracer
from tests.live.senders import PATIENCE
from tests.live.trace_buffer import (
    COMMAND,
    ENVIRONMENT,
    TRACEFS,
    Original,
    patient,
    send,
    turn,
)

# No process has such a pid (PID_MAX_LIMIT is 2**22), so each call can have a target of its own.
NOBODY = 5_000_000


# One way to attach, and not SignalTracer's.
pytestmark = pytest.mark.once


@pytest.fixture(autouse=True)
def _turn() -> Iterator[None]:
    with turn():
        yield


@patient
def test_the_demonstration_reads_as_it_always_did() -> None:
    tracer = Original()
    script = "sleep 60 & kill -9 $!; wait $! 2>/dev/null; kill -9 $! 2>/dev/null; echo $$ $!"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    shell, sleep = done.stdout.split()
    tracer.wait_for(rf"^PID {shell} .*ret = -3$")
    assert tracer.stop() == 130
    assert tracer.of(int(shell)) == [
        f"PID {shell} (bash) sent signal 9 to PID {sleep}, ret = 0",
        f"PID {shell} (bash) sent signal 9 to PID {sleep}, ret = -3",
    ]
    assert tracer.errors.endswith(" received, 0 lost\n")


def counted(tracer: Original, status: int) -> tuple[int, int]:
    """How many lines it says it received, and how many runs the kernel skipped; all else fails.

    Kernel 7.3 skips programs that another thread is in the middle of, and counts them.
    """
    said = r"(\d+) received, (\d+) lost(?: \(skipped (\d+)\))?$"
    count = re.search(said, tracer.errors.strip())
    assert count, tracer.errors
    received, lost, skipped = (int(number or 0) for number in count.groups())
    assert (status, lost) == (3 if skipped else 130, skipped)
    return received, skipped


@pytest.mark.parametrize("threads", [1, 4])
@patient
def test_every_one_of_a_prime_number_of_calls_is_told_once(threads: int) -> None:
    tracer = Original()
    pid = send([(b"many", 0, NOBODY + number) for number in range(4999)], threads)
    status = tracer.stop()
    expected = Counter(
        f"PID {pid} (many) sent signal 0 to PID {NOBODY + n}, ret = -3" for n in range(4999)
    )
    told = Counter(tracer.of(pid))
    received, skipped = counted(tracer, status)
    assert received >= told.total() >= 4999 - skipped
    assert told <= expected


@patient
def test_several_processes_at_once_keep_their_own_halves() -> None:
    tracer = Original()
    code = "import os\nfor n in range(997):\n try: os.kill({}+n, 0)\n except OSError: pass"
    senders = [
        subprocess.Popen([sys.executable, "-c", code.format(NOBODY + 1000 * number)])
        for number in range(4)
    ]
    assert [sender.wait(PATIENCE) for sender in senders] == [0] * 4
    _, skipped = counted(tracer, tracer.stop())
    missing = 0
    for number, sender in enumerate(senders):
        told = [re.search(r"to PID (\d+), ret = -3$", line) for line in tracer.of(sender.pid)]
        targets = [int(match[1]) for match in told if match]
        sent = [NOBODY + 1000 * number + each for each in range(997)]
        # In their order, none twice, and none of another's.
        assert targets == [each for each in sent if each in set(targets)]
        assert len(targets) == len(told)
        missing += len(sent) - len(targets)
    assert missing <= skipped


COMMS = [
    *(b"a b", b" ", b"a)(b]", b") sent signal ", b"PID 1 (x) sent ", b"to PID 1, ret ="),
    *(b"a\nb", b"\n", b"\n\n\n", b"x\nto PID 1, re", b"-1 [000] d..31 ", b"-1 [0] dddd 1: "),
    *(
        b"\nCPU:0 [LOST 1",
        b"\xff\xfe\x80",
        "日本語".encode(),
        b"\x1b[2J",
        b"\\n",
        b"%s%d%n",
        b"<...>",
    ),
]


@patient
def test_hostile_names_are_told_whole_and_escaped() -> None:
    tracer = Original()
    # Twice over, so that each stands before and behind another.
    orders = [(comm, 0, NOBODY + number) for number, comm in enumerate([*COMMS, *COMMS[::-1]])]
    pid = send(orders)
    assert tracer.stop() == 130, tracer.errors
    assert tracer.of(pid) == [
        f"PID {pid} ({printable(comm)}) sent signal 0 to PID {target}, ret = -3"
        for comm, _, target in orders
    ]
    assert all(line.isprintable() for line in tracer.seen)


@patient
def test_arguments_that_no_process_and_no_signal_has_are_told_as_given() -> None:
    tracer = Original()
    pid = send([(b"odd", 65, NOBODY), (b"odd", -1, NOBODY), (b"odd", 0, -(2**31) + 1)])
    assert tracer.stop() == 130, tracer.errors
    assert [line.partition("sent ")[2] for line in tracer.of(pid)] == [
        f"signal 65 to PID {NOBODY}, ret = -3",
        f"signal -1 to PID {NOBODY}, ret = -3",
        f"signal 0 to PID {-(2**31) + 1}, ret = -3",
    ]


@patient
def test_lines_that_others_write_meanwhile_change_nothing() -> None:
    tracer = Original(alone=False)
    writer = subprocess.Popen(
        [
            *(sys.executable, "-c"),
            "import sys\nwith open(sys.argv[1], 'wb', 0) as marker:\n"
            " print(flush=True)\n"
            " for n in range(20000): marker.write(b'to PID 1, ret = 0\\nPID 2 (a) sent signal 9 ')",
            str(TRACEFS / "trace_marker"),
        ],
        stdout=subprocess.PIPE,
    )
    assert writer.stdout
    writer.stdout.readline()
    pid = send([(b"many", 0, NOBODY + number) for number in range(1009)])
    assert writer.wait(PATIENCE) == 0
    writer.stdout.close()
    status = tracer.stop()
    calls = tracer.of(pid)
    expected = [
        f"PID {pid} (many) sent signal 0 to PID {NOBODY + n}, ret = -3" for n in range(1009)
    ]
    assert set(calls) <= set(expected)
    assert len(set(calls)) == len(calls)
    if status == 130:  # else the buffer was too small for so many, which is told
        assert calls == expected
    else:
        assert status == 3
        assert "the kernel dropped" in tracer.errors


@patient
def test_lines_from_before_the_start_are_not_told() -> None:
    with OriginalTracer():
        left = send([(b"before", 0, NOBODY + number) for number in range(101)])
    tracer = Original()
    pid = send([(b"after", 0, NOBODY)])
    assert tracer.stop() == 130, tracer.errors
    assert tracer.of(left) == []
    assert tracer.of(pid) == [f"PID {pid} (after) sent signal 0 to PID {NOBODY}, ret = -3"]


@patient
def test_count_ends_it_after_so_many_lines() -> None:
    tracer = Original("--count", "3", ready=False)
    for _ in range(600):
        if tracer._process.poll() is not None:
            break
        send([(b"count", 0, NOBODY)])
    assert tracer.wait() == 0
    assert len(tracer.seen) == 3
    assert "3 received, 0 lost" in tracer.errors


@patient
def test_duration_ends_it_on_an_idle_machine_and_under_a_flood() -> None:
    code = "import os\nwhile True: os.kill(os.getpid(), 0)"
    for flood in (False, True):
        sender = subprocess.Popen([sys.executable, "-c", code]) if flood else None
        try:
            tracer = Original("--duration", "0.5", ready=False, alone=not flood)
            assert tracer.wait() in (0, 3)
            assert " received, " in tracer.errors
        finally:
            if sender:
                sender.kill()
                sender.wait()


def test_a_handler_ends_it_though_another_thread_got_the_signal() -> None:
    # As one that comes just before this thread sleeps, it interrupts nothing.
    def send() -> None:
        time.sleep(0.1)
        signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)

    thread = threading.Thread(target=send)
    with OriginalTracer() as tracer:
        old = signal.signal(signal.SIGUSR1, lambda *_: tracer.stop())
        try:
            thread.start()
            began = time.monotonic()
            for _ in tracer.calls(PATIENCE):
                pass
            assert time.monotonic() - began < PATIENCE / 2
        finally:
            thread.join()
            signal.signal(signal.SIGUSR1, old)


@patient
def test_a_reader_that_has_enough_ends_it_quietly() -> None:
    tracer = subprocess.Popen(
        COMMAND, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    code = "import os\nwhile True: os.kill(os.getpid(), 0)"
    sender = subprocess.Popen([sys.executable, "-c", code])
    try:
        assert tracer.stdout
        assert tracer.stderr
        assert tracer.stdout.readline().startswith(b"PID ")
        tracer.stdout.close()
        assert tracer.wait(PATIENCE) == 0
        assert b"Traceback" not in tracer.stderr.read()
        tracer.stderr.close()
    finally:
        sender.kill()
        sender.wait()


@patient
def test_programs_that_print_are_loaded_in_this_mode_only() -> None:
    def programs(pid: int) -> set[str]:
        found = subprocess.run(["bpftool", "-j", "prog", "show"], capture_output=True, check=True)
        names = {each["id"]: each.get("name") for each in json.loads(found.stdout)}
        held = "".join(info.read_text() for info in Path(f"/proc/{pid}/fdinfo").iterdir())
        return {names[int(number)] for number in re.findall(r"^prog_id:\s+(\d+)$", held, re.M)}

    tracer = Original()
    assert {"kill_entry", "kill_exit"} <= programs(tracer.pid)
    assert tracer.stop() == 130
    ring = subprocess.Popen(
        [arg for arg in COMMAND if arg != "--trace-pipe"],
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert ring.stdout
    try:
        assert ring.stdout.readline().startswith("TIME")  # the header: it is open
        held = programs(ring.pid)
        assert held
        assert not held & {"kill_entry", "kill_exit"}
    finally:
        ring.terminate()
        assert ring.wait(PATIENCE) == 0
        ring.stdout.close()


@patient
def test_a_tracer_that_was_stopped_by_a_thread_ends_its_reader() -> None:
    with OriginalTracer() as tracer:
        os.kill(os.getpid(), 0)
        tracer.stop()
        tracer.stop()
        found = list(tracer.calls())
    assert any(getattr(each, "pid", None) == os.getpid() for each in found)
