"""A tokenizer as the part of a scorer that makes tokens, on a tokenizer of one token per character."""

import pytest

from rrm.engines.scorers.base import Tokenising
from rrm.engines.scorers.tokenising import LocalTokens
from rrm.errors import EngineRefusedError, ModelError
from rrm.types import Message

QUESTION, ANSWER = Message("user", "hi"), Message("assistant", "ho")


class Letters:
    """A tokenizer whose template opens with <s>, and which adds another one unless told not to."""

    all_special_tokens = ("<s>",)

    def __init__(self, *, has_template: bool = True) -> None:
        self.has_template = has_template

    def apply_chat_template(
        self, messages: list[dict[str, str]], *, tokenize: bool, add_generation_prompt: bool
    ) -> str:
        assert not tokenize
        if not self.has_template:
            raise ValueError("chat_template is not set\nand much advice")
        if any(message["role"] == "tool" for message in messages):
            raise RuntimeError("no role tool\nand more")
        return "<s>" + "".join(message["content"] for message in messages) + "A:" * add_generation_prompt

    def encode(self, text: str, *, add_special_tokens: bool) -> list[int]:
        known = text.startswith("<s>")
        return [1000] * add_special_tokens + [1000] * known + [ord(character) for character in text[3 * known :]]

    def get_vocab(self) -> dict[str, int]:
        return {"<yes>": 2000}


async def test_a_conversation_gains_no_second_beginning() -> None:
    local: Tokenising = LocalTokens(Letters(), "m")
    assert await local.chat((QUESTION, ANSWER)) == (1000, *map(ord, "hiho"))
    assert await local.chat((QUESTION,), add_generation_prompt=True) == (1000, *map(ord, "hiA:"))


async def test_a_text_begins_as_it_is_told() -> None:
    local = LocalTokens(Letters(), "m")
    assert await local.tokens("hi") == tuple(map(ord, "hi"))
    assert await local.tokens("hi", add_special_tokens=True) == (1000, *map(ord, "hi"))
    assert await local.tokens("") == ()
    assert await local.tokens("", add_special_tokens=True) == (1000,)
    assert await local.tokens("a\ud800") == (ord("a"), ord("?"))


@pytest.mark.parametrize(("token", "found"), [(None, ()), (0, (0,)), (1000, (1000,))])
async def test_a_bos_token_is_told_whether_it_is_added_or_not(token: int | None, found: tuple[int, ...]) -> None:
    letters = Letters()
    letters.bos_token_id = token
    assert await LocalTokens(letters, "m").bos() == found


def test_the_twins_do_the_same() -> None:
    local = LocalTokens(Letters(), "m")
    assert local.chat_now((QUESTION,), add_generation_prompt=True) == (1000, *map(ord, "hiA:"))
    assert local.tokens_now("hi", add_special_tokens=True) == (1000, *map(ord, "hi"))
    assert local.special_tokens == ("<s>",)


def test_a_refused_conversation_says_why_in_one_line() -> None:
    with pytest.raises(EngineRefusedError, match=r"template of m refuses this conversation \(no role tool\)"):
        LocalTokens(Letters(), "m").chat_now((Message("tool", "hi"),))


def test_a_model_without_a_template_is_named_when_one_is_needed() -> None:
    local = LocalTokens(Letters(has_template=False), "reward-7b")
    assert local.tokens_now("hi")
    with pytest.raises(
        ModelError, match=r"reward-7b has no usable chat template \(ValueError: chat_template is not set\)"
    ):
        local.chat_now((QUESTION,))


def test_labels_are_single_tokens() -> None:
    local = LocalTokens(Letters(), "m")
    assert local.label_ids(("<yes>", "+")) == (2000, ord("+"))
    with pytest.raises(ModelError, match="the label 'no' is 2 tokens of the model m"):
        local.label_ids(("+", "no"))
