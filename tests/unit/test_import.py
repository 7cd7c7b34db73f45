"""What an import of the tracer brings along: nothing that its first event can do without."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

import pysigsnoop
from pysigsnoop.stats import Counts, Lost, Stats, Tally

PACKAGE = Path(pysigsnoop.__file__).parent.parent

#: Each takes a millisecond or more to import, or brings along one that does.
DEAR = {
    *("argparse", "asyncio", "dataclasses", "importlib", "inspect", "ipaddress", "json"),
    *("pathlib", "re", "shlex", "subprocess", "tempfile", "textwrap", "typing"),
    *("urllib", "urllib.parse"),
}
#: Ours, for what is asked for seldom.
LATE = {
    f"pysigsnoop.{name}"
    for name in (
        *("cgroup_tree", "cgroups", "columns", "places", "process_cgroups", "stack"),
        *("whereabouts", "options", "cli"),
    )
}


def imported(statement: str) -> set[str]:
    """What a bare interpreter has imported after it; without libbpf behind the extension."""
    code = (
        f"import sys; sys.path.insert(0, {str(PACKAGE)!r})\n"
        "native = sys.modules['pysigsnoop._native'] = type(sys)('native')\n"
        f"native.ffi = native.lib = None\n{statement}\nprint(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", code],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    return set(done.stdout.split())


def test_the_tracer_is_imported_without_what_its_first_event_does_not_need() -> None:
    found = imported("from pysigsnoop import SignalTracer")
    assert "pysigsnoop.tracer" in found
    # Some Pythons have one of them anyway, and it costs nothing more.
    assert not (DEAR - imported("") | LATE) & found


def test_a_named_tuple_is_as_typing_makes_it() -> None:
    assert Stats._fields[:3] == ("received", "filtered", "lost")
    assert Stats() == (0, 0, Lost(), 0, *[Tally()] * 4, 0)
    assert Stats(lost=Lost(unread=2)).lost_total == 2
    assert Counts(1, 2).plus(Counts(3))._asdict() | {"events": 4, "calls": 2} == (
        Counts(4, 2)._asdict()
    )
    assert repr(Tally(1)) == "Tally(received=1, filtered=0, lost=0)"
    assert (Tally.__doc__ or "").startswith("How many of one kind")
    assert Tally.__annotations__["lost"] == "int"
    assert pickle.loads(pickle.dumps(Tally(3)._replace(lost=1))) == (3, 0, 1)
