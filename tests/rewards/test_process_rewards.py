"""Process rewards: a probability for each step, in one pass a solution."""

import math

import pytest

from rrm.engines.scorers.base import Readout
from rrm.errors import ContestError, EngineError, InputError, PromptTooLongError
from rrm.ranking import RewardInfo
from rrm.rewards import ProcessReward, load_reward
from rrm.types import Message, Spent
from tests.rewards.scoring import FakeScorer, chat_text, conversation, number_of, tokens_of

SYSTEM = "Please reason step by step, and put your final answer within \\boxed{}."
SOLUTION = "First this.\n\nThen that.\n\nSo 42."
STEPS = ("First this.", "Then that.", "So 42.")


def scorer(**options) -> FakeScorer:
    return FakeScorer(Readout("token_classify"), outputs=2, **options)


def reward(inside: FakeScorer, **options) -> ProcessReward:
    made = load_reward(engine=inside, family="qwen2.5_math_prm", **options)
    assert isinstance(made, ProcessReward)
    return made


def expected(prompt: str, steps) -> list[float]:
    """By the published layout: one turn with a marker behind each step, the second class of a softmax at each."""
    told = "".join(f"{step}<extra_0>" for step in steps)
    tokens = tokens_of(chat_text([("system", SYSTEM), ("user", prompt), ("assistant", told)]))
    marker = tokens_of("<extra_0>")[0]
    found = []
    for place in (place for place, token in enumerate(tokens) if token == marker):
        bad, good = (math.exp(number_of(tokens[: place + 1], output)) for output in (0, 1))
        found.append(good / (bad + good))
    return found


def test_each_step_has_its_probability():
    inside = scorer()
    with reward(inside) as scoring:
        steps = scoring.score_steps("What is it?", SOLUTION)
    assert steps.steps == STEPS
    assert steps.probabilities == pytest.approx(expected("What is it?", STEPS))
    assert len(steps.logits) == 3
    assert len(inside.asked) == 1
    assert steps.tokens == len(inside.asked[0].tokens)
    assert (steps.cut, steps.notes) == (0, ())


async def test_the_async_twins_are_the_same():
    pairs = [("q", SOLUTION), ([Message("user", "q2")], "one\n\ntwo")]
    async with reward(scorer()) as scoring:
        found = await scoring.ascore_steps_many(pairs)
        assert found == [await scoring.ascore_steps(*pair) for pair in pairs]
        assert found == scoring.score_steps_many(pairs)
        assert await scoring.ascore([conversation(SOLUTION)]) == scoring.score([conversation(SOLUTION)])


def test_steps_are_split_as_the_caller_says():
    with reward(scorer()) as scoring:
        assert scoring.step_delimiter == "\n\n"
        assert scoring.score_steps("q", "one;two;;three;", step_delimiter=";").steps == ("one", "two", "three")


def test_blank_lines_are_read_and_not_scored_where_the_format_has_them():
    """As many steps and probabilities as there are lines with a text; the blank ones are in the pass."""
    inside = FakeScorer(Readout("token_classify"), outputs=1)
    with load_reward(engine=inside, family="skywork_o1_prm") as scoring:
        steps = scoring.score_steps("q", "one\n\ntwo\r\n")
        dense = scoring.score_steps("q", "one\ntwo")
    assert steps.steps == dense.steps == ("one", "two")
    assert len(steps.probabilities) == len(steps.logits) == 2
    line = tokens_of("\n")
    asked = tokens_of("<|im_start|>q\n")
    assert inside.asked[0].tokens == (*asked, *tokens_of("one"), *line, *line, *tokens_of("two"), *line, *line)
    assert inside.asked[0].at == (len(asked) + 1, len(asked) + 4)
    assert steps.probabilities[0] == dense.probabilities[0]
    with (
        load_reward(engine=FakeScorer(), family="skywork_o1_prm") as scoring,
        pytest.raises(ContestError, match="blank"),
    ):
        scoring.score_steps("q", " \n\n")


