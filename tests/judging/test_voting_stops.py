"""When votes are enough: how sure a leader is, the stop "beta" and its waves, votes that count by degrees."""

from functools import cache
from itertools import product
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rrm.judging import voting
from rrm.types import Outcome, Tally, Vote

KINDS = [Vote.FIRST, Vote.SECOND, Vote.UNPARSED]


def count(votes):
    return voting.add(Tally(), votes)


def integrated(leading, trailing):
    """The share of a Beta density above 1/2, by Simpson's rule on 2,000 intervals."""

    def integral(low, high):
        width = (high - low) / 2000
        heights = [(low + width * i) ** leading * (1 - low - width * i) ** trailing for i in range(2001)]
        return width / 3 * (heights[0] + heights[-1] + 4 * sum(heights[1:-1:2]) + 2 * sum(heights[2:-1:2]))

    above = integral(0.5, 1.0)
    return above / (above + integral(0.0, 0.5))


@pytest.mark.parametrize("trailing", [0, 1, 1.5, 2, 3.5, 8])
@pytest.mark.parametrize("leading", [0, 1, 2, 2.5, 3, 4.25, 6.5, 20])
def test_sureness_is_the_posterior_above_a_half(leading, trailing):
    """Against numerical integration of the density, whole counts, halves and others."""
    assert voting.sureness(leading, trailing) == pytest.approx(integrated(leading, trailing), abs=2e-6)


@given(st.integers(0, 60), st.integers(0, 60))
def test_sureness_of_whole_votes_is_a_count_of_coin_tosses(leading, trailing):
    """The chance of at most `leading` heads in all votes and one toss more: exact in whole numbers."""
    tosses = leading + trailing + 1
    exact = sum(comb(tosses, heads) for heads in range(leading + 1)) / 2**tosses
    assert voting.sureness(leading, trailing) == pytest.approx(exact, abs=1e-12)


@given(st.floats(0, 50), st.floats(0, 50), st.floats(0.01, 5))
def test_sureness_grows_with_votes_for_and_falls_with_votes_against(leading, trailing, more):
    """And both sides' add up to 1."""
    sure = voting.sureness(leading, trailing)
    assert 0 <= sure <= 1
    assert voting.sureness(leading + more, trailing) >= sure >= voting.sureness(leading, trailing + more)
    assert sure + voting.sureness(trailing, leading) == pytest.approx(1)


def test_sureness_bears_counts_of_any_size():
    """Thousands of votes neither overflow nor vanish."""
    assert voting.sureness(5000, 0) == pytest.approx(1)
    assert voting.sureness(0, 5000) == pytest.approx(0)
    assert voting.sureness(5000, 5000) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("threshold", "needed"),
    [(0.6, 1), (0.75, 1), (0.8, 2), (0.875, 2), (0.9, 3), (0.9375, 3), (0.95, 4), (0.97, 5), (0.99, 6), (0.995, 7)],
)
def test_unanimous_votes_need_as_many_as_the_threshold_says(threshold, needed):
    """n votes of one mind make it 1 - 1/2^(n+1) sure. All are asked at once, and then no more."""
    assert voting.next_wave(Tally(), 99, False, "beta", threshold) == needed
    assert voting.next_wave(Tally(second=needed), 99 - needed, False, "beta", threshold) == 0
    assert voting.next_wave(Tally(second=needed - 1), 100 - needed, False, "beta", threshold) == 1


def test_beta_stops_where_the_majority_is_certain():
    """4 of 7 are only .89 sure against one, and nothing is left to change it; with more votes to come, they go on."""
    assert voting.sureness(4, 1) < 0.9
    assert voting.next_wave(Tally(first=4, second=1), 2, False, "beta", 0.9) == 0
    assert voting.next_wave(Tally(first=4, second=1), 4, False, "beta", 0.9) == 1


@pytest.mark.parametrize("threshold", [0.6, 0.8, 0.9, 0.99])
@pytest.mark.parametrize("allows_ties", [False, True])
def test_beta_stops_as_soon_as_it_may_and_no_vote_of_a_wave_is_wasted(allows_ties, threshold):
    """Over all sequences of up to 6 votes: stopped is sure or certain; with a vote less than the wave, nothing is either."""
    kinds = KINDS + ([Vote.TIE] if allows_ties else [])

    @cache
    def certain(tally, remaining):
        ends = {voting.outcome(tally + count(rest), allows_ties) for rest in product(kinds, repeat=remaining)}
        return len(ends) == 1

    def is_enough(tally, remaining):
        share = tally.first + tally.tie / 2
        sides = {Outcome.FIRST: share, Outcome.SECOND: tally.decided - share}
        side = sides.get(voting.outcome(tally, allows_ties), 0)
        return certain(tally, remaining) or (side and integrated(side, tally.decided - side) >= threshold)

    is_enough = cache(is_enough)
    votes = 5
    for taken in range(votes):
        for tally in {count(sequence) for sequence in product(kinds, repeat=taken)}:
            remaining = votes - taken
            size = voting.next_wave(tally, remaining, allows_ties, "beta", threshold)
            assert (size == 0) == bool(is_enough(tally, remaining))
            for fewer in range(1, size):
                for extra in product(kinds, repeat=fewer):
                    assert not is_enough(tally + count(extra), remaining - fewer)
            if size:
                extras = product(kinds, repeat=size)
                assert any(is_enough(tally + count(extra), remaining - size) for extra in extras)


