"""A judge whose mind is known: what it says of two responses is chance, with probabilities that follow from their skills.

All that a trial has of chance (the skills, the draw, who is shown first, and every vote there could be) follows from its
seed and number alone. Vote number i on two responses in one order is the same whichever strategy asks for it, and after
whatever else; so strategies are compared before the same judge, and differences between them have small errors.

It knows no text, no reasoning and no lost votes.
"""

import math
from dataclasses import dataclass

import numpy
from numpy.typing import NDArray

from rrm.errors import InputError
from rrm.types import Vote

__all__ = ["VOTES", "SimulatedJudge", "Sitting"]

Floats = NDArray[numpy.float64]

VOTES = (Vote.FIRST, Vote.SECOND, Vote.TIE)
"""What the numbers mean that a sitting gives as votes, in terms of what was shown."""


@dataclass(frozen=True, slots=True)
class SimulatedJudge:
    """How skills and votes are drawn. The defaults are a judge with a position bias, as small reasoning judges have it.

    The one shown first gets a vote, where it is no tie, with the probability
    lapse/2 + (1 - lapse) * sigmoid(skill of the first - skill of the second + bias + error of the pair).

    With `correct`, responses are right or wrong, with that probability of being right, and `spread` means nothing: a
    vote between a right and a wrong one is for the right one in a share `accuracy` of cases, before bias and lapses.

    Raises InputError for values that can't be.
    """

    spread: float = 1.5
    """Standard deviation of the skills, in logits."""
    bias: float = 0.6
    """How much better a response does for being shown first, in logits."""
    lapse: float = 0.05
    """Share of votes that are blind: for either with the same probability."""
    pair_error: float = 0.0
    """Standard deviation, in logits, of an error that the judge makes about a pair, the same in each of its votes."""
    ties: float = 0.0
    """Share of votes that are ties. A judge that has none may not call any."""
    correct: float | None = None
    accuracy: float = 0.8

    def __post_init__(self) -> None:
        for name in ("spread", "pair_error"):
            if not 0 <= getattr(self, name) < math.inf:
                raise InputError(f"{name} is a standard deviation: 0 or more logits, not {getattr(self, name)}")
        for name in ("lapse", "ties"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"{name} is a share of the votes: from 0 to 1, not {getattr(self, name)}")
        if not math.isfinite(self.bias):
            raise InputError(f"bias must be a number of logits, not {self.bias}")
        if self.correct is not None and not 0 <= self.correct <= 1:
            raise InputError(f"correct is a share of the responses: from 0 to 1, not {self.correct}")
        if not 0.5 <= self.accuracy < 1:
            raise InputError(f"accuracy must be from 0.5 to below 1, not {self.accuracy}")

    @property
    def allows_ties(self) -> bool:
        return self.ties > 0

    def sit(self, responses: int, seed: int, trial: int) -> "Sitting":
        """The judge before so many new responses. Raises InputError for none, and for numbers below 0."""
        if responses < 1 or min(seed, trial) < 0:
            raise InputError(
                f"a trial needs a response, and a seed and a number from 0 on, not {responses, seed, trial}"
            )
        generator = numpy.random.default_rng((seed, trial))
        skills = self._skills(generator, responses)
        draw, ring = generator.permutation(responses), generator.permutation(responses)
        # Drawn even where they are 0, so that judges that differ in this alone draw the same votes.
        errors = self.pair_error * generator.standard_normal((responses, responses))
        votes = _Votes(self._chances(skills, errors), self.ties, generator)
        return Sitting(skills, tuple(draw.tolist()), tuple(ring.tolist()), votes, (seed, trial))

    def chance(self, gap: Floats) -> Floats:
        """The probability of a vote for the one shown first, where its skill exceeds the other's by `gap` logits."""
        return self.lapse / 2 + (1 - self.lapse) * _sigmoid(gap + self.bias)

    def _skills(self, generator: numpy.random.Generator, responses: int) -> Floats:
        if self.correct is None:
            return self.spread * generator.standard_normal(responses)
        advantage = math.log(self.accuracy / (1 - self.accuracy))
        return numpy.where(generator.random(responses) < self.correct, advantage, 0.0)

    def _chances(self, skills: Floats, errors: Floats) -> Floats:
        """(N, N), by who is shown first and who second. An error favours one of the pair in either order."""
        upper = numpy.triu(errors, 1)
        return self.chance(skills[:, None] - skills + upper - upper.T)


class _Votes:
    """Every vote there could be, drawn when it is first asked for, along with that of all other ordered pairs."""

    __slots__ = ("_chances", "_drawn", "_generator", "_ties")

    def __init__(self, chances: Floats, ties: float, generator: numpy.random.Generator) -> None:
        self._chances = ties + (1 - ties) * chances.ravel()
        self._ties = ties
        self._generator = generator
        self._drawn: list[list[int]] = []

    def __getitem__(self, number: int) -> list[int]:
        """Vote `number` of all ordered pairs, as places in `VOTES`."""
        drawn = self._drawn
        while number >= len(drawn):
            drawn.append(self._draw())
        return drawn[number]

    def _draw(self) -> list[int]:
        lots = self._generator.random(len(self._chances))
        votes = (lots >= self._chances).astype(numpy.int8)
        if self._ties:
            votes[lots < self._ties] = VOTES.index(Vote.TIE)
        said: list[int] = votes.tolist()
        return said


class Sitting:
    """The judge before the responses of one trial, which are numbered from 0."""

    __slots__ = ("_coins", "_key", "_size", "_votes", "draw", "ring", "skills")

    def __init__(
        self, skills: Floats, draw: tuple[int, ...], ring: tuple[int, ...], votes: _Votes, key: tuple[int, int]
    ) -> None:
        self.skills = skills
        self.draw = draw
        """The order in which a tournament gets them."""
        self.ring = ring
        """The place of each for deciding who is shown first; see `rrm.tournaments.draw`."""
        self._size = len(draw)
        self._votes = votes
        self._key = key
        self._coins: list[bytes] = []

    def vote(self, first: int, second: int, number: int) -> int:
        """Vote `number`, from 0, with these shown first and second, as a place in `VOTES`."""
        return self._votes[number][first * self._size + second]

    def coin(self, first: int, second: int, number: int) -> bool:
        """A fair coin for vote `number` of a pair: whether `second` is to be shown first."""
        while number >= len(self._coins):
            # Not from the generator of the votes, which must not depend on what is asked.
            generator = numpy.random.default_rng((*self._key, 1 + len(self._coins)))
            self._coins.append(generator.integers(0, 2, self._size**2, numpy.uint8).tobytes())
        low, high = min(first, second), max(first, second)
        return bool(self._coins[number][low * self._size + high]) != (first > second)


def _sigmoid(logits: Floats) -> Floats:
    return numpy.asarray(0.5 + 0.5 * numpy.tanh(logits / 2))
