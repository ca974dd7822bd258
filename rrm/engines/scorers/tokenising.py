"""A tokenizer of transformers as the part of a scorer that makes tokens of texts.

Invariants: the chat template alone decides on special tokens of a conversation, so it never gains a second BOS;
nothing is cut or padded. Plain work for the CPU, safe in one thread at a time; it knows no engine.
"""

from collections.abc import Sequence
from typing import Any

from rrm.engines.tokens import encoded, first_line, special_tokens_of
from rrm.errors import EngineRefusedError, ModelError
from rrm.types import Message

__all__ = ["LocalTokens"]

_OPENING = [{"role": "user", "content": "?"}]


class LocalTokens:
    """What `Tokenising` asks for, from `tokenizer`; `model` is the name that errors have.

    The asynchronous methods work at once and block for as long as it takes (about a millisecond for some thousand
    tokens); their twins `chat_now` and `tokens_now` are for callers that use a thread.
    """

    def __init__(self, tokenizer: Any, model: str) -> None:
        self._tokenizer = tokenizer
        self._model = model

    @property
    def special_tokens(self) -> tuple[str, ...]:
        """All special tokens as text, sorted."""
        return special_tokens_of(self._tokenizer)

    async def chat(self, messages: Sequence[Message], *, add_generation_prompt: bool = False) -> tuple[int, ...]:
        return self.chat_now(messages, add_generation_prompt=add_generation_prompt)

    async def tokens(self, text: str, *, add_special_tokens: bool = False) -> tuple[int, ...]:
        return self.tokens_now(text, add_special_tokens=add_special_tokens)

    async def bos(self) -> tuple[int, ...]:
        """The BOS token, whether the tokenizer puts it before a text or not."""
        found = self._tokenizer.bos_token_id
        return () if found is None else (int(found),)

    def chat_now(self, messages: Sequence[Message], *, add_generation_prompt: bool = False) -> tuple[int, ...]:
        """A conversation by the chat template. Raises ModelError without one, EngineRefusedError where it refuses."""
        turns = [{"role": role, "content": content} for role, content in messages]
        try:
            text = self._render(turns, add_generation_prompt)
        except Exception as error:  # templates raise what they like, and jinja2 wraps only some of it
            raise self._refusal(error) from error
        return self.tokens_now(text)

    def tokens_now(self, text: str, *, add_special_tokens: bool = False) -> tuple[int, ...]:
        """A text; lone surrogates become `?`."""
        return tuple(encoded(self._tokenizer, text, add_special_tokens=add_special_tokens))

    def label_ids(self, labels: Sequence[str]) -> tuple[int, ...]:
        """The ids of labels, each spelled as in the vocabulary or as a text of one token. Raises ModelError otherwise."""
        return tuple(self._label_id(label) for label in labels)

    def _label_id(self, label: str) -> int:
        if (known := self._tokenizer.get_vocab().get(label)) is not None:
            return int(known)
        found = self.tokens_now(label)
        if len(found) != 1:
            raise ModelError(
                f"the label {label!r} is {len(found)} tokens of the model {self._model}, not one: "
                "use labels that are single tokens, spelled as in its vocabulary (often with or without a leading space)"
            )
        return found[0]

    def _render(self, turns: list[dict[str, str]], add_generation_prompt: bool) -> str:
        return str(
            self._tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=add_generation_prompt)
        )

    def _refusal(self, error: Exception) -> Exception:
        """What it means that a conversation can't be rendered: a template that can't do anything, or a refusal."""
        try:
            self._render(_OPENING, add_generation_prompt=False)
        except Exception as fault:  # noqa: BLE001 - as above
            return ModelError(
                f"the model {self._model} has no usable chat template ({type(fault).__name__}: {first_line(fault)}): "
                "put its chat_template.jinja into the model's folder"
            )
        return EngineRefusedError(
            f"the chat template of {self._model} refuses this conversation ({first_line(error)}): "
            "use roles, and an order of them, that the model knows"
        )
