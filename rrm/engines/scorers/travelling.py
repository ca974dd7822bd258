"""Passes that travel together: what is asked at the same time goes as one batch, as far as a batch may be large.

Invariants: at most `carriers` batches are on their way; a pass is carried with those that came with it, first come
first served; where a batch fails in a way that may be the fault of one of its own, each of it is carried again alone,
so that only that one fails; a cancelled pass that still waits is not carried, and a batch of which nobody waits any
more is cancelled. What carrying means is not known here.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass

from rrm.engines.scorers.base import Pass, Vectors

__all__ = ["ApartError", "Bounds", "Carry", "Travelling"]

Carry = Callable[[Sequence[Pass]], Awaitable[Sequence[Vectors]]]
"""Gives the vectors of passes, in their order. Raises ApartError for several of which one may be at fault."""


class ApartError(Exception):
    """A batch failed in a way that may be the fault of one of its passes."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many batches may be on their way, and how large one may be: a pass larger than that goes alone.

    `shares`: what waits is split over so many batches at least, where several may be carried by different servers.
    """

    carriers: int
    passes: int
    tokens: int
    shares: int = 1


@dataclass(eq=False, slots=True)
class _Waiting:
    asked: Pass
    outcome: asyncio.Future[Vectors]
    alone: bool = False
    carried_by: asyncio.Task[None] | None = None


class Travelling:
    """Belongs to one event loop. `closed_error` makes what is raised for passes that were not answered at `close`."""

    def __init__(self, carry: Carry, bounds: Bounds, closed_error: Callable[[], Exception]) -> None:
        self._carry, self._bounds, self._closed_error = carry, bounds, closed_error
        self._waiting: deque[_Waiting] = deque()
        self._carried: dict[asyncio.Task[None], list[_Waiting]] = {}
        self._is_called = self._is_closed = False

    @property
    def unfinished(self) -> int:
        """How many passes wait or are on their way."""
        return sum(len(_unanswered(batch)) for batch in (self._waiting, *self._carried.values()))

    async def score(self, asked: Pass) -> Vectors:
        """The vectors of one pass. Raises what carrying it raises."""
        if self._is_closed:
            raise self._closed_error()
        entry = _Waiting(asked, asyncio.get_running_loop().create_future())
        self._waiting.append(entry)
        self._call()
        try:
            return await entry.outcome
        except asyncio.CancelledError:
            await self._let_go(entry)
            raise

    async def close(self) -> None:
        self._is_closed = True
        left = [*self._waiting, *(entry for batch in self._carried.values() for entry in batch)]
        self._waiting.clear()
        for entry in _unanswered(left):
            entry.outcome.set_exception(self._closed_error())
        tasks = list(self._carried)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _let_go(self, entry: _Waiting) -> None:
        """Of a pass that still waits nothing remains to be done: it is passed over when its turn comes."""
        task = entry.carried_by
        if task is not None and not _unanswered(self._carried.get(task, ())):
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def _call(self) -> None:
        """Send batches off, once all that are being asked at this moment have come."""
        if not self._is_called:
            self._is_called = True
            asyncio.get_running_loop().call_soon(self._send_off)

    def _send_off(self) -> None:
        self._is_called = False
        most = min(self._bounds.passes, -(-len(self._waiting) // self._bounds.shares))
        while len(self._carried) < self._bounds.carriers and (batch := self._next_batch(most)):
            task = asyncio.create_task(self._carry_and_tell(batch))
            self._carried[task] = batch
            for entry in batch:
                entry.carried_by = task
            task.add_done_callback(self._arrived)

    def _arrived(self, task: "asyncio.Task[None]") -> None:
        del self._carried[task]
        self._call()

    def _next_batch(self, most: int) -> list[_Waiting]:
        batch: list[_Waiting] = []
        tokens = 0
        while self._waiting and len(batch) < most:
            entry = self._waiting[0]
            tokens += 0 if entry.outcome.done() else len(entry.asked.tokens)
            if batch and (entry.alone or tokens > self._bounds.tokens):
                break
            self._waiting.popleft()
            batch += _unanswered([entry])
            if batch and entry.alone:
                break
        return batch

    async def _carry_and_tell(self, batch: list[_Waiting]) -> None:
        try:
            found = await self._carry([entry.asked for entry in batch])
            answered = list(zip(batch, found, strict=True))
        except ApartError:
            self._carry_apart(batch)
        except Exception as error:  # noqa: BLE001 - whoever asked is told, whatever it is
            for entry in _unanswered(batch):
                entry.outcome.set_exception(error)
        else:
            for entry, vectors in answered:
                if not entry.outcome.done():
                    entry.outcome.set_result(vectors)

    def _carry_apart(self, batch: list[_Waiting]) -> None:
        for entry in reversed(_unanswered(batch)):
            entry.alone, entry.carried_by = True, None
            self._waiting.appendleft(entry)


def _unanswered(batch: Iterable[_Waiting]) -> list[_Waiting]:
    """Those that somebody waits for."""
    return [entry for entry in batch if not entry.outcome.done()]
