"""Thinking budgets by hand: what a sample that was cut, or is made to think again, is gone on with, and what comes of it."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rrm.errors import EngineRefusedError, PromptTooLongError
from rrm.judging.hearing import hear
from rrm.judging.polling import poll
from rrm.judging.rules import Rules
from rrm.judging.thinking import Mouth
from rrm.judging.verdicts import read
from rrm.promptfiles import load_prompt
from rrm.types import Case, Completion, Outcome, SampleRequest, Sampling, Tally, Usage, Vote
from tests.judging.made import made

SKYWORK = load_prompt("skywork_pairwise")
CASE = Case("query", ("answer one", "answer two"))
ALONE = Case("query", ("answer one",))
RULES = Rules(SKYWORK, Sampling(400, 0.6), reasoning_open=True, resamples=0, think_budget=100)
MORE = dataclasses.replace(RULES, think_budget=None, think_more=1)
SCORE = {"kind": "scores", "open": "[[", "close": "]]"}
TOO_LONG = PromptTooLongError(101, 100)
REFUSED = EngineRefusedError("no")


def rules(own=RULES, **changes):
    return dataclasses.replace(own, **changes)


def answered(request, said):
    """A completion of a request for one sample: of a text that ended by itself, of (text, finish reason, tokens), or as it is."""
    text, reason, tokens = (said, "stop", 3) if isinstance(said, str) else said
    return Completion(request.case, request.first_index, text, reason, 10, 4, tokens)


def driven(asking, *waves):
    """Drive a generator with what is said in each wave, or the error that the engine raises; its result and all requests."""
    asked = [next(asking)]
    try:
        for wave in waves:
            if isinstance(wave, Exception):
                asked.append(asking.throw(wave))
            else:
                completions = [answered(request, said) for request, said in zip(asked[-1], wave, strict=True)]
                asked.append(asking.send(completions[::-1]))
    except StopIteration as done:
        return done.value, asked
    raise AssertionError(f"it asks for more: {asked[-1]}")


def heard(own, *waves):
    """One match; the verdict with its transcripts, and all requests."""
    return driven(hear(CASE, own, keep_transcripts=True), *waves)


def polled(own, *waves, case=ALONE):
    """One sample; its opinion, the ballot, and all requests."""
    ballot, asked = driven(poll(case, tuple(range(len(case.responses))), own, 1), *waves)
    (opinion,) = ballot.opinions
    return opinion, ballot, asked


def cut(text, tokens=100):
    return text, "length", tokens


# The budget.


@pytest.mark.parametrize(("budget", "longest"), [(None, 400), (100, 100), (1000, 400)])
def test_a_sample_is_cut_at_the_budget(budget, longest):
    """Or at its own limit, if that comes first."""
    _, ((request,),) = heard(rules(think_budget=budget), ["</think>\\boxed{Assistant 1}"])
    assert request.sampling == Sampling(longest, 0.6)


def test_reasoning_that_is_cut_is_closed_and_asked_for_its_verdict():
    """From the cached prefix, by a choice among the labels, as a sample of its own seed; the tokens are counted."""
    verdict, ((first,), (then,)) = heard(RULES, [cut("hm, let me see")], [("2", "stop", 1)])
    assert then.continuation == "hm, let me see\n</think>\n\n\\boxed{Assistant "
    assert (then.choices, then.n, then.first_index, then.messages) == (("1", "2"), 1, 0, first.messages)
    assert then.sample_seed != first.sample_seed
    assert (verdict.outcome, verdict.votes) == (Outcome.SECOND, Tally(second=1, forced=1))
    assert verdict.usage == Usage(2, 20, 8, 101)
    (said,) = verdict.transcripts
    assert (said.text, said.forced, said.finish_reason) == (then.continuation + "2", True, "length")


@pytest.mark.parametrize(
    ("text", "reasoning_open", "closing"),
    [
        ("<think>hm", False, "\n</think>\n\n"),
        ("first I write", False, "\n\n"),
        ("a</think><think>b", True, "\n</think>\n\n"),
    ],
)
def test_where_no_reasoning_is_open_none_is_closed(text, reasoning_open, closing):
    """A judge without reasoning tags is cut by the budget, too, and made to choose at once."""
    verdict, (_, (then,)) = heard(rules(reasoning_open=reasoning_open), [cut(text)], ["1"])
    assert then.continuation == text + closing + "\\boxed{Assistant "
    assert verdict.votes == Tally(first=1, forced=1)


def test_a_turn_that_the_prompt_file_begins_goes_on_from_there():
    """The beginning is a part of what is gone on from, and none of what was said."""
    begun = made(
        "pairwise",
        {
            "kind": "labels",
            "open": "[[",
            "close": "]]",
            "labels": {"first": ["A"], "second": ["B"]},
            "forced": {"open": "[[", "choices": {"first": "A", "second": "B"}},
        },
        reasoning="opened",
        begin="<think>\n",
    )
    verdict, ((first,), (then,)) = heard(rules(prompt=begun), [cut("hm")], ["B"])
    assert first.continuation == "<think>\n"
    assert then.continuation == "<think>\nhm\n</think>\n\n[["
    assert verdict.transcripts[0].text == "hm\n</think>\n\n[[B"
    assert verdict.votes == Tally(second=1, forced=1)


def test_a_sample_that_ended_by_itself_is_not_forced():
    """It was not the budget that took its verdict; with `force` it is."""
    verdict, asked = heard(RULES, ["</think>I can't say."])
    assert (verdict.votes, len(asked)) == (Tally(unparsed=1), 1)
    verdict, asked = heard(rules(force=True), ["</think>I can't say."], ["1"])
    assert (verdict.votes, len(asked)) == (Tally(first=1, forced=1), 2)


def test_reasoning_that_ended_without_being_closed_is_truncated_and_forced():
    """A judge that opens its reasoning itself and stops in the middle of it."""
    verdict, (_, (then,)) = heard(rules(reasoning_open=False), ["<think>hm"], ["1"])
    assert then.continuation == "<think>hm\n</think>\n\n\\boxed{Assistant "
    assert verdict.votes == Tally(first=1, forced=1)


def test_an_answer_that_was_begun_may_end_by_itself_first():
    """The verdict that the judge was about to say is its own, and not forced."""
    verdict, (_, (then,)) = heard(RULES, [cut("so.</think>\\boxed{Assis")], [("tant 2}", "stop", 5)])
    assert then.continuation == "so.</think>\\boxed{Assis"
    assert (then.sampling, then.choices) == (Sampling(32, 0.6), ())
    assert (verdict.votes, verdict.usage.completion_tokens) == (Tally(second=1), 105)
    (said,) = verdict.transcripts
    assert (said.text, said.forced, said.finish_reason) == ("so.</think>\\boxed{Assistant 2}", False, "stop")


@pytest.mark.parametrize("more", [cut(" and on", 32), " and no more"])
def test_an_answer_that_comes_to_no_verdict_is_forced_then(more):
    """Whether it was cut again or ended: the budget took what it might have said."""
    verdict, (_, _, (last,)) = heard(RULES, [cut("so.</think>On")], [more], ["1"])
    assert last.continuation.startswith("so.</think>On and ")
    assert last.continuation.endswith("\n\n\\boxed{Assistant ")
    assert verdict.votes == Tally(first=1, forced=1)


def test_only_what_was_cut_goes_on():
    """In a wave of three: a verdict, a thought that was cut, and an answer that was cut; each in its place."""
    own = rules(votes=3, order="fixed", stop="none")
    hearing = hear(CASE, own, keep_transcripts=True)
    (first,) = next(hearing)
    texts = [("a</think>\\boxed{Assistant 1}", "stop"), ("b", "length"), ("c</think>\\box", "length")]
    said = [Completion(CASE, at, text, reason, completion_tokens=50) for at, (text, reason) in enumerate(texts)]
    (ending,) = hearing.send(said[::-1])
    assert (ending.first_index, ending.continuation) == (2, "c</think>\\box")
    (forced,) = hearing.send([answered(ending, "ed{Assistant 2}")])
    assert (forced.first_index, forced.choices) == (1, ("1", "2"))
    with pytest.raises(StopIteration) as decided:
        hearing.send([answered(forced, "1")])
    verdict = decided.value.value
    assert first.n == 3
    assert verdict.votes == Tally(first=2, second=1, forced=1)
    assert [said.index for said in verdict.transcripts] == [0, 1, 2]


def test_an_engine_that_can_not_go_on_costs_the_verdicts_and_says_so():
    """Once, however many samples there are."""
    verdict, asked = heard(RULES, [cut("so.</think>On")], REFUSED, REFUSED)
    assert len(asked) == 3
    assert verdict.votes == Tally(truncated=1)
    assert verdict.notes == ("the engine can't continue a sample, so no verdict was forced",)


def test_what_is_said_in_place_of_a_choice_is_read():
    """A server that ignores the choices may still say the verdict; where it does not, the vote stays lost, and is paid for."""
    verdict, _ = heard(RULES, [cut("hm")], ["1}, since"])
    assert verdict.votes == Tally(first=1, forced=1)
    verdict, _ = heard(RULES, [cut("hm")], [("perhaps", "stop", 2)])
    assert verdict.votes == Tally(truncated=1)
    assert verdict.usage.completion_tokens == 102
    assert verdict.transcripts[0].text == "hm"


# Where the context is full.


def test_a_verdict_for_which_the_context_has_no_room_is_put_behind_less():
    """The thought loses its end, until it fits; the transcript has all that was said."""
    verdict, asked = heard(RULES, [cut("0123456789abcdef")], TOO_LONG, TOO_LONG, ["1"])
    ends = [request.continuation.removesuffix("\n</think>\n\n\\boxed{Assistant ") for (request,) in asked[1:]]
    assert ends == ["0123456789abcdef", "0123456789abcd", "01234567"]
    assert verdict.votes == Tally(first=1, forced=1)
    assert verdict.transcripts[0].text == "0123456789abcdef\n</think>\n\n\\boxed{Assistant 1"


def test_a_score_behind_less_stands_behind_all_that_was_said():
    """Where the context has no room, the judge is shown less than the opinion's text has."""
    own = rules(prompt=made("pointwise", SCORE), reasoning_open=False)
    ballot, asked = driven(
        poll(ALONE, (0,), own, 1), [cut("hm")], [cut(", well", 256)], TOO_LONG, [cut("7]] since", 32)]
    )
    assert [request.continuation for (request,) in asked[2:]] == ["hm, well\n\n[[", "hm, wel\n\n[["]
    (opinion,) = ballot.opinions
    assert (opinion.scores, opinion.forced) == ((7.0,), True)
    assert opinion.text == "hm, well\n\n[[7]] since"


