"""What is different for a guest with another kind of processor: names, and QEMU's words for it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Architecture:
    """A kind of processor, emulated.

    `name` is Debian's, `machine` what `uname -m` says, `triplet` the C compiler's.
    """

    name: str
    machine: str
    triplet: str
    qemu: str
    #: QEMU's package in Debian.
    package: str
    #: Of QEMU's machines the one that is meant for this, and the processor that it has.
    board: str
    cpu: str
    #: The kernel's first serial port.
    console: str


AMD64 = Architecture(
    "amd64",
    "x86_64",
    "x86_64-linux-gnu",
    "qemu-system-x86_64",
    "qemu-system-x86",
    "pc",
    # All that can be emulated, less what makes every access of memory dearer to emulate: a fifth
    # level of page tables, keys, and checks of the kernel's access to user memory.
    "max,-la57,-smap,-smep,-pku,-umip",
    "ttyS0",
)
ARM64 = Architecture(
    "arm64",
    "aarch64",
    "aarch64-linux-gnu",
    "qemu-system-aarch64",
    "qemu-system-arm",
    "virt,gic-version=3",
    # Return addresses are signed, by a sum that is cheap to emulate. Kernels before 5.12 do not
    # boot where pages have addresses of 52 bits.
    "max,pauth-impdef=on,lpa2=off,sve=off",
    "ttyAMA0",
)
ARCHITECTURES = {each.name: each for each in (AMD64, ARM64)}
