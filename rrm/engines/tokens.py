"""What in-process engines need of a tokenizer: prompts as tokens, special tokens, what fits, and choices.

Invariants: the chat template alone decides on special tokens, so a prompt never gains a second BOS; a
continuation is tokenised apart from the prompt, so that it extends the cached prefix and can't change it.
Knows no engine, and no model beyond its tokenizer.
"""

from collections.abc import Generator, Sequence
from typing import Any

from rrm.errors import EngineRefusedError, ModelError, PromptTooLongError
from rrm.types import SampleRequest

__all__ = ["Chat", "Tokens", "choosing", "encoded", "first_line", "room", "special_tokens_of"]

Tokens = tuple[int, ...]


class Chat:
    """A tokenizer with a chat template, of a model called `model`. Raises ModelError where it has no template."""

    def __init__(self, tokenizer: Any, model: str) -> None:
        self._tokenizer = tokenizer
        try:
            self._opening = self._render([{"role": "user", "content": "?"}])
        except Exception as error:
            raise ModelError(
                f"the model {model} has no usable chat template ({type(error).__name__}: {first_line(error)}): "
                "use an instruction-tuned model, or put its chat_template.jinja into the model's folder"
            ) from error

    @property
    def special_tokens(self) -> tuple[str, ...]:
        """All special tokens as text, sorted."""
        return special_tokens_of(self._tokenizer)

    @property
    def opens_reasoning(self) -> bool:
        """Whether the template ends a prompt inside an opened `<think>`."""
        return self._opening.rstrip().endswith("<think>")

    def tokens(self, request: SampleRequest) -> list[int]:
        """The prompt and the continuation. Raises EngineRefusedError where the template refuses the messages."""
        messages = [{"role": role, "content": content} for role, content in request.messages]
        try:
            prompt = self._render(messages)
        except Exception as error:  # templates raise what they like, and jinja2 wraps only some of it
            raise EngineRefusedError(
                f"the model's chat template refuses this conversation ({first_line(error)}): "
                "use a prompt with the roles that the model knows"
            ) from error
        return self.encode(prompt) + self.encode(request.continuation)

    def options(self, request: SampleRequest) -> dict[Tokens, str]:
        """The request's choices by their tokens, each with the end of the turn, so that none begins another."""
        return {(*self.encode(choice), self._tokenizer.eos_token_id): choice for choice in request.choices}

    def encode(self, text: str) -> list[int]:
        """The tokens of a text that stands in the middle of something. Lone surrogates become `?`."""
        return encoded(self._tokenizer, text)

    def _render(self, messages: list[dict[str, str]]) -> str:
        return str(self._tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True))


def special_tokens_of(tokenizer: Any) -> tuple[str, ...]:
    """All special tokens of a tokenizer as text, sorted."""
    added = getattr(tokenizer, "added_tokens_decoder", {}).values()
    return tuple(sorted({*tokenizer.all_special_tokens, *(str(token) for token in added if token.special)}))


def encoded(tokenizer: Any, text: str, *, add_special_tokens: bool = False) -> list[int]:
    """The tokens of a text, by default of one that stands in the middle of something. Lone surrogates become `?`."""
    if not text and not add_special_tokens:
        return []
    return list(tokenizer.encode(text.encode("utf-8", "replace").decode(), add_special_tokens=add_special_tokens))


def room(length: int, context: int | None, wanted: int, needed: int = 1) -> int:
    """How many of the `wanted` tokens fit after a prompt of `length` tokens in a context (None: no limit).

    Raises PromptTooLongError where not even the `needed` ones do.
    """
    if context is None:
        return max(wanted, needed)
    if length + needed > context:
        raise PromptTooLongError(length, context)
    return min(max(wanted, needed), context - length)


def choosing(options: Sequence[Tokens]) -> Generator[tuple[Tokens, list[int]], int, int]:
    """Choose among token sequences of which none begins another, sampling only where they part.

    Yields what all that are left have in common so far and the tokens that may follow it, is sent the one
    that was sampled, and returns the place of the option that is left. So "Assistant 1" against
    "Assistant 2" takes one sampled token, and its probability is that of the verdict.
    """
    left, length = list(range(len(options))), 0
    while len(left) > 1:
        following = {options[place][length] for place in left}
        if len(following) > 1:
            chosen = yield options[left[0]][:length], sorted(following)
            left = [place for place in left if options[place][length] == chosen]
        length += 1
    return left[0]


def first_line(error: BaseException) -> str:
    """What an error says, in one line."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
