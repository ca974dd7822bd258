"""What manifests and reports say of who ranked: the judge, and the rewards that ranked or filtered."""

from typing import Any

import msgspec

from rrm.ranking import JudgeInfo, RewardInfo

__all__ = ["facts_of", "rewards_of"]


def facts_of(opened: object) -> dict[str, Any]:
    """The facts of what `Ranker.open` gave, as plain values: `judge` (None where there is none), and `rewards` if any."""
    rewards = rewards_of(opened)
    judge = _judge_of(opened)
    facts: dict[str, Any] = {"judge": msgspec.to_builtins(judge)}
    return facts | ({"rewards": msgspec.to_builtins(rewards)} if rewards else {})


def rewards_of(opened: object) -> list[RewardInfo]:
    """The rewards in what `Ranker.open` gave."""
    if isinstance(opened, JudgeInfo):
        return []
    from rrm.rankers import CascadeInfo  # here, since jobs with a judge alone need not know of rewards

    if isinstance(opened, CascadeInfo):
        return [*rewards_of(opened.filter), *rewards_of(opened.judge)]
    if isinstance(opened, RewardInfo):
        return [opened]
    return [info for info in opened if isinstance(info, RewardInfo)] if isinstance(opened, tuple) else []


def _judge_of(opened: object) -> object:
    """The judge in it; None where rewards alone rank."""
    if isinstance(opened, JudgeInfo):
        return opened
    from rrm.rankers import CascadeInfo

    if isinstance(opened, CascadeInfo):
        return _judge_of(opened.judge)
    return None if rewards_of(opened) else opened
