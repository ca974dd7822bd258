"""Tournament-tree selection: the k best in order, with the fewest matches played again."""

from itertools import permutations
from random import Random

import pytest

from rrm.errors import InputError
from rrm.tournaments import Knockout, TopK
from rrm.types import Match, Outcome
from tests.tournaments.playing import anyhow, better, pairs, run


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8, 13, 16, 33])
@pytest.mark.parametrize("k", [1, 2, 3, 4, 9, 40])
def test_the_k_best_are_found_in_order(size, k):
    """By a sound judge, in no more matches than stated, none of them twice."""
    skill = Random(size).sample(range(size), size)
    tournament = TopK(Random(k).sample(range(size), size), k=k)
    played = run(tournament, better(skill))
    best = [skill[contestant] for contestant in tournament.standings.order[:k]]
    assert best == [*reversed(range(size))][:k]
    assert len(played) <= tournament.most_matches
    assert len(set(pairs(played))) == len(played)


@pytest.mark.parametrize("size", range(1, 7))
def test_no_more_matches_are_stated_than_there_can_be(size):
    """Over all orders of skill; a few too many are stated where the tree has byes."""
    for k in range(1, size + 1):
        most = max(len(run(TopK(range(size), k=k), better(skill))) for skill in permutations(range(size)))
        stated = TopK(range(size), k=k).most_matches
        assert most <= stated
        if size in (1, 2, 4) or k <= 2:
            assert most == stated


def test_with_one_it_is_a_knockout():
    """The same matches, and the same standings."""
    for size in range(1, 34):
        draw = Random(size).sample(range(size), size)
        one, knockout = TopK(draw, k=1), Knockout(draw)
        met = {frozenset(pair) for pair in pairs(run(one, better(range(size))))}
        assert met == {frozenset(pair) for pair in pairs(run(knockout, better(range(size))))}
        assert one.standings == knockout.standings


def test_eight_by_hand():
    """After the knockout, 7 is taken out: 6 has a walkover, and meets 5; then 4 has 3's place."""
    played = run(TopK(range(8), k=3), better(range(8)))
    assert [match for match, _ in played] == [
        Match(1, 1, 0, 1),
        Match(2, 1, 2, 3),
        Match(3, 1, 4, 5),
        Match(4, 1, 6, 7),
        Match(5, 2, 1, 3),
        Match(6, 2, 5, 7),
        Match(7, 3, 3, 7),
        Match(8, 4, 5, 6),
        Match(9, 5, 3, 6),
        Match(10, 6, 3, 5),
    ]


def test_by_default_the_best_four_are_found():
    """All of them, where there are fewer."""
    assert TopK(range(16)).most_matches == 15 + 3 * 3
    assert TopK(range(3)).most_matches == TopK(range(3), k=3).most_matches


@pytest.mark.parametrize("size", [2, 3, 7, 16, 33])
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("k", [1, 3])
def test_no_result_is_contradicted(size, seed, k):
    """With any results, each match's winner stands above its loser."""
    tournament = TopK(Random(seed).sample(range(size), size), k=k)
    played = run(tournament, anyhow(f"{size}-{seed}"))
    place = {contestant: place for place, contestant in enumerate(tournament.standings.order)}
    assert sorted(place) == list(range(size))
    for match, outcome in played:
        assert (place[match.first] < place[match.second]) == (outcome is Outcome.FIRST)


@pytest.mark.parametrize("outcome", [Outcome.TIE, Outcome.UNDECIDED])
def test_an_open_match_is_settled_by_the_draw_and_says_so(outcome):
    """The one who stands first in it goes on."""
    tournament = TopK([4, 2, 0, 3, 1])
    played = run(tournament, lambda match: outcome)
    assert tournament.standings.order[:4] == (4, 2, 0, 3)
    assert tournament.standings.advanced == {match.number: match.first for match, _ in played}


@pytest.mark.parametrize("k", [0, -1])
def test_nobody_can_be_asked_for(k):
    """At least the best is found."""
    with pytest.raises(InputError, match=f"k must be 1 or more, not {k}"):
        TopK([0, 1], k=k)
