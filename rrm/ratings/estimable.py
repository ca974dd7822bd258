"""Which votes have a finite Bradley-Terry estimate where ratings or bias have no prior.

Without a prior on the ratings, everyone must have got a vote, directly or through others, against everyone else:
the graph with an edge from each player to those that got a vote against it is strongly connected (L. R. Ford,
1957). A bias without a prior may not explain everything either. Were it to grow beyond all bounds, ratings would
have to grow with it so that no vote speaks against them: a system of difference constraints, which has a solution
unless the graph has a cycle of the wrong sign, with +1 for an edge where the winner was shown first, and -1 where
the other was.
"""

import numpy
from numpy.typing import NDArray

__all__ = ["estimable"]

Floats = NDArray[numpy.float64]
Booleans = NDArray[numpy.bool_]


def estimable(won: Floats, lost: Floats, *, ratings_are_free: bool, bias_is_free: bool) -> Booleans:
    """(B,), whether there is a finite estimate.

    `won` and `lost`, (B, N, N), are the votes that the row's player got, and those that the column's player got, with
    the row's player shown first. What is free has no prior; one of the two must be.
    """
    if not ratings_are_free:
        return numpy.asarray(won.any((1, 2)) & lost.any((1, 2)))
    is_estimable = _is_connected((won > 0) | (lost.swapaxes(1, 2) > 0))
    if bias_is_free:
        is_estimable &= _has_negative_cycle(won, lost, 1) & _has_negative_cycle(won, lost, -1)
    return is_estimable


def _is_connected(beats: Booleans) -> Booleans:
    players = beats.shape[1]
    reaches = beats | numpy.eye(players, dtype=bool)
    for _ in range(players.bit_length()):
        reaches = reaches.astype(numpy.float32) @ reaches.astype(numpy.float32) > 0
    return numpy.asarray(reaches.all((1, 2)))


def _has_negative_cycle(won: Floats, lost: Floats, sign: int) -> Booleans:
    """By the algorithm of Floyd and Warshall, from winners to losers. No simple path is longer than -players."""
    shown_first = numpy.where(won > 0, sign, numpy.inf)
    shown_second = numpy.where(lost > 0, -sign, numpy.inf).swapaxes(1, 2)
    length = numpy.minimum(shown_first, shown_second)
    players = won.shape[1]
    for middle in range(players):
        through = length[:, :, middle, None] + length[:, None, middle, :]
        length = numpy.maximum(numpy.minimum(length, through), -players)
    return numpy.asarray((numpy.einsum("bii->bi", length) < 0).any(1))
