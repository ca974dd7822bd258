"""Calls shared out over halvings: how many, to whom, and who is left."""

from collections import Counter
from math import ceil, isfinite, log2

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rrm.errors import InputError
from rrm.tournaments import SequentialHalving
from rrm.tournaments.pool import pooled, rated
from rrm.tournaments.rounds import Played
from rrm.types import Outcome, Tally, Verdict
from tests.tournaments.playing import anyhow, better, pairs, run


def rounds_of(played):
    """The (match, outcome) pairs by round."""
    rounds = {}
    for match, outcome in played:
        rounds.setdefault(match.round, []).append((match, outcome))
    return rounds


def counted(played):
    return Counter(player for match, _ in played for player in (match.first, match.second))


def sizes_of(players):
    """How many are left in each round."""
    sizes = []
    while players > 1:
        sizes.append(players)
        players = ceil(players / 2)
    return sizes


@pytest.mark.parametrize("players", range(1, 10))
def test_any_number_of_matches(players):
    """As many are played as are given, in few rounds."""
    for matches in range(1, 6 * players + 1):
        tournament = SequentialHalving(range(players), matches=matches)
        wanted = matches if players > 1 else 0
        assert tournament.most_matches == wanted
        played = run(tournament, anyhow(matches))
        assert len(played) == wanted
        assert max((match.round for match, _ in played), default=0) <= ceil(log2(players))
        assert sorted(tournament.standings.order) == list(range(players))
        assert all(map(isfinite, tournament.standings.scores))


@pytest.mark.parametrize(
    ("players", "matches", "sizes"),
    [
        (16, 48, [12, 12, 12, 12]),
        (16, 50, [12, 12, 13, 13]),
        (16, 17, [8, 4, 2, 3]),
        (16, 9, [8, 1]),
        (16, 3, [3]),
        (9, 27, [6, 7, 7, 7]),
        (9, 10, [5, 3, 2]),
        (5, None, [5, 5, 5]),
        (2, 7, [7]),
        (2, None, [6]),
    ],
)
def test_sizes_of_the_rounds(players, matches, sizes):
    """As equal as can be, and one for every two who are left as long as there are enough; 3 n matches by default."""
    rounds = rounds_of(run(SequentialHalving(range(players), matches=matches), anyhow(2)))
    assert [len(rounds[number]) for number in sorted(rounds)] == sizes


@settings(deadline=None)
@given(st.integers(2, 20), st.integers(1, 120), st.integers(0, 1000))
def test_the_better_half_goes_on(players, matches, seed):
    """By the fit of all games so far: who plays in a round is among the best of the rounds before, as many as are left."""
    tournament = SequentialHalving(range(players), matches=matches)
    rounds = rounds_of(run(tournament, anyhow(seed)))
    games, left = [], set(range(players))
    for number, size in enumerate(sizes_of(players), 1):
        assert len(left) == size
        assert counted(rounds.get(number, ())).keys() <= left
        games += [
            Played(match.number, match.first, match.second, Verdict(outcome, Tally()))
            for match, outcome in rounds.get(number, ())
        ]
        order = [player for player in rated(pooled(games, players)).order if player in left]
        left = set(order[: ceil(size / 2)])
    assert len(left) == 1


@settings(deadline=None)
@given(st.integers(2, 20), st.integers(1, 120), st.integers(0, 1000))
def test_who_is_left_plays_equally_often(players, matches, seed):
    """But for one game; where the number of those left is odd, someone rests in turn, which makes it two at most."""
    rounds = rounds_of(run(SequentialHalving(range(players), matches=matches), anyhow(seed)))
    for number, size in enumerate(sizes_of(players), 1):
        games = list(counted(rounds.get(number, ())).values())
        games += [0] * (size - len(games))
        assert max(games) - min(games) <= 1 + size % 2
        met = Counter(pairs(rounds.get(number, ())))
        most, fewest = max(met.values(), default=0), min(met.values(), default=0)
        assert most - (fewest if len(met) == size * (size - 1) // 2 else 0) <= 1


def test_the_best_is_found():
    """By a judge that is never wrong, from any draw."""
    for shift in range(8):
        draw = [(player + shift) % 8 for player in range(8)]
        tournament = SequentialHalving(draw)
        run(tournament, better(range(8)))
        assert tournament.standings.order[0] == 7


@pytest.mark.parametrize("outcome", Outcome)
def test_hundreds_of_equal_verdicts_break_nothing(outcome):
    """Every number stays finite; where they say nothing, the order is that of the draw."""
    tournament = SequentialHalving([2, 0, 1], matches=300)
    assert len(run(tournament, lambda _: outcome)) == 300
    standings = tournament.standings
    assert all(map(isfinite, (*standings.scores, *standings.errors, standings.position_bias)))
    if outcome in (Outcome.TIE, Outcome.UNDECIDED):
        assert standings.order == (2, 0, 1)


@settings(deadline=None)
@given(st.integers(2, 9), st.integers(0, 1000), st.randoms(use_true_random=False))
def test_the_order_of_arrival_makes_no_difference(players, seed, arrival):
    tournaments = SequentialHalving(range(players)), SequentialHalving(range(players))
    assert run(tournaments[0], anyhow(seed)) == run(tournaments[1], anyhow(seed), arrival)
    assert tournaments[0].standings == tournaments[1].standings


def test_numbers_below_one_are_refused():
    with pytest.raises(InputError, match="matches must be at least 1, not 0"):
        SequentialHalving(range(4), matches=0)


def test_what_plans_read():
    assert SequentialHalving.takes_budget is True
    assert SequentialHalving.auto_votes == 1
