"""One kill whose every detail is known, traced by an installed copy and compared."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .environment import Environment, run

# No pid can be this high (PID_MAX_LIMIT, include/linux/threads.h).
NO_SUCH_PID = (1 << 22) + 7

_SCRIPT = f"""
import contextlib, json, os, subprocess
import pysigsnoop

child = subprocess.Popen(["sleep", "600"])
try:
    with pysigsnoop.SignalTracer(sender_pid=os.getpid()) as tracer:
        os.kill(child.pid, 9)
        with contextlib.suppress(ProcessLookupError):
            os.kill({NO_SUCH_PID}, 9)
        tracer.stop()
        events = [event.as_dict() for event in tracer]
finally:
    child.kill()
    child.wait()
print(json.dumps(dict(
    package=pysigsnoop.__file__, me=os.getpid(), child=child.pid,
    events=events, received=tracer.stats.received, lost=tracer.stats.lost_total,
)))
"""


def check(environment: Environment) -> Path:
    """Trace a kill in the environment, from /; returns where the package was imported from."""
    told: dict[str, Any] = json.loads(environment.run_python("-I", "-c", _SCRIPT))
    seen = [
        (e["sender"]["pid"], e["signal"], e["target_arg"], e["ret"], e["error"])
        for e in told["events"]
    ]
    assert seen == [
        (told["me"], "SIGKILL", told["child"], 0, None),
        (told["me"], "SIGKILL", NO_SUCH_PID, -3, "ESRCH"),
    ]
    assert (told["received"], told["lost"]) == (2, 0)
    script = environment.folder / "bin" / "pysigsnoop"
    assert run(script, "--version").startswith("pysigsnoop ")
    return Path(told["package"]).parent
