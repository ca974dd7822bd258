"""What an engine is asked and what it answers, and what that costs."""

import hashlib
from dataclasses import dataclass
from typing import Literal

from rrm.types.contests import Case, Message

__all__ = ["Completion", "FinishReason", "SampleRequest", "Sampling", "Spent", "TokenLogprob", "Usage"]


FinishReason = Literal["stop", "length"]
"""Why a sample ended: by itself, or cut by a token limit."""


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
