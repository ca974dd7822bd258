"""Arena Elo: m opponents each, evenly spread, folded in the order of the schedule."""

from collections import Counter
from random import Random

import evalica
import pytest

from rrm.errors import InputError
from rrm.tournaments import ArenaElo
from rrm.types import Outcome
from tests.tournaments.playing import run

WINNERS = {Outcome.FIRST: evalica.Winner.X, Outcome.SECOND: evalica.Winner.Y, Outcome.TIE: evalica.Winner.Draw}


@pytest.mark.parametrize("size", range(1, 24))
@pytest.mark.parametrize("opponents", [1, 2, 4, 7, 100])
def test_everyone_asks_for_m_matches_and_plays_twice_as_many(size, opponents):
    """Against different ones; a pair meets twice only where there are not enough pairs, and never three times."""
    tournament = ArenaElo(Random(size).sample(range(size), size), opponents=opponents)
    schedule = tournament.start()
    each = min(opponents, size - 1)
    assert len(schedule) == tournament.most_matches == each * size
    asked = Counter((match.first, match.second) for match in schedule)
    assert set(asked.values()) <= {1}
    assert {sum(one == player for one, _ in asked) for player in range(size)} == {each}
    assert {sum(other == player for _, other in asked) for player in range(size)} == {each}
    meetings = Counter(frozenset(pair) for pair in asked)
    repeated = sum(meetings.values()) - len(meetings)
    assert repeated == max(0, each * size - size * (size - 1) // 2)


def test_the_opponents_of_sixteen_stand_one_two_three_and_four_places_further():
    """Powers of two first, then the distances between: 1, 2, 4 and 3."""
    schedule = ArenaElo(range(16)).start()
    assert [match.second for match in schedule if match.first == 15] == [0, 1, 2, 3]
    assert {match.round for match in schedule} == {1}


@pytest.mark.parametrize("size", [2, 3, 7, 12])
@pytest.mark.parametrize("parameters", [{}, {"k": 32.0, "initial": 1500.0, "base": 2.0, "scale": 100.0}])
def test_ratings_equal_an_independent_implementation(size, parameters):
    """To 1e-9, on the same games in schedule order; undecided matches are left out, ties count half."""
    tournament = ArenaElo(Random(size).sample(range(size), size), **parameters)
    played = run(tournament, lambda match: Random(f"{size}-{match.number}").choice(list(Outcome)), Random(3))
    games = [(match, outcome) for match, outcome in played if outcome in WINNERS]
    scores = evalica.elo(
        [match.first for match, _ in games],
        [match.second for match, _ in games],
        [WINNERS[outcome] for _, outcome in games],
        **parameters,
    ).scores
    for contestant in range(size):
        expected = scores.get(contestant, parameters.get("initial", 1000.0))
        assert tournament.standings.scores[contestant] == pytest.approx(expected, abs=1e-9)


def test_equal_ratings_are_ordered_by_the_draw():
    """With no decided match at all the order is the draw's."""
    tournament = ArenaElo([2, 0, 1])
    run(tournament, lambda match: Outcome.UNDECIDED)
    assert tournament.standings.order == (2, 0, 1)
    assert set(tournament.standings.scores) == {1000.0}


@pytest.mark.parametrize("parameters", [{"k": 0}, {"base": 1}, {"scale": -1}])
def test_senseless_parameters_are_refused(parameters):
    """A K, base or scale that can't rate anyone is an error that shows the values."""
    with pytest.raises(InputError, match="Elo needs"):
        ArenaElo([0, 1], **parameters)


def test_somebody_must_be_met():
    """At least one opponent each."""
    with pytest.raises(InputError, match="at least one opponent, not 0"):
        ArenaElo([0, 1], opponents=0)
