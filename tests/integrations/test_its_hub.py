"""Judges, rankers and rewards in its_hub's own best-of-N and particle filtering, with a model that is a script."""

import asyncio
import math

import pytest
from its_hub import AbstractLanguageModel, BestOfN
from its_hub.api import ChatMessage, ChatMessages
from its_hub.core.algorithms.beam_search import BeamSearch
from its_hub.core.algorithms.particle_gibbs import ParticleFiltering
from its_hub.core.lms.step_generation import StepGeneration

from rrm import Contest, Judge, ScriptedEngine, Vote
from rrm.engines.scripted import CHOOSERS, answering
from rrm.errors import ContestError, EngineError, EngineUnreachableError, InputError
from rrm.integrations.its_hub import OutcomeRewardModel, ProcessRewardModel
from rrm.rankers import Cascade, Ensemble, RewardRanker

ANSWERS = ["5", "It is 4.", "2 + 2 = 4, as you can count.", "four"]


class Scripted(AbstractLanguageModel):
    """Says its texts in turn, from the first again when they are out."""

    def __init__(self, texts):
        self.texts = texts
        self.said = 0

    async def agenerate_single(self, messages, stop=None, **_):
        self.said += 1
        return {"role": "assistant", "content": self.texts[(self.said - 1) % len(self.texts)]}

    async def agenerate(self, messages, stop=None, **options):
        if messages and isinstance(messages[0], list):
            return [await self.agenerate_single(each, stop, **options) for each in messages]
        return await self.agenerate_single(messages, stop, **options)


class Lengths:
    """A reward of one's own: how long the response is. Notes what it was asked."""

    def __init__(self):
        self.asked = []

    def score(self, conversations):
        self.asked.append(conversations)
        return [float(len(conversation[-1]["content"])) for conversation in conversations]


def longest(**settings):
    return Judge(engine=ScriptedEngine(answering(CHOOSERS["longest"])), **settings)


def graded(text="Feedback: fine. [RESULT] {}", **settings):
    """A judge of single responses that counts words, and notes nothing of others."""

    def say(request, _):
        return text.format(min(5, len(request.case.responses[0].split())))

    rubric = {"rubric": "Is it long?"}
    return Judge(engine=ScriptedEngine(say), prompt="prometheus2_absolute", prompt_args=rubric, **settings)


def conversation(prompt, answer, make=ChatMessage):
    return [make(role="user", content=prompt), make(role="assistant", content=answer)]


def infer(model, prompt="What is 2 + 2?", budget=4, texts=ANSWERS):
    return BestOfN(model).infer(Scripted(texts), prompt, budget, return_response_only=False)


@pytest.mark.parametrize("strategy", [None, "knockout", "elo", "auto"])
def test_best_of_n_takes_a_judge_of_pairs(strategy):
    """The candidates of one call are a group; the best of its ranking is chosen."""
    with longest() as judge:
        result = infer(OutcomeRewardModel(judge, strategy=strategy))
        played = judge.spent.samples
    assert result.the_one == {"role": "assistant", "content": ANSWERS[2]}
    assert result.scores.index(max(result.scores)) == 2
    assert played > 0


def test_scores_are_those_of_the_ranking():
    """In the strategy's units; equal candidates were one to its_hub already and have the same."""
    with longest() as judge:
        result = infer(OutcomeRewardModel(judge, strategy="elo"), budget=5)
        ranking = judge.rank("What is 2 + 2?", ANSWERS, strategy="elo")
    assert result.scores == [*ranking.scores, ranking.scores[0]]


def test_best_of_n_takes_a_pointwise_judge():
    """The mean of the samples of each."""
    with graded() as judge:
        assert infer(OutcomeRewardModel(judge)).scores == [1, 3, 5, 1]


@pytest.mark.parametrize("prompt", ["2 + 2?", [{"role": "user", "content": "2 + 2?"}], ChatMessages("2 + 2?")])
def test_best_of_n_takes_a_reward_of_ones_own(prompt):
    """It sees plain dictionaries, however the prompt came; dictionaries and ChatMessage objects arrive mixed."""
    reward = Lengths()
    result = infer(OutcomeRewardModel(reward), prompt)
    assert result.scores == [1, 8, 28, 4]
    assert result.the_one["content"] == ANSWERS[2]
    (asked,) = reward.asked
    assert asked[1] == [{"role": "user", "content": "2 + 2?"}, {"role": "assistant", "content": "It is 4."}]


def test_best_of_n_takes_a_function():
    """As everywhere."""
    model = OutcomeRewardModel(lambda conversations: [-len(each[-1]["content"]) for each in conversations])
    assert infer(model).selected_index == 0


