"""What is handed to a reward: conversations, checked before anything is asked.

A conversation is a list of chat messages of which the last is the assistant's: the response to score.
"""

from collections.abc import Iterable, Mapping, Sequence

from rrm.contests import normalise_query, without_reasoning
from rrm.errors import ContestError, InputError
from rrm.judging.cleaning import Cleaner
from rrm.rewards.base import Conversation
from rrm.types import Message, Query

__all__ = [
    "Turns",
    "broken_up",
    "checked_conversations",
    "checked_prompt",
    "cleaned",
    "conversations_of",
    "listed_conversations",
]

Turns = tuple[Message, ...]


def checked_conversations(conversations: object, *, strip_reasoning: bool = False) -> list[Turns]:
    """Conversations as messages. Raises InputError for no list of them, ContestError naming the one that is wrong."""
    listed = listed_conversations(conversations)
    return [
        _checked(conversation, f"conversation {place}", strip_reasoning=strip_reasoning)
        for place, conversation in enumerate(listed)
    ]


def checked_prompt(prompt: object, place: str = "") -> str | Turns:
    """What a solution answers: a text, or chat messages. Raises ContestError."""
    try:
        return normalise_query(prompt)
    except ContestError as error:
        raise ContestError(f"{place}: {error}") if place else error from error


def cleaned(cleaner: Cleaner, turns: Iterable[Message]) -> Turns:
    """The messages with special tokens in them broken up."""
    return tuple(Message(cleaner.clean(role), cleaner.clean(content)) for role, content in turns)


def conversations_of(query: Query, texts: Iterable[str]) -> list[Conversation]:
    """One for each response to a query, in plain values, as rewards of one's own expect them."""
    asked = [Message("user", query)] if isinstance(query, str) else query
    turns = [turn._asdict() for turn in asked]
    return [[*turns, {"role": "assistant", "content": text}] for text in texts]


def broken_up(cleaner: Cleaner, *texts: str) -> tuple[str, ...]:
    """A note of the special tokens that stand in the texts; none where there are none."""
    found = cleaner.found(*texts)
    return (f"special tokens in the texts were broken up: {' '.join(sorted(found))}",) if found else ()


def listed_conversations(conversations: object) -> Sequence[Conversation]:
    """The conversations, which may be anything but one conversation in place of a list. Raises InputError."""
    if isinstance(conversations, str | bytes | Mapping | Message) or not isinstance(conversations, Sequence):
        raise InputError(
            f"a reward takes a list of conversations, each a list of chat messages, not {type(conversations).__name__}"
        )
    if any(isinstance(entry, Mapping | Message) for entry in conversations):
        raise InputError(
            "a reward takes a list of conversations, and this is a list of chat messages: put one conversation into a "
            "list of its own, as in score([conversation])"
        )
    return conversations


def _checked(conversation: object, place: str, *, strip_reasoning: bool) -> Turns:
    if isinstance(conversation, str):
        raise ContestError(f"{place} must be a list of chat messages that ends with the response, not a text")
    if isinstance(conversation, Sequence) and not conversation:
        raise ContestError(f"{place} is empty: it needs a response, the assistant's message, to score")
    turns = checked_prompt(conversation, place)
    if isinstance(turns, str) or turns[-1].role != "assistant":
        found = turns[-1].role if isinstance(turns, tuple) else "text"
        raise ContestError(f"{place} must end with the assistant's message, the response to score, not with {found!r}")
    if strip_reasoning:
        return (*turns[:-1], Message("assistant", without_reasoning(turns[-1].content)))
    return turns
