"""Hearings that go on from earlier ones, stop early, use idle slots, or read probabilities; all driven by hand."""

import dataclasses
from functools import partial
from itertools import accumulate
from math import log
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rrm.judging.asking import Rules
from rrm.judging.hearing import hear
from rrm.promptfiles import load_prompt
from rrm.types import Case, Completion, Outcome, Sampling, Support, Tally, TokenLogprob, Vote

SKYWORK = load_prompt("skywork_pairwise")
MT_BENCH = load_prompt("mt_bench_pair")
CASE = Case("query", ("answer one", "answer two"))
RULES = Rules(SKYWORK, Sampling(100, 0.6))
SAY = {
    "skywork_pairwise": {Vote.FIRST: "\\boxed{Assistant 1}", Vote.SECOND: "\\boxed{Assistant 2}"},
    "mt_bench_pair": {Vote.FIRST: "[[A]]", Vote.SECOND: "[[B]]", Vote.TIE: "[[C]]"},
}
FIRST, SECOND, TIE, LOST = Vote.FIRST, Vote.SECOND, Vote.TIE, Vote.UNPARSED


def rules(**changes):
    return dataclasses.replace(RULES, **changes)


def samples(requests):
    return [(request, request.first_index + number) for request in requests for number in range(request.n)]


def drive(hearing, complete):
    """Drive a hearing; `complete(request, index)` is the completion of a sample. Returns the verdict and the waves."""
    waves = []
    try:
        requests = next(hearing)
        while True:
            asked = samples(requests)
            waves.append([(request.case.is_swapped, index) for request, index in asked])
            requests = hearing.send([complete(request, index) for request, index in asked])
    except StopIteration as decided:
        return decided.value, waves


def run(rules, answer, *, case=CASE, **options):
    """Drive a hearing whose sample `index` votes `answer(request, index)` on what it is shown."""
    return drive(hear(case, rules, **options), partial(complete, rules.prompt, answer))


def complete(prompt, answer, request, index):
    return Completion(request.case, index, SAY[prompt.name].get(answer(request, index), "well"), "stop", 3, 0, index)


def prefer_one(request, _):
    return FIRST if request.case.first == "answer one" else SECOND


def by_position(_request, _index):
    return FIRST


def at_random(seed, kinds=(FIRST, SECOND, LOST)):
    """Votes that depend on the sample alone."""
    return lambda request, index: Random(f"{seed} {request.case.first} {index}").choice(kinds)


@pytest.mark.parametrize("order", ["balanced", "both", "random", "fixed"])
@pytest.mark.parametrize("temperature", [0.0, 0.6])
@pytest.mark.parametrize("votes", [1, 2, 3])
def test_no_meeting_asks_a_sample_that_another_asked(order, temperature, votes):
    """However many were lost, split or asked again."""
    judging = rules(order=order, votes=votes, sampling=Sampling(100, temperature), stop="none")
    for seed in range(30):
        asked = [
            sample
            for repeat in range(4)
            for wave in run(judging, at_random(seed), case=Case(f"query {seed}", CASE.responses), repeat=repeat)[1]
            for sample in wave
        ]
        assert len(asked) == len(set(asked))


def test_meetings_take_turns_in_who_is_shown_first():
    """One vote each: the orders alternate, and each order's samples go on behind all that may have been asked again."""
    shown = [run(RULES, prefer_one, lead=True, repeat=repeat)[1] for repeat in range(4)]
    assert [wave[0][0] for (wave,) in shown] == [True, False, True, False]
    assert shown[0] == [[(True, 0)]]
    assert shown[1] == [[(False, 2)]]
    assert shown[2] == [[(True, 5)]]


def test_a_meeting_of_three_begins_where_the_one_before_ended():
    """Lead, other, lead; then other, lead, other."""
    _, (first,) = run(rules(votes=3, stop="none"), prefer_one)
    _, (second,) = run(rules(votes=3, stop="none"), prefer_one, repeat=1)
    assert sorted(way for way, _ in first) == [False, False, True]
    assert sorted(way for way, _ in second) == [False, True, True]


def test_a_second_meeting_called_the_other_way_round_still_takes_turns():
    """The tournament may name the two in either order: what is shown goes by the answers."""
    named = Case(CASE.query, CASE.responses[::-1])
    for lead in (False, True):
        _, ((first,),) = run(RULES, prefer_one, lead=lead)
        _, ((second,),) = run(RULES, prefer_one, case=named, lead=not lead, repeat=1)
        assert first[0] == second[0]  # swapped of the match, and of the match named the other way round


