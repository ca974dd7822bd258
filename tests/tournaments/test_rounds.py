"""Tournaments that are generators of rounds: what reaches them, what they may yield, and that they survive a pickle."""

import pickle
from operator import add

import pytest

from rrm.errors import IllegalRecordError, InputError
from rrm.tournaments.rounds import FromGenerator, Played, Rounds
from rrm.types import Match, Outcome, Standings, Tally, Verdict
from tests.tournaments.playing import better, run

FIRST, SECOND = Verdict(Outcome.FIRST, Tally()), Verdict(Outcome.SECOND, Tally())


def standings(players):
    return Standings(tuple(range(players)), tuple(map(float, reversed(range(players)))))


def three_rounds(players):
    """A round, an empty one, and another; then the order of the draw, with what one may say of it."""
    yield [(0, 1), (2, 3)]
    assert (yield []) == ()
    yield ([3, 0] for _ in range(1))
    return Standings(
        (2, 0, 1, 3), (2.0, 1.0, 3.0, 0.0), {3: 0}, errors=(0.1, 0.2, 0.3, 0.4), level=((0, 1),), position_bias=0.5
    )


class Twice(Rounds):
    """The first two of the draw meet twice; who wins the second time is first."""

    most_matches = 2

    def play(self):
        yield [(0, 1)]
        (played,) = yield [(1, 0)]
        return (
            Standings((0, 1), (1.0, 0.0)) if played.verdict.outcome is Outcome.SECOND else Standings((1, 0), (0.0, 1.0))
        )


def begun(*rounds, players=4, most_matches=None):
    """A tournament of these rounds, started."""

    def play(size):
        for number in range(len(rounds)):
            yield rounds[number]
        return standings(size)

    return FromGenerator(range(players), play, most_matches)


def test_players_are_places_in_the_draw_and_matches_are_of_contestants():
    """Numbers go on over the rounds, and a round that is empty is counted and not played."""
    tournament = FromGenerator([7 - 5, 3, 0, 1], three_rounds)
    first, second = tournament.start()
    assert (first, second) == (Match(1, 1, 2, 3), Match(2, 1, 0, 1))
    assert tournament.record(second, FIRST) == ()
    assert tournament.record(first, SECOND) == (Match(3, 3, 1, 2),)


def test_standings_are_said_of_contestants():
    """Order, scores, errors, neighbours and who went on, all by contestant."""
    tournament = FromGenerator([2, 3, 0, 1], three_rounds)
    run(tournament, lambda match: Outcome.FIRST)
    assert tournament.standings == Standings(
        (0, 2, 3, 1),
        (3.0, 0.0, 2.0, 1.0),
        {3: 2},
        errors=(0.3, 0.4, 0.1, 0.2),
        level=((2, 3),),
        position_bias=0.5,
    )


def test_the_generator_is_sent_what_became_of_its_pairs_in_their_order():
    """Whatever the order of arrival."""
    sent = []

    def play(players):
        sent.append((yield [(2, 0), (1, 0)]))
        return standings(players)

    tournament = FromGenerator([1, 2, 0], play)
    first, second = tournament.start()
    tournament.record(second, FIRST)
    tournament.record(first, SECOND)
    assert sent == [(Played(1, 2, 0, SECOND), Played(2, 1, 0, FIRST))]


def test_meetings_are_counted_whoever_is_first():
    """The second meeting of a pair has the repeat 1, in the same round or another."""
    tournament = begun([(0, 1), (1, 0)], [(0, 2)], [(0, 1)])
    played = run(tournament, better(range(4)))
    assert [match.repeat for match, _ in played] == [0, 1, 0, 2]


@pytest.mark.parametrize("pair", [(0, 0), (0, 4), (-1, 2), (0, 1, 2), (0,), 3, "01", None, (0.0, 1.0)])
def test_what_is_no_pair_is_refused(pair):
    """In the first round and in a later one, with what was yielded."""
    with pytest.raises(InputError, match="two different players of 0 to 3, not"):
        begun([(1, 2), pair]).start()
    tournament = begun([(1, 2)], [pair])
    (match,) = tournament.start()
    with pytest.raises(InputError, match="two different players"):
        tournament.record(match, FIRST)