def test_a_prompt_that_fills_the_context_alone_leaves_the_vote_lost():
    """There is nothing left to leave out."""
    verdict, asked = heard(RULES, [cut("hm")], TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG)
    assert [len(wave) for wave in asked] == [1] * 5
    assert verdict.votes == Tally(truncated=1)


def test_only_the_sample_that_is_too_long_is_shortened():
    """Nobody says which it is, so they are asked for one by one."""
    own = rules(votes=2, stop="none")
    verdict, asked = driven(
        hear(CASE, own, keep_transcripts=True),
        [cut("short"), cut("longlong")],
        TOO_LONG,
        ["1"],
        TOO_LONG,
        ["2"],
    )
    assert [[request.continuation.partition("\n")[0] for request in wave] for wave in asked[1:]] == [
        ["short", "longlong"], ["short"], ["longlong"], ["longlon"],
    ]  # fmt: skip
    assert verdict.votes == Tally(first=2, forced=2)


def test_a_prompt_that_is_too_long_from_the_beginning_stays_an_error():
    """The budget has nothing to do with it."""
    hearing = hear(CASE, RULES)
    next(hearing)
    with pytest.raises(PromptTooLongError):
        hearing.throw(TOO_LONG)


# Formats without a forced verdict.


def test_without_a_forced_verdict_the_answer_is_begun_and_goes_on_freely():
    """Reasoning is closed; then the judge says in its own words what it has come to, and that is noted."""
    prompt = made("pointwise", SCORE, reasoning="opened")
    opinion, ballot, (_, (then,)) = polled(rules(prompt=prompt), [cut("hm")], [("Good: [[7]]", "stop", 6)])
    assert then.continuation == "hm\n</think>\n\n"
    assert (then.sampling, then.choices) == (Sampling(256, 0.6), ())
    assert (opinion.scores, opinion.forced, opinion.completion_tokens) == ((7.0,), False, 106)
    assert opinion.text == "hm\n</think>\n\nGood: [[7]]"
    (note,) = ballot.notes
    assert "256 tokens" in note


