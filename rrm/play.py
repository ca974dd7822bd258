"""The only module where concurrency lives: tournaments on one side, an engine on the other.

Every ready match of every live contest is in flight at once; a match starts the moment both its players
are known. There is no barrier between matches, rounds or contests. Contests are admitted from an iterator,
oldest first, as samples come back, and results come out in the order of the input; so what is in memory is
bounded by the engine's size, not by the input's. Cancelling a hearing cancels its requests in the engine.

Nothing here knows what a verdict means or what a prompt looks like.
"""

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Generic, TypeVar

from rrm.engines.base import Engine
from rrm.errors import EngineRefusedError, PromptTooLongError
from rrm.tournaments.base import Tournament
from rrm.types import Completion, Match, SampleRequest, Verdict

__all__ = ["Gate", "Stream", "all_or_none", "hear_all", "hear_out", "play"]

T = TypeVar("T")
R = TypeVar("R")

Asking = Generator[Sequence[SampleRequest], Sequence[Completion], R]
"""Yields a wave of requests, is sent its completions, and returns what it made of them: a hearing, or a poll."""


async def hear_out(hearing: Asking[R], engine: Engine, gate: "Gate") -> R:
    """Put a hearing's requests to the engine, wave by wave, and return its result. The gate counts the samples."""
    try:
        requests = next(hearing)
        while True:
            try:
                completions = await _sample(requests, engine, gate)
            except (EngineRefusedError, PromptTooLongError) as refusal:
                requests = hearing.throw(refusal)
            else:
                requests = hearing.send(completions)
    except StopIteration as decided:
        result: R = decided.value
        return result
    finally:
        hearing.close()


async def hear_all(hearings: Iterable[Asking[R]], engine: Engine, gate: "Gate") -> list[R]:
    """The results of several hearings at once, in order. The first failure ends all of them and is raised."""
    return await all_or_none(hear_out(hearing, engine, gate) for hearing in hearings)


async def _sample(requests: Sequence[SampleRequest], engine: Engine, gate: "Gate") -> Sequence[Completion]:
    with gate.holding(sum(request.n for request in requests)) as release:
        if len(requests) == 1:
            return await _sample_one(requests[0], engine, release)
        tasks = await all_or_none(_sample_one(request, engine, release) for request in requests)
        return [completion for completions in tasks for completion in completions]


async def _sample_one(request: SampleRequest, engine: Engine, release: Callable[[], None]) -> list[Completion]:
    completions = []
    async for completion in engine.sample(request):
        completions.append(completion)
        release()
    return completions


