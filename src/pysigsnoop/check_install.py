"""Checks of what is installed: Python, libbpf, the extension, the BPF object."""

from __future__ import annotations

import ctypes
import os
import platform
import sys

from . import diagnosis
from .bpf_path import object_path
from .checks import OK, WARN, Check
from .errors import LibraryMissing, NotSupported

_LIBBPF = "libbpf.so.1"


def _python() -> Check:
    version = f"{platform.python_implementation()} {platform.python_version()}"
    return Check("python", OK, f"{version} ({sys.executable})")


def _libbpf() -> Check:
    """By itself, so that it is told from an extension that is missing."""
    try:
        tell = ctypes.CDLL(_LIBBPF).libbpf_version_string  # came with 1.0
    except (OSError, AttributeError) as error:
        raise diagnosis.libbpf_missing(str(error)) from error
    tell.restype = ctypes.c_char_p
    return Check("libbpf", OK, f"{tell().decode()} ({_LIBBPF})")


def _extension() -> Check:
    from . import library

    return Check("extension", OK, f"built, and runs with libbpf {library.libbpf_version()}")


def _object() -> Check:
    path = object_path()
    try:
        from .bpf_object import BpfObject

        bpf = BpfObject()
    except (LibraryMissing, NotSupported):
        # The extension can tell whether it is that of this version, and needs the kernel's types.
        if not os.path.isfile(path):
            raise diagnosis.no_object(path) from None
        if damage := diagnosis.damage(path, ()):
            raise diagnosis.bad_object(path, (), damage[0]) from None
        return Check("object", WARN, "whole; whether it is of this version cannot be told")
    try:
        where = path if os.environ.get("PYSIGSNOOP_BPF_OBJECT") else "the package's own"
        return Check("object", OK, f"{len(bpf.programs())} programs ({where})")
    finally:
        bpf.close()


CHECKS = {"python": _python, "libbpf": _libbpf, "extension": _extension, "object": _object}
