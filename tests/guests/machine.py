"""One guest, from power-on to power-off."""

from __future__ import annotations

import asyncio
import re
import secrets
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from .port import Port
from .processes import emulator, file_server

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import Callable

    from .foreign import Root
    from .kernels import Unpacked

# Seconds from power-on to the command; three or four of them when the machine is idle, and fifty
# times as many where others leave it a fiftieth.
BOOT_LIMIT = 180
# Boots that may fail to reach the command. One that reached it is never repeated.
ATTEMPTS = 3
# Seconds for a guest to power off after its command.
_END_LIMIT = 10


@dataclass(frozen=True)
class Outcome:
    """How a guest ended. `problem` is None only if the command exited 0.

    Times in seconds: `boot` from power-on to the command (None if it never got there), `total`
    to power-off, failed boots included. `kernel_log` is what the kernel said while the command
    ran; where the guest itself failed, all it ever said.
    """

    problem: str | None
    boot: float | None
    total: float
    kernel_log: str


async def run(
    kernel: Unpacked,
    initramfs: bytes,
    root: Root,
    *,
    cpus: int,
    counting: bool,
    limit: float,
    on_line: Callable[[str], None],
) -> Outcome:
    """Boot a guest and wait for its command to end, at most `limit` seconds after it began.

    `on_line` gets each line of the command's output, both streams. A boot that never reached the
    command is tried again, ATTEMPTS times in all. Cancelling ends the guest. OSError: QEMU or
    its file server cannot be started.
    """
    begin = time.monotonic()
    for attempt in range(1, ATTEMPTS + 1):
        outcome = await _boot(
            *(kernel, initramfs, root), cpus=cpus, counting=counting, limit=limit, on_line=on_line
        )
        if outcome.boot is not None:
            break
        outcome = replace(outcome, problem=f"no boot: {outcome.problem}")
        on_line(f"(try {attempt} of {ATTEMPTS}: {outcome.problem})")
    return replace(outcome, total=time.monotonic() - begin)


async def _boot(
    kernel: Unpacked,
    initramfs: bytes,
    root: Root,
    *,
    cpus: int,
    counting: bool,
    limit: float,
    on_line: Callable[[str], None],
) -> Outcome:
    nonce = secrets.token_hex(16)
    port = Port(nonce, on_line)
    boot = None
    begun = ended = 0
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="pysigsnoop-guest-") as name:
        folder = Path(name)
        (folder / "initramfs").write_bytes(initramfs)
        log = folder / "kernel.log"
        log.touch()
        async with (
            file_server(folder, root) as files,
            emulator(
                *(kernel, folder, files, f"guest_nonce={nonce}"), cpus=cpus, counting=counting
            ) as qemu,
        ):
            problem = await _listen(qemu, port, lambda: port.ready, BOOT_LIMIT)
            if problem is None:
                boot = time.monotonic() - begin
                begun = log.stat().st_size
                problem = await _listen(qemu, port, lambda: port.exit_code is not None, limit)
            port.end()
            ended = log.stat().st_size
            if problem is None:
                await _power_off(qemu)
        said = log.read_bytes()
        errors = (folder / "errors").read_bytes()
    panic = re.search(rb"Kernel panic - [^\r\n]*", said)
    if panic:
        problem = panic[0].decode(errors="replace")
    if boot is None:
        # QEMU and its file server explain themselves, if it was they that failed.
        said += errors
    elif problem is None:
        said = said[begun:ended]
        problem = f"exit {port.exit_code}" if port.exit_code else None
    text = said.decode(errors="replace").replace("\r", "")
    return Outcome(problem, boot, time.monotonic() - begin, text)


async def _listen(qemu: Process, port: Port, done: Callable[[], bool], limit: float) -> str | None:
    """Read the port until `done`, or say what happened instead."""
    assert qemu.stdout is not None
    end = time.monotonic() + limit
    while not done():
        try:
            data = await asyncio.wait_for(qemu.stdout.read(1 << 16), end - time.monotonic())
        except asyncio.TimeoutError:
            return f"timed out after {limit:g} s"
        if not data:
            return "the guest went away"
        port.feed(data)
    return None


async def _power_off(qemu: Process) -> None:
    # run.sh waits for one line before it powers off.
    assert qemu.stdin is not None
    qemu.stdin.write(b"\n")
    with suppress(asyncio.TimeoutError):
        await asyncio.wait_for(qemu.wait(), _END_LIMIT)
