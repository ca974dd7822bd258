"""Votes as they come in: support by order, probabilities instead of labels, graded labels."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rrm.judging.asking import Answer, Rules
from rrm.judging.counting import Count, said
from rrm.judging.verdicts import Reading
from rrm.promptfiles import load_prompt
from rrm.types import Case, Completion, Outcome, Sampling, Support, Tally, Vote

SKYWORK = load_prompt("skywork_pairwise")
MT_BENCH = load_prompt("mt_bench_pair")
ARENA_HARD = load_prompt("arena_hard")
CASE = Case("query", ("one", "two"))
RULES = Rules(SKYWORK, Sampling(100, 0.6), votes=7)
SOFT = dataclasses.replace(RULES, readout="probability")
SOFT_WITH_TIES = dataclasses.replace(SOFT, prompt=MT_BENCH)
GRADED = dataclasses.replace(RULES, prompt=ARENA_HARD)


def answer(vote, probability=None, *, is_swapped=False, weight=1.0, is_forced=False):
    """A sample that says `vote` of what it was shown."""
    case = CASE.swapped() if is_swapped else CASE
    reading = Reading(vote, None, "", (), weight, probability)
    return Answer(Completion(case, 0, "", "stop"), reading, "", is_forced)


def counted(rules, *answers):
    count = Count(rules)
    count.add(answers)
    return count


FIRST, SECOND = Vote.FIRST, Vote.SECOND


def test_a_vote_is_said_of_the_match():
    """What is shown second in the swapped order is the match's first; what is no vote is a lost one."""
    assert said(answer(SECOND, is_swapped=True)) is FIRST
    assert said(answer(SECOND)) is SECOND
    assert said(answer(Vote.TIE, is_swapped=True)) is Vote.TIE
    assert said(answer(None)) is Vote.UNPARSED


def test_support_is_counted_by_the_order_shown():
    """A judge that goes by position supports the first in one order and the second in the other; lost votes are nobody's."""
    count = Count(dataclasses.replace(RULES, prompt=MT_BENCH))
    wave = count.add([answer(FIRST), answer(FIRST), answer(FIRST, is_swapped=True), answer(Vote.TIE, is_swapped=True)])
    assert wave == Tally(first=2, second=1, tie=1)
    assert count.add([answer(Vote.TRUNCATED), answer(SECOND, is_forced=True)]) == Tally(second=1, truncated=1, forced=1)
    assert count.support == (Support(2, 1), Support(0.5, 1.5))
    assert count.tally == Tally(first=2, second=2, tie=1, truncated=1, forced=1)
    assert (count.outcome, count.soft, count.notes) == (Outcome.TIE, None, ())


def test_a_graded_vote_is_divided_by_its_weight():
    """`A>>B` is three votes to the tally; the support is the samples of each order, divided as the weights are."""
    count = counted(GRADED, answer(FIRST, weight=3.0), answer(FIRST, is_swapped=True))
    assert count.tally == Tally(first=3, second=1)
    assert count.support == (Support(1, 0), Support(0, 1))
    count.add([answer(SECOND), answer(Vote.TIE, is_swapped=True), answer(Vote.UNPARSED)])
    assert count.support == (Support(1.5, 0.5), Support(0.5, 1.5))


@given(
    st.lists(
        st.tuples(st.sampled_from([FIRST, SECOND, Vote.TIE, Vote.UNPARSED]), st.sampled_from([1.0, 3.0]), st.booleans())
    )
)
def test_support_adds_up_to_the_samples_that_were_read(votes):
    """By order, however strong they are."""
    count = counted(GRADED, *[answer(vote, weight=weight, is_swapped=way) for vote, weight, way in votes])
    for way in (False, True):
        read = [vote for vote, _, shown in votes if shown is way and vote is not Vote.UNPARSED]
        assert sum(count.support[way]) == pytest.approx(len(read))


def test_a_graded_vote_is_one_opinion_however_strong():
    """One `A>>B` counts like 3 to 0, and yet leaves as many to ask as any one vote; three of them settle it."""
    assert counted(GRADED, answer(FIRST, weight=3.0)).next_wave(6) == 6
    beta = dataclasses.replace(GRADED, stop="beta")
    assert Count(beta).next_wave(7) == 3
    assert counted(beta, answer(FIRST, weight=3.0)).next_wave(6) == 2
    assert counted(beta, *[answer(FIRST, weight=3.0)] * 3).next_wave(4) == 0
    assert counted(beta, *[answer(FIRST)] * 3).next_wave(4) == 0


def test_beta_goes_by_the_weights_that_decide():
    """2 to 3 in votes, 6 to 3 by weight: the first leads, by 2/3 of five opinions, and is not sure."""
    votes = [answer(FIRST, weight=3.0)] * 2 + [answer(SECOND)] * 3
    count = counted(dataclasses.replace(GRADED, stop="beta"), *votes)
    assert count.outcome is Outcome.FIRST
    assert count.next_wave(4) == 2  # 3 1/3 to 1 2/3 of five: sure with two more


def test_no_side_is_sure_where_the_votes_say_tie():
    """One strong vote and three ties: a tie is what the most say, so the strong one is no leader."""
    count = counted(
        dataclasses.replace(GRADED, stop="beta", threshold=0.51), answer(FIRST, weight=2.0), *[answer(Vote.TIE)] * 3
    )
    assert count.outcome is Outcome.TIE
    assert count.next_wave(3) == 1