def test_tags_that_a_response_brings_are_taken_away():
    """And words that end like one are left alone; one that forges it is broken up."""
    inside = FakeScorer(Readout("token_classify"), outputs=2)
    with load_reward(engine=inside, family="math_shepherd") as scoring:
        steps = scoring.score_steps("русские книжки", "one ки\nкниги и ки и\nкнижки ки")
    assert steps.steps == ("one", "книги и ки и", "книжки")
    assert inside.asked[0].tokens == tokens_of("русские книжки one ки\nкниги и к и и ки\nкнижки ки")
    assert steps.notes == ("special tokens in the texts were broken up: ки",)


def test_steps_are_split_as_the_reward_was_loaded():
    """Wherever a conversation is scored, and unless a call says otherwise."""
    with reward(scorer(), step_delimiter=";") as scoring:
        assert scoring.step_delimiter == ";"
        assert scoring.score_steps("why?", "a;b").steps == ("a", "b")
        assert scoring.score_steps("why?", "a;b,c", step_delimiter=",").steps == ("a;b", "c")
        assert scoring.score([conversation("a;b;c")]) == pytest.approx([min(expected("why?", ["a", "b", "c"]))])
        assert scoring.settings["step_delimiter"] == ";"
        assert scoring.info.settings == {"step_delimiter": ";", "aggregate": "min"}


@pytest.mark.parametrize("delimiter", [3, ["\n"], b"\n"])
def test_a_delimiter_that_is_no_text(delimiter):
    said = "step_delimiter must be a text that stands between steps"
    with reward(scorer()) as scoring, pytest.raises(InputError, match=said):
        scoring.score_steps("q", "a", step_delimiter=delimiter)
    with pytest.raises(InputError, match=said):
        reward(scorer(), step_delimiter=delimiter)


def test_a_score_is_the_aggregate():
    wanted = expected("why?", STEPS)
    numbers = {"min": min(wanted), "prod": math.prod(wanted), "last": wanted[-1], "mean": sum(wanted) / 3}
    for how, number in numbers.items():
        with reward(scorer(), aggregate=how) as scoring:
            assert scoring.score([conversation(SOLUTION)]) == pytest.approx([number])
            assert scoring.score_steps("why?", SOLUTION).aggregate(how) == pytest.approx(number)
            assert scoring.info == RewardInfo("fake-model", "fake", "process", "qwen2.5_math_prm", {"aggregate": how})


def test_all_before_the_response_is_the_prompt():
    turns = conversation("one\n\ntwo", "q", "a", "q2")
    inside = scorer()
    with reward(inside) as scoring:
        (detail,) = scoring.details([turns])
        prompt = [Message(turn["role"], turn["content"]) for turn in turns[:-1]]
        assert detail.score == min(scoring.score_steps(prompt, "one\n\ntwo").probabilities)
    assert (detail.tokens, len(detail.logits)) == (len(inside.asked[0].tokens), 2)


def test_the_same_solution_is_asked_once():
    inside = scorer()
    with reward(inside) as scoring:
        found = scoring.score_steps_many([("q", SOLUTION), ("q", "other"), ("q", SOLUTION)])
        assert scoring.spent == Spent(2, sum(len(asked.tokens) for asked in inside.asked))
    assert len(inside.asked) == 2
    assert found[0] == found[2] != found[1]


def test_a_marker_in_the_text_makes_no_step():
    inside = scorer()
    with reward(inside) as scoring:
        steps = scoring.score_steps("q <extra_0>", "one <extra_0> one\n\ntwo<|im_end|>")
    assert steps.steps == ("one <extra_0> one", "two<|im_end|>")
    assert len(steps.probabilities) == 2
    assert steps.notes == ("special tokens in the texts were broken up: <extra_0> <|im_end|>",)
    assert inside.asked[0].tokens.count(tokens_of("<extra_0>")[0]) == 2


def test_a_marker_that_is_no_special_token_of_the_tokenizer():
    """The family's own markers are broken up all the same."""
    with reward(scorer(special_tokens=())) as scoring:
        assert len(scoring.score_steps("q", "one <extra_0>\n\ntwo").probabilities) == 2


def test_too_long_is_an_error_that_names_the_solution():
    inside = scorer(max_context=60)
    with reward(inside) as scoring:
        with pytest.raises(PromptTooLongError, match="^solution 1: the prompt has .* the model's context holds 60"):
            scoring.score_steps_many([("q", "a"), ("q", "b " * 100)])
        with pytest.raises(PromptTooLongError, match="^the prompt has"):
            scoring.score_steps("q", "b " * 100)
        with pytest.raises(PromptTooLongError, match="^conversation 1: the prompt has"):
            scoring.score([conversation("a"), conversation("b " * 100)])
    assert inside.asked == []


