"""Who made a ranking: the judge, and the rewards. Plain values, that results carry so that the same can be asked again."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from rrm.types import Sampling

__all__ = ["JudgeInfo", "RewardInfo"]


@dataclass(frozen=True, slots=True)
class JudgeInfo:
    """Who judged, and how: enough to ask the same again."""

    model: str
    engine: str
    prompt: str
    prompt_sha256: str
    votes: int | str
    order: str
    sampling: Sampling
    prompt_args: Mapping[str, str | None] = field(default_factory=dict)
    """The prompt's parameters."""
    settings: Mapping[str, object] = field(default_factory=dict)
    """Further settings of the judge that are not as by default, such as `stop` or `budget`."""


@dataclass(frozen=True, slots=True)
class RewardInfo:
    """Which reward gave scores, and how: enough to ask the same again."""

    model: str
    engine: str
    """vllm, server or transformers; "custom" for an object of the user's own."""
    kind: str
    """outcome, process, likelihood or custom."""
    family: str = ""
    """Whose prompts, markers and outputs; see docs/rewards.md."""
    settings: Mapping[str, object] = field(default_factory=dict)
    """What else decides the scores: normalisation, aggregation, truncation, weight."""
