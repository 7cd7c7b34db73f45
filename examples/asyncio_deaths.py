"""Signals beside other work in one asyncio program: three commands run, and each is told what
ended it.

    sudo python examples/asyncio_deaths.py
"""

import asyncio
import sys

from pysigsnoop import Death, PysigsnoopError, SignalTracer

COMMANDS = ("sleep 0.2", "kill -KILL $$", "sleep 0.1; kill -TERM $$; sleep 9")


async def run(name: str, command: str, tracer: SignalTracer) -> None:
    """Run a command, and have the tracer follow it with all that it creates."""
    process = await asyncio.create_subprocess_shell(f"read go; {command}", stdin=-1)
    tracer.add_followed(process.pid)
    print(f"{name}: {command!r} is {process.pid}", flush=True)
    await process.communicate(b"\n")


async def tell(tracer: SignalTracer) -> None:
    """Deaths as they come, while the loop does other things; ends when the trace does."""
    async for event in tracer:
        if isinstance(event, Death):
            how = f"exited with {event.status}" if event.signal is None else event.signal.name
            print(f"{event.target.pid} ({event.target.comm}): {how}", flush=True)


async def main() -> None:
    with SignalTracer(follow=[], outcomes=True, exits=True) as tracer:
        telling = asyncio.create_task(tell(tracer))
        await asyncio.gather(*(run(f"job {i}", each, tracer) for i, each in enumerate(COMMANDS)))
        tracer.stop()
        await telling


try:
    asyncio.run(main())
except PysigsnoopError as error:
    sys.exit(f"{error}")
