"""What a vLLM server is asked for passes, and what it answers: token ids to JSON, JSON to vectors.

Pure: nothing here sends anything. Raw numbers are asked for (`use_activation` false), of /pooling as base64 of 32-bit
floats where the shape is known otherwise: a quarter of the size of decimal numbers, exact, and able to carry NaN. For the
log-probabilities of a prompt's own tokens there is only JSON, with vLLM's `prompt_logprobs`.

Where a server pools by step tags it gives a vector for each tag, and does not say where the tags stand. Such
vectors are taken for those at the positions asked for if there are as many, and all these positions hold one and the
same token, which the sequence holds nowhere else. That is so for whoever lays steps, as texts come cleaned of markers;
to be taken for others, the server's tag would have to be another token that occurs exactly as often.
"""

import base64
import binascii
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy

from rrm.engines.scorers.base import Pass, Task, Vectors
from rrm.errors import InputError

__all__ = [
    "PATHS",
    "PROBES",
    "MalformedReplyError",
    "Manner",
    "NoVectorsError",
    "body_of",
    "check",
    "manner_of",
    "vectors_in",
]

Json = dict[str, Any]

PATHS: dict[Task, tuple[str, ...]] = {
    "classify": ("/pooling", "/classify"),
    "token_classify": ("/pooling",),
    "likelihood": ("/v1/completions",),
}
"""Where a task is asked for, beside the address that `/v1` belongs to: the first that is there."""

_PROBE = (0, 0, 0)
"""A sequence that every model can read: its first token, three times."""

PROBES: dict[Task, Pass] = {
    "classify": Pass(_PROBE),
    "token_classify": Pass(_PROBE, (0, 1, 2)),
    "likelihood": Pass(_PROBE, (1, 2)),
}
"""What a server is asked to find out how it answers."""

_IMPOSSIBLE = -9999.0
"""What vLLM sends for the log-probability of what can't be, as JSON has no infinity."""


class MalformedReplyError(ValueError):
    """A reply with status 200 that does not hold what it should."""


class NoVectorsError(ValueError):
    """A sound reply that does not say what stands at the positions asked for."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How one server answers."""

    path: str
    outputs: int | None
    """Length of a vector; None where it gives vectors at step tags only, so that nothing shows it beforehand."""


def check(asked: Pass, task: Task) -> None:
    """Raise InputError for a pass that no server could answer."""
    if task == "classify" and asked.at:
        raise InputError(f"positions {asked.at} are asked for of a model that is read as a whole: leave them out")
    first = 1 if task == "likelihood" else 0
    rising = all(before < after for before, after in zip(asked.at, asked.at[1:], strict=False))
    if not (asked.tokens and rising and all(first <= place < len(asked.tokens) for place in asked.at)):
        raise InputError(
            f"positions {asked.at} of {len(asked.tokens)} tokens: they must rise, from {first} on, and be among the tokens"
        )


def body_of(passes: Sequence[Pass], model: str, task: Task, manner: Manner) -> bytes:
    """The request for passes, as JSON."""
    prompts = [asked.tokens for asked in passes]
    body: Json = {"model": model}
    if task == "likelihood":
        body |= {"prompt": prompts, "max_tokens": 1, "temperature": 0.0, "prompt_logprobs": 0}
    else:
        body |= {"input": prompts, "use_activation": False}
    if manner.path == "/pooling":
        body |= {"task": task, **_encoding(manner)}
    return json.dumps(body).encode()


def _encoding(manner: Manner) -> Json:
    if manner.outputs is None:  # a few rows at most, whose shape only JSON has
        return {"encoding_format": "float"}
    return {"encoding_format": "base64", "embed_dtype": "float32", "endianness": "little"}


def manner_of(reply: Json, task: Task, path: str) -> Manner:
    """How the server answers that gave this reply to the probe, asked for in base64. Raises MalformedReplyError."""
    if task == "likelihood":
        vectors_in(reply, [PROBES[task]], task, Manner(path, 1))
        return Manner(path, 1)
    numbers = _numbers(_items(reply, 1)[0])
    if task == "classify":
        return Manner(path, numbers.size)
    outputs, odd = divmod(numbers.size, len(_PROBE))
    if odd:
        raise MalformedReplyError(f"{numbers.size} numbers for {len(_PROBE)} tokens")
    return Manner(path, outputs or None)


