"""expect_signal: what must come, what must not, and what is said where it is otherwise."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from typing import Any

import pytest

from pysigsnoop import Death, Delivery, FilterInvalid, expect_signal
from pysigsnoop.signals import Signal

from .senders import NOBODY, PATIENCE, Sender

Sleeper = subprocess.Popen[bytes]


def complaint(
    scene: Callable[[], object], number: signal.Signals, *, timeout: float = 0.0, **how: Any
) -> list[str]:
    """The lines of the error that a scene leads to."""
    with (
        pytest.raises(AssertionError) as raised,
        expect_signal(number, timeout=timeout, **how),
    ):
        scene()
    return str(raised.value).splitlines()


def test_what_came_is_told_with_its_end(sleeper: Sleeper) -> None:
    with expect_signal(
        signal.SIGTERM, target=sleeper.pid, outcome="died", timeout=PATIENCE
    ) as seen:
        with pytest.raises(LookupError, match="has not been left"):
            _ = seen.event
        sleeper.terminate()
    assert seen.events == [seen.event]
    assert seen.event.sender.pid == os.getpid()
    assert (seen.event.origin, seen.event.target.pid) == ("kill", sleeper.pid)
    (death,) = (end for end in seen.ends if isinstance(end, Death))
    assert death.send_id == seen.event.id
    assert death.signal == signal.SIGTERM
    assert sleeper.wait(PATIENCE) == -signal.SIGTERM


def test_it_waits_for_what_comes_after_the_block(sleeper: Sleeper) -> None:
    sending = ["sh", "-c", f"sleep 0.3; kill -USR1 {sleeper.pid}"]
    before = time.monotonic()
    with expect_signal("USR1", target=sleeper.pid, timeout=PATIENCE) as seen:
        sender = subprocess.Popen(sending)
    assert sender.wait(PATIENCE) == 0
    assert seen.event.sender.pid == sender.pid
    assert 0.3 < time.monotonic() - before < PATIENCE


def test_what_came_instead_is_said(sleeper: Sleeper, sender: Sender) -> None:
    def others() -> None:
        os.kill(sleeper.pid, signal.SIGWINCH)
        sender.send(signal=signal.SIGCONT, target=sleeper.pid)
        # What the kernel refuses is no signal that came, though of this number.
        subprocess.run(
            [
                *("setpriv", "--reuid=65534", "--clear-groups"),
                *("sh", "-c", f"kill -TERM {sleeper.pid} 2>/dev/null"),
            ],
            check=False,
        )

    said = complaint(others, signal.SIGTERM, target=sleeper.pid)
    problem, winch, cont, refused = said
    assert problem == f"SIGTERM to {sleeper.pid} did not come within 0 s"
    assert re.fullmatch(rf"  instead: SIGWINCH by kill from {os.getpid()} \(.+\): discarded", winch)
    assert cont == f"  instead: SIGCONT by kill from {sender.pid} (sender): discarded"
    assert re.fullmatch(r"  instead: SIGTERM by kill from \d+ \(sh\): EPERM", refused)
    assert sleeper.poll() is None

    assert complaint(lambda: None, signal.SIGTERM, target=sleeper.pid) == [
        f"SIGTERM to {sleeper.pid} did not come within 0 s",
        f"  and nothing else to {sleeper.pid}",
    ]


def test_sender_and_origin_and_outcome_must_be_as_said(sleeper: Sleeper, sender: Sender) -> None:
    def mine() -> None:
        os.kill(sleeper.pid, signal.SIGWINCH)

    (problem, instead) = complaint(mine, signal.SIGWINCH, target=sleeper.pid, sender=sender.pid)
    assert problem == f"SIGWINCH to {sleeper.pid} from {sender.pid} did not come within 0 s"
    assert f"from {os.getpid()} " in instead
    problem, instead = complaint(mine, signal.SIGWINCH, target=sleeper.pid, origin="timer")
    assert problem.endswith(" by timer did not come within 0 s")
    problem, came = complaint(mine, signal.SIGWINCH, target=sleeper.pid, outcome="died")
    assert problem.endswith(" that died did not come within 0 s")
    assert re.fullmatch(r"  came: SIGWINCH by kill from \d+ \(.+\): discarded", came)

    # And with neither: by the sender alone, and by the signal alone.
    with expect_signal(signal.SIGWINCH, sender=sender.pid, origin="kill", timeout=PATIENCE) as seen:
        mine()
        sender.send(signal=signal.SIGWINCH, target=sleeper.pid)
    assert [event.sender.pid for event in seen.events] == [sender.pid]
    number = Signal(64)  # that nobody else on this machine uses
    with expect_signal({number, 63}, timeout=PATIENCE) as seen:
        sender.send(signal=number, target=sleeper.pid)
    assert seen.event.signal == number
    assert sleeper.wait(PATIENCE) == -number


def test_a_handler_that_takes_it_is_waited_for() -> None:
    before = signal.signal(signal.SIGUSR2, lambda *_: None)
    try:
        with expect_signal(
            signal.SIGUSR2, target=os.getpid(), outcome="delivered", timeout=PATIENCE
        ) as seen:
            os.kill(os.getpid(), signal.SIGUSR2)
    finally:
        signal.signal(signal.SIGUSR2, before)
    (end,) = seen.ends
    assert isinstance(end, Delivery)
    assert end.action == "handler"


def test_it_must_come_so_often_and_not_more(sleeper: Sleeper) -> None:
    def send(times: int) -> Callable[[], None]:
        def scene() -> None:
            for _ in range(times):
                os.kill(sleeper.pid, signal.SIGWINCH)

        return scene

    with expect_signal(signal.SIGWINCH, target=sleeper.pid, times=3, timeout=PATIENCE) as seen:
        send(3)()
    assert len(seen.events) == 3
    for sent, wanted, said in ((2, 3, "2 times, and not 3 times"), (3, 1, "3 times, and not once")):
        problem, *came = complaint(send(sent), signal.SIGWINCH, target=sleeper.pid, times=wanted)
        assert problem == f"SIGWINCH to {sleeper.pid} came {said}"
        assert [line.startswith("  came: SIGWINCH by kill") for line in came] == [True] * sent


def test_what_must_not_come(sleeper: Sleeper) -> None:
    before = time.monotonic()
    with expect_signal(signal.SIGTERM, target=sleeper.pid, times=0, timeout=0.2) as seen:
        os.kill(sleeper.pid, signal.SIGWINCH)
    assert time.monotonic() - before >= 0.2
    assert seen.events == []
    said = complaint(
        sleeper.terminate, signal.SIGTERM, target=sleeper.pid, times=0, timeout=PATIENCE
    )
    assert said[0] == f"SIGTERM to {sleeper.pid} came, and must not"
    assert re.fullmatch(
        rf"  came: SIGTERM by kill from {os.getpid()} \(.+\): (pending|.*died)", said[1]
    )


def test_loss_is_said_and_what_must_not_come_is_then_unknown(sender: Sender) -> None:
    # More than the ring holds, while nobody reads.
    def flood() -> None:
        sender.send(60_000, signal=0, target=NOBODY)

    said = complaint(flood, signal.SIGTERM, sender=sender.pid)
    assert said[0] == f"SIGTERM from {sender.pid} did not come within 0 s"
    assert re.fullmatch(r"  instead: \d+ others, of which the last are", said[1])
    assert re.fullmatch(r"  \d+ records were lost meanwhile: .+", said[-1])
    said = complaint(flood, signal.SIGTERM, sender=sender.pid, times=0)
    assert said[0] == f"whether SIGTERM from {sender.pid} came cannot be told"
    assert "records were lost" in said[1]


def test_an_exception_of_the_blocks_own_is_let_through(sleeper: Sleeper) -> None:
    before = time.monotonic()
    with (
        pytest.raises(RuntimeError, match="its own"),
        expect_signal(signal.SIGTERM, target=sleeper.pid, timeout=PATIENCE),
    ):
        raise RuntimeError("its own")
    assert time.monotonic() - before < PATIENCE


@pytest.mark.once
@pytest.mark.parametrize(
    "wrong",
    [
        {"signal": "KILLL"},
        {"signal": ()},
        {"signal": 15, "times": -1},
        {"signal": 15, "outcome": "dead"},
        {"signal": 15, "origin": "nobody"},
        {"signal": 15, "target": 1 << 40},
    ],
)
def test_what_means_nothing_is_refused(wrong: dict[str, Any]) -> None:
    number = wrong.pop("signal")
    with (
        pytest.raises(FilterInvalid) as raised,
        expect_signal(number, timeout=0, **wrong),
    ):
        pass
    assert raised.value.hint
