"""Run a command under other kernels: Debian's own, booted by QEMU on this machine's root.

    python -m tests.guests --kernels 5.10,newest -- python3 -m pytest -q tests/live

With `--table docs/kernels.md` what tests/guests/suite finds is written into that page, guest by
guest; `--table docs/kernels.md --read LOG...` does so from the saved output of such runs.

Each guest sees this machine's files read-only, with everything it writes kept in its own
memory, so the same Python, the same checkout and the same tests run under every kernel and
nothing they do stays. A guest has no network. Linux on x86-64, Debian, root.

With "/arm64" behind its name a kernel is one for arm64. Its guest has Debian's packages for its
root file system, and in that this checkout, with what the build makes made for arm64.

    archive.py       Debian's package archive, through an apt state of its own
    architecture.py  what is different between the two kinds of guests
    kernels.py       which kernels are to be had, fetched and unpacked
    foreign.py       the files of a guest: this machine's, or those made for arm64
    initramfs.py     the first files a guest sees, with boot.sh and run.sh, its two scripts
    port.py          what the guest says: its command's output, and how it ended
    processes.py     QEMU, and the server of the root file system
    machine.py       one guest from power-on to power-off
    report.py        what is printed
    features/        what the tracer can do on the running kernel, found out by doing it
    results.py       what guests found: read from their output, kept, and merged with earlier runs'
    page.py          the tables of docs/kernels.md, written from that
    suite            the live tests, once for each way to watch calls: what `make test-guests` runs
"""


class GuestError(Exception):
    """A guest could not be prepared. The message is for the reader, and says what to do."""
