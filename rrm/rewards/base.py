"""What a reward is: conversations in, one number for each out; and what is said of how a number came about.

A number is finite or it is an error: a score that is missing, not a number or infinite is never passed on.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Literal, Protocol, get_args, runtime_checkable

from rrm.errors import ContestError, InputError, UnknownNameError

__all__ = ["AGGREGATES", "Aggregate", "Conversation", "Reward", "ScoreDetails", "StepScores", "checked_scores"]

Conversation = Sequence[object]
"""Chat messages (`{"role": ..., "content": ...}` or `rrm.types.Message`), of which the last is the assistant's: the
response to score."""

Aggregate = Literal["min", "prod", "last", "mean"]
"""How the probabilities of a solution's steps become one number."""

AGGREGATES: tuple[str, ...] = get_args(Aggregate)


@runtime_checkable
class Reward(Protocol):
    """Whatever scores conversations: a reward model, or any object of your own. More is better."""

    def score(self, conversations: Sequence[Conversation]) -> Sequence[float]:
        """One finite number for each conversation, in order."""
        ...


@dataclass(frozen=True, slots=True)
class ScoreDetails:
    """How one score came about."""

    score: float
    logits: tuple[tuple[float, ...], ...]
    """The model's raw outputs: one vector for each position that was read."""
    tokens: int
    """Length of the pass."""
    cut: int = 0
    """Tokens that were left out because the conversation did not fit the context; 0 where it did."""
    cached: int = 0
    """Tokens that the engine did not compute anew."""
    notes: tuple[str, ...] = ()
    """What was altered on the way, such as special tokens that were broken up."""


@dataclass(frozen=True, slots=True)
class StepScores:
    """The steps of a solution, and the probability that each is right."""

    steps: tuple[str, ...]
    """All steps, as they were split."""
    probabilities: tuple[float, ...]
    """One for each step that was scored: all of them, or the first ones where the solution was cut."""
    logits: tuple[tuple[float, ...], ...] = field(default=(), repr=False)
    """The model's raw outputs at each step."""
    tokens: int = 0
    """Length of the one pass."""
    cut: int = 0
    """Tokens that were left out because the solution did not fit the context."""
    cached: int = 0
    notes: tuple[str, ...] = ()

    def aggregate(self, how: Aggregate = "min") -> float:
        """One number for the solution: the least of the steps, their product, the last one's, or their mean.

        Raises UnknownNameError, and ContestError where no step was scored.
        """
        if how not in _AGGREGATES:
            raise UnknownNameError("aggregate", str(how), AGGREGATES)
        if not self.probabilities:
            raise ContestError("no step of the solution was scored: it was cut before the first one ended")
        return _AGGREGATES[how](self.probabilities)


_AGGREGATES: Mapping[str, Callable[[Sequence[float]], float]] = {
    "min": min,
    "prod": math.prod,
    "last": lambda probabilities: probabilities[-1],
    "mean": fmean,
}


def checked_scores(found: object, count: int, name: str) -> list[float]:
    """What a reward gave for `count` conversations, as floats; True is 1, and (count, 1) outputs are taken too.

    Raises InputError, or ContestError for a number that is not finite.
    """
    # numpy arrays and torch tensors are no sequences, and become lists
    listed = found.tolist() if hasattr(found, "tolist") else found
    if isinstance(listed, str | bytes | Mapping) or not isinstance(listed, Sequence):
        raise InputError(f"the reward {name!r} must return a list of {count} numbers, not {type(found).__name__}")
    if len(listed) != count:
        raise InputError(f"the reward {name!r} returned {len(listed)} scores for {count} conversations")
    return [_checked(score, place, name) for place, score in enumerate(listed)]


def _checked(score: object, place: int, name: str) -> float:
    if isinstance(score, list | tuple) and len(score) == 1:
        score = score[0]  # a row of a model's outputs, of which there is one
    number = score.item() if hasattr(score, "item") else score
    if not isinstance(number, int | float):
        raise InputError(f"the reward {name!r} returned {score!r} for conversation {place}, which is no number")
    if not _is_finite(number):
        raise ContestError(
            f"the reward {name!r} returned {str(number)[:20]} for conversation {place}, which is no score"
        )
    return float(number)


def _is_finite(number: float) -> bool:
    try:
        return math.isfinite(number)
    except OverflowError:  # a whole number beyond all floats
        return False
