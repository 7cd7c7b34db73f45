"""Each process that dies of a signal, and who sent it: until Ctrl-C, or for so many seconds.

sudo python examples/deaths.py [SECONDS]
"""

import signal
import sys

from pysigsnoop import Death, Delivery, Event, PysigsnoopError, SignalTracer, printable


def cause(event: Event | None) -> str:
    if event is None:
        return "sent before this began, or by nobody"
    if event.sender is None:
        return f"by the kernel: {event.origin}"
    return f"by {event.sender.pid} ({printable(event.sender.comm_bytes)}), {event.origin}"


def seconds(words: list[str]) -> float:
    """How long; 0 for without an end."""
    try:
        asked = float(words[0]) if words else 0.0
    except ValueError:
        asked = -1.0
    if len(words) > 1 or not 0 <= asked < 1e9:
        sys.exit("usage: sudo python examples/deaths.py [SECONDS]")
    return asked


def watch(tracer: SignalTracer) -> None:
    sends: dict[int, Event] = {}
    for event in tracer:
        if isinstance(event, Death) and event.signal is not None:
            dead = f"{event.target.pid} ({printable(event.target.comm_bytes)})"
            sent = sends.pop(event.send_id or 0, None) or sends.get(event.parent_send_id or 0)
            print(dead, event.signal.name, cause(sent), flush=True)
        elif not isinstance(event, Death | Delivery):
            sends[event.id] = event


limit = seconds(sys.argv[1:])
try:
    with SignalTracer(fatal_only=True, outcomes=True) as tracer:
        for number in (signal.SIGINT, signal.SIGALRM):
            signal.signal(number, lambda *_: tracer.stop())
        signal.setitimer(signal.ITIMER_REAL, limit)
        watch(tracer)
except PysigsnoopError as error:
    sys.exit(f"{error}")
print(f"{tracer.stats.lost_total} lost", file=sys.stderr)
