"""Maximum matching: as large as an independent implementation finds, and nobody who had a mate is left without one."""

from itertools import combinations
from random import Random

import networkx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rrm.tournaments.matching import NOBODY, enlarge


def partners_of(size, edges, shuffler):
    """Everyone's partners, in any order."""
    partners = [[] for _ in range(size)]
    for one, other in edges:
        partners[one].append(other)
        partners[other].append(one)
    for each in partners:
        shuffler.shuffle(each)
    return partners


@given(size=st.integers(1, 13), seed=st.integers(), share=st.floats(0, 1), begun=st.booleans())
def test_it_is_as_large_as_can_be(size, seed, share, begun):
    """Against networkx, from nothing or from what a greedy start finds."""
    random = Random(seed)
    edges = [pair for pair in combinations(range(size), 2) if random.random() < share]
    mates = [NOBODY] * size
    for one, other in edges if begun else ():
        if mates[one] == mates[other] == NOBODY:
            mates[one], mates[other] = other, one
    had_one = {player for player in range(size) if mates[player] != NOBODY}
    enlarge(mates, partners_of(size, edges, random))
    paired = {player for player in range(size) if mates[player] != NOBODY}
    assert had_one <= paired
    assert all(mates[mates[player]] == player for player in paired)
    assert all(tuple(sorted((player, mates[player]))) in edges for player in paired)
    largest = networkx.max_weight_matching(networkx.Graph(edges), maxcardinality=True)
    assert len(paired) == 2 * len(largest)


@pytest.mark.parametrize("length", [3, 5, 7, 9])
def test_a_path_goes_through_a_circle_of_odd_length(length):
    """Two who hang on a circle far apart can be paired only by shrinking it."""
    circle = [(place, (place + 1) % length) for place in range(length)]
    mates = [NOBODY, *(place + 1 if place % 2 else place - 1 for place in range(1, length)), NOBODY]
    assert mates[length] == NOBODY
    hanging = length
    enlarge(mates, partners_of(length + 1, [*circle, (length // 2, hanging)], Random(length)))
    assert NOBODY not in mates
    assert mates[hanging] == length // 2
