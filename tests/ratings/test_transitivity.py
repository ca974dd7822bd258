"""What graphs of games say of a judge, against searches through all sets, triples and paths."""

from itertools import combinations, permutations
from random import Random

import networkx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rrm.ratings.elo import Game
from rrm.ratings.graph import Result, beats, pagerank, smith_set, transitivity, wins

RING = [Game(0, 1, 1.0), Game(1, 2, 1.0), Game(2, 0, 1.0)]
OF_SIX = st.lists(
    st.builds(Game, st.integers(0, 5), st.integers(0, 5), st.sampled_from([0.0, 0.5, 1.0])).filter(
        lambda game: game.first != game.second
    ),
    max_size=40,
)
FULL = st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=15, max_size=15).map(
    lambda scores: [Game(*pair, score) for pair, score in zip(combinations(range(6), 2), scores, strict=True)]
)


def is_ahead(games, one, other):
    """Whether one has the majority of its meetings with the other."""
    won = [score for first, second, score in games if (first, second) == (one, other)]
    lost = [score for first, second, score in games if (first, second) == (other, one)]
    return sum(won) - len(won) / 2 > sum(lost) - len(lost) / 2


def smallest_dominant_set(games, players):
    """The first of all sets, by size, each of whose members is ahead of everyone outside."""
    for size in range(1, players + 1):
        for members in combinations(range(players), size):
            outside = {*range(players)} - {*members}
            if all(is_ahead(games, one, other) for one in members for other in outside):
                return members
    return ()


@given(st.one_of(OF_SIX, FULL))
def test_the_smith_set_is_the_smallest_that_beats_everyone_outside(games):
    """Against a search through all sets."""
    assert smith_set(games, 6) == smallest_dominant_set(games, 6)


@given(st.one_of(OF_SIX, FULL))
def test_intransitive_triples_are_counted(games):
    """Against a search through all orders of three, and paths between all pairs."""
    found = transitivity(games, 6)
    decided = [
        three
        for three in combinations(range(6), 3)
        if all(is_ahead(games, a, b) or is_ahead(games, b, a) for a, b in combinations(three, 2))
    ]
    rings = [
        (a, b, c)
        for three in decided
        for a, b, c in permutations(three)
        if a == min(three) and is_ahead(games, a, b) and is_ahead(games, b, c) and is_ahead(games, c, a)
    ]
    assert (found.triples, found.intransitive) == (len(decided), len(rings))
    assert found.cycles == tuple(rings[:10])
    assert found.share == (len(rings) / len(decided) if decided else None)
    reaches = {(a, b) for a in range(6) for b in range(6) if a != b and is_ahead(games, a, b)}
    for _ in range(3):
        reaches |= {(a, d) for a, b in reaches for c, d in reaches if b == c}
    circles = {frozenset({a} | {b for b in range(6) if {(a, b), (b, a)} <= reaches}) for a in range(6)}
    assert {*map(frozenset, found.tangles)} == {circle for circle in circles if len(circle) > 1}


def test_by_hand():
    """A ring of three, one who loses to all of them, and one who never played."""
    games = [*RING, Game(0, 3, 1.0), Game(3, 1, 0.0), Game(2, 3, 0.75), Game(0, 1, 0.5)]
    found = transitivity(games, 5)
    assert (found.triples, found.intransitive, found.share) == (4, 1, 0.25)
    assert found.cycles == ((0, 1, 2),)
    assert found.tangles == ((0, 1, 2),)
    assert smith_set(games, 4) == (0, 1, 2)
    assert smith_set(games, 5) == (0, 1, 2, 3, 4)
    assert beats(games, 5).edges[2, 3] == {"weight": 0.25}


def test_a_circle_of_four_is_a_tangle_without_an_intransitive_triple():
    """Not all pairs met. Larger tangles come first."""
    circle = [Game(player, player % 4 + 1, 1.0) for player in range(1, 5)]
    far = [Game(first + 5, second + 5, score) for first, second, score in RING]
    found = transitivity([*far, *circle], 9)
    assert found.tangles == ((1, 2, 3, 4), (5, 6, 7))
    assert (found.triples, found.intransitive) == (1, 1)


def test_an_order_is_an_order():
    """No cycles; the best alone is the Smith set."""
    games = [Game(first, second, 1.0) for first, second in combinations(range(5), 2)]
    assert (transitivity(games, 5).share, transitivity(games, 5).tangles) == (0, ())
    assert smith_set(games, 5) == (0,)


@pytest.mark.parametrize("players", [0, 1, 3])
def test_without_games_nobody_is_ahead(players):
    """All of them are the Smith set, and there is no share of nothing."""
    assert smith_set([], players) == tuple(range(players))
    assert transitivity([], players).share is None


def test_only_ten_cycles_are_shown():
    """All of them are counted."""
    scores = Random(0)
    games = [Game(first, second, float(scores.random() < 0.5)) for first, second in combinations(range(12), 2)]
    found = transitivity(games, 12)
    assert found.triples == 220
    assert found.intransitive > len(found.cycles) == 10


def test_pagerank_is_that_of_networkx():
    """With weights, with someone who never lost (nobody to pass its rank on to), and with one who never played."""
    chance = Random(1)
    results = [
        Result(number, 1, first, second, first if share > 0.5 else second, share)
        for number, (first, second) in enumerate(combinations(range(7), 2))
        for share in [chance.choice([0.1, 0.4, 0.6, 1.0])]
        if first
    ]
    results += [Result(100, 2, 0, 6, 0, 1.0)]
    graph = wins(results, range(8))
    for damping in (0.5, 0.85):
        expected = networkx.pagerank(graph, damping, tol=1e-13, max_iter=1000)
        assert pagerank(graph, damping) == pytest.approx(expected, abs=1e-9)
    assert pagerank(wins([], [])) == {}
