"""The page in docs/ whose tables a run writes: what is between its markers, and nothing else."""

from __future__ import annotations

from pathlib import Path

PAGE = Path(__file__).parent.parent / "docs" / "performance.md"


def _markers(part: str) -> tuple[str, str]:
    return f"<!-- measured: {part} -->", f"<!-- end: {part} -->"


def replaced(text: str, parts: dict[str, str]) -> str:
    """The page with these parts put between their markers. Raises ValueError for one without."""
    for part, content in parts.items():
        begin, end = _markers(part)
        if text.count(begin) != 1 or text.count(end) != 1:
            raise ValueError(f"the page has no place for {part!r}")
        before, _, rest = text.partition(begin)
        _, _, after = rest.partition(end)
        text = f"{before}{begin}\n\n{content.strip()}\n\n{end}{after}"
    return text


def write(parts: dict[str, str], page: Path = PAGE) -> None:
    """Put what was measured on the page."""
    page.write_text(replaced(page.read_text(), parts))
