"""close(): from any thread, from a signal handler, in the middle of anything."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from pysigsnoop import SignalTracer, TracerClosed
from pysigsnoop import tracer as tracer_module

from .commands import environment, forced_script
from .kernel_objects import objects_of, wait_until_gone
from .senders import NOBODY, PATIENCE, Sender


@contextmanager
def on_alarm(after: float, do: Callable[[], object]) -> Iterator[None]:
    """Have `do` called by a signal handler of this thread."""
    old = signal.signal(signal.SIGALRM, lambda *_: do())
    signal.setitimer(signal.ITIMER_REAL, after)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)


def test_close_in_another_thread_ends_a_waiting_read(sender: Sender) -> None:
    with SignalTracer(sender_pid=sender.pid) as tracer:
        closer = threading.Timer(0.1, tracer.close)
        closer.start()
        with pytest.raises(TracerClosed):
            tracer.read()
        closer.join()
    assert tracer.closed


def test_close_in_another_thread_ends_a_loop_at_any_point(sender: Sender) -> None:
    with sender.flooding(1):
        for _ in range(5):
            with SignalTracer(sender_pid=sender.pid) as tracer:
                closer = threading.Timer(0.05, tracer.close)
                received = 0
                for _ in tracer:
                    received += 1
                    if received == 1:
                        closer.start()
                closer.join()
            assert tracer.stats.received == received > 0
    sender.answer()


def test_close_in_many_threads_at_once_is_one_close() -> None:
    held = objects_of(os.getpid())
    with SignalTracer() as tracer:
        ours = objects_of(os.getpid()) - held
        closers = [threading.Thread(target=tracer.close) for _ in range(8)]
        for closer in closers:
            closer.start()
        for closer in closers:
            closer.join()
        final = tracer.stats
    assert tracer.stats == final
    assert objects_of(os.getpid()) <= held
    wait_until_gone(ours)


def test_close_in_a_signal_handler_ends_the_read_that_it_interrupts(sender: Sender) -> None:
    with SignalTracer(sender_pid=sender.pid) as tracer, on_alarm(0.1, tracer.close):
        with pytest.raises(TracerClosed):
            tracer.read()
        assert tracer.stats.received == 0


def test_stop_in_a_signal_handler_ends_the_loop_that_it_interrupts(sender: Sender) -> None:
    with SignalTracer(sender_pid=sender.pid) as tracer:
        sender.send(3, target=NOBODY)
        with on_alarm(0.1, tracer.stop):
            assert len(list(tracer)) == 3


def test_a_handler_ends_a_read_though_another_thread_got_the_signal(sender: Sender) -> None:
    # As one that comes just before this thread sleeps, it interrupts nothing. Whoever waits for
    # signals by the descriptor that Python has for that hears of it all the same.
    reading, writing = socket.socketpair()
    old = signal.signal(signal.SIGUSR1, lambda *_: tracer.stop())
    sleeping = threading.Event()

    def send() -> None:
        assert sleeping.wait(PATIENCE)
        time.sleep(0.1)
        signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)

    thread = threading.Thread(target=send)
    with reading, writing, SignalTracer(sender_pid=sender.pid) as tracer:
        writing.setblocking(False)
        before = signal.set_wakeup_fd(writing.fileno())
        try:
            thread.start()
            sleeping.set()
            began = time.monotonic()
            assert tracer.read(PATIENCE) == []
            assert tracer.stopped
            assert time.monotonic() - began < PATIENCE / 2
            assert reading.recv(16) == bytes([signal.SIGUSR1])
        finally:
            assert signal.set_wakeup_fd(before) == writing.fileno()
            signal.signal(signal.SIGUSR1, old)
            thread.join()


@pytest.mark.parametrize("what", ["close", "stop"])
def test_a_signal_handler_can_end_a_tracer_in_the_middle_of_anything(what: str) -> None:
    # In a process of its own, since a mistake here is a deadlock or a crash. The handler comes at
    # another moment each time: while opening, reading, counting, stopping, closing.
    script = f"""
import os, signal
from pysigsnoop import SignalTracer, TracerClosed

tracer = None
signal.signal(signal.SIGALRM, lambda *_: (tracer.stats, tracer.closed or tracer.{what}()))
came = 0
for i in range(24):
    tracer = SignalTracer(sender_pid=os.getpid())
    try:
        # On a slow machine it can come before the next line is run.
        signal.setitimer(signal.ITIMER_REAL, 0.0005 + i * 0.005)
        with tracer:
            for _ in range(20):
                os.kill(os.getpid(), 0)
                tracer.read(0.001)
                tracer.stats
            tracer.stop()
            for event in tracer:
                pass
    except TracerClosed:
        came += 1
        # On a slow machine it may come before the tracer is opened, which stop() refuses.
        tracer.close()
    signal.setitimer(signal.ITIMER_REAL, 0)
    assert tracer.closed
    stats = tracer.stats
    assert stats.received + stats.lost_total <= 20, stats
    tracer.close()
for info in os.listdir("/proc/self/fdinfo"):
    try:
        text = open(f"/proc/self/fdinfo/{{info}}").read()
    except FileNotFoundError:
        continue
    assert "prog_id" not in text and "map_id" not in text, text
print(came)
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", forced_script(script)],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    # Some came while the tracer was open; were there none, nothing was tested here.
    assert int(done.stdout) > 0 or what == "stop"


def test_an_interrupt_at_the_last_step_of_opening_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # As Ctrl-C does, where nobody handles it, while modules are imported there.
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    before = objects_of(os.getpid())
    monkeypatch.setattr(tracer_module, "Decoder", interrupted)
    tracer = SignalTracer(stacks=True)
    with pytest.raises(KeyboardInterrupt):
        tracer.open()
    assert objects_of(os.getpid()) == before
    assert tracer.closed
    tracer.close()


def test_a_close_that_was_interrupted_is_finished_with_the_same_counts(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracer = SignalTracer(sender_pid=sender.pid)
    tracer.open()
    sender.send(150, target=NOBODY)
    assert len(tracer.read(PATIENCE, limit=7)) == 7
    sender.send(11, target=NOBODY)
    fill = tracer._ring.fill
    turns: list[int] = []

    def interrupted(*, final: bool) -> int:
        turns.append(fill(final=final))
        if len(turns) == 1:
            raise KeyboardInterrupt
        return turns[-1]

    monkeypatch.setattr(tracer._ring, "fill", interrupted)
    with pytest.raises(KeyboardInterrupt):
        tracer.close()
    assert turns[0] > 0
    tracer.close()
    stats = tracer.stats
    assert (stats.received, stats.lost.unread, stats.lost_total) == (7, 154, 154)


def test_close_of_a_tracer_that_never_opened_does_nothing_but_close() -> None:
    tracer = SignalTracer()
    tracer.close()
    tracer.close()
    assert tracer.closed
    with pytest.raises(TracerClosed):
        tracer.read()
