"""Prefixes on a vLLM that splits prefills over steps: each is computed once, though all requests start at once."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from rrm.engines.vllm import VLLMEngine
from rrm.types import Case, Message, SampleRequest, Sampling
from tests.laws.engine_laws import collect

pytest.importorskip("vllm")
pytestmark = [
    pytest.mark.live,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.filterwarnings("default"),  # torch and vLLM warn as they please
]

BLOCK = 32
GREEDY = Sampling(max_tokens=24, temperature=0.0)
"""Without randomness: on a CPU, vLLM dies of splitting the prefill of a seeded sample."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engine(embedded: str) -> AsyncIterator[VLLMEngine]:
    engine = VLLMEngine(
        embedded,
        name="embedded",
        max_num_seqs=32,
        max_model_len=2048,
        block_size=BLOCK,
        enable_chunked_prefill=True,
        max_num_batched_tokens=2048,
        long_prefill_token_threshold=128,
    )
    await engine.open()
    yield engine
    await engine.aclose()


def request(ending: str, n: int = 1, logprobs: int = 0) -> SampleRequest:
    """Five hundred words that all requests share, and an ending."""
    text = f"{'The words come again and again. ' * 80}{ending}"
    return SampleRequest(Case(text, ("a", "b")), (Message("user", text),), GREEDY, n=n, logprobs=logprobs)


async def test_requests_that_start_together_compute_their_prefix_once(engine: VLLMEngine) -> None:
    await engine.forget_prefixes()
    answers = await asyncio.gather(*(collect(engine, request(f"{number} ends it.")) for number in range(8)))
    computed = sorted(one.prompt_tokens - one.cached_tokens for (one,) in answers)
    assert computed[-1] > 500
    assert all(tokens < 2 * BLOCK for tokens in computed[:-1])


async def test_a_sample_told_in_parts_is_the_whole_sample(engine: VLLMEngine) -> None:
    """The first token is told early; the text, the tokens and their log-probabilities are those of all."""
    (completion,) = await collect(engine, request("Say something.", logprobs=2))
    assert completion.completion_tokens == len(completion.logprobs) > 1
    assert "".join(position.token for position in completion.logprobs).removesuffix("<|im_end|>") == completion.text


async def test_the_samples_of_one_prompt_compute_it_once(engine: VLLMEngine) -> None:
    await engine.forget_prefixes()
    completions = await collect(engine, request("Vote.", n=4))
    assert completions[0].cached_tokens == 0
    (again,) = await collect(engine, request("Vote."))
    assert again.prompt_tokens - again.cached_tokens <= BLOCK
    assert len({completion.text for completion in completions}) == 1


async def test_cancelled_requests_leave_nobody_waiting(engine: VLLMEngine) -> None:
    await engine.forget_prefixes()
    doomed = [asyncio.create_task(collect(engine, request(f"{number} is doomed.", n=2))) for number in range(4)]
    spared = asyncio.create_task(collect(engine, request("Spared.")))
    await asyncio.sleep(0.02)
    for task in doomed:
        task.cancel()
    await asyncio.wait(doomed)
    async with asyncio.timeout(60):
        assert len(await spared) == 1
    assert engine.unfinished == 0
