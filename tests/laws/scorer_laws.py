"""What every scorer must do, as plain coroutines over a function that makes a fresh scorer.

A law knows the contract in rrm/engines/scorers/base.py and nothing of any backend. It makes its scorers, opens
them, and closes them; it raises AssertionError where the contract is broken. Use it so:

    @pytest.mark.parametrize("law", laws_for("classify"), ids=name_of)
    async def test_my_scorer_keeps_the_law(law: Law) -> None:
        await law(Subject(lambda: MyScorer(...), "classify"))

Most laws work on a scorer that is kept open (`KeptOpen`); CLOSING_LAWS need scorers of their own. Where a scorer has an
integer property `unfinished` (passes queued or running), the laws also watch that it comes back to 0.
"""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import pytest

from rrm.engines.scorers.base import Pass, Scorer, ScorerInfo, Task, Vectors
from rrm.errors import EngineClosedError, InputError, PromptTooLongError
from rrm.types import Message

__all__ = ["CLOSING_LAWS", "LAWS", "OPEN_LAWS", "KeptOpen", "Law", "Subject", "a_pass", "laws_for", "name_of", "near"]

PATIENCE = 300.0
"""Seconds after which a law takes the scorer to hang; long enough for a real model on two cores."""


@dataclass(frozen=True)
class Subject:
    """What a law is tried on: a function that makes a scorer, and what its readout reads."""

    make: Callable[[], Scorer]
    task: Task
    tolerance: float = 1e-4
    """How far the same number may lie apart when it was computed in other company, relative to 1 or its size."""
    longest: int = 40
    """Words of the longest usual pass."""


Law = Callable[[Subject], Awaitable[None]]