async def all_or_none(jobs: Iterable[Coroutine[Any, Any, R]]) -> list[R]:
    """All results in order; if one fails, the others are cancelled and waited for, and its error is raised."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(job) for job in jobs]
    except BaseExceptionGroup as failures:
        first = _first_of(failures)
        raise first from first.__cause__
    return [task.result() for task in tasks]


def _first_of(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    first = failures.exceptions[0]
    return _first_of(first) if isinstance(first, BaseExceptionGroup) else first


class Gate:
    """Counts the samples in flight; open while there are fewer than `capacity`.

    Samples and not matches: a match that waits for the last vote of a wave, or for a single vote more, holds
    one slot of the engine and not a wave's worth. A match that has not asked yet counts for its first wave.
    `slots` is how many samples the engine works on at once, where `capacity` is more than that.
    """

    def __init__(self, capacity: int, first_wave: int = 1, slots: int | None = None) -> None:
        self.first_wave = first_wave
        self._capacity = capacity
        self._slots = capacity if slots is None else slots
        self._in_flight = 0
        self._entering = 0
        self._open = asyncio.Event()
        self._open.set()

    def enter(self, samples: int) -> None:
        self._in_flight += samples
        if self._in_flight >= self._capacity:
            self._open.clear()

    def leave(self, samples: int) -> None:
        self._in_flight -= samples
        if self._in_flight < self._capacity:
            self._open.set()

    def spare(self) -> int:
        """How many samples more the engine could work on at once; none while a contest waits to be let in."""
        return 0 if self._entering else max(0, self._slots - self._in_flight)

    @contextmanager
    def entering(self) -> Iterator[None]:
        """Says for as long as it is open that whoever waits for the gate has a claim to every free slot."""
        self._entering += 1
        try:
            yield
        finally:
            self._entering -= 1

    @contextmanager
    def holding(self, samples: int) -> Iterator[Callable[[], None]]:
        """Count so many samples; the given function lets one go, the end of the block all that are left."""
        self.enter(samples)
        held = samples

        def release() -> None:
            nonlocal held
            held -= 1
            self.leave(1)

        try:
            yield release
        finally:
            self.leave(held)

    async def wait_open(self) -> None:
        while self._in_flight >= self._capacity:
            await self._open.wait()


async def play(
    tournament: Tournament,
    judge: Callable[[Match], Awaitable[Verdict]],
    gate: Gate,
    group_of: Callable[[Match], int] = lambda match: match.first,
) -> None:
    """Play a tournament to its end, each match as soon as it is ready. The first failure ends it and is raised.

    Of the matches that are ready at once, those of one group are begun one after the other: they share a prefix.
    """
    waiting = 0

    def enter(matches: Sequence[Match]) -> None:
        nonlocal waiting
        waiting += len(matches)
        gate.enter(len(matches) * gate.first_wave)
        for match in sorted(matches, key=group_of):
            group.create_task(play_match(match))

    async def play_match(match: Match) -> None:
        nonlocal waiting
        waiting -= 1
        gate.leave(gate.first_wave)  # from here on its samples are counted as they are asked for
        enter(tournament.record(match, await judge(match)))

    try:
        async with asyncio.TaskGroup() as group:
            enter(tournament.start())
    except BaseExceptionGroup as failures:
        first = _first_of(failures)
        raise first from first.__cause__
    finally:
        gate.leave(waiting * gate.first_wave)


class Stream(Generic[T, R]):
    """Runs `work` on each item of an iterable and hands the results out in the order of the items.

    A new item is started whenever the gate is open and fewer than `window` are started and not yet taken.
    The iterable is read on a thread of its own, so one that blocks holds nothing up. An error of the
    iterable's own is raised when all results before it are taken. Create and use it on one event loop.
    """

    def __init__(
        self, items: Iterable[T], work: Callable[[T], Coroutine[Any, Any, R]], gate: Gate, window: int
    ) -> None:
        self._items = items
        self._work = work
        self._gate = gate
        self._room = asyncio.Semaphore(window)
        self._started: deque[asyncio.Task[R]] = deque()
        self._news = asyncio.Event()
        self._feeder = asyncio.create_task(self._feed())

    async def take(self) -> list[R]:
        """The next results, at least one, and all behind it that are ready. Empty at the end."""
        while not self._started and not self._feeder.done():
            self._news.clear()
            await self._news.wait()
        if not self._started:
            self._feeder.result()
            return []
        await asyncio.wait([self._started[0]])
        return self._take_finished()

    async def aclose(self) -> None:
        """Cancel what is running and wait until it has ended."""
        tasks = [self._feeder, *self._started]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _take_finished(self) -> list[R]:
        results = [self._take_first()]
        while self._started and _has_result(self._started[0]):
            results.append(self._take_first())
        return results

    def _take_first(self) -> R:
        self._room.release()
        return self._started.popleft().result()

    async def _feed(self) -> None:
        try:
            async for item in _Reader(self._items):
                await self._room.acquire()
                with self._gate.entering():
                    await self._gate.wait_open()
                    self._started.append(asyncio.create_task(self._work(item)))
                    self._news.set()
                    # One turn of the loop, in which the new contest starts its matches and the gate sees them.
                    await asyncio.sleep(0)
        finally:
            asyncio.get_running_loop().call_soon(self._news.set)


def _has_result(task: asyncio.Task[Any]) -> bool:
    """Done, and without an error: one that failed is left until all results before it are handed out."""
    return task.done() and not task.cancelled() and task.exception() is None


_READ_AHEAD = 64
"""Items that are read and not yet asked for. Enough that a fast source never starves the loop for the interpreter lock."""


class _Reader(Generic[T]):
    """Reads an iterable on a thread of its own, a little ahead; each item is there as soon as it is read.

    The thread is a daemon: one that is stuck in a blocking source keeps no program from ending.
    """

    def __init__(self, items: Iterable[T]) -> None:
        self._items = items
        self._read: deque[T] = deque()
        self._room = threading.Semaphore(_READ_AHEAD)
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()
        self._error: BaseException | None = None
        self._is_done = False
        threading.Thread(target=self._run, name="rrm-reader", daemon=True).start()

    async def __aiter__(self) -> AsyncIterator[T]:
        try:
            while True:
                while self._read:
                    self._room.release()
                    yield self._read.popleft()
                if self._is_done and not self._read:
                    break
                self._news.clear()
                if not self._read and not self._is_done:
                    await self._news.wait()
        finally:
            self._is_done = True
            self._room.release()
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            iterator = iter(self._items)
            while self._room.acquire() and not self._is_done:
                self._read.append(next(iterator))
                self._tell()
        except StopIteration:
            pass
        except BaseException as error:  # noqa: BLE001 - the iterable is the caller's: raised where its items are awaited
            self._error = error
        self._is_done = True
        self._tell()

    def _tell(self) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(self._news.set)
