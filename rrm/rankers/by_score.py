"""A ranker by one reward: responses in the order of their scores."""

from collections.abc import Sequence

from rrm.rankers.base import WINDOW, ScoreRanker
from rrm.ranking import RewardInfo

__all__ = ["RewardRanker"]


class RewardRanker(ScoreRanker):
    """Ranks by a reward's scores, and stands wherever a judge can that compares no pairs.

    `reward`: what `rrm.rewards.load_reward` gives, or anything that `rrm.rewards.as_reward` takes: an object with
    `score(conversations)`, a function of conversations, "module:attribute". Conversations are lists of messages
    (`{"role": ..., "content": ...}`), of which the last is the response. Where the reward has `adetails` or `ascore`, these
    are awaited, contest by contest, many at once; a plain `score` is called on a worker thread, one call at a time, with
    the conversations of several contests together. `seed` decides between equal scores. `window`: contests in flight.

    A reward that was handed over is left open; see `close`. Raises InputError for what is no reward.
    """

    def __init__(self, reward: object, *, seed: int = 0, window: int = WINDOW) -> None:
        super().__init__([reward], seed=seed, window=window)

    @property
    def settings(self) -> dict[str, object]:
        """All that results follow from besides the contests, as plain values: what the reward says of itself, and the seed."""
        return {"reward": self._sources[0].settings, "seed": self._seed}

    def _opened(self, infos: tuple[RewardInfo, ...]) -> RewardInfo:
        return infos[0]

    def _combined(self, scores: Sequence[Sequence[float]]) -> Sequence[float]:
        return scores[0]
