"""Single elimination: bracket, placing, and what happens to a match that the votes leave open."""

from math import ceil, log2
from random import Random

import pytest

from rrm.tournaments import Knockout
from rrm.types import Outcome, Tally, Verdict


def run(draw, judge, arrival=None):
    """Returns the tournament and the (match, outcome) pairs in the order of arrival."""
    tournament, arrival = Knockout(draw), arrival or Random(0)
    ready, played = list(tournament.start()), []
    while ready:
        match = ready.pop(arrival.randrange(len(ready)))
        outcome = judge(match)
        played.append((match, outcome))
        ready += tournament.record(match, Verdict(outcome, Tally()))
    return tournament, played


def better(skill):
    return lambda match: Outcome.FIRST if skill[match.first] > skill[match.second] else Outcome.SECOND


@pytest.mark.parametrize("size", range(2, 71))
def test_everyone_but_the_winner_loses_once_in_as_few_rounds_as_can_be(size):
    """n - 1 matches, numbered 1 to n - 1, in ceil(log2 n) rounds."""
    draw = Random(size).sample(range(size), size)
    _, played = run(draw, better(list(range(size))))
    assert sorted(match.number for match, _ in played) == list(range(1, size))
    assert {match.round for match, _ in played} == set(range(1, ceil(log2(size)) + 1))
    losers = [match.second if outcome is Outcome.FIRST else match.first for match, outcome in played]
    assert sorted(losers) == list(range(size - 1))


def test_a_match_starts_when_its_two_players_are_known():
    """The upper semi-final is ready though the lower half has not begun."""
    tournament = Knockout(range(8))
    first, second, *_ = tournament.start()
    assert tournament.record(first, Verdict(Outcome.FIRST, Tally())) == []
    (semi_final,) = tournament.record(second, Verdict(Outcome.FIRST, Tally()))
    assert (semi_final.round, semi_final.first, semi_final.second) == (2, 0, 2)


@pytest.mark.parametrize("size", range(1, 34))
def test_placing_goes_by_round_then_by_the_place_of_the_conqueror(size):
    """Against a brute-force reading of the rule, with random results."""
    tournament, played = run(
        range(size), lambda match: Random(size + match.number).choice([Outcome.FIRST, Outcome.SECOND])
    )
    out = {}
    for match, outcome in played:
        winner, loser = (match.first, match.second) if outcome is Outcome.FIRST else (match.second, match.first)
        out[loser] = (match.round, winner)
    champion = next(player for player in range(size) if player not in out)

    def line(player):
        """Rounds in which a player and everyone above him in his line of conquerors went out, from the champion down."""
        return [] if player == champion else [*line(out[player][1]), -out[player][0]]

    order = tournament.standings.order
    assert order[0] == champion
    for upper, lower in zip(order[1:], order[2:], strict=False):
        round_upper, round_lower = out[upper][0], out[lower][0]
        assert round_upper >= round_lower
        if round_upper == round_lower:
            assert order.index(out[upper][1]) < order.index(out[lower][1])


def test_scores_count_who_is_placed_below():
    """Scores are strictly ordered: n - 1 for the winner, 0 for the last."""
    tournament, _ = run([2, 0, 3, 1], better([0, 1, 2, 3]))
    assert tournament.standings.order[0] == 3
    assert [tournament.standings.scores[contestant] for contestant in tournament.standings.order] == [
        3.0,
        2.0,
        1.0,
        0.0,
    ]


@pytest.mark.parametrize("outcome", [Outcome.TIE, Outcome.UNDECIDED])
def test_an_open_match_is_settled_by_the_draw_and_says_so(outcome):
    """Who stands first in the draw goes on, wherever the votes name nobody."""
    tournament, _ = run([2, 0, 1], lambda match: outcome)
    assert tournament.standings.order[0] == 2
    assert tournament.standings.advanced == {1: 0, 2: 2}


def test_a_decided_match_is_not_said_to_be_settled():
    """Only matches that the votes left open are listed."""
    tournament, _ = run([0, 1, 2], better([0, 1, 2]))
    assert tournament.standings.advanced == {}
