"""How many verdicts a thinking budget saves from truncation, and what that costs.

    python bench/think_budget.py [--model embedded] [--pairs 125] [--votes 4] [--think-budget 24]

rrm      every sample is cut at the budget, its reasoning closed, and its verdict chosen from the cached prefix.
baseline the same samples with the same limit on their tokens, and what the limit cut is lost.

The prompt (`think_aloud.jinja`) begins the judge's turn inside an opened reasoning block. The embedded model does not
know the tags and never closes it, so that nearly every sample runs over its limit. Samples that ended by themselves
without a verdict are counted apart: a budget does not force them. None may be TRUNCATED, and of the baseline half have
to be, or nothing was measured. Both run on the same loaded engine, all at once, each from an empty prefix cache.
A prompt's tokens are computed where no cache held them: whole blocks only, so that what is gone on with costs up to a
block, and all of a prompt that is shorter than one (`--engine-arg block_size=32` makes them smaller).

Exit code 1 where a bound is missed. Needs vLLM, on a GPU or a CPU; `--engine scripted` tries the script out.
"""

import argparse
import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine import contests, hardware, make_engine
from report import Figure, show

from rrm import SampleRequest
from rrm.engines.base import Engine
from rrm.judging.polling import Ballot, Polling, poll
from rrm.judging.rules import Rules
from rrm.promptfiles import load_prompt
from rrm.settings import JudgeSettings
from rrm.types import Case, Completion, Vote

PROMPT = Path(__file__).with_name("think_aloud.jinja")


@dataclass(frozen=True)
class Run:
    """What was said of all pairs, and how long that took in seconds."""

    ballots: Sequence[Ballot]
    seconds: float

    @property
    def votes(self) -> list[Vote | None]:
        return [opinion.vote for ballot in self.ballots for opinion in ballot.opinions]

    @property
    def truncated(self) -> int:
        return self.votes.count(Vote.TRUNCATED)

    @property
    def unparsed(self) -> int:
        return self.votes.count(Vote.UNPARSED)

    @property
    def forced(self) -> int:
        return sum(opinion.forced for ballot in self.ballots for opinion in ballot.opinions)

    @property
    def sampled(self) -> int:
        return sum(ballot.usage.completion_tokens for ballot in self.ballots)

    @property
    def computed(self) -> int:
        return sum(ballot.usage.prompt_tokens - ballot.usage.cached_tokens for ballot in self.ballots)


async def run(engine: Engine, rules: Rules, cases: Sequence[Case]) -> Run:
    """All votes on all pairs, from an empty prefix cache."""
    vllm = getattr(engine, "_engine", None)
    if vllm is not None and await vllm.reset_prefix_cache() is False:
        raise SystemExit("vLLM did not forget its cached prefixes")
    began = time.perf_counter()
    ballots = await asyncio.gather(*(answered(engine, poll(case, (0, 1), rules, rules.votes)) for case in cases))
    return Run(ballots, time.perf_counter() - began)


async def answered(engine: Engine, polling: Polling) -> Ballot:
    """A poll, wave by wave."""
    requests = next(polling)
    try:
        while True:
            waves = await asyncio.gather(*(sampled(engine, request) for request in requests))
            requests = polling.send([completion for wave in waves for completion in wave])
    except StopIteration as done:
        ballot: Ballot = done.value
        return ballot


async def sampled(engine: Engine, request: SampleRequest) -> list[Completion]:
    """All samples of a request."""
    async with aclosing(engine.sample(request)) as completions:  # type: ignore[type-var]
        return [completion async for completion in completions]


def figures(ours: Run, plain: Run) -> Iterator[Figure]:
    """The table's lines."""
    count, forced = len(ours.votes), max(ours.forced, 1)
    yield Figure("TRUNCATED", f"{ours.truncated} of {count}", reached=ours.truncated, ceiling=0)
    yield Figure("TRUNCATED in the baseline", f"{plain.truncated} of {count}", reached=plain.truncated, floor=count / 2)
    read = count - ours.truncated - ours.unparsed
    yield Figure("verdicts read", f"{read} ({ours.forced} forced)", f"{count - plain.truncated - plain.unparsed}")
    yield Figure("ended without a verdict", f"{ours.unparsed}", f"{plain.unparsed}")
    yield Figure("seconds", f"{ours.seconds:.1f}", f"{plain.seconds:.1f}", ours.seconds / plain.seconds)
    for name, mine, theirs in (
        ("tokens sampled", ours.sampled, plain.sampled),
        ("prompt tokens computed", ours.computed, plain.computed),
    ):
        yield Figure(name, f"{mine:,}", f"{theirs:,}", mine / max(theirs, 1))
        yield Figure(f"{name}, more a forced verdict", f"{(mine - theirs) / forced:.2f}")
    yield Figure("milliseconds more a forced verdict", f"{1000 * (ours.seconds - plain.seconds) / forced:.1f}")


def read_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="embedded", help="alias, folder, GGUF file or hub name (%(default)s)")
    parser.add_argument("--engine", choices=("vllm", "scripted"), default="vllm")
    parser.add_argument("--pairs", type=int, default=125)
    parser.add_argument("--votes", type=int, default=4, help="samples of each pair (%(default)s)")
    parser.add_argument("--think-budget", type=int, default=24, help="tokens of each sample (%(default)s)")
    parser.add_argument("--engine-arg", type=engine_argument, action="append", default=[], metavar="NAME=VALUE")
    return parser.parse_args()


async def measured(options: argparse.Namespace) -> int:
    """Load the engine, ask without the budget and with it, and print the table."""
    engine = make_engine(options)
    info = await engine.open()
    print(f"{info.model} on {info.engine}; {hardware()}")
    print(f"{options.pairs} pairs, {options.votes} samples each, at most {options.think_budget} tokens of reasoning")
    if vllm := getattr(engine, "_engine", None):
        print(f"cache blocks of {vllm.vllm_config.cache_config.block_size} tokens")
    cases = [Case(str(pair.query), tuple(map(str, pair.responses))) for pair in contests(options.pairs, 2)]
    budget, settings = options.think_budget, {"votes": options.votes, "force_verdict": False}
    cut, plain = (made_rules(info, **settings, **more) for more in ({"think_budget": budget}, {"max_tokens": budget}))
    try:
        await run(engine, cut, cases[:2])
        baseline = await run(engine, plain, cases)
        return show(figures(await run(engine, cut, cases), baseline))
    finally:
        await engine.aclose()


def engine_argument(text: str) -> tuple[str, object]:
    """An argument of vLLM's, with its value."""
    name, _, value = text.partition("=")
    return name, int(value) if value.isdigit() else value


def made_rules(info: Any, **settings: Any) -> Rules:
    """The rules of a judge that answers in the benchmark's format."""
    return JudgeSettings(**settings).rules(load_prompt(PROMPT), info, is_embedded=False)


if __name__ == "__main__":
    raise SystemExit(asyncio.run(measured(read_options())))
