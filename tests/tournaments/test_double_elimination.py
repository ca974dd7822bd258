"""Double elimination: who has lost twice is out, opponents meet again late, and the final can be played twice."""

from collections import Counter
from random import Random

import pytest

from rrm.tournaments import DoubleElimination
from rrm.types import Match, Outcome, Tally, Verdict
from tests.tournaments.playing import anyhow, better, run


def losers(played):
    return [match.second if outcome is Outcome.FIRST else match.first for match, outcome in played]


@pytest.mark.parametrize("size", range(2, 40))
@pytest.mark.parametrize("seed", range(5))
def test_everyone_but_the_winner_loses_twice(size, seed):
    """The winner not at all in 2n - 2 matches, or once in 2n - 1."""
    tournament = DoubleElimination(Random(seed).sample(range(size), size))
    played = run(tournament, anyhow(f"{size}-{seed}"), Random(seed))
    lost = Counter(losers(played))
    winner, *others = tournament.standings.order
    assert {lost[contestant] for contestant in others} == {2}
    assert len(played) == 2 * size - 2 + lost[winner]
    assert lost[winner] < 2
    assert tournament.most_matches == 2 * size - 1


@pytest.mark.parametrize("size", range(2, 33))
def test_opponents_meet_again_in_the_last_four_rounds_of_the_losers_bracket_at_the_earliest(size):
    """Up to 32 contestants; with crosswise brackets left out, it would be in the second round."""
    for seed in range(60):
        tournament = DoubleElimination(range(size))
        stages = {number: meeting.stage for number, meeting in tournament._meetings.items()}
        final = max(stages.values())
        again = {stages[match.number] for match, _ in run(tournament, anyhow(f"{size}-{seed}")) if match.repeat}
        assert min(again, default=final) >= final - 4


@pytest.mark.parametrize("size", range(2, 40))
def test_a_sound_judges_first_two_are_in_place(size):
    """The second best loses to the best alone, so nobody else can come before him."""
    skill = Random(size).sample(range(size), size)
    tournament = DoubleElimination(Random(size + 1).sample(range(size), size))
    played = run(tournament, better(skill))
    assert [skill[contestant] for contestant in tournament.standings.order[:2]] == [size - 1, size - 2]
    assert len(played) == 2 * size - 2


def test_four_by_hand():
    """0 beats all but 2 in the final, and wins when it is played again."""
    results = {1: Outcome.FIRST, 2: Outcome.FIRST, 3: Outcome.FIRST, 4: Outcome.SECOND, 5: Outcome.FIRST}
    tournament = DoubleElimination(range(4))
    played = run(
        tournament,
        lambda match: results.get(match.number, Outcome.SECOND if match.number == 6 else Outcome.FIRST),
    )
    assert [match for match, _ in played] == [
        Match(1, 1, 0, 1),
        Match(2, 1, 2, 3),
        Match(3, 2, 1, 3),  # the losers of 1 and 2
        Match(4, 2, 0, 2),  # the winners of 1 and 2
        Match(5, 3, 0, 1, 1),  # 0 has lost to 2, and meets who won match 3
        Match(6, 4, 0, 2, 1),
    ]
    assert tournament.standings.order == (2, 0, 1, 3)
    assert tournament.standings.scores == (2.0, 1.0, 3.0, 0.0)


def test_who_has_not_lost_yet_and_loses_the_final_plays_it_again():
    """The second final decides; both count how often the two have met."""
    tournament = DoubleElimination([1, 0])
    played = run(tournament, lambda match: Outcome.SECOND if match.number == 2 else Outcome.FIRST)
    assert [match for match, _ in played] == [Match(1, 1, 1, 0), Match(2, 2, 1, 0, 1), Match(3, 3, 1, 0, 2)]
    assert tournament.standings.order == (1, 0)
    assert tournament.standings.scores == (0.0, 1.0)


def test_a_match_starts_when_its_two_players_are_known():
    """The losers of two matches meet though nobody else has played."""
    tournament = DoubleElimination(range(8))
    first, second, *_ = tournament.start()
    assert tournament.record(first, Verdict(Outcome.FIRST, Tally())) == []
    ready = tournament.record(second, Verdict(Outcome.SECOND, Tally()))
    assert {(match.first, match.second, match.round) for match in ready} == {(0, 3, 2), (1, 2, 2)}


@pytest.mark.parametrize("outcome", [Outcome.TIE, Outcome.UNDECIDED])
def test_an_open_match_is_settled_by_the_draw_and_says_so(outcome):
    """The one who stands first in the draw goes on, in either bracket."""
    tournament = DoubleElimination([2, 0, 3, 1])
    played = run(tournament, lambda match: outcome)
    assert tournament.standings.order == (2, 0, 3, 1)
    assert tournament.standings.advanced == {match.number: match.first for match, _ in played}


@pytest.mark.parametrize("size", range(1, 25))
@pytest.mark.parametrize("seed", range(4))
def test_who_went_out_later_stands_higher_and_then_whose_conqueror_does(size, seed):
    """Nobody stands above the one to whom he lost for the second time."""
    tournament = DoubleElimination(range(size))
    played = run(tournament, anyhow(f"{size}-{seed}"))
    lost, order = Counter(), tournament.standings.order
    for match, outcome in played:
        winner, loser = (match.first, match.second) if outcome is Outcome.FIRST else (match.second, match.first)
        lost[loser] += 1
        if lost[loser] == 2:
            assert order.index(winner) < order.index(loser)
    assert [tournament.standings.scores[contestant] for contestant in order] == [*map(float, reversed(range(size)))]