@given(st.lists(st.sampled_from([*KINDS, Vote.TIE]), max_size=12), st.floats(0.51, 0.99), st.integers(0, 9))
def test_beta_never_asks_more_than_the_majority(votes, threshold, remaining):
    """Nor less than nothing, nor more than there are."""
    tally = count(votes)
    wave = voting.next_wave(tally, remaining, True, "beta", threshold)
    assert 0 <= wave <= voting.next_wave(tally, remaining, True) <= remaining


def test_more_ties_than_votes_for_the_leader_make_nobody_sure():
    """3 to 0 with 4 ties: the leader is ahead, and the votes say tie."""
    tally = Tally(first=3, tie=4)
    assert voting.sureness(5, 2) > 0.8
    assert voting.outcome(tally, True) is Outcome.TIE
    assert voting.next_wave(tally, 9, True, "beta", 0.8) == 1
    assert voting.next_wave(Tally(first=4, tie=4), 9, True, "beta", 0.8) == 0


@given(
    st.lists(st.sampled_from([*KINDS, Vote.TIE]), max_size=8),
    st.floats(0.51, 0.99),
    st.integers(0, 9),
    st.integers(1, 3),
    st.booleans(),
)
def test_beta_hears_the_least_that_is_wanted(votes, threshold, remaining, least, allows_ties):
    """Or all that the majority would; with the least heard, it asks what it would ask without."""
    tally = count(votes if allows_ties else [vote for vote in votes if vote is not Vote.TIE])
    wave = voting.next_wave(tally, remaining, allows_ties, "beta", threshold, least=least)
    majority = voting.next_wave(tally, remaining, allows_ties)
    missing = least - (tally.first + tally.second + tally.tie)
    assert wave == min(majority, max(missing, voting.next_wave(tally, remaining, allows_ties, "beta", threshold)))


def test_votes_by_degrees_hear_the_least_that_is_wanted():
    """As far as there are votes; the other stops ask all in any case."""
    waves = [voting.next_wave_by_share(1.0, 1, left, "beta", 0.7, least=3) for left in (0, 1, 2, 9)]
    assert waves == [0, 1, 2, 2]
    assert voting.next_wave_by_share(1.0, 3, 9, "beta", 0.7, least=3) == 0
    assert voting.next_wave_by_share(1.0, 0, 9, "majority", 0.7, least=3) == 9


def test_both_orders_are_heard_where_both_are_shown():
    """A coin, or one order only, promises nothing."""
    assert [voting.least_heard(order) for order in ("balanced", "both", "random", "fixed")] == [2, 2, 1, 1]


def test_none_asks_all_votes():
    """Also where the match is settled."""
    assert voting.next_wave(Tally(), 7, False, "none") == 7
    assert voting.next_wave(Tally(first=6), 1, False, "none") == 1
    assert voting.next_wave(Tally(first=7), 0, False, "none") == 0


@pytest.mark.parametrize("stop", ["majority", "none"])
def test_votes_that_count_by_degrees_are_all_asked(stop):
    """However clear they are: what the others will count is not known."""
    assert voting.next_wave_by_share(1.0, 4, 3, stop, 0.9) == 3


@pytest.mark.parametrize(
    ("share", "heard", "remaining", "wave"),
    [
        (0.5, 0, 7, 3),  # as with whole votes: three of one mind
        (1.0, 3, 4, 0),
        (0.0, 3, 4, 0),
        (0.9, 3, 4, 1),  # 2.7 to 0.3 is less sure than 3 to 0, 3.7 to 0.3 is enough
        (0.5, 4, 3, 3),  # 2 to 2: not even 5 to 2 is enough, so all the rest
        (0.5, 2, 0, 0),
    ],
)
def test_beta_takes_degrees_as_tosses(share, heard, remaining, wave):
    """A share of the votes heard is so many tosses, whole or not."""
    assert integrated(2.7, 0.3) < 0.9 < integrated(3.7, 0.3)
    assert voting.next_wave_by_share(share, heard, remaining, "beta", 0.9) == wave


@pytest.mark.parametrize(
    ("share", "allows_ties", "expected"),
    [
        (0.51, True, Outcome.FIRST),
        (0.49, False, Outcome.SECOND),
        (0.5, True, Outcome.TIE),
        (0.5, False, Outcome.UNDECIDED),
        (0.1 + 0.2 + 0.2 + 1e-17, False, Outcome.UNDECIDED),
    ],
)
def test_the_outcome_of_a_share_is_the_side_with_more_than_half(share, allows_ties, expected):
    """Within rounding, a half is a half."""
    assert voting.outcome_by_share(share, allows_ties) is expected


@pytest.mark.parametrize("order", ["balanced", "both", "random", "fixed"])
@pytest.mark.parametrize("votes", [1, 2, 3])
def test_meetings_go_on_where_the_one_before_would_end(order, votes):
    """Several meetings of a few votes are one long one, cut in pieces."""
    coins = [True, True, False, True, False, False, False, True, True, False, True, False]
    meetings = [voting.orientations(order, votes, True, coins.__getitem__, repeat) for repeat in range(4)]
    assert sum(meetings, ()) == voting.orientations(order, 4 * votes, True, coins.__getitem__)