@given(
    st.sampled_from(["balanced", "both"]),
    st.sampled_from([0.6, 0.8, 0.9, 0.95]),
    st.integers(0, 10**6),
    st.integers(2, 9),
    st.integers(0, 3),
)
def test_the_first_two_votes_stand_in_opposite_orders(order, threshold, seed, votes, repeat):
    """Whatever the waves are; and no order is ever two votes ahead of the other."""
    judging = rules(order=order, votes=votes, stop="beta", threshold=threshold, resamples=0)
    _, waves = run(judging, at_random(seed, (FIRST, SECOND)), repeat=repeat)
    asked = [way for wave in waves for way, _ in wave]
    for taken in accumulate(map(len, waves)):
        assert abs(2 * sum(asked[:taken]) - taken) <= 1
    if len(asked) > 1:
        assert set(asked[: max(2, len(waves[0]))]) == {False, True}


def test_beta_asks_three_of_seven_where_they_agree():
    """At .9: three at once, two one way and one the other; the majority would want a fourth."""
    beta = rules(votes=7, stop="beta")
    verdict, waves = run(beta, prefer_one)
    assert waves == [[(False, 0), (False, 1), (True, 0)]]
    assert (verdict.outcome, verdict.votes) == (Outcome.FIRST, Tally(first=3))
    assert len(run(rules(votes=7), prefer_one)[1][0]) == 4


def test_beta_asks_on_where_they_do_not():
    """2 to 1, then two that would make it 4 to 1, of which nothing could follow; 3 to 2, and so on to the end."""
    verdict, waves = run(rules(votes=7, stop="beta"), by_position)
    assert [len(wave) for wave in waves] == [3, 2, 1, 1]
    assert verdict.votes == Tally(first=4, second=3)


def test_none_asks_all_at_once():
    """All seven, though four would do."""
    verdict, waves = run(rules(votes=7, stop="none"), prefer_one)
    assert [len(wave) for wave in waves] == [7]
    assert verdict.votes == Tally(first=7)


def test_support_says_which_order_the_votes_came_from():
    """A judge that goes by position, and one that knows ties."""
    verdict, _ = run(rules(votes=5), by_position)
    assert verdict.support == (Support(3, 0), Support(0, 2))
    verdict, _ = run(rules(votes=3, prompt=MT_BENCH), lambda *_: TIE)
    assert verdict.votes == Tally(tie=2)
    assert verdict.support == (Support(0.5, 0.5), Support(0.5, 0.5))


def test_lost_votes_of_every_wave_are_asked_again():
    """Of 3 votes the first wave loses one and the next splits it: the lost one is asked again, in its own order."""
    lost_first = {(False, 0): LOST, (True, 0): FIRST, (False, 1): FIRST, (False, 2): FIRST}
    verdict, waves = run(rules(votes=3), lambda request, index: lost_first[request.case.is_swapped, index])
    assert waves == [[(False, 0), (True, 0)], [(False, 1)], [(False, 2)]]
    assert verdict.votes == Tally(first=2, second=1, unparsed=1)


@given(
    st.integers(0, 10**6),
    st.integers(1, 7),
    st.sampled_from(["balanced", "both", "random", "fixed"]),
    st.sampled_from([SKYWORK, MT_BENCH]),
    st.lists(st.integers(0, 9), min_size=7, max_size=7),
)
def test_idle_slots_change_what_is_asked_and_never_the_majority(seed, votes, order, prompt, spare):
    """Any spare slots at any time, lost votes and ties included: the outcome is the fixed waves'; the orders stay even."""
    kinds = (FIRST, SECOND, LOST) if prompt is SKYWORK else (FIRST, SECOND, TIE, LOST)
    judging = rules(votes=votes, order=order, prompt=prompt)
    loads = iter([*spare, *[0] * 99])
    fixed, _ = run(judging, at_random(seed, kinds), spare=lambda: 1 / 0)
    load, waves = run(
        dataclasses.replace(judging, waves="load"), at_random(seed, kinds), spare=lambda: next(loads), lead=False
    )
    assert load.outcome is fixed.outcome
    if order in {"balanced", "both"}:
        ways = [way for way, _ in waves[0]]
        assert abs(2 * sum(ways) - len(ways)) <= 1