def vectors_in(reply: Json, passes: Sequence[Pass], task: Task, manner: Manner) -> list[Vectors]:
    """The vectors of passes, in their order. Raises MalformedReplyError and NoVectorsError."""
    if task == "likelihood":
        choices = _items({"data": reply.get("choices")}, len(passes))
        return [_vectors(asked, _likelihoods(choice, asked)) for choice, asked in zip(choices, passes, strict=True)]
    found = [_numbers(item) for item in _items(reply, len(passes))]
    if task == "classify":
        return [_vectors(asked, [_whole(numbers, manner)]) for numbers, asked in zip(found, passes, strict=True)]
    return [_vectors(asked, _chosen(numbers, asked, manner)) for numbers, asked in zip(found, passes, strict=True)]


def _vectors(asked: Pass, rows: Iterable[Any]) -> Vectors:
    # The tokens were sent as they are, and are counted so; vLLM tells only the sum of a request.
    return Vectors(tuple(tuple(map(float, row)) for row in rows), len(asked.tokens))


def _items(reply: Json, count: int) -> list[Json]:
    """The answers of a request by their indices."""
    try:
        items = sorted(reply["data"], key=lambda item: item["index"])
        indices = [item["index"] for item in items]
    except (KeyError, TypeError):
        raise _malformed(reply) from None
    if indices != list(range(count)):
        raise MalformedReplyError(f"answers with the indices {indices} to a request for {count}")
    return items


def _numbers(item: Json) -> Any:
    """The numbers of one answer: flat, or a row for each vector. A number that JSON can't spell is null there: NaN."""
    data = item.get("data", item.get("probs"))
    try:
        if isinstance(data, str):
            return numpy.frombuffer(base64.b64decode(data, validate=True), "<f4")
        if isinstance(data, list):
            return numpy.array(data, numpy.float64)
    except (binascii.Error, ValueError, TypeError):
        pass
    raise _malformed(item)


def _whole(numbers: Any, manner: Manner) -> Any:
    """The vector of a sequence."""
    if numbers.size != manner.outputs:
        raise NoVectorsError(f"{numbers.size} numbers for a sequence, and {manner.outputs} for a shorter one")
    return numbers.ravel()


def _chosen(numbers: Any, asked: Pass, manner: Manner) -> Any:
    """The rows at the positions asked for."""
    rows = _rows(numbers, asked, manner)
    if len(rows) == len(asked.tokens):
        return rows[list(asked.at)]
    if len(rows) == len(asked.at) and _is_tagged(asked):
        return rows
    raise NoVectorsError(
        f"{len(rows)} vectors for {len(asked.tokens)} tokens, of which {len(asked.at)} were to be read: it reads them at "
        "tags of its own"
    )


def _rows(numbers: Any, asked: Pass, manner: Manner) -> Any:
    if numbers.ndim == 2:
        return numbers
    if manner.outputs is None and numbers.size:
        raise NoVectorsError(f"{numbers.size} numbers in one row for {len(asked.at)} positions")
    try:
        return numbers.reshape(-1, manner.outputs or 1)
    except ValueError:
        raise MalformedReplyError(f"{numbers.size} numbers for vectors of {manner.outputs}") from None


def _is_tagged(asked: Pass) -> bool:
    """Whether all positions hold a token that stands nowhere else."""
    tags = {asked.tokens[place] for place in asked.at}
    return len(tags) == 1 and asked.tokens.count(*tags) == len(asked.at)


def _likelihoods(choice: Json, asked: Pass) -> list[tuple[float]]:
    """The log-probabilities of the tokens asked for, as vectors of one."""
    found = choice.get("prompt_logprobs")
    if not isinstance(found, list) or len(found) != len(asked.tokens):
        raise NoVectorsError("no log-probabilities of the prompt's own tokens")
    try:
        values = [found[place][str(asked.tokens[place])]["logprob"] for place in asked.at]
        return [(float(value) if value > _IMPOSSIBLE else -float("inf"),) for value in values]
    except (KeyError, TypeError):
        raise _malformed(choice) from None


def _malformed(reply: object) -> MalformedReplyError:
    text = json.dumps(reply)
    return MalformedReplyError(f"no vectors in {text if len(text) <= 200 else text[:200] + ' ...'}")