def test_probabilities_decide_instead_of_labels():
    """Two weak votes for the second lose to one strong one for the first; the tally has the labels."""
    count = counted(SOFT, answer(FIRST, 0.9), answer(SECOND, 0.4), answer(FIRST, 0.6, is_swapped=True))
    assert count.soft == pytest.approx(((0.9 + 0.4) / 2 + 0.4) / 2)
    assert count.outcome is Outcome.FIRST
    assert count.tally == Tally(first=1, second=2)
    assert count.support[0] == pytest.approx((1.3, 0.7))
    assert count.support[1] == pytest.approx((0.4, 0.6))


@given(st.integers(1, 5), st.integers(1, 5), st.floats(0.01, 0.99))
def test_a_judge_that_goes_by_position_is_undecided_however_the_orders_are_asked(straight, swapped, probability):
    """The mean of the orders' means is a half with any numbers of votes; so it is a tie only where ties are known."""
    votes = [answer(FIRST, probability)] * straight + [answer(FIRST, probability, is_swapped=True)] * swapped
    assert counted(SOFT, *votes).soft == pytest.approx(0.5)
    assert counted(SOFT, *votes).outcome is Outcome.UNDECIDED
    assert counted(SOFT_WITH_TIES, *votes).outcome is Outcome.TIE


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 1)), min_size=1, max_size=9))
def test_naming_the_match_the_other_way_round_turns_the_probability_round(votes):
    """The same samples, said of a match whose first is the other's second."""
    one = counted(SOFT, *[answer(FIRST, p, is_swapped=way) for way, p in votes])
    other = counted(SOFT, *[answer(FIRST, p, is_swapped=not way) for way, p in votes])
    assert one.soft == pytest.approx(1 - other.soft)
    turned = {Outcome.FIRST: Outcome.SECOND, Outcome.SECOND: Outcome.FIRST}
    assert other.outcome is turned.get(one.outcome, one.outcome)


def test_one_order_alone_decides_where_no_other_was_asked():
    """An order without votes has no mean."""
    assert counted(SOFT, answer(FIRST, 0.8), answer(FIRST, 0.6)).soft == pytest.approx(0.7)


def test_votes_without_a_probability_count_whole_and_are_noted_once():
    """0 or 1 by their label, a half for a tie; a lost one has nothing to say."""
    count = counted(
        SOFT_WITH_TIES, answer(FIRST, 0.6), answer(FIRST), answer(Vote.TIE), answer(Vote.UNPARSED), answer(SECOND)
    )
    assert count.soft == pytest.approx((0.6 + 1 + 0.5 + 0) / 4)
    assert count.notes == ("votes that were read without a probability count as all or nothing",)
    assert counted(SOFT, answer(FIRST, 0.6)).notes == ()


def test_lost_votes_have_no_probability():
    """Where nothing was read, nothing is decided."""
    count = counted(SOFT_WITH_TIES, answer(Vote.UNPARSED), answer(Vote.TRUNCATED))
    assert (count.soft, count.outcome) == (None, Outcome.UNDECIDED)
    assert count.notes == ()


@pytest.mark.parametrize("stop", ["majority", "none"])
def test_probabilities_are_asked_to_the_end(stop):
    """Four sure votes of seven can still be outweighed: by three in one order whose mean is its own."""
    rules = dataclasses.replace(SOFT, stop=stop)
    count = counted(rules, *[answer(FIRST, 0.51)] * 4)
    assert count.next_wave(3) == 3
    count.add([answer(FIRST, 0.99, is_swapped=True)] * 3)
    assert count.outcome is Outcome.SECOND


def test_beta_divides_tosses_by_the_probability():
    """Three votes of .99 are nearly 3 to 0 and still short of .9375; three of .6 are far from it."""
    beta = dataclasses.replace(SOFT, stop="beta")
    both_ways = [answer(FIRST, 0.99), answer(SECOND, 0.01, is_swapped=True), answer(FIRST, 0.99)]
    assert counted(beta, *both_ways).next_wave(4) == 0
    assert counted(dataclasses.replace(beta, threshold=0.9375), *both_ways).next_wave(4) == 1
    unsure = [answer(FIRST, 0.6), answer(SECOND, 0.4, is_swapped=True), answer(FIRST, 0.6)]
    assert counted(beta, *unsure).next_wave(4) == 3


@pytest.mark.parametrize(("order", "wave"), [("balanced", 2), ("both", 2), ("random", 1), ("fixed", 1)])
@pytest.mark.parametrize("rules", [RULES, SOFT, GRADED], ids=["whole", "soft", "graded"])
def test_beta_wants_a_vote_each_way(rules, order, wave):
    """One vote is .75 sure, and yet says nothing of the other order, where there is one to ask."""
    beta = dataclasses.replace(rules, stop="beta", threshold=0.7, order=order)
    assert Count(beta).next_wave(7) == wave
    assert counted(beta, answer(FIRST, 1.0)).next_wave(6) == wave - 1
    assert counted(beta, answer(FIRST, 1.0), answer(SECOND, 0.0, is_swapped=True)).next_wave(5) == 0
    assert Count(beta).next_wave(1) == 1


def test_beta_goes_by_the_mean_of_the_orders():
    """Nine votes in one order and one in the other: by all of them the first is sure, by the orders nobody is."""
    beta = dataclasses.replace(SOFT, stop="beta")
    votes = [answer(FIRST, 0.9)] * 9 + [answer(FIRST, 0.9, is_swapped=True)]
    assert counted(beta, *votes).next_wave(2) == 2
