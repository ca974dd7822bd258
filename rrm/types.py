"""The vocabulary that the other modules speak: frozen values, and nothing that acts.

Positions are said in two ways and never mixed. FIRST and SECOND of a `Match` or a `Verdict` are the
contestants as the tournament names them; FIRST and SECOND of a `Vote` that was just parsed are what
the judge was shown. `Case.swapped()` and `Vote.swapped()` are the only way across.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Literal, NamedTuple, Self

import msgspec

__all__ = [
    "Case",
    "Completion",
    "Contest",
    "FinishReason",
    "Match",
    "Message",
    "Opinion",
    "Outcome",
    "Poll",
    "Query",
    "SampleRequest",
    "Sampling",
    "Spent",
    "Standings",
    "Support",
    "Tally",
    "TokenLogprob",
    "Transcript",
    "Usage",
    "Verdict",
    "Vote",
    "json_line",
]


class Message(NamedTuple):
    """One chat message, as chat templates and chat-completion servers know it."""

    role: str
    content: str


Query = str | tuple[Message, ...]
"""A question, or a conversation whose last turn is to be answered."""

FinishReason = Literal["stop", "length"]
"""Why a sample ended: by itself, or cut by a token limit."""


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
class Sampling:
    """How the judge is sampled; as in the OpenAI and vLLM interfaces."""

    max_tokens: int
    temperature: float
    top_p: float = 1.0


@dataclass(frozen=True, slots=True)
class SampleRequest:
    """`n` samples of one rendered prompt, numbered from `first_index`.

    Sample i of a prompt is the same sample whoever asks: its seed derives from the user's `seed`, the
    prompt, and i, so n samples at once or one by one, by any strategy, are the same samples.
    """

    case: Case
    messages: tuple[Message, ...]
    sampling: Sampling
    seed: int = 0
    first_index: int = 0
    n: int = 1
    continuation: str = ""
    """The assistant's turn so far; where not empty, sampling goes on from its end."""
    choices: tuple[str, ...] = ()
    """Where not empty, each sample is exactly one of these texts."""
    logprobs: int = 0
    """How many alternatives to report per sampled token; 0 reports none."""
    prefix_group: str | None = None
    """A hint: requests of one group share a long prefix and are best asked close together."""

    @property
    def sample_seed(self) -> int:
        """The seed of sample `first_index`; the i-th after it has `sample_seed + i`. Fits 31 bits with room to count."""
        digest = hashlib.blake2b(str(self.seed).encode(), digest_size=8)
        for role, content in self.messages:
            digest.update(f"\0{role}\0{content}".encode("utf-8", "surrogatepass"))
        digest.update(f"\0{self.continuation}".encode("utf-8", "surrogatepass"))
        return int.from_bytes(digest.digest()) % (1 << 30) + self.first_index


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """A sampled token, its natural log-probability, and the likeliest alternatives as (token, log-probability)."""

    token: str
    logprob: float
    top: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Completion:
    """One finished sample.

    `text` is the assistant's turn without the prompt and without `continuation`; reasoning that a server
    returns apart stands in front, between `<think>` and `</think>`. Token counts: `prompt_tokens` and
    `cached_tokens` are those of the request and stand on its first completion only (0 on the others), so
    that they can be added up (the first is the one with index `first_index`); `completion_tokens` are the sample's own, or the request's total on its
    first completion where a server says no more than that. `logprobs` are those of its first and last tokens, where it is
    long (see `rrm.engines.logprobs`).
    """

    case: Case
    index: int
    text: str
    finish_reason: FinishReason
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    logprobs: tuple[TokenLogprob, ...] = ()


@dataclass(frozen=True, slots=True)
class Usage:
    """What the samples behind a result cost, in requests and tokens."""

    requests: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.requests + other.requests,
            self.prompt_tokens + other.prompt_tokens,
            self.cached_tokens + other.cached_tokens,
            self.completion_tokens + other.completion_tokens,
        )


@dataclass(frozen=True, slots=True)
class Spent:
    """What sampling cost, in samples and tokens, whichever results they went into."""

    samples: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0

    @property
    def tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens

    def __add__(self, other: "Spent") -> "Spent":
        return Spent(
            self.samples + other.samples,
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
        )


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


_HALF_PAIR = re.compile("[\ud800-\udfff]")


def json_line(values: object) -> str:
    """One line of JSON. Halves of surrogate pairs, which judges and callers may send and UTF-8 can't hold, become U+FFFD."""
    try:
        return msgspec.json.encode(values).decode()
    except UnicodeEncodeError:
        plain = json.dumps(msgspec.to_builtins(values), ensure_ascii=False, separators=(",", ":"))
        return _HALF_PAIR.sub("\ufffd", plain)
