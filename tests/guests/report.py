"""What is printed: each guest's output with its kernel before every line, then one table."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .kernels import Kernel
    from .machine import Outcome


@dataclass
class Guest:
    """One guest's part of the report. `outcome` is None until it has ended."""

    kernel: Kernel
    outcome: Outcome | None = None
    lines: list[str] = field(default_factory=list, init=False)

    def line(self, text: str) -> None:
        """Print one line of its output."""
        self.lines.append(text)
        self._print("|", text)

    def end(self, outcome: Outcome) -> None:
        """Keep the outcome; print what the kernel had to say."""
        self.outcome = outcome
        for text in outcome.kernel_log.splitlines():
            self._print("#", text)

    @property
    def last_line(self) -> str:
        """The last that has anything in it."""
        return next((text.strip() for text in reversed(self.lines) if text.strip()), "")

    def _print(self, mark: str, text: str) -> None:
        print(f"{self.kernel.series:>5} {mark} {text}", flush=True)


def table(guests: list[Guest]) -> str:
    """Lines that say of each guest what was asked, what was run, and how it ended."""
    rows = [("kernel", "version", "boot s", "total s", "result", "last line")]
    for guest in guests:
        ended = guest.outcome
        if ended is None:
            times, result = ("-", "-"), "not ended"
        else:
            boot = "-" if ended.boot is None else f"{ended.boot:.1f}"
            times, result = (boot, f"{ended.total:.1f}"), ended.problem or "ok"
        rows.append((guest.kernel.series, guest.kernel.version, *times, result, guest.last_line))
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[5]])
        for row in rows
    )


def error(text: str) -> None:
    """Print one line on standard error."""
    print(f"guests: {text}", file=sys.stderr)
