"""Rankers beside the judge: a reward model, several of them, or one that filters for a judge. See `rrm.ranker.Ranker`."""

from rrm.rankers.by_score import RewardRanker
from rrm.rankers.cascade import Cascade, CascadeInfo
from rrm.rankers.ensemble import Ensemble

__all__ = ["Cascade", "CascadeInfo", "Ensemble", "RewardRanker"]
