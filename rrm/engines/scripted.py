"""A judge without a model: for users' tests, for trying a pipeline out, and for measuring rrm itself.

It is an engine like the others and keeps their laws. Every answer comes from a function of the request
and the sample's index, so the same request gives the same samples, on any machine. Tokens are counted
as one for each four characters: a fiction, but the same one every time.
"""

import asyncio
import math
import re
from collections.abc import AsyncIterator, Callable, Mapping
from functools import partial
from itertools import takewhile
from random import Random
from string import ascii_letters, digits
from typing import NamedTuple

from rrm.engines.base import EngineInfo
from rrm.errors import EngineClosedError, InputError, PromptTooLongError, UnknownNameError
from rrm.types import Completion, SampleRequest, TokenLogprob, Vote

__all__ = [
    "CHOOSERS",
    "SKYWORK_ANSWERS",
    "Chooser",
    "Latency",
    "Script",
    "ScriptedEngine",
    "Spoken",
    "answering",
    "leaning",
    "noisy",
]


class Spoken(NamedTuple):
    """A text and the log-probabilities of its tokens, whose texts add up to it. They are told where they are asked for."""

    text: str
    logprobs: tuple[TokenLogprob, ...]


Script = Callable[[SampleRequest, int], str | Spoken]
"""The text of sample `index` of a request, alone or with the log-probabilities of its tokens."""

Chooser = Callable[[SampleRequest, int], Vote]
"""The vote that sample `index` of a request should hold, in terms of what is shown."""

Latency = Callable[[SampleRequest, int], float]
"""Seconds that sample `index` of a request takes."""

SKYWORK_ANSWERS: Mapping[Vote, str] = {
    Vote.FIRST: "The first is better.\n</think>\n\n\\boxed{Assistant 1}",
    Vote.SECOND: "The second is better.\n</think>\n\n\\boxed{Assistant 2}",
    Vote.UNPARSED: "Both have their merits.\n</think>\n\nI can't decide.",
}

_CHARACTERS_PER_TOKEN = 4

_LAST_WORD = re.compile(r"""[^\s\[\](){}"']*$""")


class ScriptedEngine:
    """Answers each sample with `script(request, index)`.

    `latency` makes each sample take that many seconds (asyncio sleeps), with at most `slots` samples at
    once, first come first served. `max_context` (tokens) makes longer prompts fail as on a real engine.
    `model` and `revision` tell scripts apart in a ledger: another script needs another of them.
    """

    def __init__(
        self,
        script: Script,
        *,
        slots: int = 256,
        latency: Latency | None = None,
        max_context: int | None = None,
        model: str = "scripted",
        revision: str | None = None,
    ) -> None:
        if slots < 1:
            raise InputError(f"slots must be at least 1, not {slots}")
        self._script = script
        self._latency = latency
        self._info = EngineInfo("scripted", model, slots, max_context, special_tokens=(), revision=revision)
        self._slots = asyncio.Semaphore(slots)
        self._running: set[asyncio.Task[Completion]] = set()
        self._is_closed = False

    @property
    def unfinished(self) -> int:
        """How many samples are queued or running."""
        return len(self._running)

    async def open(self) -> EngineInfo:
        self._refuse_if_closed()
        return self._info

    async def sample(self, request: SampleRequest) -> AsyncIterator[Completion]:
        self._refuse_if_closed()
        self._refuse_if_too_long(request)
        indices = range(request.first_index, request.first_index + request.n)
        if self._latency is None:
            for index in indices:
                yield self._complete(request, index)
        else:
            async for completion in self._sample_slowly(request, indices, self._latency):
                yield completion

    async def aclose(self) -> None:
        self._is_closed = True
        for task in self._running:
            task.cancel()

    async def _sample_slowly(
        self, request: SampleRequest, indices: range, latency: Latency
    ) -> AsyncIterator[Completion]:
        tasks = [asyncio.create_task(self._take(request, index, latency)) for index in indices]
        self._running.update(tasks)
        try:
            for task in asyncio.as_completed(tasks):
                yield await task
        except asyncio.CancelledError:
            self._refuse_if_closed()
            raise
        finally:
            for started in tasks:
                started.cancel()
                self._running.discard(started)

    async def _take(self, request: SampleRequest, index: int, latency: Latency) -> Completion:
        async with self._slots:
            await asyncio.sleep(latency(request, index))
            return self._complete(request, index)

    def _complete(self, request: SampleRequest, index: int) -> Completion:
        said = self._script(request, index)
        text, logprobs = said if isinstance(said, Spoken) else (said, ())
        text = _one_of(request.choices, text) if request.choices else text
        longest = request.sampling.max_tokens * _CHARACTERS_PER_TOKEN
        is_cut = len(text) > longest
        is_first = index == request.first_index
        return Completion(
            request.case,
            index,
            text[:longest] if is_cut else text,
            "length" if is_cut else "stop",
            prompt_tokens=_prompt_tokens(request) if is_first else 0,
            completion_tokens=_tokens(min(len(text), longest)),
            logprobs=logprobs if request.logprobs else (),
        )

    def _refuse_if_closed(self) -> None:
        if self._is_closed:
            raise EngineClosedError("the scripted engine was closed")

    def _refuse_if_too_long(self, request: SampleRequest) -> None:
        limit = self._info.max_context
        if limit is not None and (length := _prompt_tokens(request)) >= limit:
            raise PromptTooLongError(length, limit)


