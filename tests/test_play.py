"""Concurrency: nothing waits that need not, nothing is left running, results come in order."""

import asyncio
import threading
import time

import pytest

from rrm.engines.scripted import ScriptedEngine
from rrm.errors import EngineClosedError, EngineDiedError
from rrm.loop import LoopThread
from rrm.play import Gate, Stream, hear_out, play
from rrm.tournaments import Knockout
from rrm.types import Case, Message, Outcome, SampleRequest, Sampling, Tally, Verdict

FIRST = Verdict(Outcome.FIRST, Tally(first=1))


def request(text, n=1):
    return SampleRequest(Case("q", (text, "b")), (Message("user", text),), Sampling(100, 1.0), n=n)


async def test_a_match_starts_while_another_of_an_earlier_round_is_running():
    """The upper semi-final is played though the lower half of the first round hangs."""
    started, release = [], asyncio.Event()

    async def judge(match):
        started.append(match.number)
        if match.number == 4:
            await release.wait()
        return FIRST

    playing = asyncio.create_task(play(Knockout(range(8)), judge, Gate(100)))
    await asyncio.sleep(0.01)
    assert started == [1, 2, 3, 4, 5]
    release.set()
    await playing
    assert started[5:] == [6, 7]


async def test_a_failure_ends_the_tournament_cancels_the_rest_and_frees_the_gate():
    """The error itself is raised, not a group of errors."""
    cancelled = []

    async def judge(match):
        if match.number == 2:
            raise EngineDiedError("gone")
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.append(match.number)
            raise

    gate = Gate(1)
    with pytest.raises(EngineDiedError, match="gone"):
        await play(Knockout(range(8)), judge, gate)
    assert sorted(cancelled) == [1, 3, 4]
    await asyncio.wait_for(gate.wait_open(), 1)


async def test_requests_of_a_wave_run_at_once_and_a_failure_cancels_the_others():
    """One engine call that fails leaves none of its wave running."""
    engine = ScriptedEngine(lambda request, index: "x", latency=lambda request, index: 0.0 if request.n == 2 else 60.0)

    def hearing():
        completions = yield [request("a", 2), request("b", 2)]
        assert [completion.case.first for completion in completions] == ["a", "a", "b", "b"]
        yield [request("slow"), request("z" * 4000, 1)]

    too_long = ScriptedEngine(lambda request, index: "x", max_context=500, latency=engine._latency)
    with pytest.raises(Exception, match="tokens"):
        await hear_out(hearing(), too_long, Gate(10))
    assert too_long.unfinished == 0


async def test_cancelling_a_hearing_cancels_its_requests_and_closes_it():
    """Nothing is left in the engine, and the generator's clean-up runs."""
    engine, closed = ScriptedEngine(lambda request, index: "x", latency=lambda request, index: 60.0), []

    def hearing():
        try:
            yield [request("a", 3), request("b", 2)]
        finally:
            closed.append(True)

    task = asyncio.create_task(hear_out(hearing(), engine, Gate(10)))
    await asyncio.sleep(0.01)
    assert engine.unfinished == 5
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert engine.unfinished == 0
    assert closed == [True]


async def collect(stream):
    results = []
    while taken := await stream.take():
        results += taken
    return results


async def test_results_come_in_the_order_of_the_items():
    """Though later ones are done first."""

    async def work(item):
        await asyncio.sleep((10 - item) / 1000)
        return item

    stream = Stream(range(10), work, Gate(100), 100)
    assert await collect(stream) == list(range(10))


async def test_no_more_than_a_window_is_read_ahead():
    """With one slow item at the head, reading stops at the window."""
    read, release = [], asyncio.Event()

    def items():
        for number in range(1000):
            read.append(number)
            yield number

    async def work(item):
        if item == 0:
            await release.wait()
        return item

    stream = Stream(items(), work, Gate(10**6), 5)
    await asyncio.sleep(0.05)
    assert len(stream._started) == 5
    assert len(read) <= 5 + 64 + 2
    release.set()
    assert await collect(stream) == list(range(1000))


async def test_the_gate_keeps_the_number_of_samples_in_flight():
    """A new item is started only while fewer samples than the capacity are in flight."""
    gate, most, now = Gate(3), 0, 0

    async def work(item):
        nonlocal most, now
        gate.enter(2)
        now += 2
        most = max(most, now)
        await asyncio.sleep(0.001)
        now -= 2
        gate.leave(2)
        return item

    assert len(await collect(Stream(range(50), work, gate, 100))) == 50
    assert most == 4


async def test_an_error_of_the_iterable_comes_after_the_results_before_it():
    """Nothing that was done is lost, and the error is the caller's own."""

    def items():
        yield 1
        yield 2
        raise KeyError("broken source")

    async def work(item):
        return item

    stream, results = Stream(items(), work, Gate(10), 10), []
    with pytest.raises(KeyError, match="broken source"):
        while taken := await stream.take():
            results += taken
    assert results == [1, 2]


async def test_a_slow_iterable_blocks_nothing():
    """What was read is worked on while the next item is waited for."""
    release = threading.Event()

    def items():
        yield 1
        release.wait(10)
        yield 2

    async def work(item):
        return item

    stream = Stream(items(), work, Gate(10), 10)
    assert await asyncio.wait_for(stream.take(), 5) == [1]
    release.set()
    assert await stream.take() == [2]
    assert await stream.take() == []


async def test_closing_a_stream_cancels_what_runs():
    """And waits for it."""
    cancelled = []

    async def work(item):
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.append(item)
            raise

    stream = Stream(range(3), work, Gate(10), 10)
    await asyncio.sleep(0.05)
    await stream.aclose()
    assert sorted(cancelled) == [0, 1, 2]


def test_a_loop_thread_runs_coroutines_and_raises_their_errors():
    """From a thread without a loop; after closing it refuses."""
    thread = LoopThread()

    async def fail():
        raise KeyError("inside")

    assert thread.run(asyncio.sleep(0, "done")) == "done"
    with pytest.raises(KeyError, match="inside"):
        thread.run(fail())
    thread.close()
    thread.close()
    with pytest.raises(EngineClosedError):
        thread.run(asyncio.sleep(0))


async def test_a_loop_thread_serves_another_loop_and_passes_cancellation_on():
    """Cancelling the caller cancels the work."""
    thread, cancelled = LoopThread(), threading.Event()

    async def work():
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    task = asyncio.create_task(thread.arun(work()))
    await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert cancelled.wait(5)
    await asyncio.to_thread(thread.close)


def test_closing_a_loop_thread_ends_what_runs_on_it():
    """No thread and no task is left."""
    thread = LoopThread()
    future = thread.submit(asyncio.sleep(60))
    started = time.monotonic()
    thread.close()
    assert time.monotonic() - started < 5
    assert future.cancelled()


async def test_a_match_counts_for_its_first_wave_and_then_for_the_samples_it_waits_for():
    """So a wave's stragglers hold only their own slots, and a failure holds none."""
    gate, seen = Gate(100, first_wave=3), []

    async def judge(match):
        seen.append(gate._in_flight)
        with gate.holding(3) as release:
            release()
            seen.append(gate._in_flight)
            if match.number == 3:
                raise EngineDiedError("gone")
        return FIRST

    with pytest.raises(EngineDiedError):
        await play(Knockout(range(4)), judge, gate)
    # two matches wait to begin and count for their first waves; the final begins when both are done
    assert seen == [3, 5, 0, 2, 0, 2]
    assert gate._in_flight == 0
