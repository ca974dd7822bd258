"""How many prompt tokens the engine computes for a round robin, against the fewest that its pairs allow.

    python bench/prefix.py [--responses 12] [--contests 1] [--words 100] [--repeats 2] [--engine-arg NAME=VALUE]

rrm      `Judge.rank_many` with the strategy elo: prompt tokens less those that vLLM found in its prefix cache.
fewest   each whole block of the cache computed once for each prefix that the prompts of this run have; of every prompt
         also what is no whole block, and its last block even where it is cached: vLLM needs a logit, and finds whole
         blocks only.
naive    the same pairs as the schedule names them (no orientation), in the order of the schedule, put to the same
         loaded engine all at once, with nothing held back. Its own fewest is another one: other prompts.
no reuse rrm's requests again, each computed in full.

Every run starts from an empty prefix cache; rrm and the naive order take turns at going first. Token counts are
exact and the same in every repeat on an engine that is not short of memory; seconds are medians. Exit code 1 where
rrm computes more than 1.10 times the fewest. Needs vLLM, on a GPU or a CPU.
"""

import argparse
import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Any

from engine import WORDS, Recorder, _argument, hardware, make_engine
from report import Figure, show

from rrm import Contest, Judge, SampleRequest
from rrm.engines.vllm import VLLMEngine
from rrm.judging.cleaning import Cleaner
from rrm.judging.prompts import Prompt

CEILING = 1.10


@dataclass(frozen=True)
class Run:
    """What one run asked of vLLM, and how long it took."""

    prompts: Sequence[Sequence[int]]
    cached: int
    seconds: float

    @property
    def computed(self) -> int:
        return sum(map(len, self.prompts)) - self.cached


