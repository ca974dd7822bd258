"""How much likelier a response is to one model than to another."""

import math

import pytest

from rrm.engines.scorers.base import Pass, Readout, Vectors
from rrm.errors import ContestError, EngineError, InputError, PromptTooLongError
from rrm.ranking import RewardInfo
from rrm.rewards import LikelihoodRatio
from rrm.types import Message, Spent
from tests.rewards.scoring import FakeScorer, conversation, number_of, tokens_of


class Model(FakeScorer):
    """A generative model whose template ends a turn with `end`, and whose numbers follow from its name too."""

    def __init__(self, name: str, end: str = "<|im_end|>\n", **options) -> None:
        super().__init__(Readout("likelihood"), name=name, **options)
        self.end = end

    async def chat(self, messages, *, add_generation_prompt=False):
        return tokens_of(self.text(messages, add_generation_prompt=add_generation_prompt))

    def text(self, messages, *, add_generation_prompt=False):
        turns = "".join(f"<|im_start|>{role}\n{content}{self.end}" for role, content in messages)
        return turns + ("<|im_start|>assistant\n" if add_generation_prompt else "")

    async def score(self, asked: Pass) -> Vectors:
        found = await super().score(asked)
        if self.numbers is not None:
            return found
        values = tuple((-abs(number_of(self.info.model, asked.tokens[: place + 1])),) for place in asked.at)
        return Vectors(values, found.prompt_tokens)

    def logprobs(self, prompt: str, response: str) -> list[float]:
        """Of what follows the prompt: the response and the end of the turn."""
        begun = tokens_of(self.text([("user", prompt)], add_generation_prompt=True))
        whole = begun + tokens_of(response + self.end)
        return [-abs(number_of(self.info.model, whole[: place + 1])) for place in range(len(begun), len(whole))]


def pair(**options) -> tuple[Model, Model]:
    return Model("strong", **options), Model("weak", "<|im_end|>", **options)


TEXTS = ["so", "because of this and that", "x" * 30]


def test_the_difference_of_log_probabilities():
    strong, weak = pair()
    with LikelihoodRatio(strong, weak) as scoring:
        scores = scoring.score([conversation(text) for text in TEXTS])
    wanted = [math.fsum(strong.logprobs("why?", text)) - math.fsum(weak.logprobs("why?", text)) for text in TEXTS]
    assert scores == pytest.approx(wanted)


def test_per_token_each_model_counts_its_own():
    strong, weak = pair()
    with LikelihoodRatio(strong, weak, per_token=True) as scoring:
        scores = scoring.score([conversation(text) for text in TEXTS])
    for text, score in zip(TEXTS, scores, strict=True):
        above, below = strong.logprobs("why?", text), weak.logprobs("why?", text)
        assert len(above) == len(below) + 1
        assert score == pytest.approx(sum(above) / len(above) - sum(below) / len(below))


async def test_two_batched_passes_one_after_the_other():
    """The weak model is not asked before the strong one has answered everything."""
    strong, weak = pair(latency=0.1)
    seen: list[int] = []
    scored = strong.score

    async def score(asked: Pass) -> Vectors:
        found = await scored(asked)
        seen.append(len(weak.asked))
        return found

    strong.score = score
    async with LikelihoodRatio(strong, weak) as scoring:
        await scoring.ascore([conversation(str(number)) for number in range(50)])
        assert scoring.spent == Spent(100, sum(len(asked.tokens) for asked in strong.asked + weak.asked))
    assert seen == [0] * 50
    assert strong.most_in_flight == weak.most_in_flight == 50


def test_details_have_both_models_numbers():
    strong, weak = pair()
    with LikelihoodRatio(strong, weak) as scoring:
        (detail,) = scoring.details([conversation("so <|im_end|>")])
    assert [len(numbers) for numbers in detail.logits] == [len(strong.asked[0].at), len(weak.asked[0].at)]
    assert detail.score == pytest.approx(sum(detail.logits[0]) - sum(detail.logits[1]))
    assert detail.tokens == len(strong.asked[0].tokens) + len(weak.asked[0].tokens)
    assert detail.notes == ("special tokens in the texts were broken up: <|im_end|>",)


