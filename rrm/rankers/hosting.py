"""An event loop of a ranker's own, on which its contests stream; `rrm.host.Host` without an engine.

Sync and async calls alike are sent to that loop, from any thread and any loop.
"""

import weakref
from abc import abstractmethod
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator
from contextlib import aclosing
from typing import Any, TypeVar

from rrm.closing import Closing
from rrm.contests import check_at_least, check_window
from rrm.loop import LoopThread
from rrm.play import Gate, Stream

__all__ = ["StreamHost"]

T = TypeVar("T")
R = TypeVar("R")


class StreamHost(Closing):
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

    async def _stream(
        self, items: Iterable[T], work: Callable[[T], Coroutine[Any, Any, R]], window: int | None
    ) -> Stream[T, R]:
        await self._open()
        return Stream(items, work, self._gate, self._window if window is None else window)

    def _many(self, items: Iterable[T], work: Callable[[T], Coroutine[Any, Any, R]], window: int | None) -> Iterator[R]:
        check_window(window)
        yield from self._thread.stream(self._stream(items, work, window))

    async def _amany(
        self, items: Iterable[T], work: Callable[[T], Coroutine[Any, Any, R]], window: int | None
    ) -> AsyncIterator[R]:
        check_window(window)
        async with aclosing(self._thread.astream(self._stream(items, work, window))) as results:
            async for result in results:
                yield result
