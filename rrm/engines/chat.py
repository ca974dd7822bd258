"""The OpenAI chat-completions format: requests to JSON, JSON to completions, and what a refusal means.

Pure: nothing here sends anything. What a server was found not to understand is a `Dialect`, and every
request is put in the dialect of the server that it goes to. A refusal is only ever read as "drop this
parameter" where the parameter was sent, so following refusals ends.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from rrm.engines.encoding import encoded
from rrm.engines.logprobs import kept
from rrm.types import Completion, SampleRequest, TokenLogprob

__all__ = [
    "OPENING",
    "ContextOverflow",
    "Dialect",
    "Json",
    "MalformedReplyError",
    "adapted",
    "body_of",
    "overflow_of",
    "parameters",
    "read_reply",
    "singles",
]

Json = dict[str, Any]

OPENING = "<think>\n"
"""What is put in front of reasoning that a server took out."""

_DROPPABLE = ("top_logprobs", "logprobs", "seed", "top_p", "temperature")
"""In the order in which they go where a refusal names several: the least missed first."""

_NO_LOGPROB = -9999.0
"""What vLLM reports for a token of probability 0, and stands here for a missing number."""


class MalformedReplyError(ValueError):
    """A reply with status 200 that holds no completions."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """What one server was found not to understand."""

    one_at_a_time: bool = False
    """Requests for several samples are refused, or answered with fewer."""
    dropped: frozenset[str] = frozenset()
    """Parameters that are not sent."""
    limit_name: str = "max_tokens"
    most_tokens: int | None = None
    """The longest answer, in tokens, that may be asked for."""
    gives_logprobs: bool = True
    most_logprobs: int | None = None
    """The most alternatives to a token that may be asked for."""

    def merged(self, other: "Dialect") -> "Dialect":
        """What both know, found out by requests that ran at the same time."""
        return Dialect(
            self.one_at_a_time or other.one_at_a_time,
            self.dropped | other.dropped,
            self.limit_name if self.limit_name != Dialect().limit_name else other.limit_name,
            _least(self.most_tokens, other.most_tokens),
            self.gives_logprobs and other.gives_logprobs,
            _least(self.most_logprobs, other.most_logprobs),
        )

    def news(self, known: "Dialect") -> Iterator[str]:
        """What this one knows and `known` does not, as clauses about the server."""
        if self.one_at_a_time and not known.one_at_a_time:
            yield "gives one sample per request: several samples are asked for one by one"
        for name in sorted(self.dropped - known.dropped):
            yield _LOSSES.get(name, f"refuses {name}: its own default is used")
        if self.limit_name != known.limit_name:
            yield f"wants {self.limit_name} in place of {known.limit_name}"
        if self.most_tokens != known.most_tokens:
            yield f"allows at most {self.most_tokens} tokens per answer: longer ones are cut there"
        if known.gives_logprobs and not self.gives_logprobs:
            yield "ignores logprobs: no token probabilities are available"
        if self.most_logprobs != known.most_logprobs:
            yield f"reports at most {self.most_logprobs} alternatives to a token: no more are asked for"


def _least(*limits: int | None) -> int | None:
    return min(filter(None, limits), default=None)


_LOSSES = {
    "seed": "refuses seed: its samples are not reproducible",
    "logprobs": "refuses logprobs: no token probabilities are available",
    "top_logprobs": "refuses top_logprobs: no alternatives to the sampled tokens are available",
}


def body_of(request: SampleRequest, model: str, dialect: Dialect) -> bytes:
    """The request as JSON in UTF-8. Raises ContestError for text that UTF-8 can't carry."""
    body: Json = {"model": model, "messages": [message._asdict() for message in request.messages]}
    body |= {name: value for name, value in parameters(request, dialect) if name not in dialect.dropped}
    if request.choices:
        body["structured_outputs"] = {"choice": list(request.choices)}
    if request.continuation:
        body["messages"].append({"role": "assistant", "content": request.continuation})
        body |= {"add_generation_prompt": False, "continue_final_message": True}
    return encoded(body, request)


