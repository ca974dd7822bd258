"""Makes probabilities that a judge states honest ones: a line through their log-odds.

`rrm.judging.reliability` fits it where labels exist.
"""

import math
from dataclasses import dataclass

__all__ = ["Calibration"]


@dataclass(frozen=True, slots=True)
class Calibration:
    """A line through log-odds. The default leaves a probability as it is.

    `slope` below 1 tempers a judge that is too sure of itself; `offset` (logits) takes back what it gives to whoever is
    shown first.
    """

    slope: float = 1.0
    offset: float = 0.0

    def apply(self, probability: float) -> float:
        """The calibrated probability of the answer shown first being better; 0 and 1 stay what they are."""
        if not 0 < probability < 1:
            return probability
        logit = self.slope * math.log(probability / (1 - probability)) + self.offset
        return 1 / (1 + math.exp(-logit)) if logit >= 0 else math.exp(logit) / (1 + math.exp(logit))

    def after(self, first: "Calibration") -> "Calibration":
        """The one that does what `first` does, and then this one."""
        return Calibration(self.slope * first.slope, self.slope * first.offset + self.offset)
