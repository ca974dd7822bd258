"""Merge sort: the whole order in the known number of matches, stable, and never against a result."""

from math import ceil, log2
from random import Random

import pytest

from rrm.tournaments import Sort
from rrm.types import Match, Outcome
from tests.tournaments.playing import anyhow, better, pairs, run


@pytest.mark.parametrize("size", range(1, 40))
def test_a_sound_judges_order_is_found(size):
    """In no more matches than stated, none of them twice."""
    skill = Random(size).sample(range(size), size)
    tournament = Sort(Random(size + 1).sample(range(size), size))
    played = run(tournament, better(skill))
    assert [skill[contestant] for contestant in tournament.standings.order] == [*reversed(range(size))]
    assert [tournament.standings.scores[contestant] for contestant in tournament.standings.order] == [
        *map(float, reversed(range(size)))
    ]
    assert len(played) <= tournament.most_matches
    assert len(set(pairs(played))) == len(played)


@pytest.mark.parametrize("size", range(2, 65))
def test_the_stated_number_of_matches_is_the_most_there_can_be(size):
    """n ceil(log2 n) - 2^ceil(log2 n) + 1, which is reached where the heads of both parts lead in turn."""
    levels = ceil(log2(size))
    assert Sort(range(size)).most_matches == size * levels - 2**levels + 1
    assert len(run(Sort(range(size)), better(interleaved(size)))) == Sort(range(size)).most_matches


def interleaved(size):
    """Skills such that the two parts of every merge stand in turn, and so the last of one next to the last of the other."""
    skill = [0] * size

    def arrange(ranks, part, level):
        start, middle, end = (place * size >> level + 1 for place in (2 * part, 2 * part + 1, 2 * part + 2))
        if len(ranks) < 2:
            skill[start:end] = ranks
            return
        upper_is_larger = middle - start > end - middle
        arrange(ranks[not upper_is_larger :: 2], 2 * part, level + 1)
        arrange(ranks[upper_is_larger::2], 2 * part + 1, level + 1)

    arrange(list(range(size)), 0, 0)
    return skill


def test_merges_of_a_level_are_played_side_by_side():
    """Four: two merges at once, and then one match after another."""
    played = run(Sort([3, 1, 0, 2]), better([0, 1, 2, 3]))
    assert [match for match, _ in played] == [
        Match(1, 1, 3, 1),
        Match(2, 1, 0, 2),
        Match(3, 2, 3, 2),
        Match(4, 3, 1, 2),
        Match(5, 4, 1, 0),
    ]


@pytest.mark.parametrize("outcome", [Outcome.TIE, Outcome.UNDECIDED])
def test_an_open_match_leaves_the_order_of_the_draw_and_says_so(outcome):
    """The sort is stable."""
    tournament = Sort([4, 2, 0, 3, 1])
    played = run(tournament, lambda match: outcome)
    assert tournament.standings.order == (4, 2, 0, 3, 1)
    assert tournament.standings.advanced == {match.number: match.first for match, _ in played}


@pytest.mark.parametrize("size", [2, 3, 7, 16, 33])
@pytest.mark.parametrize("seed", range(6))
def test_no_result_is_contradicted(size, seed):
    """With any results, each match's winner stands above its loser."""
    tournament = Sort(Random(seed).sample(range(size), size))
    played = run(tournament, anyhow(f"{size}-{seed}"))
    place = {contestant: place for place, contestant in enumerate(tournament.standings.order)}
    for match, outcome in played:
        assert (place[match.first] < place[match.second]) == (outcome is Outcome.FIRST)
