"""Elo ratings of a list of games, folded in the order of the list.

The order matters (the same games in another order give other ratings), so callers hand the games over
in the order of the schedule, never in that of arrival. Defaults are those of the RRM authors' released
code, which uses evalica (initial 1000, base 10, scale 400, K 4; microsoft/LMOps, reward_score/rrm/arena.py).
"""

from collections.abc import Iterable
from typing import NamedTuple

__all__ = ["Game", "elo"]


class Game(NamedTuple):
    """A game between two players; `score` is the first one's: 1 won, 0.5 drawn, 0 lost."""

    first: int
    second: int
    score: float


def elo(
    games: Iterable[Game],
    players: int,
    *,
    k: float = 4.0,
    initial: float = 1000.0,
    base: float = 10.0,
    scale: float = 400.0,
) -> list[float]:
    """The rating of each player 0 .. players-1 after all games, in order.

    A player who is rated `scale` above another is expected to score `base` times as much.
    """
    ratings = [initial] * players
    for first, second, score in games:
        expected = 1 / (1 + base ** ((ratings[second] - ratings[first]) / scale))
        change = k * (score - expected)
        ratings[first] += change
        ratings[second] -= change
    return ratings