async def a_pass(scorer: Scorer, task: Task, words: int = 8, seed: int = 0) -> Pass:
    """A pass over some words; another seed gives others. It reads at the second token, in the middle and at the end."""
    chance = random.Random(seed)
    text = " ".join(chance.choice(["soap", "water", "wax", "rinse", "glass", "brush"]) for _ in range(words))
    tokens = tuple(await scorer.tokens(text))
    at = () if task == "classify" else tuple(sorted({1, len(tokens) // 2, len(tokens) - 1}))
    return Pass(tokens, at)


async def one_vector_for_each_position(subject: Subject) -> None:
    """As many vectors as positions, or one for the sequence; all equally long, of plain floats."""
    async with _opened(subject) as scorer:
        info = await scorer.open()
        for words in (2, 8, 20):
            asked = await a_pass(scorer, subject.task, words)
            values = (await scorer.score(asked)).values
            assert len(values) == (1 if subject.task == "classify" else len(asked.at))
            assert len({len(vector) for vector in values}) == 1
            assert info.outputs in (None, len(values[0]))
            assert all(type(number) is float for vector in values for number in vector)


async def a_position_has_its_own_vector(subject: Subject) -> None:
    """Reading fewer positions gives the same vectors at these, in the order asked."""
    async with _opened(subject) as scorer:
        tokens = (await a_pass(scorer, subject.task, 12)).tokens
        everywhere = tuple(range(1, len(tokens)))
        every = (await scorer.score(Pass(tokens, everywhere))).values
        assert len(set(every)) > 1
        for at in (everywhere[:1], everywhere[-1:], everywhere[::3]):
            few = (await scorer.score(Pass(tokens, at))).values
            assert near(few, [every[place - 1] for place in at], subject.tolerance)


async def company_changes_nothing(subject: Subject) -> None:
    """Passes of many lengths read the same alone, together, and together in another order."""
    async with _opened(subject) as scorer:
        chance = random.Random(1)
        passes = [await a_pass(scorer, subject.task, chance.randint(2, subject.longest), seed) for seed in range(32)]
        alone = [await scorer.score(asked) for asked in passes[:6]]
        together = await asyncio.gather(*map(scorer.score, passes))
        order = chance.sample(range(len(passes)), len(passes))
        shuffled = await asyncio.gather(*(scorer.score(passes[place]) for place in order))
    for one, same in zip(alone, together, strict=False):
        assert near(one.values, same.values, subject.tolerance)
    for place, same in zip(order, shuffled, strict=True):
        assert near(together[place].values, same.values, subject.tolerance)
    assert len({vectors.values for vectors in together}) > 16, "passes of other words must read otherwise"


async def tokens_are_counted(subject: Subject) -> None:
    """A pass has the tokens that were given, and no more of them cached; also when it is asked again."""
    async with _opened(subject) as scorer:
        asked = await a_pass(scorer, subject.task, 20)
        for vectors in (await scorer.score(asked), await scorer.score(asked)):
            assert vectors.prompt_tokens == len(asked.tokens)
            assert 0 <= vectors.cached_tokens <= vectors.prompt_tokens


async def asked_again_it_reads_the_same(subject: Subject) -> None:
    """The same pass gives the same numbers, whatever is cached by then."""
    async with _opened(subject) as scorer:
        asked = await a_pass(scorer, subject.task, subject.longest)
        first, *others = [await scorer.score(asked) for _ in range(3)]
        assert all(near(first.values, other.values, subject.tolerance) for other in others)


async def likelihoods_are_probabilities(subject: Subject) -> None:
    """Log-probabilities are at most 0, and a token's depends on nothing after it."""
    async with _opened(subject) as scorer:
        asked = await a_pass(scorer, subject.task, 12)
        whole = (await scorer.score(asked)).values
        assert all(number <= 0 for (number,) in whole)
        part = (await scorer.score(Pass(asked.tokens[: asked.at[1] + 1], asked.at[:2]))).values
        assert near(part, whole[:2], subject.tolerance)


async def opening_twice_gives_the_same_info(subject: Subject) -> None:
    """Later calls of `open`, also at the same time as the first, return what the first returned."""
    async with _opened(subject) as scorer:
        infos = await asyncio.gather(scorer.open(), scorer.open())
        assert list(infos) == [await scorer.open()] * 2
        assert infos[0].slots >= 1
        assert infos[0].engine
        assert infos[0].model


async def texts_become_tokens(subject: Subject) -> None:
    """Tokens of a text are ids; the empty text has none, and nothing is added unless asked for."""
    async with _opened(subject) as scorer:
        found = await scorer.tokens("soap and water")
        assert found
        assert all(type(token) is int and token >= 0 for token in found)
        assert tuple(await scorer.tokens("soap and water")) == tuple(found)
        assert tuple(await scorer.tokens("")) == ()
        assert len(await scorer.tokens("soap and water", add_special_tokens=True)) >= len(found)
        assert len(await scorer.bos()) <= 1


async def a_conversation_becomes_tokens(subject: Subject) -> None:
    """By the chat template: other contents give other tokens, and a generation prompt extends them."""
    messages = (Message("user", "How do I clean glass?"), Message("assistant", "With soap."))
    async with _opened(subject) as scorer:
        found = tuple(await scorer.chat(messages))
        other = tuple(await scorer.chat((messages[0], Message("assistant", "With wax."))))
        assert len(found) > len(await scorer.tokens("With soap."))
        assert found != other
        opened = tuple(await scorer.chat(messages[:1], add_generation_prompt=True))
        assert len(opened) > len(await scorer.chat(messages[:1]))


async def what_does_not_fit_is_named(subject: Subject) -> None:
    """More tokens than the context raise PromptTooLongError with both numbers; as many as it holds are read."""
    async with _opened(subject) as scorer:
        limit = (await scorer.open()).max_context
        assert limit is not None
        usual = await a_pass(scorer, subject.task)
        tokens = (usual.tokens * (limit // len(usual.tokens) + 1))[:limit]
        with pytest.raises(PromptTooLongError) as refusal:
            await scorer.score(Pass((*tokens, tokens[0]), usual.at))
        assert refusal.value.args[:2] == (limit + 1, limit)
        assert (await scorer.score(Pass(tokens, usual.at))).prompt_tokens == limit


async def positions_that_are_none_are_refused(subject: Subject) -> None:
    """Beyond the end, falling, and where this task has none: InputError, and the scorer stays usable."""
    async with _opened(subject) as scorer:
        usual = await a_pass(scorer, subject.task)
        wrong: list[tuple[int, ...]] = [(len(usual.tokens),), (-1,), (2, 1), (1, 1)]
        wrong += {"classify": [(1,)], "likelihood": [(0,)], "token_classify": []}[subject.task]
        for at in wrong:
            with pytest.raises(InputError):
                await scorer.score(Pass(usual.tokens, at))
        with pytest.raises(InputError):
            await scorer.score(Pass(()))
        assert (await scorer.score(usual)).values


async def cancelling_one_leaves_the_others(subject: Subject) -> None:
    """A cancelled pass takes no other down, and the scorer stays usable."""
    async with _opened(subject) as scorer:
        passes = [await a_pass(scorer, subject.task, subject.longest, seed) for seed in range(3)]
        doomed, *spared = [asyncio.create_task(scorer.score(asked)) for asked in passes]
        await asyncio.sleep(0)
        await _cancel(doomed)
        assert all([(await one).values for one in spared])
        assert (await scorer.score(passes[0])).values


async def cancelling_leaves_nothing_running(subject: Subject) -> None:
    """After cancelled tasks nothing is queued or running, whether they had started or not."""
    async with _opened(subject) as scorer:
        passes = [await a_pass(scorer, subject.task, subject.longest, seed) for seed in range(16)]
        for pause in (0.0, 0.003):
            doomed = [asyncio.create_task(scorer.score(asked)) for asked in passes]
            await asyncio.sleep(pause)
            for task in doomed:
                await _cancel(task)
            await _idle(scorer)


async def closing_twice_is_harmless(subject: Subject) -> None:
    """`aclose` may be called again, and before `open`."""
    scorer = subject.make()
    await scorer.open()
    await scorer.aclose()
    await scorer.aclose()
    await subject.make().aclose()


async def a_closed_scorer_refuses(subject: Subject) -> None:
    """After `aclose` both `score` and `open` raise EngineClosedError."""
    scorer = subject.make()
    await scorer.open()
    asked = await a_pass(scorer, subject.task)
    await scorer.aclose()
    assert await _ends_closed(scorer.score(asked))
    assert await _ends_closed(scorer.open())


async def closing_ends_what_is_in_flight(subject: Subject) -> None:
    """Passes in flight at `aclose` end with EngineClosedError, not with a hang or a cancellation."""
    scorer = subject.make()
    await scorer.open()
    passes = [await a_pass(scorer, subject.task, subject.longest, seed) for seed in range(64)]
    in_flight = [asyncio.create_task(_ends_closed(scorer.score(asked))) for asked in passes]
    await asyncio.sleep(0)
    await scorer.aclose()
    async with asyncio.timeout(PATIENCE):
        assert any(await asyncio.gather(*in_flight)), "nothing was in flight any more: slow the scorer down"


CLOSING_LAWS: list[Law] = [closing_twice_is_harmless, a_closed_scorer_refuses, closing_ends_what_is_in_flight]
"""Those that are about closing, and need a scorer of their own."""

OPEN_LAWS: list[Law] = [
    one_vector_for_each_position,
    company_changes_nothing,
    tokens_are_counted,
    asked_again_it_reads_the_same,
    opening_twice_gives_the_same_info,
    texts_become_tokens,
    a_conversation_becomes_tokens,
    positions_that_are_none_are_refused,
    cancelling_one_leaves_the_others,
    cancelling_leaves_nothing_running,
]
"""Those that any scorer keeps, whatever it reads."""

LAWS: list[Law] = [
    *OPEN_LAWS,
    a_position_has_its_own_vector,
    likelihoods_are_probabilities,
    what_does_not_fit_is_named,
    *CLOSING_LAWS,
]


def laws_for(task: Task, *, knows_context: bool = True, has_template: bool = True) -> list[Law]:
    """The laws, but for those on closing, that a scorer must keep that reads this."""
    laws = [law for law in OPEN_LAWS if has_template or law is not a_conversation_becomes_tokens]
    laws += [a_position_has_its_own_vector] * (task != "classify")
    laws += [likelihoods_are_probabilities] * (task == "likelihood")
    return laws + [what_does_not_fit_is_named] * knows_context


def name_of(law: Law) -> str:
    """The law's name, for test ids."""
    return str(getattr(law, "__name__", law))


def near(found: Sequence[Sequence[float]], wanted: Sequence[Sequence[float]], tolerance: float) -> bool:
    """Whether all numbers of some vectors are the same, but for rounding."""
    return len(found) == len(wanted) and all(
        list(one) == pytest.approx(list(other), rel=tolerance, abs=tolerance)
        for one, other in zip(found, wanted, strict=True)
    )


class KeptOpen:
    """A scorer whose `aclose` does nothing: loading takes long."""

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer

    @property
    def unfinished(self) -> int:
        return int(getattr(self._scorer, "unfinished", 0))

    async def open(self) -> ScorerInfo:
        return await self._scorer.open()

    async def chat(self, messages: Sequence[Message], *, add_generation_prompt: bool = False) -> tuple[int, ...]:
        return await self._scorer.chat(messages, add_generation_prompt=add_generation_prompt)

    async def tokens(self, text: str, *, add_special_tokens: bool = False) -> tuple[int, ...]:
        return await self._scorer.tokens(text, add_special_tokens=add_special_tokens)

    async def bos(self) -> tuple[int, ...]:
        return await self._scorer.bos()

    async def score(self, asked: Pass) -> Vectors:
        return await self._scorer.score(asked)

    async def aclose(self) -> None:
        pass


@asynccontextmanager
async def _opened(subject: Subject) -> AsyncIterator[Scorer]:
    scorer = subject.make()
    try:
        async with asyncio.timeout(PATIENCE):
            await scorer.open()
            yield scorer
    finally:
        await scorer.aclose()


async def _cancel(task: "asyncio.Task[Vectors]") -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def _idle(scorer: Scorer) -> None:
    """Wait until nothing is unfinished: an abort may take a step of the scorer's to arrive."""
    deadline = time.monotonic() + 10
    while left := int(getattr(scorer, "unfinished", 0)):
        assert time.monotonic() < deadline, f"{left} passes are still running after they were cancelled"
        await asyncio.sleep(0.01)


async def _ends_closed(work: Awaitable[object]) -> bool:
    try:
        await work
    except EngineClosedError:
        return True
    return False
