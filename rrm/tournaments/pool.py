"""All games of a contest in one Bradley-Terry fit: what the strategies have in common that spread their calls over opponents.

Players are numbered by their place in the draw. The fit has a normal prior on ratings and on the position bias, so it is
finite after any games, and a player who has not played is rated in the middle.

A judge that misjudges a pair tends to misjudge it again, so the votes on one pair are not as good as votes on as many
pairs. Each pair is taken to have an error of its own (standard deviation `PAIR_ERROR`): n votes on it count for fewer. It
costs nothing measurable where judges are free of such errors; see docs/ranking-study.md.
"""

from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import TYPE_CHECKING

from rrm.tournaments.rounds import Pair, Played
from rrm.types import Outcome, Standings, Support, Verdict

if TYPE_CHECKING:
    from rrm.ratings.bradley_terry import Fit

__all__ = ["PAIR_ERROR", "Pool", "pooled", "rated"]

SPREAD = 2.0
"""Standard deviation of the ratings' prior, in logits."""

BIAS_SPREAD = 1.0
"""Standard deviation of the position bias' prior, in logits."""

PAIR_ERROR = 0.25
"""Standard deviation of what a judge gets wrong about a pair again and again, in logits."""

_TOLERANCE = 1e-3
"""Logits; ratings are then within a millionth of the exact ones."""

_SURE = 1.96
"""Standard errors of their difference by which two must differ to be told apart (95 %)."""

_DIGITS = 9
"""Ratings that are the same but for rounding are the same."""

_ONE_VOTE = {Outcome.FIRST: Support(1.0, 0.0), Outcome.SECOND: Support(0.0, 1.0), Outcome.TIE: Support(0.5, 0.5)}


class Pool:
    """The games of n players, added up by pair and by who was shown first; and their fit, again after each round."""

    def __init__(self, players: int) -> None:
        self._players = players
        self._shown: dict[Pair, tuple[float, float]] = {}
        """Votes for the one shown first and for the other, by the two in the order shown."""
        self._lost: dict[Pair, int] = {}
        self._latest: Fit | None = None

    def add(self, played: Iterable[Played]) -> None:
        """Take what was played. A match that gave no vote says nothing of the two; it is counted as `lost`."""
        for _, first, second, verdict in played:
            straight, turned = _support(verdict)
            if not any((*straight, *turned)):
                pair = _pair((first, second))
                self._lost[pair] = self._lost.get(pair, 0) + 1
            self._add((first, second), straight)
            self._add((second, first), Support(turned.second, turned.first))

    def fit(self) -> "Fit":
        """The ratings of all players by all that was added, with their covariance."""
        from rrm.ratings.bradley_terry import Bout, fit_bouts

        bouts = []
        for shown, (won, lost) in self._shown.items():
            turned = self._shown.get(shown[::-1], (0.0, 0.0))
            weight = _weight(won + turned[1], lost + turned[0])
            bouts.append(Bout(*shown, won * weight, lost * weight))
        self._latest = fit_bouts(
            bouts, self._players, spread=SPREAD, bias_spread=BIAS_SPREAD, start=self._latest, tolerance=_TOLERANCE
        )
        return self._latest

    @property
    def votes(self) -> Mapping[Pair, float]:
        """How many votes each pair has had, by the two in the order of their numbers."""
        votes: dict[Pair, float] = {}
        for shown, (won, lost) in self._shown.items():
            pair = _pair(shown)
            votes[pair] = votes.get(pair, 0.0) + won + lost
        return votes

    @property
    def lost(self) -> Mapping[Pair, int]:
        """How many matches of each pair gave no vote, by the two in the order of their numbers."""
        return self._lost

    def _add(self, shown: Pair, support: Support) -> None:
        if any(support):
            won, lost = self._shown.get(shown, (0.0, 0.0))
            self._shown[shown] = (won + support.first, lost + support.second)


def pooled(played: Iterable[Played], players: int) -> "Fit":
    """The fit of games that were all played before."""
    pool = Pool(players)
    pool.add(played)
    return pool.fit()


def _support(verdict: Verdict) -> tuple[Support, Support]:
    """By the order shown. A verdict that came without counts, from a rule or a test, is one vote, shown as in the match."""
    if any(map(any, verdict.support)):
        return verdict.support
    return _ONE_VOTE.get(verdict.outcome, Support()), Support()


def _pair(shown: Pair) -> Pair:
    first, second = shown
    return shown if first < second else (second, first)


def _weight(won: float, lost: float) -> float:
    """What each of the votes on one pair counts, of which one got `won` and the other `lost`; 1 for the only one.

    The more a vote tells (most where both are as good), the sooner an error of the pair is all that is left to learn.
    """
    votes = won + lost
    share = (won + 1) / (votes + 2)
    shared = share * (1 - share) * PAIR_ERROR**2
    return (1 + shared) / (1 + shared * max(votes, 1.0))


def rated(fit: "Fit") -> Standings:
    """Standings by a fit: by rating, equal ones by the draw."""
    ratings = [round(rating, _DIGITS) + 0.0 for rating in fit.ratings[0].tolist()]
    order = tuple(sorted(range(len(ratings)), key=lambda player: -ratings[player]))
    gap_errors = fit.gap_errors[0]
    level = tuple(
        (one, other) for one, other in pairwise(order) if ratings[one] - ratings[other] < _SURE * gap_errors[one, other]
    )
    return Standings(
        order, tuple(ratings), {}, tuple(fit.errors[0].tolist()), level, round(float(fit.bias[0]), _DIGITS) + 0.0
    )