def test_then_its_verdict_is_opened_for_it():
    """By what a verdict begins with in the format; what follows is read."""
    prompt = made("pointwise", SCORE)
    own = rules(prompt=prompt, reasoning_open=False)
    opinion, ballot, (_, (free,), (opened,)) = polled(own, [cut("hm")], [cut(", well", 256)], [cut("7]] since", 32)])
    assert free.continuation == "hm"
    assert (opened.continuation, opened.sampling.max_tokens) == ("hm, well\n\n[[", 32)
    assert (opinion.scores, opinion.forced, opinion.completion_tokens) == ((7.0,), True, 388)
    assert opinion.text == "hm, well\n\n[[7]] since"
    assert ballot.usage.requests == 3


def test_a_format_that_opens_no_verdict_can_lose_it():
    """A line has no beginning to put into a mouth: the sample is TRUNCATED, as without a budget."""
    prompt = made("pointwise", {"kind": "scores", "line": "last"})
    own = rules(prompt=prompt, reasoning_open=False)
    opinion, ballot, asked = polled(own, [cut("hm")], [cut(", well", 256)])
    assert len(asked) == 2
    assert (opinion.vote, opinion.text, opinion.forced) == (Vote.TRUNCATED, "hm, well", False)
    assert len(ballot.notes) == 1


