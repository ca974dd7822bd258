"""A reward as rankers ask it: opened once, asked in the best way it knows, its numbers checked, its cost counted.

What its code raises of a contest is that contest's ContestError; see `rrm.rewards.guarding`.

A reward that was handed over is its owner's to close; one that was made here of a reference or a class is closed here.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from rrm.errors import EngineStoppedError
from rrm.rankers.gathering import Gathering
from rrm.ranking import RewardInfo
from rrm.rewards import as_reward
from rrm.rewards.base import Conversation, ScoreDetails, checked_scores
from rrm.rewards.guarding import Guard
from rrm.types import Spent, Usage

__all__ = ["Scored", "Source"]


@dataclass(frozen=True, slots=True)
class Scored:
    """The scores of some conversations, and what they cost."""

    scores: tuple[float, ...]
    usage: Usage = Usage()
    notes: tuple[str, ...] = ()


class Source:
    """One reward. Use it on one event loop; `spent`, `drain` and `settings` may be asked from anywhere.

    `given`: anything with `score(conversations)`, or what `rrm.rewards.as_reward` takes. Raises InputError for anything else.
    """

    def __init__(self, given: object) -> None:
        self._reward = _reward_of(given)
        self._is_made = isinstance(given, str | Path | type)
        self.name = _name_of(given)
        self._gathering = Gathering(self._reward.score, self.name)
        self._guard = Guard()
        self._info: RewardInfo | None = None
        self._opening = asyncio.Lock()
        self._is_draining = False
        self._count = 0

    async def open(self) -> RewardInfo:
        """Load the reward now, where it can be told to; the first call does the work."""
        async with self._opening:
            if self._info is None:
                opening = getattr(self._reward, "open", None)
                opened = await asyncio.to_thread(opening) if callable(opening) else None
                self._info = self._described(opened)
            return self._info

    async def score(self, conversations: Sequence[Conversation]) -> Scored:
        """Scores, one for each. Raises EngineError for no finite number, EngineStoppedError, and what the reward raises.

        Whatever is no error of rrm's is raised as the cause of a ContestError.
        """
        if self._is_draining:
            raise EngineStoppedError(f"the reward {self.name!r} was told to score no more")
        with self._guard.failing(self._info.model if self._info else self.name):
            scored = await self._asked(conversations)
        self._count += len(conversations)
        return scored

    def drain(self) -> None:
        """Score nothing more; what is being scored is kept."""
        self._is_draining = True

    async def aclose(self) -> None:
        """Release the reward if it was made here."""
        closing = getattr(self._reward, "close", None)
        if self._is_made and callable(closing):
            await asyncio.to_thread(closing)

    @property
    def count(self) -> int:
        """Conversations scored so far."""
        return self._count

    @property
    def spent(self) -> Spent:
        """As the reward counts it; conversations alone where it counts nothing."""
        found: Spent = getattr(self._reward, "spent", Spent())
        return Spent(self._count) if Spent() == found == self.reused else found

    @property
    def reused(self) -> Spent:
        found: Spent = getattr(self._reward, "reused", Spent())
        return found

    @property
    def settings(self) -> dict[str, object]:
        """What its scores follow from, as it says itself; else its name."""
        found = getattr(self._reward, "settings", None)
        return dict(found) if isinstance(found, Mapping) else {"reward": self.name}

    async def _asked(self, conversations: Sequence[Conversation]) -> Scored:
        count = len(conversations)
        if callable(detailed := getattr(self._reward, "adetails", None)):
            return _summed(await detailed(conversations), count, self._info.model if self._info else self.name)
        if scoring := self._scoring:
            found = checked_scores(await scoring(conversations), count, self.name)
        else:
            found = await self._gathering.score(conversations)
        return Scored(tuple(found), Usage(count))

    @property
    def _scoring(self) -> Callable[[Sequence[Conversation]], Awaitable[object]] | None:
        """The reward's own async way; None where it has none, or says of itself that behind it all calls are sync."""
        found = None if getattr(self._reward, "is_sync", False) else getattr(self._reward, "ascore", None)
        return found if callable(found) else None

    def _described(self, opened: object) -> RewardInfo:
        for found in (opened, getattr(self._reward, "info", None)):
            if isinstance(found, RewardInfo):
                # As it comes back from a file, so that rankings do too.
                return msgspec.json.decode(msgspec.json.encode(found), type=RewardInfo)
        return RewardInfo(self.name, "custom", "custom")


def _summed(details: Sequence[ScoreDetails], count: int, name: str) -> Scored:
    scores = checked_scores([detail.score for detail in details], count, name)
    usage = Usage(count, sum(detail.tokens for detail in details), sum(detail.cached for detail in details))
    notes = {note for detail in details for note in detail.notes}
    if cut := sum(detail.cut > 0 for detail in details):
        notes.add(f"{cut} of {count} conversations were cut to fit the context of the reward {name!r}")
    return Scored(tuple(scores), usage, tuple(sorted(notes)))


def _reward_of(given: object) -> Any:
    is_one = callable(getattr(given, "score", None)) and not isinstance(given, type)
    return given if is_one else as_reward(given)


def _name_of(given: object) -> str:
    """What results call a reward that does not say what it is."""
    if isinstance(given, str | Path):
        return str(given)
    own = getattr(given, "name", None)
    return own if isinstance(own, str) and own else str(getattr(given, "__qualname__", type(given).__qualname__))
