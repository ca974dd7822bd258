"""The Swiss system: like meets like, nobody twice while that can be helped, byes in turn, budgets of any size."""

from itertools import combinations
from random import Random

import pytest

from rrm.errors import InputError
from rrm.tournaments import Swiss
from rrm.types import Outcome
from tests.tournaments.playing import anyhow, better, pairs, run


def by_round(played):
    rounds = {}
    for match, outcome in played:
        rounds.setdefault(match.round, []).append((match, outcome))
    return list(rounds.values())


def table(size, rounds):
    """Points after the rounds, counted anew: who doesn't play in a complete round has a bye."""
    points = [0.0] * size
    for played in rounds:
        resting = set(range(size)) - {player for match, _ in played for player in (match.first, match.second)}
        for player in resting:
            points[player] += 1
        for match, outcome in played:
            points[match.first] += {Outcome.FIRST: 1, Outcome.TIE: 0.5}.get(outcome, 0)
            points[match.second] += {Outcome.SECOND: 1, Outcome.TIE: 0.5}.get(outcome, 0)
    return points


@pytest.mark.parametrize(("size", "rounds"), [(2, 1), (3, 2), (4, 2), (5, 3), (8, 3), (9, 4), (16, 4), (17, 5)])
def test_by_default_there_are_as_many_rounds_as_in_a_knockout(size, rounds):
    """ceil(log2 n) complete rounds, in each of which everyone plays once, but for one of an odd number."""
    played = by_round(run(Swiss(range(size)), better(range(size))))
    assert [len(matches) for matches in played] == [size // 2] * rounds
    for matches in played:
        players = [player for match, _ in matches for player in (match.first, match.second)]
        assert len(players) == len(set(players))


@pytest.mark.parametrize("size", range(2, 71))
def test_whoever_wins_all_games_is_alone_at_the_top_of_the_table(size):
    """By points a sound judge's best is first, for any number and draw."""
    for seed in range(4):
        random = Random(f"{size}-{seed}")
        skill = random.sample(range(size), size)
        tournament = Swiss(random.sample(range(size), size), rating="points")
        run(tournament, better(skill))
        best = skill.index(size - 1)
        assert tournament.standings.order[0] == best
        assert sorted(tournament.standings.scores)[-2] < tournament.standings.scores[best]


@pytest.mark.parametrize("size", range(4, 18))
def test_nobody_meets_twice_while_that_can_be_helped(size):
    """In the first rounds never, and in later ones only where every pairing of the round would repeat as many."""
    for seed in range(3):
        random = Random(f"{size}-{seed}")
        tournament = Swiss(range(size), matches=(size // 2) * size, rating="points")
        met = set()
        for number, matches in enumerate(by_round(run(tournament, anyhow(f"{size}-{seed}"), random))):
            new = {frozenset((match.first, match.second)) for match, _ in matches}
            repeated = len(new & met)
            assert not repeated or (number > size // 2 - 1 and 2 * (number + 1) >= size)
            if repeated and size <= 8 and size % 2 == 0 and number < size - 1:
                assert repeated == fewest_repeats(set(range(size)), met)
            met |= new


def fewest_repeats(players, met):
    """Of all pairings, by trying them."""
    if not players:
        return 0
    one, *others = sorted(players)
    return min((frozenset((one, other)) in met) + fewest_repeats(players - {one, other}, met) for other in others)


@pytest.mark.parametrize("size", [3, 5, 7, 9, 15])
def test_a_bye_is_a_point_and_comes_to_everyone_before_it_comes_twice(size):
    """Over n rounds everyone rests once; points are those that are counted anew."""
    tournament = Swiss(range(size), matches=size * (size // 2), rating="points")
    rounds = by_round(run(tournament, anyhow(size)))
    resting = [
        set(range(size)) - {p for match, _ in matches for p in (match.first, match.second)} for matches in rounds
    ]
    assert sorted(player for players in resting for player in players) == list(range(size))
    assert list(tournament.standings.scores) == table(size, rounds)


def test_the_first_bye_is_the_lowest_of_the_draw_and_the_next_one_has_not_won():
    """Three by hand: the last of the draw rests; then the one who lost."""
    played = run(Swiss([2, 0, 1], rating="points"), lambda match: Outcome.FIRST)
    assert pairs(played) == [{2, 0}, {2, 1}]


def test_within_a_group_the_upper_half_meets_the_lower_half():
    """Eight by hand: first and fifth, and so on; then winners among themselves in the same way."""
    skill = [7, 6, 5, 4, 3, 2, 1, 0]
    played = by_round(run(Swiss(range(8), rating="points"), better(skill)))
    assert pairs(played[0]) == [{0, 4}, {1, 5}, {2, 6}, {3, 7}]
    assert pairs(played[1]) == [{0, 2}, {1, 3}, {4, 6}, {5, 7}]
    assert pairs(played[2])[0] == {0, 1}
    assert pairs(played[2])[-1] == {6, 7}


@pytest.mark.parametrize("size", [4, 7, 10, 16])
def test_equal_points_are_ordered_by_the_opponents_points_and_then_by_the_draw(size):
    """Counted anew; a bye and an undecided match bring no opponent."""
    for seed in range(20):
        draw = Random(seed).sample(range(size), size)
        tournament = Swiss(draw, rating="points")
        played = run(tournament, lambda match, seed=seed: Random(f"{seed}-{match.number}").choice(list(Outcome)))
        points = table(size, by_round(played))
        opponents = dict.fromkeys(range(size), 0.0)
        for match, outcome in played:
            if outcome is not Outcome.UNDECIDED:
                opponents[match.first] += points[match.second]
                opponents[match.second] += points[match.first]
        assert list(tournament.standings.scores) == points
        assert list(tournament.standings.order) == sorted(
            range(size), key=lambda player: (-points[player], -opponents[player], draw.index(player))
        )


def test_a_tie_is_half_a_point_and_an_undecided_match_none():
    """Two by hand."""
    for outcome, points in ((Outcome.TIE, (0.5, 0.5)), (Outcome.UNDECIDED, (0.0, 0.0))):
        tournament = Swiss([1, 0], rating="points")
        run(tournament, lambda match, outcome=outcome: outcome)
        assert tournament.standings.scores == points
        assert tournament.standings.order == (1, 0)


@pytest.mark.parametrize("size", [2, 3, 8, 11])
@pytest.mark.parametrize("rating", ["points", "bradley-terry"])
def test_a_budget_buys_complete_rounds_and_a_last_partial_one(size, rating):
    """With points the partial one is left out, unless it is the only one."""
    for matches in range(1, 5 * size):
        tournament = Swiss(range(size), matches=matches, rating=rating)
        sizes = [len(played) for played in by_round(run(tournament, anyhow(matches)))]
        complete, rest = divmod(matches, size // 2)
        is_partial = rest and (rating == "bradley-terry" or not complete)
        assert sizes == [size // 2] * complete + [rest] * bool(is_partial)
        assert tournament.most_matches == sum(sizes)


def test_the_partial_round_is_for_the_top_of_the_table():
    """Of four, the two who have won meet."""
    played = run(Swiss(range(4), matches=3), better([3, 2, 1, 0]))
    assert pairs(played) == [{0, 2}, {1, 3}, {0, 1}]


def test_ratings_are_the_pooled_fit_with_errors():
    """Everyone has a rating and an error, and the ratings add up to nothing."""
    tournament = Swiss(range(9))
    run(tournament, better(range(9)))
    standings = tournament.standings
    assert sum(standings.scores) == pytest.approx(0, abs=1e-6)
    assert len(standings.errors) == 9
    assert min(standings.errors) > 0
    assert standings.position_bias is not None


def test_everyone_is_first_in_about_half_of_all_pairs():
    """Over a Swiss in which all meet, and whoever wins."""
    size = 9
    played = run(Swiss(range(size), matches=size * (size // 2)), better(range(size)))
    assert set(pairs(played)) <= {frozenset(pair) for pair in combinations(range(size), 2)}
    first = [sum(match.first == player for match, _ in played) for player in range(size)]
    assert max(first) - min(first) <= 2


def test_an_unknown_rating_is_refused():
    """The message has the known ones."""
    with pytest.raises(InputError, match="rated by bradley-terry or points, not 'elo'"):
        Swiss([0, 1], rating="elo")