def test_an_opened_verdict_that_says_nothing_stays_lost():
    """What was said before it stands in the transcript."""
    prompt = made("pointwise", SCORE)
    opinion, _, _ = polled(rules(prompt=prompt, reasoning_open=False), [cut("hm")], [cut(".")], ["well"])
    assert (opinion.vote, opinion.text) == (Vote.TRUNCATED, "hm.")


def test_each_response_has_room_for_its_score():
    """A judge of several says as many scores behind what was opened."""
    prompt = made("listwise", SCORE)
    case = Case("query", ("a", "b", "c"))
    opinion, _, asked = polled(
        rules(prompt=prompt, reasoning_open=False), [cut("hm")], [cut("")], ["7, 8, 9]]"], case=case
    )
    assert asked[2][0].sampling.max_tokens == 64
    assert opinion.scores == (7.0, 8.0, 9.0)


def test_grades_are_forced_by_their_labels():
    """A judge of one response chooses a score."""
    verdict = {
        "kind": "grades", "open": "[[", "close": "]]", "grades": {"Yes": 1, "No": 0},
        "forced": {"open": "Correct: [[", "choices": {"Yes": "Yes", "No": "No"}},
    }  # fmt: skip
    own = rules(prompt=made("pointwise", verdict), reasoning_open=False)
    opinion, ballot, (_, (then,)) = polled(own, [cut("hm")], ["No"])
    assert set(then.choices) == {"Yes", "No"}
    assert (opinion.vote, opinion.scores, opinion.forced, ballot.notes) == (None, (0.0,), True, ())


def test_force_alone_opens_no_verdict():
    """Only the budget does, where the file names no forced verdict."""
    own = rules(prompt=made("pointwise", SCORE), think_budget=None, force=True)
    opinion, ballot, asked = polled(own, [cut("hm")])
    assert (opinion.vote, len(asked), ballot.notes) == (Vote.TRUNCATED, 1, ())


# Second thoughts.


