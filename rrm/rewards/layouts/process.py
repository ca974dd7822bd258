"""Ways to lay a prompt and the steps of a solution before a model, in one pass that is read once a step.

Invariants as in `rrm.rewards.layouts.base`. Knows no model by name.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate

from rrm.engines.scorers.base import Tokenising
from rrm.errors import ContestError
from rrm.rewards.layouts.base import (
    Laid,
    LaySteps,
    check_count,
    question_of,
    single_token,
    stepped,
    told,
    turns_of,
    with_system,
)
from rrm.types import Message

__all__ = ["apart", "marked", "signed_turns", "tagged", "trained_apart"]


def marked(marker: str, system: str) -> LaySteps:
    """One assistant's turn with a special token behind each step, read there."""

    async def lay(scorer: Tokenising, prompt: str | Sequence[Message], steps: Sequence[str]) -> Laid:
        solution = Message("assistant", "".join(step + marker for step in stepped(steps)))
        tokens = await scorer.chat(with_system((*turns_of(prompt), solution), system))
        return _read_at(tokens, await single_token(scorer, marker), len(steps), marker)

    return lay


def tagged(tag: str, other: str) -> LaySteps:
    """Plain text: the question, a space, and one step a line with a space and a tag, a single token, at its end; read there.

    The text is laid with the tag and with `other`, and the tags are where the two differ: vocabularies begin longer words
    with the tag's token too, and those in the text don't count.
    """

    async def lay(scorer: Tokenising, prompt: str | Sequence[Message], steps: Sequence[str]) -> Laid:
        asked = question_of(prompt)
        # white space before the tag would make other tokens of it
        lines = [step.rstrip() for step in stepped(steps)]
        laid, changed = [
            await scorer.tokens(f"{asked} " + "\n".join(f"{step} {end}" for step in lines), add_special_tokens=True)
            for end in (tag, other)
        ]
        marker = (await scorer.tokens(tag))[-1]
        at = _differing(laid, changed)
        check_count(len(at) if all(laid[place] == marker for place in at) else 0, len(lines), tag)
        return Laid(laid, at)

    return lay


def apart(opening: str, end: str) -> LaySteps:
    """Plain text whose pieces are tokenised apart: `opening`, the question and `end`, then each step and the token of `end`.

    A blank step has its tokens too (an empty one the token of `end` alone), and is not read.
    """

    async def lay(scorer: Tokenising, prompt: str | Sequence[Message], steps: Sequence[str]) -> Laid:
        asked = await scorer.tokens(f"{opening}{question_of(prompt)}{end}", add_special_tokens=True)
        ending = (await scorer.tokens(end, add_special_tokens=True))[-1:]
        pieces = [(await scorer.tokens(step, add_special_tokens=True) if step else ()) + ending for step in told(steps)]
        laid = _joined(asked, pieces)
        return replace(laid, at=tuple(place for place, step in zip(laid.at, steps, strict=True) if step.strip()))

    return lay


def trained_apart(end: str) -> LaySteps:
    """The tokenizer's BOS token where it has one, the question, then each step and `end`, all tokenised apart."""

    async def lay(scorer: Tokenising, prompt: str | Sequence[Message], steps: Sequence[str]) -> Laid:
        asked = await scorer.bos() + await scorer.tokens(question_of(prompt))
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
        places = _differing(good, bad)
        if len(good) != len(bad) or len(places) != len(asked) or places[0] == 0:
            raise ContestError(
                f"the answers {signs[0]!r} and {signs[1]!r} to {len(asked)} steps differ in {len(places)} tokens: "
                "each must be one token of this model, behind the opening of its turn"
            )
        return Laid(good, tuple(place - 1 for place in places))

    return lay


def _dialogue(asked: Sequence[str], answer: str) -> list[Message]:
    return [turn for text in asked for turn in (Message("user", text), Message("assistant", answer))]


def _differing(tokens: Sequence[int], others: Sequence[int]) -> tuple[int, ...]:
    """Where two layings of the same length differ, but for what was changed in one of them; nowhere for unequal ones."""
    both = zip(tokens, others, strict=False)
    return tuple(place for place, (one, other) in enumerate(both) if one != other)


def _joined(asked: tuple[int, ...], told: Sequence[tuple[int, ...]]) -> Laid:
    ends = accumulate((len(piece) for piece in told), initial=len(asked))
    return Laid(asked + tuple(token for piece in told for token in piece), tuple(end - 1 for end in ends)[1:])


def _read_at(tokens: tuple[int, ...], marker: int, count: int, name: str) -> Laid:
    at = tuple(place for place, token in enumerate(tokens) if token == marker)
    check_count(len(at), count, name)
    return Laid(tokens, at)
