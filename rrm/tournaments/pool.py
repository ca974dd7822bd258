"""All games of a contest in one Bradley-Terry fit: what the strategies have in common that spread their calls over opponents.

Players are numbered by their place in the draw. The fit has a normal prior on ratings and on the position bias, so it is
finite after any games, and a player who has not played is rated in the middle.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from rrm.tournaments.rounds import Played
from rrm.types import Outcome, Standings, Support, Verdict

if TYPE_CHECKING:
    from rrm.ratings.bradley_terry import Bout, Fit

__all__ = ["bouts", "pooled", "rated"]

SPREAD = 1.5
"""Standard deviation of the ratings' prior, in logits: responses of one model to one prompt differ about so much."""

BIAS_SPREAD = 1.0
"""Standard deviation of the position bias' prior, in logits."""

_SURE = 1.96
"""Standard errors of their difference by which two must differ to be told apart (95 %)."""

_ONE_VOTE = {Outcome.FIRST: Support(1.0, 0.0), Outcome.SECOND: Support(0.0, 1.0), Outcome.TIE: Support(0.5, 0.5)}


def bouts(played: Iterable[Played]) -> "list[Bout]":
    """What was played, as votes by who was shown first."""
    from rrm.ratings.bradley_terry import Bout

    found = []
    for _, first, second, verdict in played:
        straight, turned = _support(verdict)
        if any(straight):
            found.append(Bout(first, second, straight.first, straight.second))
        if any(turned):
            found.append(Bout(second, first, turned.second, turned.first))
    return found


def _support(verdict: Verdict) -> tuple[Support, Support]:
    """By the order shown. A verdict that came without counts, from a rule or a test, is one vote, shown as in the match."""
    if any(map(any, verdict.support)):
        return verdict.support
    return _ONE_VOTE.get(verdict.outcome, Support()), Support()


def pooled(played: Iterable[Played], players: int) -> "Fit":
    """The ratings of all players by all that was played, with their covariance."""
    from rrm.ratings.bradley_terry import fit_bouts

    return fit_bouts(bouts(played), players, spread=SPREAD, bias_spread=BIAS_SPREAD)


def rated(fit: "Fit", order: Sequence[int] | None = None) -> Standings:
    """Standings by a fit: by rating, then by the draw, unless `order` says otherwise."""
    ratings, errors = fit.ratings[0].tolist(), fit.errors[0].tolist()
    chosen = tuple(sorted(range(len(ratings)), key=lambda player: -ratings[player]) if order is None else order)
    covariance = fit.covariance[0]

    def is_level(one: int, other: int) -> bool:
        variance = covariance[one, one] + covariance[other, other] - 2 * covariance[one, other]
        return bool((ratings[one] - ratings[other]) ** 2 < _SURE**2 * variance)

    level = tuple((one, other) for one, other in pairwise(chosen) if is_level(one, other))
    return Standings(chosen, tuple(ratings), {}, tuple(errors), level, float(fit.bias[0]))