def test_reasoning_that_was_closed_goes_on():
    """From before the end of it, with a second thought, in the tokens that are left; the verdict is the later one."""
    first = ("The first is better.\n</think>\n\n\\boxed{Assistant 1}", "stop", 60)
    verdict, ((_,), (then,)) = heard(MORE, [first], [(", no.\n</think>\\boxed{Assistant 2}", "stop", 20)])
    assert then.continuation == "The first is better.\nWait"
    assert (then.sampling, then.choices, then.first_index) == (Sampling(340, 0.6), (), 0)
    assert (verdict.votes, verdict.usage.completion_tokens) == (Tally(second=1), 80)
    assert verdict.transcripts[0].text == "The first is better.\nWait, no.\n</think>\\boxed{Assistant 2}"
    assert verdict.notes == ()


def test_second_thoughts_are_as_many_as_asked_for():
    """Each from what was said before, in what is left of the limit; completion tokens of all are counted."""
    opinion, ballot, asked = polled(
        rules(MORE, prompt=made("pointwise", SCORE), think_more=3),
        [("a</think>[[1]]", "stop", 100)],
        [("b </think>[[2]]", "stop", 100)],
        [("c</think>[[3]]", "stop", 100)],
        [("d</think>[[4]]", "stop", 90)],
    )
    assert [wave[0].continuation for wave in asked[1:]] == ["a\nWait", "a\nWaitb Wait", "a\nWaitb Waitc\nWait"]
    assert [wave[0].sampling.max_tokens for wave in asked] == [400, 300, 200, 100]
    assert (opinion.scores, opinion.completion_tokens) == ((4.0,), 390)
    assert ballot.usage == Usage(4, 40, 16, 390)


@pytest.mark.parametrize(("spent", "is_asked"), [(68, True), (69, False)])
def test_there_must_be_room_for_an_answer(spent, is_asked):
    """With a budget of 100: 32 tokens are worth a second thought, fewer are not."""
    waves = [[("a</think>\\boxed{Assistant 1}", "stop", spent)], ["b</think>\\boxed{Assistant 2}"]]
    verdict, asked = heard(rules(think_more=1), *waves[: 1 + is_asked])
    assert len(asked) == 1 + is_asked
    assert verdict.votes == (Tally(second=1) if is_asked else Tally(first=1))


def test_a_second_thought_that_runs_over_the_budget_is_forced():
    """So that what it thought counts."""
    first = ("a</think>\\boxed{Assistant 1}", "stop", 40)
    verdict, (_, (again,), (forced,)) = heard(rules(think_more=2), [first], [cut(", well", 60)], ["2"])
    assert again.sampling.max_tokens == 60
    assert forced.continuation == "a\nWait, well\n</think>\n\n\\boxed{Assistant "
    assert verdict.votes == Tally(second=1, forced=1)


def test_where_nothing_is_forced_the_verdict_before_it_stands():
    """More thinking may end without a verdict, and must not cost the one that was there; its tokens are counted."""
    waves = [("a</think>[[1]]", "stop", 40)], [("b</think>[[2]]", "stop", 60)], [cut("c", 300)]
    opinion, ballot, asked = polled(rules(MORE, prompt=made("pointwise", SCORE), think_more=5), *waves)
    assert len(asked) == 3
    assert (opinion.scores, opinion.text, opinion.finish_reason) == ((2.0,), "a\nWaitb</think>[[2]]", "stop")
    assert opinion.completion_tokens == ballot.usage.completion_tokens == 400


def test_a_lost_sample_gets_a_second_thought_too():
    """And keeps its whole text where that finds no verdict either."""
    verdict, _ = heard(MORE, ["a</think>I can't say."], ["b</think>Still not."])
    assert verdict.votes == Tally(unparsed=1)
    assert verdict.transcripts[0].text == "a\nWaitb</think>Still not."


def test_samples_without_reasoning_are_left_as_they_are_and_that_is_noted():
    """Nobody could say where more of it belongs; a sample that was cut in its reasoning has had all its tokens."""
    verdict, asked = heard(rules(MORE, reasoning_open=False), ["\\boxed{Assistant 1}"])
    assert (verdict.votes, len(asked)) == (Tally(first=1), 1)
    assert verdict.notes == ("samples without an end of their reasoning can't be made to think more",)
    verdict, asked = heard(MORE, [cut("hm", 400)])
    assert (verdict.votes, len(asked), verdict.notes) == (Tally(truncated=1), 1, ())


