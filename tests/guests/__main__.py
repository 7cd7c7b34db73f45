"""The command line: python -m tests.guests --kernels LIST -- COMMAND ARGS..."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import tempfile
import time
from pathlib import Path

from . import GuestError, foreign, initramfs, machine, page, processes, results
from .architecture import ARCHITECTURES
from .kernels import Store
from .report import Guest, error, table

# Exit codes: every command exited 0; one did not, or its guest failed; nothing could be run;
# stopped by a signal.
OK, FAILED, UNUSABLE, STOPPED = 0, 1, 2, 130


def main(arguments: list[str]) -> int:
    """Run what `arguments` ask for; the process's exit code."""
    words, command = arguments, []
    if "--" in arguments:
        at = arguments.index("--")
        words, command = arguments[:at], arguments[at + 1 :]
    options = _parser().parse_args(words)
    try:
        if (options.read or options.again) and not options.table:
            raise GuestError("--read and --again write a page: --table docs/kernels.md")
        store = Store()
        if options.list:
            had = [store.available(architecture) for architecture in ARCHITECTURES.values()]
            for kernel in (kernel for each in had for kernel in each.values()):
                where = "unpacked" if store.is_unpacked(kernel) else "to be fetched"
                print(f"{kernel.series:<11} {kernel.version:<20} {kernel.release:<32} {where}")
            return OK
        if options.read:
            page.update(options.table, results.joined(map(_saved, options.read)))
        if options.again:
            page.mend(options.table, results.joined(map(_saved, options.again)))
        if options.read or options.again:
            return OK
        if not command:
            raise GuestError("no command: python -m tests.guests --kernels newest -- COMMAND")
        if os.geteuid() != 0:
            raise GuestError("root is needed to serve this machine's files: use sudo")
        return asyncio.run(_run(store, options, command))
    except GuestError as problem:
        error(str(problem))
        return UNUSABLE
    except asyncio.CancelledError:
        error("stopped")
        return STOPPED


async def _run(store: Store, options: argparse.Namespace, command: list[str]) -> int:
    _stop_on_signals()
    guests = [Guest(kernel) for kernel in store.choose(options.kernels)]
    kinds = {guest.kernel.architecture for guest in guests}
    for kind in kinds:
        if missing := processes.missing(kind):
            raise GuestError(missing)
    slots = asyncio.Semaphore(options.jobs)
    script = initramfs.command_script(command, Path.cwd(), _environment(options.env))
    # A checkout or a virtual environment may lie below one of the folders that guests see empty.
    keep = {Path.cwd(), Path(sys.prefix), Path(sys.base_prefix)}

    async def one(guest: Guest) -> None:
        async with slots:
            try:
                files = await asyncio.to_thread(store.unpacked, guest.kernel)
                root = roots[files.architecture]
                archive = initramfs.build(files.modules, script, keep, root.folder)
            except GuestError as problem:
                # One kernel that cannot be had is that guest's failure, not the others'.
                guest.end(machine.Outcome("could not be prepared", None, 0, str(problem)))
                return
            guest.end(
                await machine.run(
                    *(files, archive, root),
                    cpus=options.cpus,
                    counting=options.count_instructions,
                    limit=options.timeout,
                    on_line=guest.line,
                )
            )
            if options.table:
                # At once: what comes later may be stopped.
                page.update(options.table, _found([guest]))

    with tempfile.TemporaryDirectory(prefix="pysigsnoop-guests-") as work:
        roots = {
            kind: await asyncio.to_thread(foreign.root, kind, store.folder, Path(work))
            for kind in kinds
        }
        try:
            # With exceptions as results it waits for every guest's end, also when cancelled.
            for result in await asyncio.gather(*map(one, guests), return_exceptions=True):
                if isinstance(result, BaseException):
                    raise result
        finally:
            print(table(guests), flush=True)
    failed = any(guest.outcome is None or guest.outcome.problem for guest in guests)
    if options.check:
        for difference in page.differences(options.check, _found(guests)):
            error(difference)
            failed = True
    return FAILED if failed else OK


def _found(guests: list[Guest]) -> dict[str, results.Result]:
    """What those said that ran the command."""
    return {
        guest.kernel.series: results.of_lines(guest.lines, guest.kernel.version, _day(time.time()))
        for guest in guests
        if guest.outcome and guest.outcome.boot is not None
    }


def _saved(log: Path) -> dict[str, results.Result]:
    return results.of_log(log.read_text(errors="replace"), _day(log.stat().st_mtime))


def _day(seconds: float) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(seconds))


def _environment(settings: list[str]) -> dict[str, str]:
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(Path.home()),
        "LANG": "C.UTF-8",
    }
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not equals:
            raise GuestError(f"--env {setting}: write NAME=VALUE")
        environment[name] = value
    return environment


def _stop_on_signals() -> None:
    """Make a signal end the run in order, guests first."""
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # Ignored from the start (nohup): it stays so.
        if signal.getsignal(number) is not signal.SIG_IGN:
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.guests",
        usage="%(prog)s [options] -- COMMAND ARGS...",
        description="Run a command, in this folder and as root, under other Linux kernels.",
    )
    parser.add_argument(
        "--kernels", default="newest", metavar="LIST", help='such as "5.10,6.12", "newest", "all"'
    )
    parser.add_argument("--list", action="store_true", help="say which kernels are to be had")
    parser.add_argument(
        "--jobs", type=_positive, default=1, metavar="N", help="guests at a time (1)"
    )
    parser.add_argument(
        "--timeout", type=_positive, default=900, metavar="S", help="seconds for each command (900)"
    )
    parser.add_argument(
        "--cpus", type=_positive, default=2, metavar="N", help="processors of each guest (2)"
    )
    parser.add_argument(
        "--count-instructions",
        action="store_true",
        help="the guest's clocks count its instructions, a nanosecond each",
    )
    parser.add_argument(
        "--env", action="append", default=[], metavar="NAME=VALUE", help="set in the guest"
    )
    parser.add_argument(
        "--table", type=Path, metavar="PAGE", help="write what the guests found into this page"
    )
    parser.add_argument(
        "--check", type=Path, metavar="PAGE", help="fail where features are not as it says"
    )
    parser.add_argument(
        "--read",
        type=Path,
        nargs="+",
        metavar="LOG",
        help="run nothing: write into the --table what these, saved from runs, say; "
        "those of one kernel and way are added up",
    )
    parser.add_argument(
        "--again",
        type=Path,
        nargs="+",
        metavar="LOG",
        help="the same of runs of those tests only that failed in earlier ones, in their place",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
