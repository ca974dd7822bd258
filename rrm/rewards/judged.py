"""A pointwise judge as a reward: its scores of single responses, each the mean of its votes."""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from contextlib import aclosing
from statistics import fmean
from typing import Any, Protocol

from rrm import errors
from rrm.errors import ContestError
from rrm.ranking import Polled, RewardInfo
from rrm.rewards.base import Conversation
from rrm.rewards.conversations import Turns, checked_conversations
from rrm.rewards.managed import ManagedReward
from rrm.types import Contest, Poll, Spent

__all__ = ["JudgeReward", "PointwiseJudge"]


class PointwiseJudge(Protocol):
    """The part of `rrm.Judge` that is needed here."""

    @property
    def kind(self) -> str: ...

    @property
    def settings(self) -> dict[str, object]: ...

    @property
    def spent(self) -> Spent: ...

    @property
    def reused(self) -> Spent: ...

    def poll_many(self, polls: Iterable[Poll]) -> Iterator[Polled]: ...

    def apoll_many(self, polls: Iterable[Poll]) -> AsyncGenerator[Polled]: ...

    def open(self) -> Any: ...

    def close(self) -> None: ...


class JudgeReward(ManagedReward):
    """What a pointwise judge says of each response alone. Closing it closes the judge."""

    kind = "custom"

    def __init__(self, judge: PointwiseJudge) -> None:
        self._judge = judge
        self._info: RewardInfo | None = None

    def score(self, conversations: Sequence[Conversation]) -> list[float]:
        """The mean score of each response. Raises ContestError for one that can't be judged or got no score, EngineError."""
        places = _places(conversations)
        return _expanded(places, self._judge.poll_many(_polls(places)))

    async def ascore(self, conversations: Sequence[Conversation]) -> list[float]:
        """The async twin of `score`."""
        places = _places(conversations)
        async with aclosing(self._judge.apoll_many(_polls(places))) as polled:
            return _expanded(places, iter([result async for result in polled]))

    def open(self) -> RewardInfo:
        if self._info is None:
            self._info = _described(self._judge.open(), self.settings)
        return self._info

    async def aopen(self) -> RewardInfo:
        return await asyncio.to_thread(self.open)

    @property
    def info(self) -> RewardInfo:
        return self.open()

    @property
    def settings(self) -> dict[str, object]:
        return {"kind": self.kind, **self._judge.settings}

    @property
    def spent(self) -> Spent:
        return self._judge.spent

    @property
    def reused(self) -> Spent:
        return self._judge.reused

    def close(self) -> None:
        self._judge.close()


def _places(conversations: Sequence[Conversation]) -> dict[Turns, list[int]]:
    places: dict[Turns, list[int]] = {}
    for place, turns in enumerate(checked_conversations(conversations)):
        places.setdefault(turns, []).append(place)
    return places


def _polls(conversations: Iterable[Turns]) -> Iterator[Poll]:
    for *prompt, response in conversations:
        # One user's message is a query of its own to judges that take no conversations.
        query = prompt[0].content if [turn.role for turn in prompt] == ["user"] else tuple(prompt)
        yield Poll(Contest(query, (response.content,)), ((0,),))


def _expanded(places: dict[Turns, list[int]], results: Iterator[Polled]) -> list[float]:
    scores: dict[int, float] = {}
    for same, polled in zip(places.values(), results, strict=True):
        score = _score_of(polled, same[0])
        scores.update(dict.fromkeys(same, score))
    return [scores[place] for place in range(len(scores))]


def _score_of(polled: Polled, place: int) -> float:
    if polled.error is not None:
        raise _error_of(polled, place)
    given = [opinion.scores[0] for opinion in polled.opinions if opinion.scores and not opinion.is_lost]
    if not given:
        raise ContestError(f"conversation {place}: the judge gave no score in {len(polled.opinions)} votes")
    return fmean(given)


def _error_of(polled: Polled, place: int) -> Exception:
    kind = getattr(errors, polled.error_type or "", ContestError)
    is_its_own = not (isinstance(kind, type) and issubclass(kind, errors.EngineError))
    text = f"conversation {place}: {polled.error}"
    return ContestError(text) if is_its_own else kind(text)


def _described(opened: object, settings: dict[str, object]) -> RewardInfo:
    """What the judge says of itself, as of a reward."""
    model, engine, prompt = (str(getattr(opened, name, "")) for name in ("model", "engine", "prompt"))
    votes: dict[str, object] = {name: settings[name] for name in ("votes", "seed", "sampling") if name in settings}
    return RewardInfo(model, engine, JudgeReward.kind, prompt, votes)
