"""How much of the inference engine's speed is left when rrm drives it.

    python bench/engine.py [--model embedded] [--contests 32] [--responses 4] [--repeats 4]

rrm      generated tokens per second through `Judge.rank_many`, from the call to the last ranking.
baseline the very same requests, recorded while rrm made them, submitted all at once to the same loaded engine.

An Elo has all its matches ready at the start, so the batch can stay full: at least 0.95 of the baseline is
asked for. A knockout has to wait for winners: its figure is printed beside it. Both are run in turns, rrm first
in one pair and second in the next, after one run that is not counted; the engine forgets its cached prefixes
before every run, so nobody profits from the other's prefill. Verdicts are not forced and lost votes not asked
again, so that the requests are what the judge's texts cost and nothing else. The floor is on the median ratio.

Exit code 1 where the floor is missed. Needs vLLM, on a GPU or a CPU; `--engine scripted` tries the script out.
"""

import argparse
import asyncio
import os
import platform
import random
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import aclosing
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from report import Figure, show

from rrm import Contest, Judge, SampleRequest, ScriptedEngine
from rrm.engines.base import Engine, EngineInfo
from rrm.types import Completion

FLOOR = 0.95
WORDS = [
    "soap",
    "water",
    "wheel",
    "paint",
    "glass",
    "brush",
    "towel",
    "wax",
    "dust",
    "shine",
    "rinse",
    "dry",
    "seat",
    "carpet",
    "vacuum",
    "mirror",
    "door",
    "tyre",
]


@dataclass
class Recorder:
    """An engine that notes what it is asked for, and can ask it again, all at once."""

    engine: Engine
    requests: list[SampleRequest] = field(default_factory=list)
    tokens: int = 0

    async def open(self) -> EngineInfo:
        self._loop = asyncio.get_running_loop()
        return await self.engine.open()

    async def sample(self, request: SampleRequest) -> AsyncIterator[Completion]:
        self.requests.append(request)
        async with aclosing(self.engine.sample(request)) as completions:  # type: ignore[type-var]
            async for completion in completions:
                self.tokens += completion.completion_tokens
                yield completion

    async def aclose(self) -> None:
        await self.engine.aclose()

    def start_afresh(self) -> None:
        """Forget what was asked, and make the engine forget its cached prefixes."""
        self.requests, self.tokens = [], 0
        self._do(self._forget_prefixes())

    def replay(self, requests: Sequence[SampleRequest]) -> None:
        """Ask for all of it at once, on the loop that rrm uses."""
        self._do(self._all(requests))

    async def _all(self, requests: Sequence[SampleRequest]) -> None:
        await asyncio.gather(*map(self._drain, requests))

    async def _drain(self, request: SampleRequest) -> None:
        async for _ in self.sample(request):
            pass

    async def _forget_prefixes(self) -> None:
        vllm = getattr(self.engine, "_engine", None)
        if vllm is not None and await vllm.reset_prefix_cache() is False:
            raise SystemExit("vLLM did not forget its cached prefixes")

    def _do(self, job: Any) -> None:
        done: Future[None] = asyncio.run_coroutine_threadsafe(job, self._loop)
        done.result()


@dataclass
class Bench:
    """A judge on a recorded engine, and what to rank with it."""

    judge: Judge
    recorder: Recorder
    contests: Sequence[Contest]

    def ratios(self, strategy: str, repeats: int) -> Iterator[tuple[float, float]]:
        """Tokens per second of rrm and of the baseline, in pairs."""
        self._rank(strategy)
        requests = self.recorder.requests
        for number in range(repeats):
            if number % 2 == 0:
                ours, requests = self._rank(strategy), self.recorder.requests
                yield ours, self._replay(requests)
            else:
                baseline = self._replay(requests)
                yield self._rank(strategy), baseline

    def _rank(self, strategy: str) -> float:
        self.recorder.start_afresh()
        began = time.perf_counter()
        for ranking in self.judge.rank_many(self.contests, strategy=strategy):
            if ranking.error:
                raise SystemExit(f"a contest failed: {ranking.error}")
        return self.recorder.tokens / (time.perf_counter() - began)

    def _replay(self, requests: Sequence[SampleRequest]) -> float:
        self.recorder.start_afresh()
        began = time.perf_counter()
        self.recorder.replay(requests)
        return self.recorder.tokens / (time.perf_counter() - began)


