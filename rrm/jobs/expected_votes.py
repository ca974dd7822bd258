"""How many samples a match costs, before it is played: exactly, for a judge whose votes are independent.

Follows `rrm.judging.hearing` wave by wave over every tally that the votes can lead to; which wave comes next is asked of
`rrm.judging.voting`, so that it is what a run would ask. Knows no texts: a vote is for the side that most votes are for
("first" here), against it, a tie, or lost, each with a given probability. What waves="load" adds is not known ahead.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import product
from math import comb
from typing import NamedTuple

from rrm.errors import InputError
from rrm.judging import voting
from rrm.judging.asking import Rules
from rrm.types import Outcome, Tally

__all__ = ["Heard", "Odds", "heard"]


@dataclass(frozen=True, slots=True)
class Odds:
    """How likely a vote says what. Raises InputError for what is no probability.

    `agreement`: that a vote which names a side names the one that most votes are for; `tie`: that a vote which could be
    read is a tie; `lost`: that it could not be read.
    """

    agreement: float = 0.8
    tie: float = 0.0
    lost: float = 0.0

    def __post_init__(self) -> None:
        if not 0.5 <= self.agreement <= 1:
            raise InputError(f"agreement is a probability from 0.5 to 1, not {self.agreement}")
        for name in ("tie", "lost"):
            if not 0 <= (value := getattr(self, name)) <= 1:
                raise InputError(f"{name} is a probability from 0 to 1, not {value}")

    @property
    def chances(self) -> "_Chances":
        """That a vote is for the first, for the second, a tie, or lost."""
        named = (1 - self.lost) * (1 - self.tie)
        return named * self.agreement, named * (1 - self.agreement), (1 - self.lost) * self.tie, self.lost


@dataclass(frozen=True, slots=True)
class Heard:
    """What a match costs on average, and at most; and how it ends."""

    samples: float
    requests: float
    """One for each order that a wave is shown in."""
    ways: float
    """In how many of the two orders it is shown at all."""
    most_samples: int
    """With every vote that may be lost lost, and asked again as often as the rules say."""
    outcomes: Mapping[Outcome, float]
    """The probability of each; FIRST is the side that most votes are for."""


_MOST_KEPT = 8
"""With more votes, which of them were lost is not kept: they are taken to be lost in both orders alike."""

_Chances = tuple[float, float, float, float]


class _Wave(NamedTuple):
    """How many votes are asked for: shown as in the match, and the other way round."""

    straight: int
    turned: int

    @property
    def size(self) -> int:
        return self.straight + self.turned

    @property
    def requests(self) -> int:
        return (self.straight > 0) + (self.turned > 0)


class _State(NamedTuple):
    """What a hearing has come to. `lost` are the votes that are to be asked again, by order, if it ends undecided."""

    asked: int = 0
    first: int = 0
    second: int = 0
    tie: int = 0
    has_straight: bool = False
    has_turned: bool = False
    lost: _Wave = _Wave(0, 0)

    @property
    def tally(self) -> Tally:
        return Tally(self.first, self.second, self.tie)


@dataclass(frozen=True, slots=True)
class _Way:
    """The rules, as far as they say what is asked."""

    votes: int
    order: voting.Order
    stop: voting.Stop
    threshold: float
    resamples: int
    allows_ties: bool
    counts_by_degrees: bool
    is_random: bool
    asks_splits_again: bool

    @classmethod
    def of(cls, rules: Rules) -> "_Way":
        grammar = rules.prompt.grammar
        return cls(
            rules.votes,
            rules.order,
            rules.stop,
            rules.threshold,
            rules.resamples,
            grammar.allows_ties,
            bool(grammar.weights) or rules.readout == "probability",
            rules.sampling.temperature > 0,
            rules.asks_splits_again,
        )

    @property
    def planned(self) -> int:
        return 2 * self.votes if self.order == "both" else self.votes

    def next_wave(self, state: _State) -> int:
        remaining = self.planned - state.asked
        tally, least = state.tally, voting.least_heard(self.order)
        if self.counts_by_degrees and remaining:
            return voting.next_wave_by_share(
                tally.share, tally.decided, remaining, self.stop, self.threshold, least=least
            )
        return voting.next_wave(tally, remaining, self.allows_ties, self.stop, self.threshold, least=least)

    def waves(self, begin: int, size: int) -> Iterable[tuple[_Wave, float]]:
        """In which orders the next so many votes are shown, with the probability of each."""
        if self.order == "random":
            return _coins(size)
        ways = voting.orientations(self.order, self.votes, False, bool)[begin : begin + size]
        return [(_Wave(ways.count(False), ways.count(True)), 1.0)]

    def waves_again(self, state: _State) -> Iterable[tuple[_Wave, float]]:
        """What an undecided match is asked again: what was lost, or once in each order; nothing where that is no use."""
        if not state.lost.size and not self.asks_splits_again:
            return ()
        if not self.is_random:
            is_fixed = self.order == "fixed"
            return [(_Wave(not is_fixed and not state.has_straight, not is_fixed and not state.has_turned), 1.0)]
        if state.lost.size:
            return [(state.lost, 1.0)]
        if self.order == "random":
            return _coins(1)
        return [(_Wave(1, 0 if self.order == "fixed" else 1), 1.0)]


_SURE: tuple[_Chances, ...] = ((1.0, 0.0, 0.0, 0.0), (0.0, 1.0, 0.0, 0.0), (0.0, 0.0, 1.0, 0.0), (0.0, 0.0, 0.0, 1.0))


def _coins(size: int) -> list[tuple[_Wave, float]]:
    return [(_Wave(size - turned, turned), comb(size, turned) / 2**size) for turned in range(size + 1)]


def heard(rules: Rules, odds: Odds) -> Heard:
    """What a match costs by the rules."""
    return _heard(_Way.of(rules), odds)


@cache
def _heard(way: _Way, odds: Odds) -> Heard:
    walks = [(_Walk(way, *chances), weight) for chances, weight in _chances(way, odds.chances)]
    outcomes = {outcome: sum(walk.outcomes.get(outcome, 0.0) * weight for walk, weight in walks) for outcome in Outcome}
    return Heard(
        sum(walk.samples * weight for walk, weight in walks),
        sum(walk.requests * weight for walk, weight in walks),
        sum(walk.ways * weight for walk, weight in walks),
        _most(way),
        {outcome: chance for outcome, chance in outcomes.items() if chance},
    )


def _chances(way: _Way, chances: _Chances) -> Iterable[tuple[tuple[_Chances, _Chances], float]]:
    """The chances of a vote in either order. Without randomness each order has one answer, however often it is asked."""
    if way.is_random:
        return [((chances, chances), 1.0)]
    sure: list[tuple[_Chances, float]] = list(zip(_SURE, chances, strict=True))
    return [((one, other), weight * more) for (one, weight), (other, more) in product(sure, sure) if weight * more]


def _most(way: _Way) -> int:
    """Where all votes are lost, all are asked again each time; without randomness, only an order that was not shown yet."""
    if way.is_random:
        return way.planned * (1 + way.resamples)
    may_be_new = way.order == "random" or (way.order == "balanced" and way.planned == 1)
    return way.planned + (may_be_new and way.resamples > 0)


class _Walk:
    """All that a hearing can come to, with probabilities."""

    def __init__(self, way: _Way, straight: _Chances, turned: _Chances) -> None:
        self._way = way
        self._chances = (straight, turned)
        self._keeps_lost = way.planned <= _MOST_KEPT
        self._spread: dict[_Wave, list[tuple[_State, float]]] = {}
        self.samples = self.requests = 0.0
        ends = self._again(self._planned())
        self.ways = 0.0
        self.outcomes: dict[Outcome, float] = defaultdict(float)
        for state, chance in ends.items():
            self.ways += (state.has_straight + state.has_turned) * chance
            self.outcomes[self._outcome(state)] += chance

    def _planned(self) -> dict[_State, float]:
        """Where the votes that the rules plan lead, as far as they are asked."""
        ends: dict[_State, float] = defaultdict(float)
        begun: dict[_State, float] = {_State(): 1.0}
        while begun:
            reached: dict[_State, float] = defaultdict(float)
            for state, chance in begun.items():
                size = self._way.next_wave(state)
                if not size:
                    ends[self._settled(state)] += chance
                    continue
                for wave, share in self._way.waves(state.asked, size):
                    self._ask(state, wave, chance * share, reached)
            begun = reached
        return ends

    def _again(self, ends: dict[_State, float]) -> dict[_State, float]:
        """Where asking again leads."""
        for _ in range(self._way.resamples):
            reached: dict[_State, float] = defaultdict(float)
            for state, chance in ends.items():
                waves = self._way.waves_again(state) if self._outcome(state) is Outcome.UNDECIDED else ()
                begun = state._replace(lost=_Wave(0, 0))
                for wave, share in waves or [(_Wave(0, 0), 1.0)]:
                    self._ask(begun, wave, chance * share, reached)
            ends = reached
        return ends

    def _ask(self, state: _State, wave: _Wave, chance: float, reached: dict[_State, float]) -> None:
        """Add all that a wave can lead to."""
        self.samples += chance * wave.size
        self.requests += chance * wave.requests
        is_again = state.asked >= self._way.planned
        for said, share in self._said(wave):
            lost = said.lost
            if is_again and not self._keeps_lost:
                lost = self._halved(wave.size - said.first - said.second - said.tie)
            after = _State(
                state.asked + wave.size,
                state.first + said.first,
                state.second + said.second,
                state.tie + said.tie,
                state.has_straight or wave.straight > 0,
                state.has_turned or wave.turned > 0,
                _Wave(state.lost.straight + lost.straight, state.lost.turned + lost.turned),
            )
            reached[after] += chance * share

    def _said(self, wave: _Wave) -> list[tuple[_State, float]]:
        """What the votes of a wave can say together, with probabilities."""
        if wave not in self._spread:
            found: dict[_State, float] = {_State(): 1.0}
            for is_turned in (False,) * wave.straight + (True,) * wave.turned:
                found = self._one_more(found, is_turned=is_turned)
            self._spread[wave] = list(found.items())
        return self._spread[wave]

    def _one_more(self, found: dict[_State, float], *, is_turned: bool) -> dict[_State, float]:
        reached: dict[_State, float] = defaultdict(float)
        first, second, tie, lost = self._chances[is_turned]
        for state, chance in found.items():
            straight, turned = state.lost
            one_lost = _Wave(straight + (not is_turned), turned + is_turned) if self._keeps_lost else state.lost
            for after, share in (
                (state._replace(first=state.first + 1), first),
                (state._replace(second=state.second + 1), second),
                (state._replace(tie=state.tie + 1), tie),
                (state._replace(lost=one_lost), lost),
            ):
                if share:
                    reached[after] += chance * share
        return reached

    def _settled(self, state: _State) -> _State:
        """Of a match that is decided nobody asks which votes were lost."""
        if self._outcome(state) is not Outcome.UNDECIDED:
            return state._replace(lost=_Wave(0, 0))
        lost = state.asked - state.first - state.second - state.tie
        return state if self._keeps_lost else state._replace(lost=self._halved(lost))

    def _halved(self, lost: int) -> _Wave:
        return _Wave(lost, 0) if self._way.order == "fixed" else _Wave(lost - lost // 2, lost // 2)

    def _outcome(self, state: _State) -> Outcome:
        return voting.outcome(state.tally, self._way.allows_ties)
