"""An event loop on a thread of its own, on which sync and async callers meet, and streams of results taken from it.

Invariants: nobody who waits for the loop hangs when it ends; an interrupt cancels what the caller waited for. Knows no
engine and no contest.
"""

import asyncio
import threading
from collections.abc import AsyncGenerator, Coroutine, Iterator, Sequence
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from typing import Any, Protocol, TypeVar

from rrm.errors import EngineClosedError

__all__ = ["LoopThread"]

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)


class Taken(Protocol[R_co]):
    """A stream of results that lives on the loop, such as `rrm.play.Stream`; no results mean its end."""

    async def take(self) -> Sequence[R_co]: ...

    async def aclose(self) -> None: ...


_CLOSED = "this judge (or generator) was closed"


class LoopThread:
    """An event loop on a thread of its own, so that sync calls work anywhere, in a notebook too.

    `closed` is what EngineClosedError says to those who come after its end.
    """

    def __init__(self, closed: str = _CLOSED) -> None:
        self._closed = closed
        self._loop = asyncio.new_event_loop()
        self._lock = threading.Lock()
        self._is_closing = False
        self._unresolved: set[Future[Any]] = set()
        self._thread = threading.Thread(target=self._run, name="rrm", daemon=True)
        self._thread.start()

    def submit(self, job: Coroutine[Any, Any, R]) -> "Future[R]":
        """Start a coroutine on the loop. Cancelling the future cancels it."""
        with self._lock:
            # Under the lock, so that no job is handed to a loop that has been told to stop: it would never end.
            if self._is_closing:
                job.close()
                raise EngineClosedError(self._closed)
            future = asyncio.run_coroutine_threadsafe(job, self._loop)
            self._unresolved.add(future)
        future.add_done_callback(self._unresolved.discard)
        return future

    def run(self, job: Coroutine[Any, Any, R]) -> R:
        """Run a coroutine to its end; an interrupt (Ctrl-C) cancels it."""
        future = self.submit(job)
        try:
            return future.result()
        except CancelledError:
            raise EngineClosedError(self._closed) from None
        except BaseException:
            future.cancel()
            raise

    async def arun(self, job: Coroutine[Any, Any, R]) -> R:
        """The same for a caller on another event loop."""
        future = self.submit(job)
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            caller = asyncio.current_task()
            if self._is_closing and caller is not None and not caller.cancelling():
                raise EngineClosedError(self._closed) from None
            raise

    def stream(self, opening: Coroutine[Any, Any, Taken[R]]) -> Iterator[R]:
        """The results of a stream, for a caller without a loop."""
        stream = self.run(opening)
        try:
            while results := self.run(stream.take()):
                yield from results
        finally:
            # Where the owner was closed first, the stream has ended with it.
            with suppress(EngineClosedError):
                self.run(stream.aclose())

    async def astream(self, opening: Coroutine[Any, Any, Taken[R]]) -> AsyncGenerator[R]:
        """The results of a stream, for a caller on another loop."""
        stream = await self.arun(opening)
        try:
            while results := await self.arun(stream.take()):
                for result in results:
                    yield result
        finally:
            with suppress(EngineClosedError):
                await self.arun(stream.aclose())

    def close(self) -> None:
        """Stop the loop; what still runs on it is cancelled first. Closing twice is harmless."""
        with self._lock:
            if not self._is_closing:
                self._is_closing = True
                self._loop.call_soon_threadsafe(self._loop.stop)
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
        finally:
            _cancel_all(self._loop)
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
            self._loop.close()
            for future in tuple(self._unresolved):
                future.cancel()


def _cancel_all(loop: asyncio.AbstractEventLoop) -> None:
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    if tasks:
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
