"""The transformers engine with the embedded model, on the machine's own cores."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from rrm.engines.transformers import TransformersEngine
from rrm.errors import EngineClosedError, UnknownNameError
from rrm.types import Sampling
from tests.laws.engine_laws import Law, a_request, collect, name_of
from tests.live.kept_open import CLOSING_LAWS, OPEN_LAWS, KeptOpen

pytest.importorskip("transformers")
pytestmark = [
    pytest.mark.live,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.filterwarnings("default"),  # torch and transformers warn as they please
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engine(embedded: str) -> AsyncIterator[TransformersEngine]:
    engine = TransformersEngine(embedded, name="embedded", batch_size=8)
    await engine.open()
    yield engine
    await engine.aclose()


@pytest.mark.parametrize("law", OPEN_LAWS, ids=name_of)
async def test_it_keeps_the_law(law: Law, engine: TransformersEngine) -> None:
    await law(lambda: KeptOpen(engine))


@pytest.mark.parametrize("law", CLOSING_LAWS, ids=name_of)
async def test_it_keeps_the_law_of_closing(law: Law, embedded: str) -> None:
    await law(lambda: TransformersEngine(embedded))


async def test_it_says_what_the_model_is(engine: TransformersEngine) -> None:
    info = await engine.open()
    assert (info.engine, info.model, info.slots, info.max_context) == ("transformers", "embedded", 8, 8192)
    assert info.opens_reasoning is False
    assert {"<|im_start|>", "<|im_end|>", "<|endoftext|>"} <= set(info.special_tokens or ())


async def test_a_sample_does_not_depend_on_its_batch(engine: TransformersEngine) -> None:
    alone = await collect(engine, a_request("alone", n=2))
    others = [a_request(f"other {number}" * number, n=2) for number in range(1, 4)]
    crowded, *_ = await asyncio.gather(*(collect(engine, request) for request in (a_request("alone", n=2), *others)))
    assert [completion.text for completion in crowded] == [completion.text for completion in alone]


async def test_temperature_and_top_p_are_each_rows_own(engine: TransformersEngine) -> None:
    """The likeliest tokens come of temperature 0, of a nucleus that holds one token, and of nothing else."""
    greedy, narrow, free = await asyncio.gather(
        *(
            collect(engine, a_request(n=2, sampling=Sampling(16, temperature, top_p)))
            for temperature, top_p in ((0.0, 1.0), (1.0, 1e-6), (1.0, 1.0))
        )
    )
    assert len({completion.text for completion in (*greedy, *narrow)}) == 1
    assert len({completion.text for completion in (*greedy, *free)}) == 3


async def test_rows_end_at_their_own_limits(engine: TransformersEngine) -> None:
    limits = (1, 5, 9)
    answers = await asyncio.gather(*(collect(engine, a_request(sampling=Sampling(limit, 1.0))) for limit in limits))
    assert [completion.completion_tokens for (completion,) in answers] == list(limits)


async def test_logprobs_are_of_the_model_itself(engine: TransformersEngine) -> None:
    """Whatever the temperature, and whichever token was sampled."""
    (hot,) = await collect(engine, a_request(sampling=Sampling(1, 5.0), logprobs=3))
    (cold,) = await collect(engine, a_request(sampling=Sampling(1, 0.0), logprobs=3))
    assert len(cold.logprobs[0].top) == 3
    assert cold.logprobs[0].logprob == cold.logprobs[0].top[0][1]
    assert hot.logprobs[0].logprob < cold.logprobs[0].top[-1][1]
    assert [token for token, _ in hot.logprobs[0].top] == [token for token, _ in cold.logprobs[0].top]
    assert [logprob for _, logprob in hot.logprobs[0].top] == pytest.approx(
        [logprob for _, logprob in cold.logprobs[0].top]
    )


async def test_a_choice_costs_only_the_tokens_where_choices_part(engine: TransformersEngine) -> None:
    request = a_request(n=2, choices=("\\boxed{Assistant 1}", "\\boxed{Assistant 2}"), logprobs=2)
    for completion in await collect(engine, request):
        assert completion.completion_tokens == 1
        assert {token for token, _ in completion.logprobs[0].top} == {"1", "2"}


async def test_an_unknown_argument_is_refused(embedded: str) -> None:
    engine = TransformersEngine(embedded, batch_sise=4)
    with pytest.raises(UnknownNameError, match="batch_sise"):
        await engine.open()
    await engine.aclose()
    with pytest.raises(EngineClosedError):
        await engine.open()