def test_more_matches_than_stated_are_refused():
    """A strategy that is wrong about its cost is found out at once."""
    with pytest.raises(InputError, match="wants more than the 1 matches that it states"):
        begun([(0, 1), (2, 3)], most_matches=1).start()


def test_the_cost_of_a_generator_is_a_number_or_goes_by_the_number_of_players():
    """Without one, every pair once is expected, and more are let pass."""
    assert begun([], most_matches=5).most_matches == 5
    assert begun([], most_matches=lambda players: add(players, -1)).most_matches == 3
    assert begun([]).most_matches == 6
    assert len(begun([(0, 1)] * 9).start()) == 9


@pytest.mark.parametrize("number", [float("nan"), float("inf"), "1", None])
def test_scores_that_are_no_numbers_are_refused(number):
    """They could not be written and read again."""

    def play(players):
        yield []
        return Standings((0, 1), (1.0, number))

    with pytest.raises(InputError, match="must be finite numbers, not"):
        FromGenerator(range(2), play).start()


def test_a_round_that_is_no_list_is_refused():
    with pytest.raises(InputError, match="a round is a list of pairs of players, not 3"):
        begun(3).start()


@pytest.mark.parametrize(
    "returned",
    [
        None,
        (0, 1, 2, 3),
        Standings((0, 1, 2), (1.0, 1.0, 1.0)),
        Standings((0, 1, 2, 2), (1.0, 1.0, 1.0, 1.0)),
        Standings((0, 1, 2, 4), (1.0, 1.0, 1.0, 1.0)),
    ],
)
def test_what_is_no_order_of_all_players_is_refused(returned):
    """With what is wanted."""

    def play(players):
        yield []
        return returned

    with pytest.raises(InputError, match="must have Standings whose order has each of 0 to 3 once"):
        FromGenerator(range(4), play).start()


@pytest.mark.parametrize("returned", [Standings((0, 1), (1.0,)), Standings((0, 1), (1.0, 0.0), errors=(1.0,))])
def test_a_score_for_each_is_wanted_and_an_error_for_each_or_none(returned):
    """Too few would be said of the wrong ones."""

    def play(players):
        yield [(0, 1)]
        return returned

    tournament = FromGenerator(range(2), play)
    (match,) = tournament.start()
    with pytest.raises(InputError, match="standings of 2 need as many scores, and as many errors or none"):
        tournament.record(match, FIRST)


def test_a_strategy_without_rounds_has_standings_at_once():
    """As with one contestant."""
    tournament = begun(players=1)
    assert tournament.start() == ()
    assert tournament.standings == Standings((0,), (0.0,))
    with pytest.raises(IllegalRecordError):
        tournament.record(Match(1, 1, 0, 1), FIRST)


@pytest.mark.parametrize("stored_after", range(5))
def test_a_pickle_at_any_time_changes_nothing(stored_after):
    """Before the start, after it, in the middle of a round, between two (one of them empty), at the end."""

    def step(tournament, at):
        return pickle.loads(pickle.dumps(tournament)) if at == stored_after else tournament

    tournament = step(FromGenerator([2, 3, 0, 1], three_rounds, most_matches=3), 0)
    first, second = tournament.start()
    tournament = step(tournament, 1)
    tournament.record(second, FIRST)
    tournament = step(tournament, 2)
    (third,) = tournament.record(first, FIRST)
    tournament = step(tournament, 3)
    tournament.record(third, FIRST)
    tournament = step(tournament, 4)
    assert tournament.standings.order == (0, 2, 3, 1)


def test_a_class_says_its_rounds_by_itself():
    """The pair meets twice, and the second time decides, though it was stored in between."""
    tournament = Twice([1, 0])
    (match,) = tournament.start()
    (again,) = tournament.record(match, FIRST)
    assert again == Match(2, 2, 0, 1, 1)
    tournament = pickle.loads(pickle.dumps(tournament))
    assert tournament.record(again, FIRST) == ()
    assert tournament.standings.order == (0, 1)


def test_a_class_without_players_is_refused_by_name():
    """The message names the strategy."""
    with pytest.raises(InputError, match="the strategy Twice needs at least one contestant"):
        Twice([])