@pytest.mark.parametrize(("error", "notes"), [(TOO_LONG, 0), (REFUSED, 1)])
def test_an_engine_that_does_not_go_on_leaves_the_first_thought(error, notes):
    """What refuses is named in a note; a context that is full is as a limit that is reached."""
    verdict, _ = heard(MORE, ["a</think>\\boxed{Assistant 1}"], error)
    assert verdict.votes == Tally(first=1)
    assert verdict.notes == ("the engine can't continue a sample, so none was made to think more",)[:notes]


def test_where_only_the_sum_of_tokens_is_known_each_sample_has_its_share():
    """Servers count the tokens of a request's samples together: 90 and 210 of 300 characters, so 30 and 70 of 100 tokens."""
    own = rules(MORE, votes=2, order="fixed", stop="none", sampling=Sampling(100, 0.6))
    hearing = hear(CASE, own)
    next(hearing)
    end = "</think>\\boxed{Assistant 1}"
    texts = ["a" * (90 - len(end)) + end, "b" * (210 - len(end)) + end]
    said = [Completion(CASE, at, text, "stop", completion_tokens=(100, 0)[at]) for at, text in enumerate(texts)]
    (again,) = hearing.send(said)
    assert (again.first_index, again.sampling.max_tokens) == (0, 70)


def test_the_first_answer_of_a_begun_turn_goes_on_from_its_beginning():
    """What the prompt file begins is there once."""
    prompt = made("pointwise", SCORE, reasoning="opened", begin="<think>\n")
    opinion, _, (_, (then,)) = polled(rules(MORE, prompt=prompt), ["</think>[[1]]"], ["b</think>[[2]]"])
    assert then.continuation == "<think>\nWait"
    assert opinion.text == "Waitb</think>[[2]]"


# Texts.

TAGGED = st.lists(st.sampled_from(["<think>", "</think>", "a", "\n", " "]), max_size=8).map("".join)


@given(TAGGED, st.booleans())
def test_whatever_was_said_a_verdict_behind_it_is_read(text, reasoning_open):
    """Reasoning that is open is closed, so that what was opened stands behind it, whole."""
    mouth = Mouth(SKYWORK.grammar, reasoning_open)
    said = mouth.deciding(text)
    assert said.startswith(text)
    found = read(said + "2}", SKYWORK.grammar, reasoning_open=reasoning_open)
    assert found.vote is Vote.SECOND


@given(TAGGED, st.booleans())
def test_a_second_thought_is_reasoning(text, reasoning_open):
    """It goes on behind an opened tag, where there is one."""
    mouth = Mouth(SKYWORK.grammar, reasoning_open)
    if mouth.has_thought(text):
        said = mouth.thinking_again(text)
        assert said.endswith("Wait")
        assert text.startswith(said[: -len("Wait")].rstrip("\n"))
        assert said.count("</think>") == text.count("</think>") - 1


def opening(verdict, kind="pointwise"):
    return Mouth(made(kind, verdict).grammar).opening


def test_what_a_verdict_is_opened_with():
    """The first way in which the format may open one; not where it stands on a line, in JSON, or behind names."""
    assert opening({"kind": "scores", "open": ["Score: ", "Rating: "], "close": "\n"}) == "Score: "
    assert opening({"kind": "scores", "open": "<a>", "close": "</a>", "each": True}, "pairwise") == "<a>"
    named = {"kind": "scores", "open": "<{}>", "close": "</{}>", "each": True, "names": "r{}"}
    assert not opening(named, "listwise")
    assert not opening({"kind": "scores", "line": "first"})
    assert not opening({"kind": "scores", "json": "score"})


def test_a_request_that_goes_on_is_the_same_each_time():
    """Its seed follows from its text and index alone, so that a ledger knows it again."""
    runs = [heard(rules(think_more=1), [cut("hm")], ["1"])[1] for _ in range(2)]
    assert runs[0] == runs[1]
    then: SampleRequest = runs[0][1][0]
    assert dataclasses.replace(then, continuation=then.continuation + " ").sample_seed != then.sample_seed
