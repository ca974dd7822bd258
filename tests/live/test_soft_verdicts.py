"""Verdicts read as probabilities by every kind of engine with the same weights: they say the same.

The embedded model reaches no verdict by itself, so each is forced, and its probability is that of the forced choice.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rrm import Contest, Judge
from rrm.engines.logprobs import KEPT
from rrm.engines.transformers import TransformersEngine
from rrm.types import Poll, Sampling
from tests.laws.engine_laws import a_request, collect
from tests.live.test_rankings import QUERY, RESPONSES, vllm_server

pytest.importorskip("vllm")
pytestmark = [
    pytest.mark.live,
    pytest.mark.filterwarnings("default"),  # torch and vLLM warn as they please
]

ORDERS = ((0, 1), (1, 0))
PAIRS = [(RESPONSES[0], RESPONSES[1]), (RESPONSES[2], RESPONSES[4]), (RESPONSES[1], RESPONSES[2])]


@contextmanager
def judge_of(kind: str, model: str, folder: Path) -> Iterator[Judge]:
    """A judge that says nothing at random, so that all engines force its verdict behind the same text.

    Its prompt opens no reasoning: whether that is to be closed first, a server does not tell.
    """
    settings = {
        "readout": "probability",
        "temperature": 0.0,
        "max_tokens": 8,
        "force_verdict": True,
        "prompt": "rewardbench",
    }
    if kind != "openai":
        with Judge("embedded", engine=kind, **settings) as judge:  # type: ignore[arg-type]
            yield judge
        return
    with vllm_server(model, folder / "log") as url, Judge(base_url=url, **settings) as judge:  # type: ignore[arg-type]
        yield judge


def probabilities(judge: Judge) -> list[float | None]:
    """Of the first shown, for each pair in both orders."""
    polls = [Poll(Contest(QUERY, pair), ORDERS) for pair in PAIRS]
    opinions = [opinion for polled in judge.poll_many(polls) for opinion in polled.opinions]
    assert [opinion.shown for opinion in opinions] == [*ORDERS] * len(PAIRS)
    assert all(opinion.forced for opinion in opinions)
    return [opinion.probability for opinion in opinions]


def test_engines_agree_on_probabilities(embedded: str, tmp_path: Path) -> None:
    found = {}
    for kind in ("transformers", "vllm", "openai"):
        with judge_of(kind, embedded, tmp_path) as judge:
            found[kind] = probabilities(judge)
        print(kind, *("-" if chance is None else f"{chance:.6f}" for chance in found[kind]))
    assert all(chance is not None and 0 < chance < 1 for chance in found["transformers"])
    assert found["vllm"] == pytest.approx(found["transformers"], abs=1e-3)
    assert found["openai"] == pytest.approx(found["transformers"], abs=1e-3)


@pytest.mark.asyncio
async def test_a_long_sample_keeps_its_first_and_last(embedded: str) -> None:
    engine = TransformersEngine(embedded)
    (completion,) = await collect(engine, a_request(sampling=Sampling(3 * KEPT, 1.0), logprobs=1))
    await engine.aclose()
    assert len(completion.logprobs) == min(KEPT, completion.completion_tokens)
    if completion.finish_reason == "length":
        assert completion.text.endswith("".join(token.token for token in completion.logprobs[-4:]))
