"""Reward models: scores without matches."""

from rrm.rewards.base import AGGREGATES, Conversation, Reward, ScoreDetails, StepScores
from rrm.rewards.cached import cached
from rrm.rewards.likelihood import LikelihoodRatio
from rrm.rewards.loading import load_reward
from rrm.rewards.managed import ManagedReward
from rrm.rewards.outcome import OutcomeReward
from rrm.rewards.process import ProcessReward
from rrm.rewards.resolving import as_reward, resolve_reward

__all__ = [
    "AGGREGATES",
    "Conversation",
    "LikelihoodRatio",
    "ManagedReward",
    "OutcomeReward",
    "ProcessReward",
    "Reward",
    "ScoreDetails",
    "StepScores",
    "as_reward",
    "cached",
    "load_reward",
    "resolve_reward",
]
