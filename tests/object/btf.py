"""BTF, the kernel's type information, as bpftool reads it from an object or a kernel."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any


class Btf:
    """Types by id, as bpftool tells them."""

    def __init__(self, path: Path) -> None:
        done = subprocess.run(
            ["bpftool", "-j", "btf", "dump", "file", str(path)], capture_output=True, check=True
        )
        self.types: dict[int, dict[str, Any]] = {each["id"]: each for each in _types(done.stdout)}

    def named(self, kind: str, name: str) -> dict[str, Any]:
        found = [t for t in self.types.values() if (t["kind"], t["name"]) == (kind, name)]
        assert found, f"no {kind} {name}"
        return found[0]

    def plain(self, type_id: int) -> dict[str, Any]:
        """A type without its typedefs and qualifiers."""
        found = self.types.get(type_id, {"kind": "VOID", "name": "void"})
        while found["kind"] in ("TYPEDEF", "CONST", "VOLATILE", "RESTRICT", "TYPE_TAG"):
            found = self.types.get(found["type_id"], {"kind": "VOID", "name": "void"})
        return found

    def number(self, type_id: int) -> int:
        """What `__uint(name, number)` says: a pointer to an array of that length."""
        return int(self.plain(self.plain(type_id)["type_id"])["nr_elems"])


def _types(text: bytes) -> list[dict[str, Any]]:
    types: list[dict[str, Any]] = json.loads(text)["types"]
    return types