def figures(bench: Bench, repeats: int) -> Iterator[Figure]:
    """One line for each strategy: the median pair, and the range of the ratios."""
    for strategy, floor, number in (("elo", FLOOR, repeats), ("knockout", None, -(-repeats // 2))):
        pairs = list(bench.ratios(strategy, number))
        ratios = sorted(ours / baseline for ours, baseline in pairs)
        ours, baseline = (median(column) for column in zip(*pairs, strict=True))
        name = f"{strategy}, {len(bench.recorder.requests)} requests, tokens/s"
        against = f"{baseline:,.0f} (ratios {ratios[0]:.3f} to {ratios[-1]:.3f})"
        yield Figure(name, f"{ours:,.0f}", against, median(ratios), floor)


def contests(count: int, responses: int) -> Iterator[Contest]:
    """Questions that share no more of their text than the judge's prompt."""
    chance = random.Random(0)
    for number in range(count):
        texts = [" ".join(chance.choices(WORDS, k=chance.randint(6, 12))) for _ in range(responses)]
        yield Contest(f"Question {number}: how do I use {' and '.join(chance.sample(WORDS, 3))}?", texts, id=number)


def make_engine(options: argparse.Namespace) -> Engine:
    """The engine that is measured, not opened yet."""
    if options.engine == "scripted":
        return ScriptedEngine(lambda request, index: "word " * (request.sample_seed % 40), latency=_latency)
    from rrm import models
    from rrm.engines.vllm import VLLMEngine

    model = models.resolve(options.model)
    return VLLMEngine(model.location, name=model.name, **dict(options.engine_arg))


def _latency(request: SampleRequest, _: int) -> float:
    return 0.01 * (request.sample_seed % 40)


def hardware() -> str:
    """What it ran on, for the record."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{', '.join([*_accelerators(), f'{cores} CPU cores'])} ({platform.machine()})"


def _accelerators() -> Iterable[str]:
    try:
        import torch
    except ImportError:
        return []
    return [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]


def _argument(text: str) -> tuple[str, object]:
    name, _, value = text.partition("=")
    return name, int(value) if value.isdigit() else value


def read_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="embedded", help="alias, folder, GGUF file or hub name (%(default)s)")
    parser.add_argument("--engine", choices=("vllm", "scripted"), default="vllm")
    parser.add_argument("--engine-arg", type=_argument, action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--contests", type=int, default=32)
    parser.add_argument("--responses", type=int, default=4)
    parser.add_argument("--votes", type=int, default=1)
    parser.add_argument("--max-tokens", type=int, default=24, help="of each sample (%(default)s)")
    parser.add_argument(
        "--repeats", type=int, default=4, help="pairs of runs; half as many for the knockout (%(default)s)"
    )
    return parser.parse_args()


def main() -> None:
    """Load the engine, measure, print the table, and exit."""
    options = read_options()
    recorder = Recorder(make_engine(options))
    with Judge(
        engine=recorder, votes=options.votes, max_tokens=options.max_tokens, force_verdict=False, resamples=0
    ) as judge:
        info = judge.open()
        print(f"{info.model} on {info.engine}; {hardware()}")
        print(
            f"{options.contests} contests of {options.responses}, votes={options.votes}, at most {options.max_tokens} tokens"
        )
        bench = Bench(judge, recorder, list(contests(options.contests, options.responses)))
        code = show(figures(bench, options.repeats))
    raise SystemExit(code)


if __name__ == "__main__":
    main()
