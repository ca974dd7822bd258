"""What k votes on one prompt cost as rrm asks for them, against k separate requests.

    python bench/votes.py [--prompts 4] [--votes 8] [--words 700] [--repeats 2] [--engine-arg NAME=VALUE]

rrm       one request for k samples to rrm's vLLM engine.
separate  k requests of one sample each, with the same prompt and the same seeds, put to the same loaded engine all at
          once, with nothing held back.
no reuse  the same separate requests, the prompt computed in full for each.

Every run starts from an empty prefix cache, and rrm and the separate requests take turns at going first. The texts of
all three are compared, sample by sample: on a CPU in float32 each must be the same (exit code 1 where one differs); on
a GPU rounding depends on the batch, and the figure is for information. Needs vLLM, on a GPU or a CPU.
"""

import argparse
import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from statistics import median
from typing import Any

from engine import WORDS, _argument, hardware, make_engine
from prefix import Run, Watched, fewest
from report import Figure, show

from rrm import SampleRequest
from rrm.engines.vllm import VLLMEngine
from rrm.types import Case, Message, Sampling

CEILING = 1.10


def requests(options: argparse.Namespace) -> list[SampleRequest]:
    """Long prompts that share nothing."""
    return [_request(random.Random(number), options) for number in range(options.prompts)]


def _request(chance: random.Random, options: argparse.Namespace) -> SampleRequest:
    first, second = (" ".join(chance.choices(WORDS, k=options.words // 2)) for _ in range(2))
    text = f"{' '.join(chance.sample(WORDS, 6))}: which is better?\n\n1: {first}\n\n2: {second}"
    sampling = Sampling(options.max_tokens, 1.0)
    return SampleRequest(Case(text, (first, second)), (Message("user", text),), sampling, n=options.votes)


async def as_rrm(engine: VLLMEngine, asked: Sequence[SampleRequest]) -> list[str]:
    """The texts of all samples, by request and index."""
    answers = await asyncio.gather(*(_sampled(engine, request) for request in asked))
    return [text for texts in answers for text in texts]


async def _sampled(engine: VLLMEngine, request: SampleRequest) -> list[str]:
    completions = [completion async for completion in engine.sample(request)]
    return [completion.text for completion in sorted(completions, key=lambda completion: completion.index)]


async def timed(
    watched: Watched, ask: Callable[[], Awaitable[list[str]]], *, reuses: bool = True
) -> tuple[Run, list[str]]:
    """One run from an empty cache, and its texts."""
    await watched.start_afresh(reuses=reuses)
    began = time.perf_counter()
    texts = await ask()
    return Run(watched.prompts, watched.cached, time.perf_counter() - began), texts


async def figures(watched: Watched, asked: Sequence[SampleRequest], repeats: int) -> AsyncIterator[Figure]:
    """Counts of the last runs, medians of the seconds, and how many texts differ."""
    ways: list[Callable[[], Any]] = [lambda: as_rrm(watched.engine, asked), lambda: watched.submit(asked)]
    await ways[0]()  # not counted: it warms the engine up
    runs: dict[int, list[tuple[Run, list[str]]]] = {0: [], 1: []}
    for number in range(repeats):
        for way in (0, 1) if number % 2 == 0 else (1, 0):
            runs[way].append(await timed(watched, ways[way]))
    (ours, texts), (apart, _) = runs[0][-1], runs[1][-1]
    full, full_texts = await timed(watched, ways[1], reuses=False)
    seconds = [median(run.seconds for run, _ in runs[way]) for way in (0, 1)]
    bound = fewest(ours.prompts, watched.block)
    yield Figure(
        f"computed tokens of {sum(map(len, ours.prompts)):,}",
        f"{ours.computed:,}", f"{bound:,} (the fewest)", ours.computed / bound, ceiling=CEILING,
    )  # fmt: skip
    for name, run, spent in (("separate", apart, seconds[1]), ("no reuse", full, full.seconds)):
        yield Figure(
            "computed tokens", f"{ours.computed:,}", f"{run.computed:,} ({name})", ours.computed / run.computed
        )
        yield Figure("seconds", f"{seconds[0]:.2f}", f"{spent:.2f} ({name})", seconds[0] / spent)
    others = [text for way in (0, 1) for _, text in runs[way]] + [full_texts]
    different = sum(a != b for other in others for a, b in zip(texts, other, strict=True))
    ceiling = 0 if watched.vllm.vllm_config.device_config.device_type == "cpu" else None
    yield Figure("texts that differ", f"{different} of {len(texts) * len(others)}", reached=different, ceiling=ceiling)


def read_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="embedded", help="alias, folder, GGUF file or hub name (%(default)s)")
    parser.add_argument("--engine-arg", type=_argument, action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--prompts", type=int, default=4)
    parser.add_argument("--votes", type=int, default=8)
    parser.add_argument("--words", type=int, default=700, help="of each prompt (%(default)s)")
    parser.add_argument("--max-tokens", type=int, default=8, help="of each sample (%(default)s)")
    parser.add_argument("--repeats", type=int, default=2, help="pairs of runs (%(default)s)")
    return parser.parse_args()


async def measure(options: argparse.Namespace) -> int:
    """Load the engine, and print the table; the exit code."""
    options.engine = "vllm"
    engine = make_engine(options)
    assert isinstance(engine, VLLMEngine)
    try:
        info = await engine.open()
        watched = Watched(engine)
        print(f"{info.model} on {info.engine}; {hardware()}; blocks of {watched.block} tokens")
        print(f"{options.prompts} prompts of {options.words} words, {options.votes} votes each")
        return show([figure async for figure in figures(watched, requests(options), options.repeats)])
    finally:
        await engine.aclose()


if __name__ == "__main__":
    raise SystemExit(asyncio.run(measure(read_options())))
