"""Short numbers by which a person matches a follow-up to the line of its send."""

from __future__ import annotations

from .whereabouts import Recent

# As many as the kernel's table of sends that wait for their end holds by default.
REMEMBERED = 16384


class Marks:
    """Counts the sends that an end can come for, and remembers the last of them."""

    def __init__(self, remembered: int = REMEMBERED) -> None:
        self._count = 0
        self._of: Recent[int, int] = Recent(remembered)

    def new(self, send_id: int) -> int:
        """The mark of a send that is told now."""
        self._count += 1
        self._of.put(send_id, self._count)
        return self._count

    def of(self, send_id: int) -> int | None:
        """The mark of a send that was told; None where too many came since."""
        return self._of.get(send_id)