def fewest(prompts: Sequence[Sequence[int]], block: int) -> int:
    """The prompt tokens that must be computed with a prefix cache of whole blocks that loses nothing."""
    known: set[tuple[int, ...]] = set()
    total = 0
    for prompt in prompts:
        can_hit = (len(prompt) - 1) // block
        prefixes = [tuple(prompt[: (number + 1) * block]) for number in range(len(prompt) // block)]
        hit = next((number for number in range(can_hit) if prefixes[number] not in known), can_hit)
        total += len(prompt) - hit * block
        known.update(prefixes)
    return total


@dataclass
class Watched:
    """An opened engine, whose requests to vLLM are noted."""

    engine: VLLMEngine
    prompts: list[list[int]] = field(default_factory=list)
    cached: int = 0
    reuses: bool = True

    def __post_init__(self) -> None:
        self.vllm = vars(self.engine)["_engine"]
        self._generate, self.vllm.generate = self.vllm.generate, self.generate

    @property
    def block(self) -> int:
        return int(self.vllm.vllm_config.cache_config.block_size)

    async def generate(self, inputs: Any, parameters: Any, name: str) -> AsyncIterator[Any]:
        if not self.reuses:
            parameters.skip_reading_prefix_cache = True
        async for output in self._generate(inputs, parameters, name):
            if output.finished:
                self.prompts.append(output.prompt_token_ids)
                self.cached += output.num_cached_tokens or 0
            yield output

    async def start_afresh(self, *, reuses: bool = True) -> None:
        self.prompts, self.cached, self.reuses = [], 0, reuses
        await self.engine.forget_prefixes()

    async def submit(self, requests: Sequence[SampleRequest]) -> list[str]:
        """The texts of all samples, each a request of its own, put to vLLM at once and with nothing held back."""
        return await asyncio.gather(
            *(self._submit_one(request, offset) for request in requests for offset in range(request.n))
        )

    async def _submit_one(self, request: SampleRequest, offset: int) -> str:
        from vllm.sampling_params import RequestOutputKind, SamplingParams

        parameters = SamplingParams(
            temperature=request.sampling.temperature,
            top_p=request.sampling.top_p,
            max_tokens=request.sampling.max_tokens,
            seed=request.sample_seed + offset,
            output_kind=RequestOutputKind.FINAL_ONLY,
        )
        inputs = {"type": "token", "prompt_token_ids": vars(self.engine)["_chat"].tokens(request)}
        name = f"bench-{request.sample_seed}-{offset}-{time.monotonic_ns()}"
        async for output in self.generate(inputs, parameters, name):
            finished = output
        return str(finished.outputs[0].text)


@dataclass
class Bench:
    """A judge on a watched engine, and what to rank with it."""

    judge: Judge
    recorder: Recorder
    watched: Watched
    prompt: Prompt
    contests: Sequence[Contest]

    def rank(self) -> Run:
        self.recorder.requests = []
        return self._run(self._rank_all)

    def naive(self) -> Run:
        requests = [self._as_scheduled(request) for request in self.recorder.requests]
        return self._run(lambda: self._do(self.watched.submit(requests)))

    def without_reuse(self) -> Run:
        return self._run(lambda: self._do(self.watched.submit(self.recorder.requests)), reuses=False)

    def _rank_all(self) -> None:
        for ranking in self.judge.rank_many(self.contests, strategy="elo"):
            if ranking.error:
                raise SystemExit(f"a contest failed: {ranking.error}")

    def _do(self, job: Coroutine[Any, Any, Any]) -> None:
        """On the loop that rrm uses."""
        asyncio.run_coroutine_threadsafe(job, vars(self.recorder)["_loop"]).result()

    def _run(self, work: Callable[[], object], *, reuses: bool = True) -> Run:
        self._do(self.watched.start_afresh(reuses=reuses))
        began = time.perf_counter()
        work()
        return Run(self.watched.prompts, self.watched.cached, time.perf_counter() - began)

    def _as_scheduled(self, request: SampleRequest) -> SampleRequest:
        """The same pair, the contestant first that the match calls the first."""
        case = request.case.swapped() if request.case.is_swapped else request.case
        return replace(request, case=case, messages=self.prompt.render(case, Cleaner(())))


def figures(bench: Bench, repeats: int) -> Iterator[Figure]:
    """Counts of the last pair of runs, medians of the seconds."""
    bench.rank()  # not counted: it tells the requests, and warms the engine up
    pairs = [_pair(bench, number) for number in range(repeats)]
    (ours, naive), block = pairs[-1], bench.watched.block
    bound, naive_bound = fewest(ours.prompts, block), fewest(naive.prompts, block)
    yield _counts(f"computed tokens of {sum(map(len, ours.prompts)):,}", ours.computed, "the fewest", bound, CEILING)
    yield _counts("naive order: computed tokens", naive.computed, "its fewest", naive_bound)
    yield _counts("computed tokens", ours.computed, "naive order", naive.computed)
    seconds, naive_seconds = (median(run.seconds for run in runs) for runs in zip(*pairs, strict=True))
    yield _seconds("seconds", seconds, "naive order", naive_seconds)
    full = bench.without_reuse()
    yield _counts("computed tokens", ours.computed, "no reuse", full.computed)
    yield _seconds("seconds", seconds, "no reuse", full.seconds)


def _pair(bench: Bench, number: int) -> tuple[Run, Run]:
    if number % 2 == 0:
        ours = bench.rank()
        return ours, bench.naive()
    naive = bench.naive()
    return bench.rank(), naive


def _counts(name: str, ours: int, of: str, baseline: int, ceiling: float | None = None) -> Figure:
    return Figure(name, f"{ours:,}", f"{baseline:,} ({of})", ours / baseline, ceiling=ceiling)


def _seconds(name: str, ours: float, of: str, baseline: float) -> Figure:
    return Figure(name, f"{ours:.2f}", f"{baseline:.2f} ({of})", ours / baseline)


def contests(count: int, responses: int, words: int) -> Iterator[Contest]:
    """Questions with responses of so many words."""
    chance = random.Random(0)
    for number in range(count):
        texts = [" ".join(chance.choices(WORDS, k=words)) for _ in range(responses)]
        yield Contest(f"Question {number}: how do I use {' and '.join(chance.sample(WORDS, 3))}?", texts, id=number)


def read_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="embedded", help="alias, folder, GGUF file or hub name (%(default)s)")
    parser.add_argument("--engine-arg", type=_argument, action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--contests", type=int, default=1)
    parser.add_argument("--responses", type=int, default=12)
    parser.add_argument("--words", type=int, default=100, help="of each response (%(default)s)")
    parser.add_argument("--votes", type=int, default=1)
    parser.add_argument("--max-tokens", type=int, default=4, help="of each sample (%(default)s)")
    parser.add_argument("--temperature", type=float, default=0.6)
    parser.add_argument("--repeats", type=int, default=2, help="pairs of runs (%(default)s)")
    return parser.parse_args()


def main() -> None:
    """Load the engine, measure, print the table, and exit."""
    options = read_options()
    options.engine = "vllm"
    engine = make_engine(options)
    assert isinstance(engine, VLLMEngine)
    recorder = Recorder(engine)
    with Judge(
        engine=recorder,
        votes=options.votes,
        max_tokens=options.max_tokens,
        temperature=options.temperature,
        force_verdict=False,
        resamples=0,
    ) as judge:
        info = judge.open()
        watched = Watched(engine)
        print(f"{info.model} on {info.engine}; {hardware()}; blocks of {watched.block} tokens")
        print(f"{options.contests} contests of {options.responses} responses of {options.words} words, elo")
        entered = list(contests(options.contests, options.responses, options.words))
        code = show(figures(Bench(judge, recorder, watched, vars(judge)["_prompt"], entered), options.repeats))
    raise SystemExit(code)


if __name__ == "__main__":
    main()