def answering(choose: Chooser, answers: Mapping[Vote, str] = SKYWORK_ANSWERS) -> Script:
    """A script that answers with the text in `answers` for the vote that `choose` gives.

    `answers` must be in the format of the prompt that is used; the default is Skywork's (RRM's). A vote
    that has no text is answered with an empty one. Where the request has choices, FIRST is the first of
    them, SECOND the second, TIE the third.
    """
    return partial(_answer, choose, answers)


def _answer(choose: Chooser, answers: Mapping[Vote, str], request: SampleRequest, index: int) -> str:
    vote = choose(request, index)
    if request.choices:
        place = {Vote.FIRST: 0, Vote.SECOND: 1, Vote.TIE: 2}.get(vote, 0)
        return request.choices[min(place, len(request.choices) - 1)]
    return answers.get(vote, "")


def leaning(
    probability: Callable[[SampleRequest, int], float], answers: Mapping[Vote, str] = SKYWORK_ANSWERS
) -> Script:
    """A script that says FIRST as often as `probability` tells (0 to 1), by each sample's own seed, and how likely it was.

    The log-probabilities that it gives are those of the last word in which its two answers differ (`1` and `2`); all else
    that it says is certain. `answers` are as in `answering`.
    """
    return partial(_lean, probability, answers)


def _lean(
    probability: Callable[[SampleRequest, int], float],
    answers: Mapping[Vote, str],
    request: SampleRequest,
    index: int,
) -> Spoken:
    texts = request.choices[:2] if request.choices else (answers[Vote.FIRST], answers[Vote.SECOND])
    ending = _common_ending(*texts)
    labels = [_LAST_WORD.findall(text.removesuffix(ending))[0] for text in texts]
    likely = min(max(probability(request, index), 0.0), 1.0)
    logprobs = [math.log(share) if share else -math.inf for share in (likely, 1 - likely)]
    side = int(_uniform(request, index) >= likely)
    label = TokenLogprob(labels[side], logprobs[side], tuple(zip(labels, logprobs, strict=True)))
    front = texts[side].removesuffix(labels[side] + ending)
    return Spoken(texts[side], (TokenLogprob(front, 0.0), label, TokenLogprob(ending, 0.0)))


def _common_ending(first: str, second: str) -> str:
    """What both end with, from the end of a word on."""
    pairs = zip(reversed(first), reversed(second), strict=False)
    length = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    return first[len(first) - length :].lstrip(ascii_letters + digits)


def noisy(choose: Chooser, accuracy: float) -> Chooser:
    """`choose` is right with probability `accuracy` and swapped else, by each sample's own seed."""

    def mistaken(request: SampleRequest, index: int) -> Vote:
        vote = choose(request, index)
        return vote if _uniform(request, index) < accuracy else vote.swapped()

    return mistaken


def _longest(request: SampleRequest, _: int) -> Vote:
    first, second = request.case.first, request.case.second
    return Vote.FIRST if (len(first), first) >= (len(second), second) else Vote.SECOND


def _shortest(request: SampleRequest, index: int) -> Vote:
    return _longest(request, index).swapped()


def _coin(request: SampleRequest, index: int) -> Vote:
    return Vote.FIRST if _uniform(request, index) < 0.5 else Vote.SECOND


CHOOSERS: Mapping[str, Chooser] = {
    "longest": _longest,
    "shortest": _shortest,
    "first": lambda _request, _index: Vote.FIRST,
    "second": lambda _request, _index: Vote.SECOND,
    "coin": _coin,
    "never": lambda _request, _index: Vote.UNPARSED,
}
"""Ready-made judges by name: by length (then by text), by position, by a seeded coin, or no verdict at all."""


def chooser(name: str) -> Chooser:
    """The ready-made judge of that name. Raises UnknownNameError."""
    if name not in CHOOSERS:
        raise UnknownNameError("scripted judge", name, CHOOSERS)
    return CHOOSERS[name]


def _uniform(request: SampleRequest, index: int) -> float:
    return Random(request.sample_seed + index - request.first_index).random()


def _one_of(choices: tuple[str, ...], text: str) -> str:
    return text if text in choices else choices[0]


def _prompt_tokens(request: SampleRequest) -> int:
    return _tokens(sum(len(message.content) for message in request.messages) + len(request.continuation))


def _tokens(characters: int) -> int:
    return -(-characters // _CHARACTERS_PER_TOKEN)