def test_best_of_n_takes_an_ensemble_and_a_cascade():
    """The filter leaves "5" and "four" for a judge that prefers the longest; what was cut stands behind."""
    brief = RewardRanker(lambda conversations: [-len(each[-1]["content"]) for each in conversations])
    ensemble = Ensemble([(Lengths(), 3), (lambda conversations: [0.0] * len(conversations), 1)])
    with longest() as judge, brief, ensemble:
        cascade = infer(OutcomeRewardModel(Cascade(brief, keep=2, judge=judge)))
        assert infer(OutcomeRewardModel(ensemble)).selected_index == 2
    assert cascade.the_one["content"] == "four"
    assert cascade.scores == [2, 1, 0, 3]


def test_a_cascade_whose_judge_decides_nothing_is_an_error():
    """A response that the filter cut is not chosen for want of a verdict."""
    with Judge(engine=ScriptedEngine(answering(lambda *_: Vote.UNPARSED))) as judge:
        model = OutcomeRewardModel(Cascade(Lengths(), keep=2, judge=judge))
        with pytest.raises(ContestError, match="the judge decided nothing"):
            infer(model)


def test_a_single_call_after_another_works_on_another_loop():
    """Each inference of its_hub has a loop of its own."""
    with longest() as judge:
        model = OutcomeRewardModel(judge)
        chosen = [infer(model, prompt).the_one["content"] for prompt in ("2 + 2?", "And again?")]
    assert chosen == [ANSWERS[2]] * 2


def test_candidates_that_are_all_alike_ask_nothing():
    """That is its_hub's doing, and nothing is loaded for it."""
    reward = Lengths()
    assert infer(OutcomeRewardModel(reward), texts=["4"]).scores == [1.0] * 4
    assert reward.asked == []


@pytest.mark.parametrize("make", [ChatMessage, dict])
def test_conversations_of_other_prompts_are_other_groups(make):
    """What is long for one prompt is not compared with what is long for another."""
    batch = [
        conversation(*row, make)
        for row in (("p", "a"), ("q", "ccccc"), ("p", "bb"), ("q", "dddd"), ("lone", "eeeeeeeee"))
    ]
    with longest() as judge:
        scores = OutcomeRewardModel(judge, strategy="knockout").score(batch)
        assert judge.votes.total == 2
    assert scores == [0, 1, 1, 0, 0]


def test_conversations_that_differ_in_an_earlier_turn_are_other_groups():
    """The whole of what stands before the candidate is the prompt; content in parts is text."""
    system = {"role": "system", "content": "Be brief."}
    parts = ChatMessage("user", [{"type": "text", "text": "p"}])
    batch = [
        [system, *conversation("p", "a")],
        conversation("p", "bb"),
        [system, parts, ChatMessage("assistant", "ccc")],
    ]
    engine = ScriptedEngine(answering(CHOOSERS["longest"], {"first": "[[A]]", "second": "[[B]]"}))
    with Judge(engine=engine, prompt="mt_bench_pair_multi_turn") as judge:
        assert OutcomeRewardModel(judge).score(batch) == [0, 0, 1]


def test_the_query_can_be_made_of_the_prompt():
    """For a judge prompt that takes one question: what it is shown leaves out the system message."""
    prompt = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "2 + 2?"}]
    seen = set()

    def choose(request, index):
        seen.add(request.case.query)
        return CHOOSERS["longest"](request, index)

    with Judge(engine=ScriptedEngine(answering(choose))) as judge:
        with pytest.raises(ContestError, match="takes a query of one user message"):
            infer(OutcomeRewardModel(judge), prompt)
        model = OutcomeRewardModel(judge, query=lambda prompt: prompt[-1]["content"])
        assert infer(model, prompt).selected_index == 2
    assert seen == {"2 + 2?"}


async def test_one_conversation_is_a_number_and_sync_and_async_agree():
    """A list of one is a list; a ChatMessages object is a conversation, too."""
    one = conversation("2 + 2?", "It is 4.")
    model = OutcomeRewardModel(Lengths())
    assert (model.score(one), await model.ascore(one)) == (8, 8)
    assert (model.score([one]), await model.ascore([one])) == ([8], [8])
    assert model.score(ChatMessages(one)) == 8
    assert model.score([ChatMessages(one), one]) == [8, 8]
    async with longest() as judge:
        model = OutcomeRewardModel(judge)
        batch = [conversation("p", text) for text in ANSWERS]
        assert model.score(batch) == await model.ascore(batch, orchestrator=object(), further=1)
        assert model.score(one) == await model.ascore(one) == 0
    async with graded() as judge:
        assert await OutcomeRewardModel(judge).ascore(one) == 3


def test_nothing_is_nothing():
    """No conversation, no score."""
    assert OutcomeRewardModel(Lengths()).score([]) == []


def test_a_failed_contest_is_an_error_and_not_a_nan():
    """A pointwise judge whose samples hold no score."""
    with graded("Hm.") as judge, pytest.raises(ContestError, match="prompt 0 could not be ranked: no sample holds"):
        infer(OutcomeRewardModel(judge))


def test_an_engines_error_keeps_its_class():
    """So that a caller can tell a server that is gone from a conversation that can't be judged."""

    def fail(request, index):
        raise EngineUnreachableError("nobody is there")

    with Judge(engine=ScriptedEngine(fail)) as judge, pytest.raises(EngineUnreachableError, match="nobody is there"):
        infer(OutcomeRewardModel(judge))


