"""Round robin: everyone meets everyone, laps by budget, and three ways to rate."""

from collections import Counter
from itertools import combinations, pairwise
from random import Random

import pytest

from rrm.errors import InputError
from rrm.tournaments import RoundRobin
from rrm.types import Outcome
from tests.tournaments.playing import anyhow, better, run

CYCLE = {frozenset((0, 1)): 0, frozenset((1, 2)): 1, frozenset((0, 2)): 2}
"""Who wins, where each beats the next."""


def by_winner(winners):
    def judge(match):
        winner = winners.get(frozenset((match.first, match.second)))
        return {match.first: Outcome.FIRST, match.second: Outcome.SECOND}.get(winner, Outcome.UNDECIDED)

    return judge


@pytest.mark.parametrize("size", range(1, 16))
def test_everyone_meets_everyone_once_at_the_same_time(size):
    """All matches are ready at the start, and everyone is first in half of his, or one more or less."""
    tournament = RoundRobin(Random(size).sample(range(size), size))
    schedule = tournament.start()
    assert sorted(tuple(sorted((match.first, match.second))) for match in schedule) == [*combinations(range(size), 2)]
    assert tournament.most_matches == len(schedule) == size * (size - 1) // 2
    first = Counter(match.first for match in schedule)
    assert all(abs(2 * first[player] - (size - 1)) <= 1 for player in range(size))


@pytest.mark.parametrize("size", [2, 3, 6, 7])
def test_a_budget_is_spent_to_the_last_match_and_evenly(size):
    """Nobody plays two matches more than another, and no pair meets twice more."""
    every = size * (size - 1) // 2
    for matches in range(1, 3 * every + 2):
        schedule = RoundRobin(range(size), matches=matches).start()
        assert len(schedule) == matches
        meetings = Counter(frozenset((match.first, match.second)) for match in schedule)
        assert len(meetings) == min(every, matches)
        assert max(meetings.values()) == -(-matches // every)
        games = Counter(player for match in schedule for player in (match.first, match.second))
        assert max(games.values()) - min(games[player] for player in range(size)) <= 2
        assert all(match.repeat < meetings[frozenset((match.first, match.second))] for match in schedule)


def test_win_rates_by_hand():
    """0 beats 1 and ties with 2; 1 and 2 have no game that counts."""
    tournament = RoundRobin(range(3), rating="win-rate")
    run(
        tournament,
        lambda match: (
            {frozenset((0, 2)): Outcome.TIE}.get(frozenset((match.first, match.second)))
            or by_winner({frozenset((0, 1)): 0})(match)
        ),
    )
    assert tournament.standings.scores == (0.75, 0.0, 0.5)
    assert tournament.standings.order == (0, 2, 1)


def test_copeland_by_hand():
    """0 beats 1, 2 and 3; among these each beats the next, so they are level and stand as in the draw."""
    winners = {frozenset((0, other)): 0 for other in (1, 2, 3)}
    winners |= {frozenset((1, 2)): 1, frozenset((2, 3)): 2, frozenset((1, 3)): 3}
    tournament = RoundRobin([3, 1, 0, 2], rating="copeland")
    run(tournament, by_winner(winners))
    assert tournament.standings.scores == (3.0, -1.0, -1.0, -1.0)
    assert tournament.standings.order == (0, 3, 1, 2)


def test_copeland_goes_by_all_meetings_of_a_pair():
    """Two meetings of two each: one all is level."""
    tournament = RoundRobin([1, 0], matches=2, rating="copeland")
    run(tournament, lambda match: Outcome.FIRST if match.repeat else Outcome.SECOND)
    assert tournament.standings.scores == (0.0, 0.0)
    assert tournament.standings.order == (1, 0)


@pytest.mark.parametrize("rating", ["bradley-terry", "win-rate", "copeland"])
@pytest.mark.parametrize("size", [2, 5, 16, 31])
def test_a_sound_judges_order_is_found(rating, size):
    """Whole, whatever the rating."""
    skill = Random(size).sample(range(size), size)
    tournament = RoundRobin(Random(size + 1).sample(range(size), size), rating=rating)
    run(tournament, better(skill))
    assert [skill[contestant] for contestant in tournament.standings.order] == [*reversed(range(size))]
    assert bool(tournament.standings.errors) == (rating == "bradley-terry")


def test_a_cycle_leaves_all_three_level():
    """As good as one another in each of the ratings, so they stand as in the draw, and can't be told apart."""
    for rating in ("win-rate", "copeland"):
        tournament = RoundRobin([2, 0, 1], rating=rating)
        run(tournament, by_winner(CYCLE))
        assert len(set(tournament.standings.scores)) == 1
        assert tournament.standings.order == (2, 0, 1)
    tournament = RoundRobin([2, 0, 1])
    run(tournament, by_winner(CYCLE))
    assert tournament.standings.level == tuple(pairwise(tournament.standings.order))


def test_more_laps_make_errors_smaller():
    """Four times the games: smaller, though not by half, as the same pairs are asked again."""
    errors = []
    for laps in (1, 4):
        tournament = RoundRobin(range(6), matches=15 * laps)
        run(tournament, anyhow(1))
        errors.append(max(tournament.standings.errors))
    assert errors[1] < errors[0]


def test_an_unknown_rating_is_refused():
    """The message has the known ones."""
    with pytest.raises(InputError, match="rated by bradley-terry, win-rate, copeland, not 'elo'"):
        RoundRobin([0, 1], rating="elo")
