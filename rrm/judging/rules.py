"""How a judge is to judge, as everything that asks and counts reads it; `rrm.settings` makes it of what a user says."""

from dataclasses import dataclass
from typing import Literal, get_args

from rrm.judging import voting
from rrm.judging.calibration import Calibration
from rrm.judging.cleaning import Cleaner
from rrm.judging.prompts import Prompt
from rrm.types import Sampling

__all__ = ["READOUTS", "Readout", "Rules"]

Readout = Literal["vote", "probability"]
"""What is read of a sample: the label it says, or how likely each label was where it said one."""

READOUTS: tuple[str, ...] = get_args(Readout)


@dataclass(frozen=True, slots=True)
class Rules:
    """How every match of a run is judged."""

    prompt: Prompt
    sampling: Sampling
    votes: int = 1
    order: voting.Order = "balanced"
    seed: int = 0
    resamples: int = 2
    """How often lost votes, or an even split, are asked again before a match is left undecided."""
    force: bool = False
    """Whether a sample without a verdict is continued and made to choose one."""
    cleaner: Cleaner = Cleaner(())
    reasoning_open: bool = False
    """Whether the judge's chat template ends the prompt inside an opened reasoning block."""
    stop: voting.Stop = "majority"
    """When a match has votes enough."""
    threshold: float = 0.9
    """How sure of the winner the stop "beta" must be."""
    waves: voting.Waves = "fixed"
    readout: Readout = "vote"
    calibration: Calibration = Calibration()
    """Makes a probability that was read an honest one."""
    think_budget: int | None = None
    """Tokens after which reasoning that is not closed is closed, and the verdict asked for; None lets it run to max_tokens."""
    budget: int | None = None
    """Calls that a contest may cost, for the strategies that can use any number."""
    think_more: int = 0
    """How many times a sample that has closed its reasoning is made to think again."""
    auto_votes: bool = False
    """Whether the number of votes is left to the strategy; see `rrm.plans.rules_for`."""
    asks_splits_again: bool = True
    """Whether an even split is asked again as a lost vote is. To a strategy that pools all votes it says enough as it is."""

    @property
    def most_votes(self) -> int:
        """How many votes a match has at most, those that are asked again aside."""
        return 2 * self.votes if self.order == "both" else self.votes
