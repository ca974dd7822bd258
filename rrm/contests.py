"""A user's contest becomes contestants: checked, normalised, and with each distinct text once.

Identical responses are one contestant: they are judged once and tie by construction. `Entry` maps between
the contestants that a tournament knows and the indices of the responses that the user knows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from rrm.errors import ContestError, InputError
from rrm.types import Case, Contest, Message, Query

__all__ = [
    "Entry",
    "check_at_least",
    "check_contest",
    "check_window",
    "enter",
    "joined",
    "normalise_query",
    "response_text",
    "shown_texts",
    "without_reasoning",
]

_OPEN, _CLOSE = "<think>", "</think>"


@dataclass(frozen=True, slots=True)
class Entry:
    """A checked contest. `groups` has, for each distinct text, the indices of the responses that say it."""

    query: Query
    texts: tuple[str, ...]
    groups: tuple[tuple[int, ...], ...]
    reference: str | None

    @property
    def identity(self) -> str:
        """The query and the reference as one text, to draw from."""
        query = self.query if isinstance(self.query, str) else "\0".join("\0".join(turn) for turn in self.query)
        return query if self.reference is None else f"{query}\0{self.reference}"

    def case(self, *contestants: int) -> Case:
        """These contestants before the judge, in this order."""
        return Case(self.query, tuple(self.texts[contestant] for contestant in contestants), self.reference)

    def index(self, contestant: int) -> int:
        """The response that stands for a contestant: the first that says its text."""
        return self.groups[contestant][0]

    def expand_order(self, order: Sequence[int]) -> tuple[int, ...]:
        """Response indices in the order of their contestants; identical ones by index."""
        return tuple(index for contestant in order for index in self.groups[contestant])

    def expand_level(self, order: Sequence[int], level: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
        """Neighbours in the expanded order that are level: of identical responses all, and where their contestants are."""
        contestant = [(index, own) for own in order for index in self.groups[own]]
        known = set(level)
        return tuple(
            (one, other)
            for (one, left), (other, right) in pairwise(contestant)
            if left == right or (left, right) in known
        )

    def expand_scores(self, scores: Sequence[float]) -> tuple[float, ...]:
        by_index = {index: scores[place] for place, group in enumerate(self.groups) for index in group}
        return tuple(by_index[index] for index in range(len(by_index)))


def enter(contest: Contest, *, strip_reasoning: bool = False) -> Entry:
    """Check a contest and find its distinct texts. Raises ContestError saying what is wrong with it."""
    query, shown = shown_texts(contest, strip_reasoning=strip_reasoning)
    groups: dict[str, list[int]] = {}
    for index, text in enumerate(shown):
        groups.setdefault(text, []).append(index)
    return Entry(query, tuple(groups), tuple(map(tuple, groups.values())), contest.reference)


def shown_texts(contest: Contest, *, strip_reasoning: bool = False) -> tuple[Query, list[str]]:
    """A contest's query and the text of each response, as a judge is shown them. Raises ContestError."""
    responses = contest.responses
    if isinstance(responses, str | bytes) or not isinstance(responses, Sequence):
        raise ContestError(f"responses must be a list, not {type(responses).__name__}")
    if not responses:
        raise ContestError("there are no responses to rank")
    if contest.reference is not None and not isinstance(contest.reference, str):
        raise ContestError(f"reference must be a string, not {type(contest.reference).__name__}")
    shown = [response_text(response, index) for index, response in enumerate(responses)]
    if strip_reasoning:
        shown = [without_reasoning(text) for text in shown]
    return normalise_query(contest.query), shown


def normalise_query(query: object) -> Query:
    """A query as rrm carries it: a string, or a tuple of messages. Raises ContestError."""
    if isinstance(query, str):
        return query
    return _messages(query, "query")


def without_reasoning(text: str) -> str:
    """A response without its reasoning: what follows the last `</think>`; nothing, if `<think>` was never closed."""
    answer = text.rpartition(_CLOSE)[2]
    return answer.partition(_OPEN)[0].strip() if _OPEN in answer or answer != text else text


def response_text(response: object, index: int) -> str:
    """The text of a response: a string, or one assistant message. Raises ContestError."""
    if isinstance(response, str):
        return response
    messages = _messages(response, f"response {index}")
    if [message.role for message in messages] != ["assistant"]:
        raise ContestError(
            f"response {index} must be a string or one assistant message, not {len(messages)} messages "
            f"({', '.join(message.role for message in messages)}): put the shared turns into the query"
        )
    return messages[0].content


def _messages(value: object, what: str) -> tuple[Message, ...]:
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Sequence) or not value:
        raise ContestError(f"{what} must be a string or a list of chat messages, not {_shown(value)}")
    return tuple(_message(message, what) for message in value)


def _message(value: object, what: str) -> Message:
    given: Mapping[object, object] = value if isinstance(value, Mapping) else {}
    role, content = value if isinstance(value, Message) else (given.get("role"), joined(given.get("content")))
    if not isinstance(role, str) or not isinstance(content, str):
        found = f"role {_shown(role)} and content {_shown(content)}" if given else _shown(value)
        raise ContestError(f"{what}: a chat message needs a role and a content, both strings, not {found}")
    return Message(role, content)


def joined(content: object) -> object:
    """Content in parts, as servers take it, is one text where text is all it holds."""
    parts = content if isinstance(content, Sequence) and not isinstance(content, str | bytes) else ()
    texts = [part.get("text") for part in parts if isinstance(part, Mapping) and part.get("type") == "text"]
    is_text = bool(parts) and len(texts) == len(parts) and all(isinstance(text, str) for text in texts)
    return "".join(map(str, texts)) if is_text else content


def _shown(value: object) -> str:
    if value is None or (isinstance(value, Sequence) and not value):
        return repr(value)
    return type(value).__name__


def check_at_least(name: str, value: object, least: int) -> None:
    """Raises InputError for a count that is too small or no count."""
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise InputError(f"{name} must be a whole number of at least {least}, not {value!r}")


def check_window(window: int | None) -> None:
    """Raises InputError for a window that holds no contest; None leaves it to others."""
    if window is not None:
        check_at_least("window", window, 1)


def check_contest(contest: object) -> None:
    """Raises InputError for what is no contest."""
    if not isinstance(contest, Contest):
        raise InputError(f"contests must be rrm.Contest objects, not {type(contest).__name__}")
