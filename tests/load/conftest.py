"""What load tests share with the live ones: the requirement, and the processes that call."""

from __future__ import annotations

from ..live.conftest import _live
from ..live.sends.conftest import caller_program

__all__ = ["_live", "caller_program"]
