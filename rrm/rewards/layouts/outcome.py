"""Ways to lay a whole conversation before a model, each a function of a tokenizer and the conversation.

Invariants as in `rrm.rewards.layouts.base`. Knows no model by name.
"""

from collections.abc import Sequence
from dataclasses import replace

from rrm.engines.scorers.base import Tokenising
from rrm.rewards.layouts.base import (
    Laid,
    LayOutcome,
    answered,
    check_count,
    opening_of,
    question_of,
    shared,
    single_token,
    with_system,
)
from rrm.rewards.layouts.process import signed_turns
from rrm.types import Message

__all__ = ["asked_afterwards", "closed_with", "gated", "last_token", "sole_turn", "whole_chat"]


def whole_chat(system: str = "") -> LayOutcome:
    """The conversation by the chat template, for a head that reads the sequence. `system` stands where it has no such turn."""

    async def lay(scorer: Tokenising, conversation: Sequence[Message]) -> Laid:
        return Laid(await scorer.chat(with_system(answered(conversation), system)))

    return lay


def last_token(system: str = "") -> LayOutcome:
    """The conversation by the chat template, read at its last token, whatever that is."""

    async def lay(scorer: Tokenising, conversation: Sequence[Message]) -> Laid:
        tokens = await scorer.chat(with_system(answered(conversation), system))
        return Laid(tokens, (len(tokens) - 1,), closing=1)

    return lay


def closed_with(marker: str) -> LayOutcome:
    """The conversation by the chat template, begun once as the tokenizer begins a text, and closed by a token to read at."""

    async def lay(scorer: Tokenising, conversation: Sequence[Message]) -> Laid:
        tokens = await scorer.chat(answered(conversation))
        closing = await single_token(scorer, marker)
        opening = await opening_of(scorer)
        begun = tokens if tokens[: len(opening)] == opening else opening + tokens
        body = begun[:-1] if begun[-1] == closing else begun
        check_count(body.count(closing), 0, marker)
        return Laid((*body, closing), (len(body),), closing=1)

    return lay


def gated(opening: str, gap: str) -> LayOutcome:
    """The conversation by the chat template, read at the first token of the last `opening` in it, and at its last token.

    `opening` is the end of a turn and the beginning of the assistant's, as the template writes them, and `gap` what it puts
    before the text: apart, because some tokenizers join it to the text.
    """

    async def lay(scorer: Tokenising, conversation: Sequence[Message]) -> Laid:
        tokens = await scorer.chat(answered(conversation))
        pattern = await scorer.tokens(opening)
        opened = await scorer.tokens(opening + gap)
        places = [place for place in range(len(tokens)) if tokens[place : place + len(pattern)] == pattern]
        # some templates open the next turn whether they are asked to or not
        is_open = tokens[-len(opened) :] == opened
        check_count(len(places), sum(turn.role == "assistant" for turn in conversation) + is_open, opening)
        return Laid(tokens, (places[-1], len(tokens) - 1), closing=1)

    return lay


def asked_afterwards(question: str) -> LayOutcome:
    """The conversation, a user's turn with a question about it, and the beginning of the answer, of which the next token is read.

    An empty question adds no turn: then the model opens its next one right behind the response.
    """

    async def lay(scorer: Tokenising, conversation: Sequence[Message]) -> Laid:
        told = answered(conversation)
        asked = (*told, Message("user", question)) if question else told
        tokens = await scorer.chat(asked, add_generation_prompt=True)
        last = len(tokens) - 1
        return Laid(tokens, (last,), closing=len(tokens) - min(shared(tokens, await scorer.chat(told)), last))

    return lay


def sole_turn(signs: tuple[str, str]) -> LayOutcome:
    """The question and the whole response as one user's turn, answered by a sign; read where the sign is foretold."""
    lay_steps = signed_turns(signs)

    async def lay(scorer: Tokenising, conversation: Sequence[Message]) -> Laid:
        *prompt, response = answered(conversation)
        laid = await lay_steps(scorer, prompt, [response.content])
        turn = Message("user", f"{question_of(prompt)} {response.content.strip()}")
        told = shared(laid.tokens, await scorer.chat([turn]))
        return replace(laid, closing=len(laid.tokens) - min(told, laid.at[0]))

    return lay
