"""What a user says of how a judge is to judge, checked; and what rules that makes with a prompt and an engine.

Knows nothing of where the model runs (`rrm.backends`) or of what is ranked.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from rrm.contests import check_at_least
from rrm.engines.base import EngineInfo
from rrm.errors import InputError, UnknownNameError
from rrm.judging import voting
from rrm.judging.asking import READOUTS, Rules
from rrm.judging.calibration import Calibration
from rrm.judging.cleaning import KNOWN_SPECIAL_TOKENS, Cleaner
from rrm.judging.formats import CriteriaSpec
from rrm.judging.prompts import Prompt
from rrm.judging.readout import can_read_out
from rrm.types import Sampling

__all__ = ["AUTO_VOTES", "JudgeSettings"]

AUTO_VOTES = "auto"
"""As many votes a match as pay: one where a strategy asks many opponents, else up to seven, until the winner is sure."""

_EMBEDDED_TOKENS = 48
"""The embedded model seldom reaches a verdict by itself, so its reasoning is kept short and the verdict forced."""

_CHOICES: Mapping[str, tuple[str, ...]] = {
    "order": voting.ORDERS,
    "stop": voting.STOPS,
    "waves": voting.WAVES,
    "readout": READOUTS,
}


@dataclass(frozen=True, slots=True)
class JudgeSettings:
    """The arguments of `rrm.Judge` by the same names. Raises InputError for values that can't be used."""

    votes: int | Literal["auto"] = 1
    order: voting.Order = "balanced"
    seed: int = 0
    resamples: int = 2
    budget: int | None = None
    stop: voting.Stop = "majority"
    threshold: float = 0.9
    waves: voting.Waves = "fixed"
    readout: Literal["vote", "probability"] = "vote"
    calibration: Calibration = Calibration()
    think_budget: int | None = None
    think_more: int = 0
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    force_verdict: bool | None = None
    strip_reasoning: bool = False

    def __post_init__(self) -> None:
        if self.votes != AUTO_VOTES:
            check_at_least("votes", self.votes, 1)
        for name in ("resamples", "think_more"):
            check_at_least(name, getattr(self, name), 0)
        for name in ("budget", "think_budget", "max_tokens"):
            if getattr(self, name) is not None:
                check_at_least(name, getattr(self, name), 1)
        if not isinstance(self.seed, int) or isinstance(self.seed, bool):
            raise InputError(f"seed must be a whole number, not {self.seed!r}")
        for name, known in _CHOICES.items():
            if getattr(self, name) not in known:
                raise UnknownNameError(name, str(getattr(self, name)), known)
        self._check_numbers()
        self._check_budget()

    def _check_budget(self) -> None:
        votes = (1 if self.votes == AUTO_VOTES else int(self.votes)) * (2 if self.order == "both" else 1)
        if self.budget is not None and self.budget < votes:
            raise InputError(
                f"a match takes up to {votes} calls, and the budget is {self.budget}: allow more, or fewer votes"
            )

    def _check_numbers(self) -> None:
        temperature, top_p, threshold = self.temperature, self.top_p, self.threshold
        if temperature is not None and not (_is_number(temperature) and 0 <= temperature < math.inf):
            raise InputError(f"temperature must be 0 or more, not {temperature!r}")
        if top_p is not None and not (_is_number(top_p) and 0 < top_p <= 1):
            raise InputError(f"top_p must be above 0 and at most 1, not {top_p!r}")
        if not (_is_number(threshold) and 0.5 < threshold < 1):
            raise InputError(f"threshold must be above 0.5 and below 1, not {threshold!r}")
        if not isinstance(self.calibration, Calibration):
            raise InputError(f"calibration must be a Calibration, not {self.calibration!r}")

    def check_against(self, prompt: Prompt) -> None:
        """Raises InputError where the prompt can't be judged by so."""
        if self.readout == "probability" and not can_read_out(prompt.grammar):
            raise InputError(
                f"readout 'probability' needs a prompt whose verdicts are labels of two responses, and those of "
                f"{prompt.name!r} are not: use the readout 'vote', or another prompt"
            )
        if self.force_verdict and isinstance(prompt.front.verdict, CriteriaSpec):
            raise InputError(
                f"force_verdict makes a judge choose one label, and verdicts of {prompt.name!r} are numbers for several "
                "criteria: leave it out, or use another prompt"
            )

    def rules(self, prompt: Prompt, info: EngineInfo, *, is_embedded: bool) -> Rules:
        """How every match is judged on this engine."""
        special_tokens = KNOWN_SPECIAL_TOKENS if info.special_tokens is None else info.special_tokens
        opens_by_default = prompt.front.reasoning == "opened" or _begins_in_reasoning(prompt)
        return Rules(
            prompt,
            self._sampling(prompt, is_embedded=is_embedded),
            votes=self.votes if isinstance(self.votes, int) else 1,
            auto_votes=self.votes == AUTO_VOTES,
            order=self.order,
            seed=self.seed,
            resamples=self.resamples,
            force=is_embedded if self.force_verdict is None else self.force_verdict,
            cleaner=Cleaner(special_tokens),
            # Where the file begins the judge's turn, it knows better than the chat template.
            reasoning_open=opens_by_default if info.opens_reasoning is None or prompt.begin else info.opens_reasoning,
            budget=self.budget,
            stop=self.stop,
            threshold=self.threshold,
            waves=self.waves,
            readout=self.readout,
            calibration=self.calibration,
            think_budget=self.think_budget,
            think_more=self.think_more,
        )

    @property
    def further(self) -> dict[str, Any]:
        """What goes beyond votes and order and is not as by default, as plain values: for results to report."""
        return {name: _plain(value) for name in _FURTHER if (value := getattr(self, name)) != getattr(_DEFAULT, name)}

    @property
    def described(self) -> dict[str, Any]:
        """All of it as plain values, what is as by default only where it always was: two judges with equal ones are one."""
        return {
            "votes": self.votes,
            "order": self.order,
            "seed": self.seed,
            "resamples": self.resamples,
            "sampling": self._given_sampling,
            "force_verdict": self.force_verdict,
            "strip_reasoning": self.strip_reasoning,
            **self.further,
        }

    @property
    def _given_sampling(self) -> dict[str, float]:
        given = {"max_tokens": self.max_tokens, "temperature": self.temperature, "top_p": self.top_p}
        return {name: value for name, value in given.items() if value is not None}

    def _sampling(self, prompt: Prompt, *, is_embedded: bool) -> Sampling:
        recommended = prompt.front.sampling
        tokens = min(_EMBEDDED_TOKENS, recommended.max_tokens) if is_embedded else recommended.max_tokens
        defaults = {"max_tokens": tokens, "temperature": recommended.temperature, "top_p": recommended.top_p}
        return Sampling(**(defaults | self._given_sampling))  # type: ignore[arg-type]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _begins_in_reasoning(prompt: Prompt) -> bool:
    """Whether the file begins the judge's turn with an opened reasoning block."""
    opening, closing = prompt.grammar.reasoning
    return prompt.begin.rfind(opening) > prompt.begin.rfind(closing)


_DEFAULT = JudgeSettings()
_FURTHER = (
    "budget", "stop", "threshold", "waves", "readout", "calibration", "think_budget", "think_more",
)  # fmt: skip


def _plain(value: object) -> object:
    return {"slope": value.slope, "offset": value.offset} if isinstance(value, Calibration) else value
