"""What holds for all tests."""

from __future__ import annotations

import signal

# A runner in the background of a shell ignores these, and children inherit that: the programs
# under test would then be deaf to the very signals that they are sent.
for _number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
    if signal.getsignal(_number) == signal.SIG_IGN:
        _is_interrupt = _number == signal.SIGINT
        signal.signal(_number, signal.default_int_handler if _is_interrupt else signal.SIG_DFL)
