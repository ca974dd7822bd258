"""What is put before a judge: conversations, contests, and who meets whom."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Self

__all__ = ["Case", "Contest", "Match", "Message", "Poll", "Query", "Standings"]


class Message(NamedTuple):
    """One chat message, as chat templates and chat-completion servers know it."""

    role: str
    content: str


Query = str | tuple[Message, ...]
"""A question, or a conversation whose last turn is to be answered."""


@dataclass(frozen=True, slots=True)
class Contest:
    """A query and the responses to rank.

    `query` is a string or a list of chat messages; a response is a string or a list with one assistant
    message. Messages may be mappings with `role` and `content`, as elsewhere in the field.
    """

    query: object
    responses: Sequence[object]
    reference: str | None = None
    id: str | int | None = None


@dataclass(frozen=True, slots=True)
class Poll:
    """What a judge is to be asked of a contest, without a strategy.

    Each `shown` has indices of responses in the order in which they are shown, and is asked as many times as the judge
    has votes.
    """

    contest: Contest
    shown: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Match:
    """A pair that a tournament wants judged. `first` and `second` are contestants; `number` and `round` count from 1.

    `repeat` is how many times the two have met before: their votes go on from there, with new samples.
    """

    number: int
    round: int
    first: int
    second: int
    repeat: int = 0


@dataclass(frozen=True, slots=True)
class Case:
    """Answers to a query as they are put before the judge, in the order shown: two, or as many as its format takes."""

    query: Query
    responses: tuple[str, ...]
    reference: str | None = None
    is_swapped: bool = False
    """Whether the first of two is the contestant that the match calls second."""

    @property
    def first(self) -> str:
        return self.responses[0]

    @property
    def second(self) -> str:
        return self.responses[1]

    def swapped(self) -> Self:
        """The same answers in the reverse order."""
        return type(self)(self.query, self.responses[::-1], self.reference, not self.is_swapped)


@dataclass(frozen=True, slots=True)
class Standings:
    """A decided tournament: contestants best first, and a score for each contestant by its number.

    `advanced` says who went on from each match that the votes left open, by match number. Where the scores are estimates,
    `errors` has the standard error of each, `level` the neighbours in the order that can't be told apart, and
    `position_bias` how much better an answer does for being shown first, in logits.
    """

    order: tuple[int, ...]
    scores: tuple[float, ...]
    advanced: dict[int, int] = field(default_factory=dict)
    errors: tuple[float, ...] = ()
    level: tuple[tuple[int, int], ...] = ()
    position_bias: float | None = None
