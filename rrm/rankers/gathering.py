"""One call of a reward for several contests: for rewards that know only a sync `score`, which would ask one by one.

The reward is called on a worker thread, by one thread at a time, with all that waits by then: while one call runs, the
contests that come in gather for the next. Which contests share a call is a matter of time; a reward whose scores
depend on company is not repeatable. Of what one contest spoils, whatever the reward raises, the others hear nothing:
they are asked for again in halves, until it is alone.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rrm.errors import (
    EngineClosedError,
    EngineDeniedError,
    EngineDiedError,
    EngineStoppedError,
    EngineUnreachableError,
    InputError,
    LedgerError,
    MissingExtraError,
    ModelError,
)
from rrm.rewards.base import Conversation, checked_scores

__all__ = ["Gathering"]

_MOST_AT_ONCE = 64
"""Conversations in a call, unless a single contest has more: a batch, and all that a kill in the middle of it loses."""

_OF_ALL = (
    EngineUnreachableError,
    EngineDeniedError,
    EngineDiedError,
    EngineClosedError,
    EngineStoppedError,
    LedgerError,
    MissingExtraError,
    ModelError,
)
"""What is no single contest's fault, so that asking for each alone can't help."""

_Score = Callable[[Sequence[Conversation]], object]
_Found = list[float] | BaseException


@dataclass(frozen=True, slots=True)
class _Asked:
    """One contest's conversations, and where their scores are awaited."""

    conversations: Sequence[Conversation]
    answer: asyncio.Future[list[float]]


class Gathering:
    """Puts what is asked at the same time into one call. Use it on one event loop."""

    def __init__(self, score: _Score, name: str) -> None:
        self._score = score
        self._name = name
        self._waiting: deque[_Asked] = deque()
        self._worker: asyncio.Task[None] | None = None

    async def score(self, conversations: Sequence[Conversation]) -> list[float]:
        """One finite number for each conversation. Raises what the reward raises of them, InputError, EngineError."""
        asked = _Asked(conversations, asyncio.get_running_loop().create_future())
        self._waiting.append(asked)
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work())
        return await asked.answer

    async def _work(self) -> None:
        while self._waiting:
            # One turn of the loop, in which contests that are being let in come along.
            await asyncio.sleep(0)
            if batch := self._next_batch():
                await self._answer(batch)

    def _next_batch(self) -> list[_Asked]:
        batch: list[_Asked] = []
        size = 0
        while self._waiting and (not batch or size + len(self._waiting[0].conversations) <= _MOST_AT_ONCE):
            asked = self._waiting.popleft()
            if not asked.answer.done():  # else it was given up
                batch.append(asked)
                size += len(asked.conversations)
        return batch

    async def _answer(self, batch: Sequence[_Asked]) -> None:
        try:
            results = await asyncio.to_thread(self._found, [asked.conversations for asked in batch])
        except BaseException:
            for asked in batch:
                asked.answer.cancel()
            raise
        for asked, found in zip(batch, results, strict=True):
            if not asked.answer.done():
                _settle(asked.answer, found)

    def _found(self, contests: Sequence[Sequence[Conversation]]) -> list[_Found]:
        """The scores of each contest, or the error that there is instead."""
        everything = [conversation for contest in contests for conversation in contest]
        scores = self._call(everything)
        if isinstance(scores, list):
            rest = iter(scores)
            return [[next(rest) for _ in contest] for contest in contests]
        if len(contests) == 1 or isinstance(scores, _OF_ALL):
            return [scores] * len(contests)
        half = len(contests) // 2
        return self._found(contests[:half]) + self._found(contests[half:])

    def _call(self, conversations: list[Conversation]) -> _Found:
        try:
            found = self._score(conversations)
            if asyncio.iscoroutine(found):
                found.close()
                raise InputError(
                    f"the reward {self._name!r} has an async `score`: name it `ascore`, beside a sync `score`"
                )
            return checked_scores(found, len(conversations), self._name)
        except BaseException as error:  # noqa: BLE001 - the reward is the caller's: raised where its scores are awaited
            return error


def _settle(answer: asyncio.Future[list[float]], found: _Found) -> None:
    if isinstance(found, list):
        answer.set_result(found)
    elif isinstance(found, StopIteration | GeneratorExit | asyncio.CancelledError):
        # No future takes the first, and those who wait take the others for their own end.
        answer.set_exception(RuntimeError(f"{type(found).__name__} was raised"))
    else:
        answer.set_exception(found)
