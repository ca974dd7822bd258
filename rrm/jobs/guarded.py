"""A reward of the user's own code, whose failures are those of rows: what it raises of one row stops no other.

Where rows go through a file at a time, an exception of the user's code is a row's error, with its type and its text. What
rrm raises on purpose passes as it is. Other calls of the reward inside are handed on.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rrm.errors import ContestError, RRMError
from rrm.ranking import RewardInfo
from rrm.rewards import ManagedReward
from rrm.rewards.base import Conversation
from rrm.types import Spent

__all__ = ["GuardedReward"]


class GuardedReward(ManagedReward):
    """The reward inside; closing it closes that."""

    def __init__(self, reward: ManagedReward) -> None:
        self.kind = reward.kind
        self._reward = reward

    def score(self, conversations: Sequence[Conversation]) -> list[float]:
        """As the reward inside; ContestError for what its code raises."""
        with self._guarding():
            return self._reward.score(conversations)

    async def ascore(self, conversations: Sequence[Conversation]) -> list[float]:
        """The async twin of `score`."""
        with self._guarding():
            return await self._reward.ascore(conversations)

    def open(self) -> RewardInfo:
        return self._reward.open()

    async def aopen(self) -> RewardInfo:
        return await self._reward.aopen()

    @property
    def is_sync(self) -> bool:
        """Whether behind its async calls all calls are sync."""
        return bool(getattr(self._reward, "is_sync", False))

    @property
    def info(self) -> RewardInfo:
        return self._reward.info

    @property
    def settings(self) -> dict[str, object]:
        return self._reward.settings

    @property
    def spent(self) -> Spent:
        return self._reward.spent

    @property
    def reused(self) -> Spent:
        return self._reward.reused

    def close(self) -> None:
        self._reward.close()

    @contextmanager
    def _guarding(self) -> Iterator[None]:
        try:
            yield
        except RRMError:
            raise
        except Exception as error:
            said = f"{type(error).__name__}: {error}"
            raise ContestError(f"the reward {self._reward.info.model!r} failed: {said}") from error
