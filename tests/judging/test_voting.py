"""Votes: the lossless early stop, outcomes, orientations."""

from itertools import product
from random import Random

import pytest

from rrm.judging import voting
from rrm.types import Outcome, Tally, Vote


def count(votes):
    return voting.add(Tally(), votes)


def stopped(votes, allows_ties):
    """Take votes wave by wave as a hearing does. Returns the outcome and how many were taken."""
    tally, asked = Tally(), 0
    while size := voting.next_wave(tally, len(votes) - asked, allows_ties):
        tally = voting.add(tally, votes[asked : asked + size])
        asked += size
    return voting.outcome(tally, allows_ties), asked


@pytest.mark.parametrize("allows_ties", [False, True])
@pytest.mark.parametrize("votes", range(1, 7))
def test_the_early_stop_never_changes_the_outcome(votes, allows_ties):
    """Over every possible sequence of votes, lost ones included."""
    kinds = [Vote.FIRST, Vote.SECOND, Vote.UNPARSED] + ([Vote.TIE] if allows_ties else [])
    for sequence in product(kinds, repeat=votes):
        found, asked = stopped(sequence, allows_ties)
        assert found is voting.outcome(count(sequence), allows_ties)
        assert asked <= votes


@pytest.mark.parametrize("allows_ties", [False, True])
@pytest.mark.parametrize("votes", range(1, 6))
def test_the_early_stop_stops_as_soon_as_it_can(votes, allows_ties):
    """No wave could have been smaller: with one vote less no sequence would have settled the match."""
    kinds = [Vote.FIRST, Vote.SECOND, Vote.UNPARSED] + ([Vote.TIE] if allows_ties else [])
    for taken in range(votes):
        for sequence in product(kinds, repeat=taken):
            tally, remaining = count(sequence), votes - taken
            size = voting.next_wave(tally, remaining, allows_ties)
            open_before = _is_open(sequence, remaining, kinds, allows_ties)
            assert (size == 0) == (not open_before)
            for fewer in range(1, size):
                for extra in product(kinds, repeat=fewer):
                    assert _is_open((*sequence, *extra), remaining - fewer, kinds, allows_ties)


def _is_open(sequence, remaining, kinds, allows_ties):
    ends = {voting.outcome(count((*sequence, *rest)), allows_ties) for rest in product(kinds, repeat=remaining)}
    return len(ends) > 1


def test_ten_thousand_matches_keep_their_winner_at_a_fifth_less_samples():
    """With 5 votes of accuracy .8, the early stop saves at least 20 % and never changes the winner."""
    random, taken = Random(0), 0
    for _ in range(10_000):
        votes = [Vote.FIRST if random.random() < 0.8 else Vote.SECOND for _ in range(5)]
        found, asked = stopped(votes, allows_ties=False)
        assert found is voting.outcome(count(votes), allows_ties=False)
        taken += asked
    assert taken <= 0.8 * 50_000


@pytest.mark.parametrize(
    ("tally", "allows_ties", "expected"),
    [
        (Tally(first=2, second=1), False, Outcome.FIRST),
        (Tally(first=1, second=2), False, Outcome.SECOND),
        (Tally(first=1, second=1), False, Outcome.UNDECIDED),
        (Tally(first=1, second=1), True, Outcome.TIE),
        (Tally(first=1, tie=2), True, Outcome.TIE),
        (Tally(first=1, tie=1), True, Outcome.FIRST),
        (Tally(unparsed=3), True, Outcome.UNDECIDED),
        (Tally(truncated=1), False, Outcome.UNDECIDED),
        (Tally(), False, Outcome.UNDECIDED),
    ],
)
def test_the_outcome_is_the_label_with_the_most_votes(tally, allows_ties, expected):
    """Lost votes speak for nobody; an even split is a tie only for a judge that may call one."""
    assert voting.outcome(tally, allows_ties) is expected


def heads(number):
    return number % 3 == 0


@pytest.mark.parametrize(
    ("order", "votes", "lead", "expected"),
    [
        ("balanced", 1, True, (True,)),
        ("balanced", 5, False, (False, True, False, True, False)),
        ("both", 2, True, (True, False, True, False)),
        ("fixed", 3, False, (False, False, False)),
        ("fixed", 2, True, (True, True)),
        ("random", 4, False, (True, False, False, True)),
    ],
)
def test_orientations_follow_the_order(order, votes, lead, expected):
    """The first two votes stand in opposite orders wherever both are wanted."""
    assert voting.orientations(order, votes, lead, heads) == expected


def test_forced_votes_are_counted_apart_and_under_their_label():
    """A forced vote adds to its label and to `forced`."""
    tally = voting.add(Tally(first=1, forced=1), [Vote.FIRST, Vote.TIE, Vote.TRUNCATED], 2)
    assert tally == Tally(first=2, tie=1, truncated=1, forced=3)
    assert (tally.decided, tally.lost, tally.total) == (3, 1, 4)


def test_the_probability_is_smoothed_and_lost_votes_do_not_count():
    """(first + tie/2 + 1) / (decided + 2)."""
    assert Tally(first=2, unparsed=5).probability == pytest.approx(3 / 4)
    assert Tally(first=1, tie=1, second=1).probability == pytest.approx(0.5)
    assert Tally().probability == 0.5
    assert Tally(first=3, second=1).share == 0.75
    assert Tally().share == 0.5
    assert Tally(first=3, second=1).swapped() == Tally(first=1, second=3)
