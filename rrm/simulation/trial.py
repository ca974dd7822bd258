"""One tournament before one sitting of a simulated judge, as a session would play it, and how right its result is.

A budget is turned into matches and a strategy's name into a tournament as `rrm.session` does. Matches are heard in the
order in which they become ready.
"""

from collections import deque
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal, NamedTuple

from rrm import plans
from rrm.errors import InputError
from rrm.judging import voting
from rrm.plans import LISTWISE, POINTWISE, begin, named_plan, settle, strategy_name, votes_of
from rrm.settings import AUTO_VOTES, JudgeSettings
from rrm.simulation.hearing import Hearings, Manner
from rrm.simulation.judge import Sitting
from rrm.tournaments import Strategy

__all__ = ["Arm", "Entrant", "Trial", "play", "takes_budget"]


@dataclass(frozen=True, slots=True)
class Arm:
    """What is compared with others: a strategy, and how its matches are heard.

    `strategy` is a name, or what makes a tournament (for more than one process something that can be pickled, as a class
    or function of a module can). `budget` is in calls, and for the strategies that take one. The rest is as in
    `rrm.Judge`, and checked alike: raises InputError or UnknownNameError.
    """

    strategy: str | Strategy
    votes: int | Literal["auto"] = 1
    budget: int | None = None
    order: voting.Order = "balanced"
    stop: voting.Stop = "majority"
    threshold: float = 0.9
    resamples: int = 2

    def __post_init__(self) -> None:
        JudgeSettings(
            votes=self.votes,
            budget=self.budget,
            order=self.order,
            stop=self.stop,
            threshold=self.threshold,
            resamples=self.resamples,
        )
        plan = named_plan(self.strategy)
        if plan in (POINTWISE, LISTWISE):
            raise InputError(
                f"the strategy {plan!r} needs a judge that gives scores, and the simulated one compares pairs"
            )
        if self.budget is not None and not takes_budget(self.strategy):
            raise InputError(
                f"the strategy {self.name!r} asks as many calls as it needs, so that a budget of {self.budget} means "
                "nothing to it: leave the budget out"
            )

    @property
    def name(self) -> str:
        """The strategy's."""
        return strategy_name(named_plan(self.strategy))

    def enter(self, responses: int, *, allows_ties: bool) -> "Entrant":
        """The arm with contests of so many responses."""
        plan = named_plan(self.strategy)
        is_auto = self.votes == AUTO_VOTES
        votes = votes_of(plan) if isinstance(self.votes, str) else self.votes
        manner = Manner(
            votes, self.order, "beta" if is_auto else self.stop, self.threshold, self.resamples, allows_ties
        )
        matches = self._matches(manner)
        settled = settle(plan, responses, matches)
        if is_auto and settled is not plan:
            is_scant = self.budget is not None and not plans.takes_budget(settled)
            manner = replace(manner, votes=1 if is_scant else votes_of(settled))
            matches = self._matches(manner)
        if isinstance(settled, str):
            raise InputError(f"the strategy {settled!r} plays no pairs")
        manner = replace(manner, asks_splits_again=not _pools(settled))
        return Entrant(settled, manner, matches)

    def _matches(self, manner: Manner) -> int | None:
        return None if self.budget is None else max(1, self.budget // manner.most_votes)


@dataclass(frozen=True, slots=True)
class Entrant:
    """A strategy that is ready to play, and the number of matches that it is held to."""

    strategy: Strategy
    manner: Manner
    matches: int | None


class Trial(NamedTuple):
    """What a tournament cost, and what it says."""

    calls: int
    """Votes that were asked for."""
    matches: int
    order: tuple[int, ...]
    is_level: bool | None
    """Whether the first two can't be told apart; None where the strategy does not say."""
    position_bias: float | None


def _pools(strategy: Strategy) -> bool:
    """Whether a strategy pools all votes, also where some of its arguments are given already."""
    while isinstance(strategy, partial) and not hasattr(strategy, "pools"):
        strategy = strategy.func
    return bool(getattr(strategy, "pools", False))


def takes_budget(strategy: str | Strategy) -> bool:
    """Whether a strategy can use any number of calls. Raises UnknownNameError."""
    return plans.takes_budget(named_plan(strategy))


def play(entrant: Entrant, sitting: Sitting) -> Trial:
    """Play a tournament to its end. Raises InputError where it ends without standings."""
    tournament = begin(entrant.strategy, sitting.draw, entrant.matches)
    hearings = Hearings(sitting, entrant.manner)
    ready = deque(tournament.start())
    matches = 0
    while ready:
        match = ready.popleft()
        matches += 1
        ready.extend(tournament.record(match, hearings.hear(match)))
    standings = tournament.standings
    if standings is None:
        raise InputError(f"the strategy {strategy_name(entrant.strategy)!r} wants no more matches but has no standings")
    is_level = tuple(standings.order[:2]) in standings.level if standings.errors else None
    return Trial(hearings.calls, matches, standings.order, is_level, standings.position_bias)
