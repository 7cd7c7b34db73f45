"""async for: waits without holding up the loop, and ends however it is ended."""

from __future__ import annotations

import asyncio
import threading

import pytest

from pysigsnoop import ReaderBusy, SignalTracer

from .senders import NOBODY, PATIENCE, Sender


def test_async_for_gives_events_as_they_come_until_stopped(sender: Sender) -> None:
    async def scenario(tracer: SignalTracer) -> list[int]:
        found = []
        async for event in tracer:
            found.append(event.target_arg - NOBODY)
            if len(found) in (3, 5):
                # Nothing waits now, so the next is waited for in the loop.
                more = (2, NOBODY + 3) if len(found) == 3 else (0, 0)
                if more[0]:
                    sender.send(more[0], target=more[1], step=1)
                else:
                    asyncio.get_running_loop().call_later(0.1, tracer.stop)
        return found

    with SignalTracer(sender_pid=sender.pid) as tracer:
        sender.send(3, target=NOBODY, step=1)
        found = asyncio.run(asyncio.wait_for(scenario(tracer), PATIENCE))
    assert found == [0, 1, 2, 3, 4]


def test_the_loop_goes_on_while_async_for_waits(sender: Sender) -> None:
    async def scenario(tracer: SignalTracer) -> int:
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            for _ in range(10):
                await asyncio.sleep(0.005)
                ticks += 1
            tracer.stop()

        ticking = asyncio.create_task(tick())
        async for _ in tracer:
            pass
        await ticking
        return ticks

    with SignalTracer(sender_pid=sender.pid) as tracer:
        assert asyncio.run(asyncio.wait_for(scenario(tracer), PATIENCE)) == 10


def test_a_cancelled_async_for_leaves_the_tracer_usable(sender: Sender) -> None:
    async def scenario(tracer: SignalTracer) -> None:
        async def read() -> None:
            async for _ in tracer:
                pass

        reading = asyncio.create_task(read())
        await asyncio.sleep(0.05)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading

    with SignalTracer(sender_pid=sender.pid) as tracer:
        asyncio.run(asyncio.wait_for(scenario(tracer), PATIENCE))
        sender.send(3, target=NOBODY)
        assert len(tracer.read(PATIENCE)) == 3


def test_close_in_another_thread_ends_async_for(sender: Sender) -> None:
    async def scenario(tracer: SignalTracer) -> int:
        threading.Timer(0.1, tracer.close).start()
        return len([event async for event in tracer])

    with SignalTracer(sender_pid=sender.pid) as tracer:
        assert asyncio.run(asyncio.wait_for(scenario(tracer), PATIENCE)) == 0
    assert tracer.closed


def test_close_in_another_task_ends_async_for(sender: Sender) -> None:
    async def scenario(tracer: SignalTracer) -> int:
        asyncio.get_running_loop().call_later(0.1, tracer.close)
        return len([event async for event in tracer])

    with SignalTracer(sender_pid=sender.pid) as tracer:
        assert asyncio.run(asyncio.wait_for(scenario(tracer), PATIENCE)) == 0
        assert tracer.stats.received == 0


def test_a_second_task_is_refused_while_the_first_waits(sender: Sender) -> None:
    async def scenario(tracer: SignalTracer) -> None:
        async def read() -> None:
            async for _ in tracer:
                pass

        first = asyncio.create_task(read())
        await asyncio.sleep(0)
        with pytest.raises(ReaderBusy):
            await read()
        with pytest.raises(ReaderBusy):
            tracer.read(0)
        tracer.stop()
        await first

    with SignalTracer(sender_pid=sender.pid) as tracer:
        asyncio.run(asyncio.wait_for(scenario(tracer), PATIENCE))
