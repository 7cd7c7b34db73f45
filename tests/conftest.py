"""What holds for all tests."""

from __future__ import annotations

import signal

# Whoever starts the tests can have signals ignored or blocked (a shell's background jobs, an init,
# a job runner), and children inherit that: the programs under test would then be deaf to the very
# signals that they are sent. Python itself ignores PIPE and XFSZ, and subprocess puts those back.
_PYTHONS_OWN = {signal.SIGPIPE, signal.SIGXFSZ}
for _number in signal.valid_signals() - _PYTHONS_OWN:
    if signal.getsignal(_number) == signal.SIG_IGN:
        _is_interrupt = _number == signal.SIGINT
        signal.signal(_number, signal.default_int_handler if _is_interrupt else signal.SIG_DFL)
signal.pthread_sigmask(signal.SIG_SETMASK, ())
