"""The two programs behind a guest: QEMU, and the server of its root file system."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from .architecture import AMD64, Architecture
from .foreign import COMPILER

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import AsyncIterator
    from pathlib import Path

    from .foreign import Root
    from .kernels import Unpacked

MEMORY = "1280M"
# An oops ends the guest at once, as a panic does; and a guest that ends is not restarted.
_ENDING = "panic=-1 oops=panic"
# What an emulator gains nothing by, and pays for at every call, allocation or grace period; and a
# clock that is no device, which kernels otherwise take the emulated one's for unstable. Nor is the
# timer held against it: on a busy machine its interrupts come late, and the kernel would panic.
_HASTE = (
    "mitigations=off init_on_alloc=0 nokaslr audit=0 rcupdate.rcu_expedited=1 tsc=reliable"
    " no_timer_check"
)
# Where qemu-system-common has it, which is in nobody's PATH.
_SERVER = "/usr/lib/qemu/virtiofsd"


def missing(architecture: Architecture) -> str | None:
    """What to install before such a guest can run, as a sentence; None if nothing."""
    # qemu-system-* brings qemu-system-common, where the server is.
    needed = {architecture.qemu: architecture.package, _SERVER: architecture.package}
    if architecture == AMD64:
        needed["busybox"] = "busybox-static"
    else:
        needed[f"{architecture.triplet}-gcc"] = COMPILER
    absent = [name for name in needed if shutil.which(name) is None]
    if not absent:
        return None
    packages = dict.fromkeys(needed[name] for name in absent)
    return f"no {', '.join(absent)}: apt-get install {' '.join(packages)}"


@asynccontextmanager
async def file_server(folder: Path, root: Root) -> AsyncIterator[Path]:
    """Serve a root file system to one guest, at the socket in `folder` whose path is given.

    The server is killed at the end of the block. Its complaints go to `errors` in `folder`.
    """
    path = folder / "files"
    with socket.socket(socket.AF_UNIX) as listener, (folder / "errors").open("ab") as errors:
        listener.bind(str(path))
        # Listening before it starts: QEMU may connect at any time.
        listener.listen(1)
        options = f"source={root.folder},sandbox=chroot,cache=always"
        server = await asyncio.create_subprocess_exec(
            *root.with_binds(),
            *(_SERVER, "-f", f"--fd={listener.fileno()}", "-o", options),
            # It would raise its limit of open files, for which not every root has the right.
            "--rlimit-nofile=0",
            pass_fds=[listener.fileno()],
            stdin=asyncio.subprocess.DEVNULL,
            stdout=errors,
            stderr=errors,
            start_new_session=True,
        )
    async with _killed(server):
        yield path


@asynccontextmanager
async def emulator(
    kernel: Unpacked, folder: Path, files: Path, words: str, *, cpus: int, counting: bool
) -> AsyncIterator[Process]:
    """A running QEMU whose standard streams are the guest's port.

    It boots `kernel` with the `initramfs` in `folder` and `words` on its command line. The kernel's
    messages go to `kernel.log` in `folder`, QEMU's to `errors`. It is killed at the end of the
    block. With `counting` the guest's clocks count instructions, a nanosecond each, while it has
    any to run.
    """
    kind = kernel.architecture
    append = f"console={kind.console} loglevel=5 {_ENDING} {_HASTE} {words}"
    with (folder / "errors").open("ab") as errors:
        qemu = await asyncio.create_subprocess_exec(
            *(kind.qemu, "-nodefaults", "-no-user-config", "-no-reboot"),
            *("-display", "none", "-monitor", "none", "-nic", "none"),
            # Emulation on one host thread, never hardware help: with that, or with a thread for
            # each processor, some boots hang.
            *("-accel", "tcg,thread=single", "-cpu", kind.cpu, "-smp", str(cpus)),
            *(("-icount", "shift=0") if counting else ()),
            *("-machine", f"{kind.board},memory-backend=ram", "-m", MEMORY, "-rtc", "base=utc"),
            # The file server reads and writes the guest's memory, so it is shared.
            *("-object", f"memory-backend-memfd,id=ram,size={MEMORY},share=on"),
            *("-kernel", str(kernel.image), "-initrd", str(folder / "initramfs")),
            *("-append", append),
            # The kernel's messages and the command's output each have their own way out.
            *("-serial", f"file:{folder / 'kernel.log'}"),
            *("-device", "virtio-serial-pci", "-chardev", "stdio,id=port,signal=off"),
            *("-device", "virtserialport,chardev=port"),
            *("-chardev", f"socket,id=files,path={files}"),
            *("-device", "vhost-user-fs-pci,chardev=files,tag=host"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
        )
    async with _killed(qemu):
        yield qemu


@asynccontextmanager
async def _killed(process: Process) -> AsyncIterator[None]:
    """Leave no process behind, however the block is left."""
    try:
        yield
    finally:
        if process.returncode is None:
            # Not process.kill(), which would also collect an exit code that asyncio waits for.
            with suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
        await process.wait()
