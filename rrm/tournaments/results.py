"""What strategies in rounds have in common: who is `first`, what was played as games, standings by a score or an order.

Players are numbered by their place in the draw.
"""

from collections.abc import Iterable, Mapping, Sequence

from rrm.ratings.elo import Game
from rrm.tournaments.draw import is_second_shown_first
from rrm.tournaments.rounds import Pair, Played
from rrm.types import Outcome, Standings

__all__ = ["balanced", "by_place", "by_score", "games"]

_SCORES = {Outcome.FIRST: 1.0, Outcome.TIE: 0.5, Outcome.SECOND: 0.0}


def balanced(pairs: Iterable[Pair], players: int) -> list[Pair]:
    """The pairs, turned so that over all there are everyone is `first` in half, and it is not who is rated higher.

    It matters where verdicts come without the orders shown: they count as shown as in the match, and would be taken for
    position bias.
    """
    ring = range(players)
    return [
        (second, first) if is_second_shown_first(ring, first, second) else (first, second) for first, second in pairs
    ]


def games(played: Iterable[Played]) -> list[Game]:
    """One game a match; a match that ended undecided is none."""
    return [
        Game(first, second, _SCORES[verdict.outcome])
        for _, first, second, verdict in played
        if verdict.outcome in _SCORES
    ]


def by_score(scores: Sequence[float]) -> Standings:
    """Standings by a score for each player, the highest first; equal ones are ordered by the draw."""
    return Standings(tuple(sorted(range(len(scores)), key=lambda player: -scores[player])), tuple(scores))


def by_place(order: Sequence[int], advanced: Mapping[int, int]) -> Standings:
    """Standings by an order without ties: a player's score is how many are placed below."""
    scores = [0.0] * len(order)
    for below, player in enumerate(reversed(order)):
        scores[player] = float(below)
    return Standings(tuple(order), tuple(scores), dict(sorted(advanced.items())))
