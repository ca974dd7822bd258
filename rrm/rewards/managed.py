"""What can be done with every reward besides asking it for scores: opening, closing, and saying what it is and has cost.

Whatever combines, ranks or reports takes these; `rrm.rewards.as_reward` makes one of anything that scores.
"""

from abc import abstractmethod
from collections.abc import Sequence
from typing import NoReturn

from rrm.closing import Closing
from rrm.ranking import RewardInfo
from rrm.rewards.base import Conversation
from rrm.types import Spent

__all__ = ["ManagedReward"]


class ManagedReward(Closing):
    """A reward with all that goes with it. May be used from any thread and any event loop; sync and async at once."""

    kind: str
    """outcome, process, likelihood or custom."""

    @abstractmethod
    def score(self, conversations: Sequence[Conversation]) -> list[float]:
        """One finite number for each conversation, in order; more is better."""

    @abstractmethod
    async def ascore(self, conversations: Sequence[Conversation]) -> list[float]:
        """The async twin of `score`."""

    @abstractmethod
    def open(self) -> RewardInfo:
        """Load or reach what it stands on; returns what it says of itself."""

    @abstractmethod
    async def aopen(self) -> RewardInfo:
        """The async twin of `open`."""

    @property
    @abstractmethod
    def info(self) -> RewardInfo:
        """What results should report; opens what is not open yet."""

    @property
    @abstractmethod
    def settings(self) -> dict[str, object]:
        """All that scores follow from besides the conversations, as plain values: two with equal settings are one."""

    @property
    def spent(self) -> Spent:
        """What was really computed so far, in passes (or samples) and tokens."""
        return Spent()

    @property
    def reused(self) -> Spent:
        """What came out of a ledger instead: what it had cost when it was computed."""
        return Spent()

    def __reduce__(self) -> NoReturn:
        """Raises TypeError, as what can't be pickled does: it stands on threads, connections and a model."""
        raise TypeError(
            f"a reward ({type(self).__name__}) can't be pickled or copied: make it in the process that uses it, and send "
            "its reference there"
        )
