"""What all reward models have in common: scorers, opened once, on an event loop of their own.

Sync and async calls alike are sent to that loop, so one model serves both, from any thread and any loop; what is asked
at the same time, by whomever, is batched together. How conversations become passes is the subclass's matter.
"""

import weakref
from abc import abstractmethod
from collections.abc import Callable, Coroutine, Hashable, Sequence
from typing import Any, TypeVar

from rrm.ledger.lent import LentLedger
from rrm.loop import LoopThread
from rrm.play import all_or_none
from rrm.ranking import RewardInfo
from rrm.rewards.base import Conversation, ScoreDetails
from rrm.rewards.conversations import Turns, checked_conversations
from rrm.rewards.managed import ManagedReward
from rrm.rewards.reading import Reader
from rrm.types import Spent

__all__ = ["Running", "each_once"]

T = TypeVar("T", bound=Hashable)
R = TypeVar("R")


class Running(ManagedReward):
    """Owns scorers. A subclass says what is asked of them for conversations."""

    def __init__(self, readers: Sequence[Reader], lent: LentLedger, *, strip_reasoning: bool) -> None:
        self._readers = tuple(readers)
        self._strip_reasoning = strip_reasoning
        self._info: RewardInfo | None = None
        self._thread = LoopThread("this reward was closed")
        self._closer = weakref.finalize(self, _end, self._thread, lent)

    def score(self, conversations: Sequence[Conversation]) -> list[float]:
        """One number for each conversation, in order; more is better. Those that are the same are asked once.

        A conversation is a list of chat messages that ends with the assistant's. Raises InputError for no list of
        these, ContestError (PromptTooLongError) naming a conversation that can't be scored, EngineError.
        """
        return [found.score for found in self.details(conversations)]

    async def ascore(self, conversations: Sequence[Conversation]) -> list[float]:
        return [found.score for found in await self.adetails(conversations)]

    def details(self, conversations: Sequence[Conversation]) -> list[ScoreDetails]:
        """The scores with how each came about: raw outputs, tokens, what was cut. Raises as `score`."""
        checked = self._checked(conversations)
        return self._thread.run(self._details(checked)) if checked else []

    async def adetails(self, conversations: Sequence[Conversation]) -> list[ScoreDetails]:
        """The async twin of `details`."""
        checked = self._checked(conversations)
        return await self._thread.arun(self._details(checked)) if checked else []

    def open(self) -> RewardInfo:
        """Load the model now, or reach its server. Raises EngineError, ModelError or MissingExtraError."""
        return self._thread.run(self._open())

    async def aopen(self) -> RewardInfo:
        return await self._thread.arun(self._open())

    @property
    def info(self) -> RewardInfo:
        return self._info or self.open()

    @property
    def spent(self) -> Spent:
        return sum((reader.spent for reader in self._readers), Spent())

    @property
    def reused(self) -> Spent:
        return sum((reader.reused for reader in self._readers), Spent())

    def close(self) -> None:
        if self._closer.alive:
            try:
                self._thread.run(self._close_readers())
            finally:
                self._closer()

    @abstractmethod
    async def _details(self, conversations: Sequence[Turns]) -> list[ScoreDetails]: ...

    @abstractmethod
    async def _describe(self) -> RewardInfo:
        """What this is, opened."""

    def _checked(self, conversations: object) -> list[Turns]:
        return checked_conversations(conversations, strip_reasoning=self._strip_reasoning)

    async def _open(self) -> RewardInfo:
        if self._info is None:
            self._info = await self._describe()
        return self._info

    async def _close_readers(self) -> None:
        await all_or_none(reader.aclose() for reader in self._readers)


async def each_once(things: Sequence[T], work: Callable[[list[T], list[int]], Coroutine[Any, Any, list[R]]]) -> list[R]:
    """A result for each thing, in order. `work` gets the distinct ones, with the place of the first of each."""
    places: dict[T, int] = {}
    for place, thing in enumerate(things):
        places.setdefault(thing, place)
    found = dict(zip(places, await work(list(places), list(places.values())), strict=True))
    return [found[thing] for thing in things]


def _end(thread: LoopThread, lent: LentLedger) -> None:
    """Stop what a reward keeps running. Knows no reward, which may be gone."""
    thread.close()
    lent.close()