def test_idle_slots_widen_a_wave_up_to_what_remains():
    """Never below what could settle the match, never beyond the votes there are, and not once it is settled."""
    for spare, size in ((0, 4), (5, 5), (100, 7)):
        _, waves = run(rules(votes=7, waves="load"), prefer_one, spare=lambda spare=spare: spare)
        assert [len(wave) for wave in waves] == [size]
    _, waves = run(rules(votes=7, waves="load"), prefer_one)
    assert [len(wave) for wave in waves] == [4]  # nobody says that there is room


def run_soft(rules, probability, reported=lambda index: True):
    """Drive a hearing whose samples say 1 or 2, whichever is likelier; `probability(request)` is that of 1."""

    def complete(request, index):
        assert request.logprobs > 1
        first = probability(request)
        label, likely = ("1", first) if first > 0.5 else ("2", 1 - first)
        top = (("1", log(first)), ("2", log(1 - first)))
        before, after = TokenLogprob("\\boxed{Assistant ", 0.0), TokenLogprob("}", 0.0)
        tokens = (before, TokenLogprob(label, log(likely), top), after) if reported(index) else ()
        return Completion(request.case, index, f"\\boxed{{Assistant {label}}}", "stop", logprobs=tokens)

    return drive(hear(CASE, rules), complete)[0]


def lean_to_one(request):
    """Sure of answer one where it is shown first, and against it by a little where it is not."""
    return 0.9 if request.case.first == "answer one" else 0.6


def test_probabilities_make_the_verdict():
    """Two orders, of which one was asked twice: each order's mean counts the same."""
    verdict = run_soft(rules(votes=3, readout="probability"), lean_to_one)
    assert verdict.votes == Tally(first=2, second=1)
    assert verdict.soft == verdict.probability == pytest.approx((0.9 + 0.4) / 2)
    assert verdict.outcome is Outcome.FIRST
    assert verdict.support == (pytest.approx((1.8, 0.2)), pytest.approx((0.4, 0.6)))
    assert verdict.notes == ()


def test_a_probability_can_overrule_the_labels():
    """2 of 3 labels say one, by a hair; the other order is sure of two."""
    verdict = run_soft(
        rules(votes=3, readout="probability"), lambda request: 0.51 if request.case.first == "answer one" else 0.95
    )
    assert verdict.votes == Tally(first=2, second=1)
    assert verdict.outcome is Outcome.SECOND


def test_probabilities_that_even_out_are_asked_on():
    """By position alone: nothing decides, so one more each way is asked as often as an even split is."""
    verdict = run_soft(rules(votes=2, readout="probability", resamples=2), lambda request: 0.8)
    assert (verdict.outcome, verdict.soft) == (Outcome.UNDECIDED, pytest.approx(0.5))
    assert verdict.votes == Tally(first=3, second=3)


def test_beta_stops_on_probabilities_that_are_sure():
    """Three of seven where they are near 1; all where they are not."""
    beta = rules(votes=7, readout="probability", stop="beta")
    sure = run_soft(beta, lambda request: 0.99 if request.case.first == "answer one" else 0.01)
    assert sure.votes == Tally(first=3)
    assert run_soft(beta, lambda request: 0.6 if request.case.first == "answer one" else 0.4).votes == Tally(first=7)


def test_votes_without_log_probabilities_are_noted_once():
    """They count 0 or 1; here the second of each order."""
    verdict = run_soft(rules(votes=4, readout="probability"), lean_to_one, reported=lambda index: index == 0)
    assert verdict.soft == pytest.approx(((0.9 + 1) / 2 + (0.4 + 0) / 2) / 2)
    assert verdict.notes == ("votes that were read without a probability count as all or nothing",)


def test_without_the_readout_there_is_no_probability_of_tokens():
    """Votes are votes."""
    verdict, _ = run(rules(votes=3), prefer_one)
    assert verdict.soft is None
    assert verdict.probability == verdict.votes.probability


@given(st.integers(0, 10**6), st.sampled_from(["majority", "beta", "none"]), st.integers(0, 2))
def test_a_hearing_can_be_replayed(seed, stop, repeat):
    """From its completions alone, by any later run: the same waves and the same verdict."""
    judging = rules(votes=5, stop=stop)
    kept = {}

    def keep(request, index):
        kept[request.case, index] = complete(SKYWORK, at_random(seed), request, index)
        return kept[request.case, index]

    first, again = (hear(CASE, judging, repeat=repeat, keep_transcripts=True) for _ in range(2))
    found = drive(first, keep)
    assert drive(again, lambda request, index: kept.pop((request.case, index))) == found
    assert not kept
