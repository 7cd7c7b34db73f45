"""The ways to attach: the same is watched, by other means. Names only: --help needs no more."""

from __future__ import annotations

#: Signal events, best first, with the program; raw tracepoints where typed ones are refused.
SIGNAL_FAMILIES = {"tp_btf": "generate_btf", "raw_tp": "generate_raw"}
#: Calls, best first.
CALL_FAMILIES = (FUNCTIONS := "fentry", "tracepoint", "raw")
#: Calls not watched: no failed ones and no signal 0, and no answer to a group send.
NO_CALLS = "none"
