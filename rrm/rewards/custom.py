"""Rewards of the user's own: functions and objects that score conversations.

Scores are checked: one finite number for each conversation. What is asynchronous runs on one event loop on a thread of
its own, whoever calls; what is not runs where it is called, or where it is awaited on one thread, one call at a time.
"""

import asyncio
import inspect
import weakref
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import Any

from rrm.errors import ContestError, EngineClosedError, InputError
from rrm.loop import LoopThread
from rrm.ranking import RewardInfo
from rrm.rewards.base import Conversation, checked_scores
from rrm.rewards.conversations import listed_conversations
from rrm.rewards.guarding import without_exits
from rrm.rewards.managed import ManagedReward
from rrm.types import Message

__all__ = ["CustomReward"]

_Way = Callable[[Sequence[Conversation]], Any]


class CustomReward(ManagedReward):
    """A function of conversations, or an object with `score` or `ascore` (or both), as a reward called `name`.

    It is handed conversations as they came, but for messages that are `rrm.types.Message`: these become mappings. Closing
    the reward closes the object, where that can be closed. Raises InputError for an object that can't score.
    """

    kind = "custom"

    def __init__(self, scorer: object, *, name: str | None = None) -> None:
        self.name = name or _name_of(scorer)
        self._scorer = scorer
        self._score, self._ascore = _ways(scorer)
        if self._score is None and self._ascore is None:
            raise InputError(f"{self.name!r} is no reward: it has no score(conversations), and is no function of them")
        self._loop = LoopThread("this reward was closed") if self._ascore else None
        self._worker = ThreadPoolExecutor(1, "rrm-reward")
        self._closer = weakref.finalize(self, _end, self._loop, self._worker)

    def score(self, conversations: Sequence[Conversation]) -> list[float]:
        """One number for each conversation. Raises what the object raises, InputError for what is no list of numbers."""
        handed = self._opened(conversations)
        if not handed:
            return []
        if self._score is None and self._loop is not None:
            return self._checked(self._loop.run(self._awaited(handed)), len(handed))
        return self._checked(self._called(handed), len(handed))

    async def ascore(self, conversations: Sequence[Conversation]) -> list[float]:
        """The async twin of `score`. ContestError for an exit (`sys.exit`), which would end the thread and no program."""
        handed = self._opened(conversations)
        if not handed:
            return []
        if self._loop is not None:
            return self._checked(await self._loop.arun(self._awaited(handed)), len(handed))
        called = partial(copy_context().run, self._called_apart, handed)  # what is claimed for it is known in there
        found = asyncio.get_running_loop().run_in_executor(self._worker, called)
        return self._checked(await found, len(handed))

    @property
    def is_sync(self) -> bool:
        """Whether all calls behind it are sync, so that several conversations in one call pay."""
        return self._ascore is None

    def open(self) -> RewardInfo:
        return self.info

    async def aopen(self) -> RewardInfo:
        return self.info

    @property
    def info(self) -> RewardInfo:
        return RewardInfo(self.name, "custom", self.kind)

    @property
    def settings(self) -> dict[str, object]:
        return {"reward": self.name, "kind": self.kind}

    def close(self) -> None:
        if self._closer.alive:
            try:
                self._close_scorer()
            finally:
                self._closer()

    def _opened(self, conversations: Sequence[Conversation]) -> list[Conversation]:
        if not self._closer.alive:
            raise EngineClosedError("this reward was closed")
        return _handed(conversations)

    def _called(self, handed: Sequence[Conversation]) -> object:
        return self._score(handed) if self._score else None

    def _called_apart(self, handed: Sequence[Conversation]) -> object:
        """On a thread of the reward's own, where an exit ends no program."""
        with without_exits(self.name):
            return self._called(handed)

    async def _awaited(self, handed: Sequence[Conversation]) -> object:
        with without_exits(self.name):
            return await self._ascore(handed) if self._ascore else None

    def _checked(self, found: object, count: int) -> list[float]:
        if inspect.iscoroutine(found):
            found.close()
            raise InputError(
                f"score() of the reward {self.name!r} is asynchronous: make it an `async def`, or ascore()"
            )
        return checked_scores(found, count, self.name)

    def _close_scorer(self) -> None:
        close, aclose = (getattr(self._scorer, name, None) for name in ("close", "aclose"))
        if callable(close) and not inspect.iscoroutinefunction(close):
            close()
        elif callable(aclose) and self._loop is not None:
            self._loop.run(aclose())


def _ways(scorer: object) -> tuple[_Way | None, _Way | None]:
    """How to ask it, sync and async."""
    score, ascore = (_callable(scorer, name) for name in ("score", "ascore"))
    if score is None and ascore is None and callable(scorer):
        score = scorer
    if score is not None and inspect.iscoroutinefunction(score):
        return None, ascore or score
    return score, ascore


def _callable(scorer: object, name: str) -> _Way | None:
    found = getattr(scorer, name, None)
    return found if callable(found) else None


def _name_of(scorer: object) -> str:
    own = getattr(scorer, "name", None)
    if isinstance(own, str) and own:
        return own
    return str(getattr(scorer, "__qualname__", None) or type(scorer).__qualname__)


def _handed(conversations: Sequence[Conversation]) -> list[Conversation]:
    """The conversations as the user's own code knows them. Raises InputError, ContestError for one that is empty."""
    listed = listed_conversations(conversations)
    return [_copied(conversation, place) for place, conversation in enumerate(listed)]


def _copied(conversation: Any, place: int) -> Conversation:
    """Lists and mappings of the reward's own, which it may change."""
    if not isinstance(conversation, Sequence) or isinstance(conversation, str):
        found: Conversation = conversation
        return found
    if not conversation:
        raise ContestError(f"conversation {place} is empty: it needs a response, the assistant's message, to score")
    turns = [_mapping(turn) for turn in conversation]
    if isinstance(turns[-1], dict) and turns[-1].get("role") != "assistant":
        role = turns[-1].get("role")
        raise ContestError(
            f"conversation {place} must end with the assistant's message, the response to score, not with {role!r}"
        )
    return turns


def _mapping(turn: object) -> object:
    if isinstance(turn, Message):
        return turn._asdict()
    return dict(turn) if isinstance(turn, Mapping) else turn


def _end(loop: LoopThread | None, worker: ThreadPoolExecutor) -> None:
    """Stop what a reward keeps running. Knows no reward, which may be gone."""
    if loop is not None:
        loop.close()
    worker.shutdown(wait=False)