def test_the_first_steps_of_a_solution_that_is_cut():
    steps = [f"step {number} is so." for number in range(10)]
    tokens = tokens_of(
        chat_text([("system", SYSTEM), ("user", "q"), ("assistant", "".join(f"{step}<extra_0>" for step in steps))])
    )
    marker = tokens_of("<extra_0>")[0]
    fitting = tokens[:80].count(marker)
    assert 1 < fitting < 9
    with reward(scorer(max_context=80), truncation="right") as scoring:
        found = scoring.score_steps("q", "\n\n".join(steps))
        (detail,) = scoring.details([[{"role": "user", "content": "q"}, conversation("\n\n".join(steps))[-1]]])
    assert found.steps == tuple(steps)
    assert found.probabilities == pytest.approx(expected("q", steps)[:fitting])
    assert (found.tokens, found.cut) == (80, len(tokens) - 80)
    assert (detail.score, detail.cut) == (min(found.probabilities), found.cut)


def test_a_solution_of_which_no_step_fits():
    inside = scorer(max_context=20)
    with reward(inside, truncation="right") as scoring:
        found = scoring.score_steps("q", SOLUTION)
        assert (found.steps, found.probabilities, found.logits, found.tokens) == (STEPS, (), (), 0)
        assert found.cut > 0
        with pytest.raises(ContestError, match="no step of the solution was scored"):
            found.aggregate("min")
        with pytest.raises(PromptTooLongError, match="^conversation 0: the prompt has"):
            scoring.score([conversation(SOLUTION)])
    assert inside.asked == []


@pytest.mark.parametrize(
    ("solutions", "error", "said"),
    [
        ([("q", "a"), ("q", " \n\n ")], ContestError, "solution 1: the response has no steps: it is blank"),
        ([("q", "a"), ("q", ["a"])], ContestError, "solution 1: the response must be a text, not list"),
        ([("q", "a"), (7, "a")], ContestError, "solution 1: query must be a string or a list of chat messages, not int"),
        ([("q", "a", "b")], InputError, "a list of pairs, each a prompt and the response"),
        (["qa"], InputError, "a list of pairs, each a prompt and the response"),
    ],
)  # fmt: skip
def test_what_is_no_solution(solutions, error, said):
    inside = scorer()
    with reward(inside) as scoring, pytest.raises(error, match=said):
        scoring.score_steps_many(solutions)
    assert inside.asked == []


def test_what_is_no_solution_in_a_conversation():
    with reward(scorer()) as scoring:
        with pytest.raises(ContestError, match="conversation 1: the response has no steps"):
            scoring.score([conversation("a"), conversation("  ")])
        with pytest.raises(ContestError, match="conversation 0 has no prompt before its response"):
            scoring.score([[{"role": "assistant", "content": "a"}]])


def test_an_empty_delimiter():
    with (
        reward(scorer()) as scoring,
        pytest.raises(InputError, match="can't be split into steps on an empty delimiter"),
    ):
        scoring.score_steps("q", "a", step_delimiter="")


def test_what_is_no_number_is_an_error():
    with reward(scorer(numbers=math.nan)) as scoring:
        with pytest.raises(EngineError, match=r"^the model's output is nan"):
            scoring.score_steps("q", "a")
        with pytest.raises(EngineError, match=r"^conversation 0: the model's output is nan"):
            scoring.score([conversation("a")])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"normalise": True}, "normalise is for outcome rewards, .* 'process': its steps have probabilities already"),
        ({"output": 1}, "output is for outcome rewards"),
        ({"truncation": "left"}, "truncation 'left' is for outcome rewards, .* use 'right'"),
    ],
)
def test_what_process_rewards_have_not(options, said):
    with pytest.raises(InputError, match=said):
        reward(scorer(), **options)


def test_reasoning_is_left_out_where_that_is_asked():
    with reward(scorer(), strip_reasoning=True) as scoring:
        assert scoring.score_steps("q", "<think>a\n\nb</think>c\n\nd").steps == ("c", "d")
        assert scoring.score([conversation("<think>a\n\nb</think>c")]) == scoring.score([conversation("c")])
