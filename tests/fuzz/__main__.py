"""`python -m tests.fuzz`: each target in a process of its own, from the kept corpus on.

    --seconds N     shared by the targets
    --only NAME     one of them
    --keep          add to tests/fuzz/corpus what runs code that nothing there runs

Exit status 1 where one failed; the input that did it is left in the folder that is named.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from . import NAMES

#: What one run adds of each.
MOST = 16

CORPUS = Path(__file__).with_name("corpus")


def start(name: str, *options: str) -> None:
    """In a process that ends with it."""
    import atheris

    with atheris.instrument_imports(include=["pysigsnoop", "tests.fuzz.targets"]):
        from .targets import TARGETS
    # As large as what the kernel hands over at once.
    atheris.Setup([sys.argv[0], "-max_len=16384", *options], TARGETS[name])
    atheris.Fuzz()


def keep(found: Path, into: Path) -> None:
    """Take over what runs code that nothing kept runs: the small ones, so that all stays small."""
    for path in sorted(found.iterdir(), key=lambda path: path.stat().st_size)[:MOST]:
        shutil.copyfile(path, into / path.name[:16])


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--only", choices=NAMES)
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--here", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.here:
        start(chosen.only, *chosen.here)
    names = [chosen.only] if chosen.only else NAMES
    failed = Path(tempfile.mkdtemp(prefix="pysigsnoop-fuzz-"))
    status = 0
    for name in names:
        with tempfile.TemporaryDirectory() as new:
            command = [sys.executable, "-m", "tests.fuzz", "--only", name, "--here"]
            limit = max(1, chosen.seconds // len(names))
            options = [f"-max_total_time={limit}", f"-artifact_prefix={failed}/{name}-"]
            options += ["-timeout=20", "-rss_limit_mb=1024", new, str(CORPUS / name)]
            done = subprocess.run(
                [*command, *options], capture_output=True, text=True, errors="replace", check=False
            )
            *_, last = done.stderr.strip().splitlines() or [""]
            print(f"{name}: {'failed' if done.returncode else last}", flush=True)
            if done.returncode:
                status = 1
                print(done.stdout[-3000:] + done.stderr[-3000:])
            elif chosen.keep:
                keep(Path(new), CORPUS / name)
    if status:
        print(f"inputs are in {failed}")
    else:
        failed.rmdir()
    return status


if __name__ == "__main__":
    sys.exit(main())