def test_the_same_model_twice_gives_nothing():
    with LikelihoodRatio(Model("m"), Model("m")) as scoring:
        assert scoring.score([conversation(text) for text in TEXTS]) == [0.0] * 3


def test_a_template_that_says_more_before_a_response_it_has():
    """Where the whole leaves the prompt, the response begins."""

    class Thinking(Model):
        def text(self, messages, *, add_generation_prompt=False):
            return super().text(messages) + ("<|im_start|>assistant\nTHINK " if add_generation_prompt else "")

    strong, weak = Thinking("strong"), Thinking("weak")
    with LikelihoodRatio(strong, weak) as scoring:
        scoring.score([conversation("so")])
    whole, at = strong.asked[0].tokens, strong.asked[0].at
    assert whole[at[0] :] == tokens_of("so<|im_end|>\n")
    assert at == tuple(range(at[0], len(whole)))


def test_a_template_that_shows_no_response():
    class Forgetful(Model):
        def text(self, messages, *, add_generation_prompt=False):
            return super().text(messages[:1], add_generation_prompt=True)

    with (
        LikelihoodRatio(Forgetful("strong"), Model("weak")) as scoring,
        pytest.raises(ContestError, match="conversation 0: the chat template shows no response behind the prompt"),
    ):
        scoring.score([conversation("so")])


def test_what_can_be_known_to_be_wrong_is_found_before_anything_is_asked():
    strong, weak = Model("strong"), Model("weak", max_context=40)
    with LikelihoodRatio(strong, weak) as scoring:
        with pytest.raises(PromptTooLongError, match="^conversation 1: the prompt has .* holds 40"):
            scoring.score([conversation("so"), conversation("so " * 50)])
        with pytest.raises(ContestError, match="conversation 1 has no prompt before its response"):
            scoring.score([conversation("so"), [Message("assistant", "so")]])
        with pytest.raises(InputError, match="put one conversation into a list"):
            scoring.score(conversation("so"))
    assert strong.asked == weak.asked == []


def test_what_is_no_number_is_an_error():
    with (
        LikelihoodRatio(Model("strong"), Model("weak", numbers=-math.inf)) as scoring,
        pytest.raises(EngineError, match="conversation 0: the model's output is -inf"),
    ):
        scoring.score([conversation("so")])


def test_what_it_says_of_itself():
    strong, weak = pair()
    with LikelihoodRatio(strong, weak, per_token=True) as scoring:
        assert scoring.info == RewardInfo(
            "strong over weak",
            "fake",
            "likelihood",
            "likelihood_ratio",
            {"strong": "strong", "weak": "weak", "per_token": True},
        )
        own = {"reward": None, "engine": "Model", "engine_args": {}}
        assert scoring.settings == {"kind": "likelihood", "strong": own, "weak": own, "per_token": True}
    assert (strong.closed, weak.closed) == (1, 1)


def test_a_ledger_is_for_both(tmp_path):
    conversations = [conversation(text) for text in TEXTS]
    with LikelihoodRatio(*pair(), ledger=tmp_path / "ledger") as scoring:
        scores = scoring.score(conversations)
    strong, weak = pair()
    with LikelihoodRatio(strong, weak, ledger=tmp_path / "ledger") as scoring:
        assert scoring.score(conversations) == scores
        assert (scoring.reused.samples, scoring.spent.samples) == (6, 0)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((None, "weak"), "name a reward model"),
        (("strong", 7), "engine must be one of vllm, transformers, server, or a Scorer, not 7"),
    ],
)
def test_what_is_no_model(arguments, said):
    with pytest.raises(InputError, match=said):
        LikelihoodRatio(*arguments, engine=None)


def test_arguments_of_the_one_are_not_those_of_the_other():
    with pytest.raises(InputError, match="engine_args are for an engine that is named"):
        LikelihoodRatio(Model("strong"), Model("weak"), weak_args={"dtype": "float32"})