def test_lost_votes_make_no_number():
    """The judge can't say anything of "5": it is never chosen; where it can't of any, that is an error."""

    def choose(request, index):
        return Vote.UNPARSED if "5" in request.case.responses else CHOOSERS["longest"](request, index)

    with Judge(engine=ScriptedEngine(answering(choose))) as judge:
        result = infer(OutcomeRewardModel(judge, strategy="elo"))
        assert result.scores[0] == -math.inf
        assert result.selected_index == 2
        assert infer(OutcomeRewardModel(judge, strategy="elo", undecided=-1)).scores[0] == -1
    said = "decided nothing about the candidates of prompt 0: of 9 votes 9 were lost"
    engine = ScriptedEngine(answering(lambda *_: Vote.UNPARSED))
    with Judge(engine=engine) as judge, pytest.raises(ContestError, match=said):
        infer(OutcomeRewardModel(judge))


@pytest.mark.parametrize("value", [math.nan, None, "0"])
def test_undecided_must_be_a_number(value):
    """BestOfN takes a NaN for the highest number."""
    with pytest.raises(InputError, match="undecided must be a number"):
        OutcomeRewardModel(Lengths(), undecided=value)


def test_a_reward_that_gives_no_number_is_an_error():
    """BestOfN would choose the first NaN without a word."""
    with pytest.raises(ContestError, match="nan for conversation 1"):
        infer(OutcomeRewardModel(lambda conversations: [1.0, math.nan, 2.0, 3.0]))


@pytest.mark.parametrize(
    ("messages", "said"),
    [
        ("text", "must be a list of chat messages, not str"),
        ([{"role": "user", "content": "p"}], "not 1 messages"),
        ([conversation("p", "a")[::-1]], "conversation 0 must be a prompt and, last, the assistant message"),
        ([conversation("p", "a"), conversation("p", None)], "conversation 1: a chat message needs"),
        ([[]], "not 0 messages"),
        ([*conversation("p", "a"), conversation("p", "b")], "a chat message needs a role"),
        (
            [[ChatMessage("user", "p"), ChatMessage("assistant", "a", tool_calls=[{"id": "1"}])]],
            "conversation 0 holds tool calls",
        ),
    ],
)
def test_what_can_not_be_taken_is_said(messages, said):
    """With the number of the conversation."""
    with pytest.raises(ContestError, match=said):
        OutcomeRewardModel(Lengths()).score(messages)


def test_what_is_neither_ranker_nor_reward_is_refused():
    """A judge's class in place of a judge, a model's name with a slip."""
    with pytest.raises(InputError):
        OutcomeRewardModel(Contest("p", ["a"]))


class Doubts:
    """A reward whose numbers are probabilities: 0.9 for each step that says no "guess", 0.1 for one that does."""

    def score(self, conversations):
        texts = [conversation[-1]["content"] for conversation in conversations]
        return [math.prod(0.1 if "guess" in step else 0.9 for step in text.split("\n\n")) for text in texts]


def test_beam_search_keeps_the_steps_that_the_reward_likes():
    """Two steps of four beams each: those with a guess are left behind."""
    model = ProcessRewardModel(Doubts())
    steps = StepGeneration(max_steps=1, step_token="\n\n")
    search = BeamSearch(steps, model, beam_width=1)
    result = search.infer(Scripted(["I guess.", "17 x 3 = 51."]), "17 x 3?", 4, return_response_only=False)
    assert result.the_one["content"] == "17 x 3 = 51.\n\n17 x 3 = 51."
    assert max(result.scores) == pytest.approx(0.81)


def test_particle_filtering_takes_its_numbers():
    """It insists on probabilities."""
    steps = StepGeneration(max_steps=1, step_token="\n\n")
    particles = ParticleFiltering(steps, ProcessRewardModel(Doubts()))
    result = particles.infer(Scripted(["17 x 3 = 51."]), "17 x 3?", 3, return_response_only=False)
    assert result.the_one["content"] == "17 x 3 = 51.\n\n17 x 3 = 51."


def test_a_process_model_takes_a_text_several_or_none():
    """A conversation as the prompt, too."""
    model = ProcessRewardModel(Doubts())
    prompt = ChatMessages([ChatMessage("system", "Be brief."), ChatMessage("user", "17 x 3?")])
    assert model.score("17 x 3?", "51") == asyncio.run(model.ascore(prompt, "51")) == 0.9
    assert model.score(prompt, ["51", "I guess"]) == asyncio.run(model.ascore("p", ["51", "I guess"])) == [0.9, 0.1]
    assert model.score("p", []) == asyncio.run(model.ascore("p", [])) == []


def test_a_logit_is_no_probability():
    """An assertion deep in its_hub would not say why."""
    with pytest.raises(EngineError, match="gave 4.0, and its_hub takes probabilities"):
        ProcessRewardModel(Lengths()).score("p", ["four"])
