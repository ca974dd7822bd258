"""Work that ends with its owner: tasks that closing cancels, and one piece of work that many wait for.

Invariants: whoever waits and is cancelled leaves nothing of its own running; who waits at the closing gets
EngineClosedError, never a bare cancellation. Knows no scorer.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Coroutine
from typing import Any, Generic, TypeVar

from rrm.errors import EngineClosedError

__all__ = ["Running", "Shared", "ended"]

Result = TypeVar("Result")


class Running:
    """The tasks of `owner`, which is how messages name it."""

    def __init__(self, owner: str) -> None:
        self._owner = owner
        self._tasks: set[asyncio.Task[Any]] = set()
        self.is_closed = False

    def __len__(self) -> int:
        return len(self._tasks)

    def refuse_if_closed(self) -> None:
        if self.is_closed:
            raise self.closed_error()

    def closed_error(self) -> EngineClosedError:
        return EngineClosedError(f"{self._owner} was closed")

    def start(self, work: Coroutine[Any, Any, Result]) -> asyncio.Task[Result]:
        """Run `work` as a task that `close` ends. Raises EngineClosedError."""
        if self.is_closed:
            work.close()
            raise self.closed_error()
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def outcome(self, work: Coroutine[Any, Any, Result]) -> Result:
        """What `work` gives; it ends when its caller is cancelled."""
        task = self.start(work)
        try:
            await asyncio.wait([task])
        finally:
            if not task.done():
                await ended([task])
        return self.result_of(task)

    def result_of(self, task: asyncio.Task[Result]) -> Result:
        # Whoever waits for a task is gone before it cancels it, so a cancelled one was cancelled by `close`.
        if task.cancelled():
            self.refuse_if_closed()
        return task.result()

    async def close(self) -> None:
        self.is_closed = True
        await ended(list(self._tasks))


class Shared(Generic[Result]):
    """One piece of work for all who ask while it runs; it ends when nobody waits any more."""

    def __init__(self, running: Running, work: Callable[[], Coroutine[Any, Any, Result]]) -> None:
        self._running, self._work = running, work
        self._task: asyncio.Task[Result] | None = None
        self._waiters = 0

    async def outcome(self) -> Result:
        """What the work gives, or raises; who asks after a failure begins it anew."""
        if self._task is None or self._task.done() or not self._waiters:
            self._task = self._running.start(self._work())
        task = self._task
        self._waiters += 1
        try:
            await asyncio.wait([task])
        finally:
            self._waiters -= 1
            if not self._waiters and not task.done():
                await ended([task])
        return self._running.result_of(task)


async def ended(tasks: Collection[Awaitable[Any]]) -> None:
    """Cancel the tasks, and wait until they are gone."""
    for task in tasks:
        if isinstance(task, asyncio.Future):
            task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
