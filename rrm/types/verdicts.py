"""What a judge said: of one sample, of several, of a pair."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import NamedTuple, Self

import msgspec

from rrm.types.json_text import json_line
from rrm.types.samples import FinishReason, Usage

__all__ = ["Opinion", "Outcome", "Support", "Tally", "Transcript", "Verdict", "Vote"]


class Vote(StrEnum):
    """What one sample of the judge said of the two answers it was shown. A failure is never a tie."""

    FIRST = "first"
    SECOND = "second"
    TIE = "tie"
    UNPARSED = "unparsed"
    """The sample ended and holds no verdict, or contradictory ones."""
    TRUNCATED = "truncated"
    """The sample was cut before its verdict, or never closed its reasoning."""

    @property
    def is_lost(self) -> bool:
        """Whether the sample was paid for and gave no verdict."""
        return self in (Vote.UNPARSED, Vote.TRUNCATED)

    def swapped(self) -> "Vote":
        """The same opinion, said of the two answers in the other order."""
        return _SWAPPED.get(self, self)


_SWAPPED = {Vote.FIRST: Vote.SECOND, Vote.SECOND: Vote.FIRST}


class Outcome(StrEnum):
    """What the votes of a match add up to."""

    FIRST = "first"
    SECOND = "second"
    TIE = "tie"
    UNDECIDED = "undecided"
    """Every vote was lost, or a judge that knows no ties is split evenly."""


@dataclass(frozen=True, slots=True)
class Tally:
    """How many votes said what, in terms of the match. `forced` votes are also counted under their label.

    `scored` are samples of judges that give numbers instead of a vote between two; a match has none. A vote by a
    graded label (`A>>B`) counts as many times as its weight says.
    """

    first: int = 0
    second: int = 0
    tie: int = 0
    unparsed: int = 0
    truncated: int = 0
    forced: int = 0
    scored: int = 0

    @property
    def decided(self) -> int:
        return self.first + self.second + self.tie

    @property
    def lost(self) -> int:
        return self.unparsed + self.truncated

    @property
    def read(self) -> int:
        """Samples that a vote or a score was read from."""
        return self.decided + self.scored

    @property
    def total(self) -> int:
        return self.read + self.lost

    @property
    def probability(self) -> float:
        """That of `first` winning: (first + tie/2 + 1) / (decided + 2), the mean under a uniform prior (Laplace)."""
        return (self.first + self.tie / 2 + 1) / (self.decided + 2)

    @property
    def share(self) -> float:
        """Share of the decided votes that went to `first`, a tie counting half; 0.5 where none was decided."""
        return (self.first + self.tie / 2) / self.decided if self.decided else 0.5

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            self.first + other.first,
            self.second + other.second,
            self.tie + other.tie,
            self.unparsed + other.unparsed,
            self.truncated + other.truncated,
            self.forced + other.forced,
            self.scored + other.scored,
        )

    def swapped(self) -> "Tally":
        return replace(self, first=self.second, second=self.first)


class Support(NamedTuple):
    """What the votes that were shown one way round say, in votes for each side; a tie gives half to both.

    A vote that was read as a probability is divided between them. There are as many votes as samples that were read: the weight
    of a graded label only says how they are divided.
    """

    first: float = 0.0
    second: float = 0.0


@dataclass(frozen=True, slots=True)
class Transcript:
    """What the judge said in one sample, and how it was read. `vote` is in terms of the match, `text` of what was shown."""

    is_swapped: bool
    index: int
    text: str
    finish_reason: FinishReason
    vote: Vote
    forced: bool = False


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one sample of the judge said of the responses it was shown, whatever the kind of judge.

    `shown` has the contest's indices of the responses, in the order shown; `vote`, `scores` and `probability`
    are in terms of that order. A judge of pairs gives a `vote` (and `scores`, where it gives numbers); a judge
    of one response, or of several, gives `scores`, one for each shown, and no vote (None). A sample without a
    verdict has the vote UNPARSED or TRUNCATED, whatever the kind.
    """

    shown: tuple[int, ...]
    index: int
    """The sample's number under this prompt."""
    vote: Vote | None
    scores: tuple[float, ...] = ()
    weight: float = 1.0
    """How much the vote counts (3 for a judge's `A>>B`)."""
    probability: float | None = None
    """That of the first shown being the better one, where the judge's format has it from token probabilities."""
    text: str = ""
    finish_reason: FinishReason = "stop"
    completion_tokens: int = 0
    forced: bool = False
    """Whether the sample gave no verdict by itself and was made to choose one."""
    criteria: Mapping[str, float] = field(default_factory=dict)
    """The number for each criterion, by its name, where a judge of one response grades it by several."""

    @property
    def is_lost(self) -> bool:
        """Whether the sample was paid for and gave no verdict."""
        return self.vote is not None and self.vote.is_lost


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the judge decided about two answers."""

    outcome: Outcome
    votes: Tally
    usage: Usage = Usage()
    transcripts: tuple[Transcript, ...] = ()
    notes: tuple[str, ...] = ()
    """What was done to get there that the caller should know of, such as special tokens that were neutralised."""
    support: tuple[Support, Support] = (Support(), Support())
    """What the votes say by the order in which the answers were shown: as in the match, and the other way round."""
    soft: float | None = None
    """Probability of `first` being better, averaged over orders and samples, where verdicts are read as probabilities."""

    @property
    def probability(self) -> float:
        """That of `first` winning: `soft` where there is one, else by the votes; see `Tally.probability`."""
        return self.votes.probability if self.soft is None else self.soft

    def to_json(self) -> str:
        """One line of JSON that `from_json` turns back into an equal verdict."""
        return json_line(self)

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """The inverse of `to_json`. Raises msgspec.ValidationError (a ValueError)."""
        return msgspec.json.decode(text, type=cls)
