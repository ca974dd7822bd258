"""An event loop of a ranker's own, on which its contests stream; `rrm.host.Host` without an engine.

Sync and async calls alike are sent to that loop, from any thread and any loop.
"""

import asyncio
import weakref
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Iterable, Iterator
from contextlib import aclosing, suppress
from types import TracebackType
from typing import Any, Self, TypeVar

from rrm.contests import check_at_least
from rrm.errors import EngineClosedError
from rrm.play import Gate, LoopThread, Stream

__all__ = ["StreamHost"]

T = TypeVar("T")
R = TypeVar("R")


class StreamHost(ABC):
    """Runs a stream of work. `window` items are in flight at most, where nobody says otherwise; see `rrm.play.Stream`."""

    def __init__(self, gate: Gate, window: int) -> None:
        check_at_least("window", window, 1)
        self._gate = gate
        self._window = window
        self._thread = LoopThread("this ranker was closed")
        self._closer = weakref.finalize(self, self._thread.close)

    @abstractmethod
    async def _open(self) -> object:
        """Open what the work stands on; before anything is read."""

    @abstractmethod
    async def _close_sources(self) -> None:
        """Release what was made here."""

    def close(self) -> None:
        """End what runs. Rewards that were handed over stay open; those made of a reference or a class are closed.

        Calls that still run end with EngineClosedError. Closing twice is harmless.
        """
        if self._closer.alive:
            try:
                self._thread.run(self._close_sources())
            finally:
                self._closer()

    async def aclose(self) -> None:
        """The async twin of `close`."""
        await asyncio.to_thread(self.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _stream(
        self, items: Iterable[T], work: Callable[[T], Coroutine[Any, Any, R]], window: int | None
    ) -> Stream[T, R]:
        await self._open()
        return Stream(items, work, self._gate, self._window if window is None else window)

    def _many(self, items: Iterable[T], work: Callable[[T], Coroutine[Any, Any, R]], window: int | None) -> Iterator[R]:
        _check_window(window)
        stream = self._thread.run(self._stream(items, work, window))
        try:
            while results := self._thread.run(stream.take()):
                yield from results
        finally:
            # Where the ranker was closed first, the stream has ended with it.
            with suppress(EngineClosedError):
                self._thread.run(stream.aclose())

    async def _amany(
        self, items: Iterable[T], work: Callable[[T], Coroutine[Any, Any, R]], window: int | None
    ) -> AsyncIterator[R]:
        _check_window(window)
        async with aclosing(self._ataken(items, work, window)) as results:
            async for result in results:
                yield result

    async def _ataken(
        self, items: Iterable[T], work: Callable[[T], Coroutine[Any, Any, R]], window: int | None
    ) -> AsyncGenerator[R]:
        stream = await self._thread.arun(self._stream(items, work, window))
        try:
            while results := await self._thread.arun(stream.take()):
                for result in results:
                    yield result
        finally:
            with suppress(EngineClosedError):
                await self._thread.arun(stream.aclose())


def _check_window(window: int | None) -> None:
    if window is not None:
        check_at_least("window", window, 1)
