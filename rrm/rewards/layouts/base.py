"""What is laid before a reward model, and where it is read.

Invariants: positions follow from how a text was built, they rise, and each step with a text has exactly one; what it holds can't
make, move or hide one: where the count is not what was built, that is a ContestError. Untrusted text comes in cleaned of
special tokens and of the family's markers. Nothing is cut here on its own account: `Laid.cut` is for those who know how
much fits. Knows tokens and messages, and no model by name.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Self

from rrm.engines.scorers.base import Tokenising
from rrm.errors import ContestError, ModelError, PromptTooLongError
from rrm.types import Message

__all__ = [
    "Laid",
    "LayOutcome",
    "LaySteps",
    "Side",
    "answered",
    "check_count",
    "opening_of",
    "question_of",
    "shared",
    "single_token",
    "stepped",
    "told",
    "turns_of",
    "with_system",
]

Side = Literal["left", "right"]
"""Which end of what is too long goes."""


@dataclass(frozen=True, slots=True)
class Laid:
    """Tokens to lay before a model, and the positions to read: from 0, rising; none for a head that reads the whole sequence."""

    tokens: tuple[int, ...]
    at: tuple[int, ...] = ()
    closing: int = 0
    """How many tokens at the end must stay wherever it is cut: those that the model is read at, or is asked by."""

    def cut(self, limit: int, side: Side) -> Self:
        """At most `limit` tokens of it: the left end gone, or the right end (but for the `closing` tokens, which stay).

        Positions that went are gone, the others are moved. Raises PromptTooLongError where `closing` alone does not fit.
        """
        gone = self.gone(limit, side)
        at = tuple(place if place < gone.start else place - len(gone) for place in self.at if place not in gone)
        return replace(self, tokens=self.tokens[: gone.start] + self.tokens[gone.stop :], at=at)

    def gone(self, limit: int, side: Side) -> range:
        """The places that `cut` leaves out. Raises as it does."""
        surplus = len(self.tokens) - limit
        if surplus <= 0:
            return range(0)
        if limit < max(self.closing, 1):
            raise PromptTooLongError(len(self.tokens), limit)
        start = 0 if side == "left" else limit - self.closing
        return range(start, start + surplus)


LayOutcome = Callable[[Tokenising, Sequence[Message]], Awaitable[Laid]]
"""A conversation that ends with the response -> what to lay. Raises ContestError, and ModelError for a foreign tokenizer."""

LaySteps = Callable[[Tokenising, str | Sequence[Message], Sequence[str]], Awaitable[Laid]]
"""A prompt and the steps of a solution -> what to lay; `at` has one position for each that is not blank.

Raises ContestError for a blank one where the format has no place for it, and ModelError for a foreign tokenizer.
"""


def answered(conversation: Sequence[Message]) -> tuple[Message, ...]:
    """The conversation, if there is a response at its end and something before that. Raises ContestError."""
    if not conversation:
        raise ContestError("the conversation is empty: give a prompt and, as its last turn, the assistant's response")
    *prompt, response = conversation
    if response.role != "assistant":
        raise ContestError(f"the conversation ends with a turn of {response.role!r}: what is scored is the assistant's")
    if not prompt:
        raise ContestError("nothing comes before the response: give the prompt that it answers")
    return tuple(conversation)


def told(steps: Sequence[str]) -> Sequence[str]:
    """The steps, if there is one that is not blank. Raises ContestError."""
    if not any(step.strip() for step in steps):
        raise ContestError(
            "the response has no steps: it is blank, or the delimiter is not the one that it is written with"
        )
    return steps


def stepped(steps: Sequence[str]) -> Sequence[str]:
    """The steps, if there are any and none is blank. Raises ContestError."""
    told(steps)
    if blank := [index for index, step in enumerate(steps) if not step.strip()]:
        raise ContestError(f"step {blank[0]} is blank: leave out steps without a text")
    return steps


def turns_of(prompt: str | Sequence[Message]) -> tuple[Message, ...]:
    """The prompt as messages. Raises ContestError where the assistant would answer itself."""
    turns = (Message("user", prompt),) if isinstance(prompt, str) else tuple(prompt)
    if not turns or turns[-1].role == "assistant":
        raise ContestError("the prompt must end with the turn that the solution answers, and not with the assistant's")
    return turns


def question_of(prompt: str | Sequence[Message]) -> str:
    """The prompt as one text, for formats without turns. Raises ContestError for a conversation, or a system prompt."""
    turns = turns_of(prompt)
    if [turn.role for turn in turns] != ["user"]:
        roles = ", ".join(turn.role for turn in turns)
        raise ContestError(
            f"this model takes a single question and no conversation, but the prompt has turns of: {roles}"
        )
    return turns[0].content


def with_system(turns: tuple[Message, ...], system: str) -> tuple[Message, ...]:
    """The turns behind a system prompt; their own is kept, and an empty one is none."""
    return turns if not system or turns[0].role == "system" else (Message("system", system), *turns)


async def single_token(scorer: Tokenising, marker: str) -> int:
    """The token that a marker is. Raises ModelError where it is not one."""
    tokens = await scorer.tokens(marker)
    if len(tokens) != 1:
        raise ModelError(
            f"the marker {marker!r} is {len(tokens)} tokens of this model, not one: it is of another family, say which (family=)"
        )
    return tokens[0]


async def opening_of(scorer: Tokenising) -> tuple[int, ...]:
    """What the tokenizer puts before a text of its own: a BOS token, or nothing."""
    bare = await scorer.tokens("a")
    begun = await scorer.tokens("a", add_special_tokens=True)
    return begun[: begun.index(bare[0])]


def check_count(found: int, built: int, marker: str) -> None:
    """Raises ContestError where a marker does not stand as often as it was set."""
    if found != built:
        raise ContestError(
            f"the marker {marker!r} stands {found} times where {built} were set: the texts hold it themselves, and must be "
            "cleaned of it, or the chat template alters what it is given"
        )


def shared(tokens: Sequence[int], others: Sequence[int]) -> int:
    """How many tokens the two begin with in common."""
    both = enumerate(zip(tokens, others, strict=False))
    return next((place for place, (one, other) in both if one != other), min(len(tokens), len(others)))
