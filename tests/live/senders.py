"""Processes that send signals and count what they sent: the truth that traces are held against."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

#: No process has this pid, nor any above it: the kernel's own limit is 4194304.
NOBODY = 10_000_000
#: How many times as long everything may take; more where the processor is emulated.
SLOWNESS = float(os.environ.get("PYSIGSNOOP_TEST_PATIENCE", "1"))
#: How long a test waits for what must come, before it fails.
PATIENCE = 60.0 * SLOWNESS


class Sender:
    """One running sender.c; `prefix` is a command that runs it, unshare for instance."""

    def __init__(self, program: Path, prefix: tuple[str, ...] = ()) -> None:
        self.process = subprocess.Popen(
            [*prefix, str(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        #: As this test's pid namespace numbers it; of the command that runs it where there is one.
        self.pid = self.process.pid

    def tell(self, line: str) -> None:
        """Give an order without waiting for its end."""
        assert self.process.stdin
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def answer(self) -> dict[int, int]:
        """What each thread sent, by its tid in the sender's own namespace."""
        assert self.process.stdout
        total, *threads = self.process.stdout.readline().split()
        sent = {int(tid): int(count) for tid, count in (pair.split("=") for pair in threads)}
        assert sum(sent.values()) == int(total)
        return sent

    def send(self, count: int = 1, *, signal: int = 0, target: int, step: int = 0) -> int:
        """So many calls from the main thread; returns how many it made."""
        self.tell(f"flood 0 {count} {int(signal)} {target} {step}")
        return sum(self.answer().values())

    def flood(
        self, threads: int, count: int, *, signal: int = 0, target: int = NOBODY, step: int = 0
    ) -> dict[int, int]:
        """So many calls from each of so many threads."""
        self.tell(f"flood {threads} {count} {int(signal)} {target} {step}")
        return self.answer()

    @contextmanager
    def flooding(
        self, threads: int, *, signal: int = 0, target: int = NOBODY, step: int = 0
    ) -> Iterator[None]:
        """Calls without end while the block runs; ask `answer` afterwards."""
        self.tell(f"flood {threads} 0 {int(signal)} {target} {step}")
        try:
            yield
        finally:
            self.tell("enough")

    def raw(self, signal: int, target: int) -> None:
        """One call with arguments as wide as registers."""
        self.tell(f"raw {signal} {target}")
        self.answer()

    def rename(self, comm: bytes) -> None:
        """Give the main thread another name."""
        self.tell(f"name {comm.hex()}")
        self.answer()

    def close(self) -> None:
        """End it, by the end of its input."""
        with self.process as process:
            assert process.stdin
            if not process.stdin.closed:
                process.stdin.close()
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()


def wait_for_program(pid: int) -> None:
    """Until a process has become the sender that its command runs."""
    end = time.monotonic() + PATIENCE
    while Path(f"/proc/{pid}/comm").read_text() != "sender\n":
        assert time.monotonic() < end, f"{pid} never ran the sender"
        time.sleep(0.01)


def only_child(pid: int) -> int:
    """The pid of a command's one child, waiting until it is there and has become its program."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        if children and Path(f"/proc/{children[0]}/comm").read_text() == "sender\n":
            return int(children[0])
        time.sleep(0.01)
    raise TimeoutError(f"{pid} has no child")
