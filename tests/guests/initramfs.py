"""The first files a guest sees: busybox, two scripts, a few modules, and what it is to run."""

from __future__ import annotations

import lzma
import re
import shlex
import shutil
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from . import GuestError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

# Drivers that boot.sh relies on: the bus, the port of the output, the two file systems. One
# that a kernel has built in has no file, and none is needed.
MODULES = ("virtio_pci", "virtio_console", "virtiofs", "overlay")
# Folders that are empty memory in the guest, as boot.sh mounts them.
EMPTY = (Path("/tmp"), Path("/run"), Path("/dev"))


def command_script(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> str:
    """A shell script that becomes `command`, in `folder`, with that environment and no other."""
    settings = [f"{name}={value}" for name, value in environment.items()]
    return (
        f"cd {shlex.quote(str(folder))} || exit 126\n"
        f"exec /usr/bin/env -i {shlex.join([*settings, *command])}\n"
    )


def build(modules: Path, command: str, keep: Iterable[Path], root: Path) -> bytes:
    """A guest's initramfs: an uncompressed newc archive.

    `modules` is the kernel's folder of modules, `command` the script to run, `keep` folders that
    the guest must see although they may lie below one of EMPTY, `root` what it will have for a
    root file system. GuestError: no busybox there, or a module packed in a way not known here.
    """
    busybox = shutil.which("busybox", path=f"{root}/usr/bin:{root}/bin")
    if busybox is None:
        raise GuestError("no busybox: apt-get install busybox-static")
    here = Path(__file__).parent
    hidden = [path for path in keep if any(path.is_relative_to(top) for top in EMPTY)]
    loaded = list(_with_dependencies(modules, MODULES))
    return b"".join(
        [
            # The kernel opens it for PID 1 before anything is mounted. Character device 5, 1.
            _entry("dev", stat.S_IFDIR | 0o755),
            _entry("dev/console", stat.S_IFCHR | 0o600, device=(5, 1)),
            _entry("bin", stat.S_IFDIR | 0o755),
            _entry("bin/busybox", stat.S_IFREG | 0o755, Path(busybox).read_bytes()),
            _entry("init", stat.S_IFREG | 0o755, (here / "boot.sh").read_bytes()),
            _entry("run.sh", stat.S_IFREG | 0o644, (here / "run.sh").read_bytes()),
            _entry("command", stat.S_IFREG | 0o644, command.encode()),
            _entry("keep", stat.S_IFREG | 0o644, _lines(str(path) for path in hidden)),
            _entry("modules", stat.S_IFDIR | 0o755),
            _entry("modules/order", stat.S_IFREG | 0o644, _lines(name for name, _ in loaded)),
            *(_entry(f"modules/{name}", stat.S_IFREG | 0o644, data) for name, data in loaded),
            _entry("TRAILER!!!", 0),
        ]
    )


def _lines(words: Iterable[str]) -> bytes:
    return "".join(f"{word}\n" for word in words).encode()


def _with_dependencies(modules: Path, wanted: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    """Name and content of each module file, every one after those it depends on."""
    # A module's file may be named with dashes where the kernel has underscores.
    files = {path.name.split(".")[0].replace("-", "_"): path for path in modules.rglob("*.ko*")}
    done: set[str] = set()

    def visit(name: str) -> Iterator[tuple[str, bytes]]:
        if name in done or name not in files:
            return
        done.add(name)
        data = _module(files[name])
        # Every module carries a table of NUL-ended "key=value" words.
        depends = re.search(rb"\0depends=([^\0]*)\0", data)
        for other in depends[1].decode().split(",") if depends else ():
            yield from visit(other.replace("-", "_"))
        yield name, data

    for name in wanted:
        yield from visit(name)


def _module(path: Path) -> bytes:
    data = path.read_bytes()
    if path.suffix == ".xz":
        return lzma.decompress(data)
    if path.suffix == ".ko":
        return data
    raise GuestError(f"{path.name}: only plain and xz modules are known here")


def _entry(name: str, mode: int, data: bytes = b"", device: tuple[int, int] = (0, 0)) -> bytes:
    # Linux Documentation/driver-api/early-userspace/buffer-format.rst: magic, thirteen numbers of
    # eight hexadecimal digits, the name with its NUL, the data; both padded to four bytes.
    path = name.encode() + b"\0"
    numbers = (0, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(path), 0)
    header = b"070701" + b"".join(b"%08x" % number for number in numbers) + path
    return _padded(header) + _padded(data)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
