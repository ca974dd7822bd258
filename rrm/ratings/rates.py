"""Ratings by counting: win rate and Copeland. Unlike Elo they don't depend on the order of the games.

They know nothing of whom a player met, so they are fair where everyone meets everyone, and nowhere else. A game
that nobody decided (every vote lost) is not in the list of games; a tie is, with the score 0.5.
"""

from collections.abc import Iterable

from rrm.ratings.elo import Game

__all__ = ["copeland", "margins", "win_rates"]


def win_rates(games: Iterable[Game], players: int) -> list[float]:
    """The mean score of each player 0 .. players-1 in its games, from 0 to 1; 0.5 for one without games."""
    scores, counts = [0.0] * players, [0] * players
    for first, second, score in games:
        scores[first] += score
        scores[second] += 1 - score
        counts[first] += 1
        counts[second] += 1
    return [score / count if count else 0.5 for score, count in zip(scores, counts, strict=True)]


def copeland(games: Iterable[Game], players: int) -> list[float]:
    """Of each player 0 .. players-1: how many others it beats in its meetings with them, less how many beat it."""
    ratings = [0.0] * players
    for (one, other), margin in margins(games).items():
        sign = (margin > 0) - (margin < 0)
        ratings[one] += sign
        ratings[other] -= sign
    return ratings


def margins(games: Iterable[Game]) -> dict[tuple[int, int], float]:
    """How far one of each pair that met is ahead, over all its meetings; the lower number comes first in the key.

    A game adds its score less 0.5, so the margin is positive where the lower number has the majority, negative
    where the other has it, and 0 where they are level.
    """
    ahead: dict[tuple[int, int], float] = {}
    for first, second, score in games:
        pair, margin = ((first, second), score - 0.5) if first < second else ((second, first), 0.5 - score)
        ahead[pair] = ahead.get(pair, 0.0) + margin
    return ahead
