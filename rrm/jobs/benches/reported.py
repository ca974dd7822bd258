"""What a report of a benchmark tells, before it is written down."""

from collections.abc import Mapping
from dataclasses import dataclass

from rrm._version import __version__
from rrm.benchmarks.figures import Figures
from rrm.ranking import JudgeInfo, RewardInfo

__all__ = ["Report"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a report tells."""

    figures: Figures
    judge: JudgeInfo | None
    """None where verdicts were recorded before, or scores are those of rewards."""
    usage: Mapping[str, int]
    """`samples`, `prompt_tokens`, `cached_tokens` and `completion_tokens`."""
    data: Mapping[str, object]
    """What was read: its name, and what tells one content from another."""
    settings: Mapping[str, object]
    command: str
    """What makes the same report again."""
    seconds: float
    rewards: tuple[RewardInfo, ...] = ()
    """The rewards whose scores were counted, in place of a judge."""
    version: str = __version__
