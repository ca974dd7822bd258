"""Ways to lay a prompt and the steps of a solution before a model, in one pass that is read once a step.

Invariants as in `rrm.rewards.layouts.base`. Knows no model by name.
"""

from collections.abc import Sequence
from itertools import accumulate

from rrm.engines.scorers.base import Tokenising
from rrm.errors import ContestError
from rrm.rewards.layouts.base import (
    Laid,
    LaySteps,
    check_count,
    opening_of,
    question_of,
    single_token,
    stepped,
    turns_of,
    with_system,
)
from rrm.types import Message

__all__ = ["apart", "marked", "signed_turns", "tagged", "trained_apart"]


def marked(marker: str, system: str) -> LaySteps:
    """One assistant's turn with a special token behind each step, read there."""

    async def lay(scorer: Tokenising, prompt: str | Sequence[Message], steps: Sequence[str]) -> Laid:
        told = Message("assistant", "".join(step + marker for step in stepped(steps)))
        tokens = await scorer.chat(with_system((*turns_of(prompt), told), system))
        return _read_at(tokens, await single_token(scorer, marker), len(steps), marker)

    return lay


def tagged(tag: str) -> LaySteps:
    """Plain text: the question, a space, and one step a line with a space and a tag at its end, read at the tag's last token."""

    async def lay(scorer: Tokenising, prompt: str | Sequence[Message], steps: Sequence[str]) -> Laid:
        # white space before the tag would make other tokens of it
        solution = "\n".join(f"{step.rstrip()} {tag}" for step in stepped(steps))
        tokens = await scorer.tokens(f"{question_of(prompt)} {solution}", add_special_tokens=True)
        return _read_at(tokens, (await scorer.tokens(tag))[-1], len(steps), tag)

    return lay


def apart(opening: str, end: str) -> LaySteps:
    """Plain text whose pieces are tokenised apart: `opening`, the question and `end`, then each step and the token of `end`."""

    async def lay(scorer: Tokenising, prompt: str | Sequence[Message], steps: Sequence[str]) -> Laid:
        asked = await scorer.tokens(f"{opening}{question_of(prompt)}{end}", add_special_tokens=True)
        ending = (await scorer.tokens(end, add_special_tokens=True))[-1:]
        told = [await scorer.tokens(step, add_special_tokens=True) + ending for step in stepped(steps)]
        return _joined(asked, told)

    return lay


def trained_apart(end: str) -> LaySteps:
    """The question, begun as the tokenizer begins a text, then each step and `end`, all tokenised apart."""

    async def lay(scorer: Tokenising, prompt: str | Sequence[Message], steps: Sequence[str]) -> Laid:
        asked = await opening_of(scorer) + await scorer.tokens(question_of(prompt))
        ending = await scorer.tokens(end)
        return _joined(asked, [await scorer.tokens(step) + ending for step in stepped(steps)])

    return lay


def signed_turns(signs: tuple[str, str]) -> LaySteps:
    """A dialogue: each step is a user's turn (the first one after the question and a space), each answer the first sign.

    Read where a sign is foretold: at the token before it. The dialogue is laid with either sign, and the signs are where the
    two differ, so that signs in the text don't count.
    """

    async def lay(scorer: Tokenising, prompt: str | Sequence[Message], steps: Sequence[str]) -> Laid:
        first, *others = (step.strip() for step in stepped(steps))
        asked = [f"{question_of(prompt)} {first}", *others]
        good, bad = [await scorer.chat(_dialogue(asked, sign)) for sign in signs]
        places = [place for place, (one, other) in enumerate(zip(good, bad, strict=False)) if one != other]
        if len(good) != len(bad) or len(places) != len(asked) or places[0] == 0:
            raise ContestError(
                f"the answers {signs[0]!r} and {signs[1]!r} to {len(asked)} steps differ in {len(places)} tokens: "
                "each must be one token of this model, behind the opening of its turn"
            )
        return Laid(good, tuple(place - 1 for place in places))

    return lay


def _dialogue(asked: Sequence[str], answer: str) -> list[Message]:
    return [turn for text in asked for turn in (Message("user", text), Message("assistant", answer))]


def _joined(asked: tuple[int, ...], told: Sequence[tuple[int, ...]]) -> Laid:
    ends = accumulate((len(piece) for piece in told), initial=len(asked))
    return Laid(asked + tuple(token for piece in told for token in piece), tuple(end - 1 for end in ends)[1:])


def _read_at(tokens: tuple[int, ...], marker: int, count: int, name: str) -> Laid:
    at = tuple(place for place, token in enumerate(tokens) if token == marker)
    check_count(len(at), count, name)
    return Laid(tokens, at)
