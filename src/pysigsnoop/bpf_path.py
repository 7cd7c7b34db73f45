"""Where the BPF object lies; to know it needs neither the object nor the extension."""

from __future__ import annotations

import os
from pathlib import Path


def object_path() -> Path:
    """The object to load: PYSIGSNOOP_BPF_OBJECT, else the one built with the package."""
    return Path(os.environ.get("PYSIGSNOOP_BPF_OBJECT") or Path(__file__).parent / "sigsnoop.bpf.o")