def parameters(request: SampleRequest, dialect: Dialect) -> Iterator[tuple[str, object]]:
    """How to sample, in the dialect's names: what it drops is among them."""
    sampling = request.sampling
    if request.n > 1:  # some servers refuse n, whatever its value
        yield "n", request.n
    yield "seed", request.sample_seed
    yield "temperature", sampling.temperature
    yield "top_p", sampling.top_p
    yield dialect.limit_name, min(sampling.max_tokens, dialect.most_tokens or sampling.max_tokens)
    if request.logprobs > 0 and "logprobs" not in dialect.dropped:
        yield "logprobs", True
        yield "top_logprobs", min(request.logprobs, dialect.most_logprobs or request.logprobs)


def singles(request: SampleRequest, count_done: int = 0) -> list[SampleRequest]:
    """The samples after the first `count_done`, each as a request of its own, with the seed it had."""
    indices = range(request.first_index + count_done, request.first_index + request.n)
    return [replace(request, first_index=index, n=1) for index in indices]


def read_reply(reply: Json, request: SampleRequest) -> list[Completion]:
    """The completions of a reply, at most `request.n`, from `first_index` on. Raises MalformedReplyError."""
    try:
        choices = sorted(reply["choices"], key=lambda choice: choice.get("index") or 0)[: request.n]
        completions = [_completion(choice, request, place) for place, choice in enumerate(choices)]
        return [_with_usage(completions[0], reply.get("usage") or {}), *completions[1:]]
    except (KeyError, IndexError, TypeError, AttributeError, ValueError):
        raise MalformedReplyError(f"no completions in {_shortened(json.dumps(reply))}") from None


def _completion(choice: Json, request: SampleRequest, place: int) -> Completion:
    return Completion(
        request.case,
        request.first_index + place,
        _text(choice["message"], request),
        "length" if choice.get("finish_reason") == "length" else "stop",
        logprobs=tuple(_logprobs(choice.get("logprobs") or {})) if request.logprobs else (),
    )


def _with_usage(first: Completion, usage: Json) -> Completion:
    details = usage.get("prompt_tokens_details") or {}
    return replace(
        first,
        prompt_tokens=int(usage.get("prompt_tokens") or 0),
        cached_tokens=int(details.get("cached_tokens") or 0),
        completion_tokens=int(usage.get("completion_tokens") or 0),
    )


def _text(message: Json, request: SampleRequest) -> str:
    """The assistant's whole turn, with the reasoning that a server took out put back in front."""
    content = _flat(message.get("content"))
    reasoning = _flat(message.get("reasoning_content") or message.get("reasoning"))
    for choice in request.choices:
        # A reasoning parser takes a forced label for reasoning where it sees no end of it in the answer.
        if choice.strip() in (content.strip(), reasoning.strip()):
            return choice
    opening = "" if request.continuation else OPENING
    if not reasoning:
        return content
    return opening + reasoning + (_closing(reasoning, content) + content if content else "")


def _closing(reasoning: str, content: str) -> str:
    """The end of the reasoning on a line of its own; what the server left of the line ends around it stays as it was."""
    before, behind = "" if reasoning.endswith("\n") else "\n", "" if content.startswith("\n") else "\n\n"
    return f"{before}</think>{behind}"


def _flat(content: object) -> str:
    """Text as a string; a few servers send it in parts."""
    if isinstance(content, list):
        return "".join(part.get("text") or "" for part in content)
    if content is not None and not isinstance(content, str):
        raise TypeError(f"a text is expected, not {content!r}")
    # Half a surrogate pair, which JSON can spell and UTF-8 can't, would make a result that can't be written.
    return (content or "").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _logprobs(logprobs: Json) -> Iterator[TokenLogprob]:
    for token in kept(logprobs.get("content") or ()):
        top = tuple((other["token"], _number(other)) for other in token.get("top_logprobs") or ())
        yield TokenLogprob(token["token"], _number(token), top)


def _number(token: Json) -> float:
    value = token.get("logprob")
    return _NO_LOGPROB if value is None else float(value)


