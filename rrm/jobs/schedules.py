"""What a strategy asks of a contest of so many distinct responses: its own code is run on verdicts that are drawn.

Where the number of matches depends on the verdicts, the mean over some seeded trials is taken; in these the better one of
two is known, and a match ends for it as often as the votes are expected to. Nothing is asked of a judge.
"""

from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, TypeVar

from rrm.errors import InputError
from rrm.grading import Graded, Shown, grade_alone, grade_together
from rrm.jobs.expected_votes import Heard, Odds, heard
from rrm.judging.asking import Rules
from rrm.judging.polling import Ballot
from rrm.plans import LISTWISE, Plan, begin, matches_for, rules_for, settle, strategy_name
from rrm.tournaments import Strategy, Tournament
from rrm.tournaments.draw import is_second_shown_first
from rrm.types import Match, Opinion, Outcome, Tally, Verdict

__all__ = ["Schedule", "schedule"]

_TRIALS = 200

_MOST_TRIAL_MATCHES = 2000
"""Trials are fewer where they play more matches than this in all."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Schedule:
    """What a contest is expected to ask, and the most it can ask."""

    matches: float = 0.0
    """Of pairs; for a judge that scores, how many are scored: responses by themselves, or windows."""
    most_matches: int = 0
    samples: float = 0.0
    most_samples: int = 0
    requests: float = 0.0
    shown: float = 0.0
    """Responses in all requests together: two in each for a judge of pairs."""
    firsts: float = 0.0
    """Different responses that stand first in some prompt."""
    prompts: float = 0.0
    """Different prompts: each order of a pair is one."""

    def __add__(self, other: "Schedule") -> "Schedule":
        pairs = zip(_values(self), _values(other), strict=True)
        return Schedule(*(one + another for one, another in pairs))  # type: ignore[arg-type]

    def __mul__(self, times: float) -> "Schedule":
        return Schedule(*(value * times for value in _values(self)))  # type: ignore[arg-type]


def _values(schedule: Schedule) -> tuple[float, ...]:
    return tuple(getattr(schedule, name) for name in Schedule.__slots__)


def schedule(plan: Plan, players: int, rules: Rules, odds: Odds) -> Schedule:
    """What a contest of so many distinct responses asks."""
    plan = settle(plan, players, matches_for(rules, plan))
    if isinstance(plan, str):
        return _graded(plan, players, rules)
    matches = matches_for(rules, plan)
    rules = rules_for(rules, plan)
    return _played(plan, players, rules, heard(rules, odds), matches)


def _played(strategy: Strategy, players: int, rules: Rules, match: Heard, matches: int | None) -> Schedule:
    trials: list[_Trial] = []
    while len(trials) < _TRIALS and sum(trial.matches for trial in trials) < _MOST_TRIAL_MATCHES:
        chance = Random(f"{strategy_name(strategy)} {players} {len(trials)}")
        draw = chance.sample(range(players), players)
        trials.append(_Trial(begin(strategy, draw, matches), players, rules, match, chance))
        if len(trials) == 2 and all(trial.matches == trial.most_matches for trial in trials):
            break
    mean = 1 / len(trials)
    played = sum(trial.matches for trial in trials) * mean
    most = max(trial.most_matches for trial in trials)
    return Schedule(
        played,
        most,
        played * match.samples,
        most * match.most_samples,
        played * match.requests,
        2 * played * match.requests,
        sum(len({first for first, _ in trial.prompts}) for trial in trials) * mean,
        sum(len(trial.prompts) for trial in trials) * mean,
    )


class _Trial:
    """A tournament played with drawn verdicts. `prompts` has who was shown first and who second."""

    def __init__(self, tournament: Tournament, players: int, rules: Rules, heard: Heard, chance: Random) -> None:
        self._rules = rules
        self._heard = heard
        self._chance = chance
        self._place, self._worth = (chance.sample(range(players), players) for _ in range(2))
        self.prompts: set[tuple[int, int]] = set()
        self.matches = 0
        ready = list(tournament.start())
        while ready:
            match = ready.pop(0)
            self._note(match)
            ready += tournament.record(match, self._verdict(match))
        self.most_matches = tournament.most_matches
        if tournament.standings is None:
            raise InputError(f"{tournament!r} wants no more matches but has no standings")

    def _note(self, match: Match) -> None:
        self.matches += 1
        shown = (match.first, match.second)
        ways = [shown[::-1], shown] if self._is_turned(match) else [shown, shown[::-1]]
        self.prompts.update(ways[: 1 + (self._chance.random() < self._heard.ways - 1)])

    def _is_turned(self, match: Match) -> bool:
        """Whether the first vote is shown the second player first."""
        if self._rules.order == "fixed":
            return match.first > match.second
        if self._rules.order == "random":
            return self._chance.random() < 0.5
        turned = is_second_shown_first(self._place, match.first, match.second)
        return turned ^ (match.repeat * self._rules.votes % 2 == 1)

    def _verdict(self, match: Match) -> Verdict:
        outcomes = self._heard.outcomes
        (outcome,) = self._chance.choices(list(outcomes), list(outcomes.values()))
        if self._worth[match.first] < self._worth[match.second]:
            outcome = _TURNED.get(outcome, outcome)
        return Verdict(outcome, Tally())


_TURNED = {Outcome.FIRST: Outcome.SECOND, Outcome.SECOND: Outcome.FIRST}


def _graded(kind: str, players: int, rules: Rules) -> Schedule:
    """What a judge that scores is asked: the code that ranks by scores is run on drawn ones."""
    chance = Random(players)
    asked: list[Shown] = []

    async def ask(shown: Sequence[Shown]) -> Sequence[Ballot]:
        asked.extend(shown)
        return [Ballot((_opinion(members, chance),)) for members, _ in shown]

    def shuffle(members: tuple[int, ...], _: int) -> tuple[int, ...]:
        return tuple(chance.sample(members, len(members)))

    graded, draw = Graded(int), tuple(range(players))
    is_random = rules.sampling.temperature > 0
    if kind == LISTWISE:
        size, votes, order = rules.prompt.window, rules.votes, rules.order
        _finish(grade_together(graded, ask, draw, size=size, votes=votes, order=order, shuffle=shuffle))
    else:
        _finish(grade_alone(graded, ask, draw, votes=rules.votes if is_random else 1))
    samples = sum(votes for _, votes in asked)
    most = samples * (1 + (rules.resamples if is_random else 0))
    scored = len(graded.scorings)
    shown = sum(len(members) for members, _ in asked)
    return Schedule(scored, scored, samples, most, len(asked), shown, 0.0, len(asked))


def _opinion(members: tuple[int, ...], chance: Random) -> Opinion:
    return Opinion(members, 0, None, tuple(chance.random() for _ in members))


def _finish(work: Coroutine[Any, Any, T]) -> None:
    """Run a coroutine that waits for nothing."""
    try:
        work.send(None)
    except StopIteration:
        return
    work.close()
    raise RuntimeError("what is asked of nobody can't be waited for")