@dataclass(frozen=True, slots=True)
class ContextOverflow:
    """A request that does not fit the context; both numbers are tokens, None where the server does not say."""

    length: int | None
    """Tokens of the prompt alone."""
    limit: int | None

    @property
    def room(self) -> int:
        """Tokens left for the answer; 0 where the prompt itself does not fit, or nobody knows."""
        return 0 if self.length is None or self.limit is None else max(0, self.limit - self.length)


_OVERFLOW = re.compile(
    r"context[ _](?:length|size|window)|maximum model length|prompt is too long|input tokens exceed|tokens` must be <=",
    re.IGNORECASE,
)
_LIMITS = (
    r"(?:context length|context size|context window|model length)(?: is| of)?\D{0,12}?(\d+)",
    r"(?:configured limit of|tokens >|must be <=) ?(\d+)",
)
_LENGTHS = (
    r"(?<!upper bound for )\b(\d+) (?:tokens )?(?:in the messages|in the prompt|from the input messages|(?:text )?input tokens|`inputs` tokens)",
    r"\((\d+) in your prompt",
    r"(?:messages resulted in|too long:|input length|prompt \(length|the input|the request|request) ?\(?(\d+)(?! char)\b",
)


def overflow_of(message: str) -> ContextOverflow | None:
    """What a refusal says of the context, in the words of vLLM, OpenAI, SGLang, llama.cpp or TGI; None if nothing."""
    if not _OVERFLOW.search(message):
        return None
    return ContextOverflow(_first_number(_LENGTHS, message), _first_number(_LIMITS, message))


def _first_number(patterns: Iterable[str], text: str) -> int | None:
    found = (re.search(pattern, text, re.IGNORECASE) for pattern in patterns)
    return next((int(match[1]) for match in found if match), None)


def adapted(dialect: Dialect, request: SampleRequest, param: str | None, message: str) -> Dialect | None:
    """The dialect to try after a refusal of `param` or, where that is None, of what `message` names; None if neither helps."""
    named = _named(param, message)
    sent = {name for name, _ in parameters(request, dialect)} - dialect.dropped
    if "n" in named & sent:
        return replace(dialect, one_at_a_time=True)
    if named & {"max_tokens", "max_completion_tokens"} & sent:
        return _with_other_limit(dialect, request, message)
    if named & {"logprobs", "top_logprobs"} & sent and (fewer := _with_fewer_logprobs(dialect, request, message)):
        return fewer
    drop = next((name for name in _DROPPABLE if name in named & sent), None)
    return replace(dialect, dropped=dialect.dropped | {drop}) if drop else None


def _with_other_limit(dialect: Dialect, request: SampleRequest, message: str) -> Dialect | None:
    most = _first_number((r"at most (\d+) (?:completion |output )?tokens",), message)
    if most and most < min(request.sampling.max_tokens, dialect.most_tokens or request.sampling.max_tokens):
        return replace(dialect, most_tokens=most)
    return replace(dialect, limit_name="max_completion_tokens") if dialect.limit_name == "max_tokens" else None


_MOST_LOGPROBS = r"(?:at most|no more than|up to|less than or equal to|<=|max allowed:|between 0 and|\[0,) ?(\d+)\b"


def _with_fewer_logprobs(dialect: Dialect, request: SampleRequest, message: str) -> Dialect | None:
    most = _first_number((_MOST_LOGPROBS,), message) or 0
    return replace(dialect, most_logprobs=most) if 0 < most < (dialect.most_logprobs or request.logprobs) else None


_NAMES = {
    name: re.compile(rf"(?<![\w.]){name}(?!\w)") for name in (*_DROPPABLE, "max_tokens", "max_completion_tokens")
} | {
    "n": re.compile(
        r"""['"`]n['"`]|(?<![\w.'])n (?:> 1|must|should|is not|greater|values?\b)|\bn ?(?:>|!=|<=|==?) ?1\b"""
    )
}


def _named(param: str | None, message: str) -> set[str]:
    """The parameters that a refusal is about."""
    if param:
        return {param.rpartition(".")[2]} & _NAMES.keys()
    return {name for name, pattern in _NAMES.items() if pattern.search(message)}


def _shortened(text: str, longest: int = 200) -> str:
    return text if len(text) <= longest else text[:longest] + " ..."
