"""`rrm best-of-n`: the best response of each row, of those it has or of those that a model writes."""

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

import click
from rich.console import RenderableType

from rrm.backends import ENGINES
from rrm.cli.options import Settings, judge_options, output_options, strategy_option
from rrm.cli.rankers import RANKER_SETTINGS, RANKER_TYPES, RankerChoice, ranker_options
from rrm.cli.row_job import RowJob, query_of, row_contest
from rrm.cli.tables import show_ranking
from rrm.cli.terminal import counted
from rrm.contests import check_at_least
from rrm.errors import InputError
from rrm.generation import Generation, Generator
from rrm.ranker import Ranker
from rrm.ranking import Ranking
from rrm.selection import BestOfN, best_of_n_many
from rrm.types import Contest

__all__ = ["best_of_n"]

F = TypeVar("F", bound=Callable[..., Any])

_GENERATE = (
    click.option("--generate", metavar="MODEL", help="Write the responses with this model; rows have none then."),
    click.option("--n", type=int, help="Responses to write for each row. Default: 8."),
    click.option("--generate-engine", metavar="|".join(ENGINES), help="Where the generator runs. Default: vLLM in this process."),
    click.option("--generate-base-url", multiple=True, help="Its server, as --base-url is the judge's. Repeat it for several."),
    click.option("--generate-api-key-env", help="Environment variable with that server's API key. Default: OPENAI_API_KEY."),
    click.option("--generate-max-tokens", type=int, help="Longest response. Default: 1024."),
    click.option("--generate-temperature", type=float, help="Default: 1."),
    click.option("--generate-top-p", type=float, help="Default: 1."),
    click.option("--generate-concurrency", type=int, help="Its samples (or requests to its server) at once."),
    click.option("--generate-engine-arg", multiple=True, metavar="KEY=VALUE", help="Passed to its engine. Two vLLMs on one GPU each need a gpu_memory_utilization."),
)  # fmt: skip
_PREFIX = "generate_"
_PLAIN = ("engine", "api_key_env", "max_tokens", "temperature", "top_p", "concurrency")
"""The generator's settings that go to it as they are."""

_NAMES = ("generate", "n", *(_PREFIX + name for name in (*_PLAIN, "base_url", "engine_arg")))


def _generate_options(command: F) -> F:
    for option in reversed(_GENERATE):
        command = option(command)
    return command


@click.command("best-of-n", short_help="Keep the best response of each row, or of N that a model writes.")
@click.argument("file")
@_generate_options
@strategy_option
@ranker_options
@output_options
@judge_options
def best_of_n(file: str, **flags: object) -> None:
    """Keep the best response of each row of FILE ("-": stdin), or of N that a model writes.

    A row is {"id"?, "query", "responses": [...], "reference"?} as for `rrm rank`; "prompt" will do for "query".
    With --generate MODEL a row has no responses: N are written by that model while earlier rows are judged, by a judge
    or by a reward (--reward, --filter, as in `rrm rank`). All models share the seed. Special tokens of a query reach the generator as they stand, and are broken up for the
    judge. Exit codes as in `rrm rank`.
    """
    settings = Settings(flags, extra=("strategy", *_NAMES, *RANKER_SETTINGS), types=RANKER_TYPES)
    choice = RankerChoice(settings)
    n = settings.get("n", 8)
    check_at_least("n", n, 1)
    seed = settings.get("seed", 0)
    with _generator(settings) as generator:
        job = RowJob[Ranker, BestOfN](
            lambda judge, rows: best_of_n_many(rows, generate=generator, n=n, strategy=choice.strategy, judge=judge),
            lambda identity, error: BestOfN(None, Ranking.failed(choice.named, error, seed=seed, id=identity)),
            BestOfN.to_json,
            _show,
            open_all=partial(_open, generator),
            others=[generator] if generator else [],
            noun="call" if generator and choice.has_rewards else choice.noun,
        )
        job.run(file, _given_row if generator is None else _unanswered_row, settings, choice.opened)


def _generator(settings: Settings) -> Generator | nullcontext[None]:
    """The generator that the settings describe, not opened; none where they name none. Raises InputError."""
    if all(settings.get(name) is None for name in _NAMES):
        return nullcontext()
    plain = {name: settings.get(_PREFIX + name) for name in _PLAIN}
    return Generator(
        settings.get("generate"),
        base_url=settings.texts(_PREFIX + "base_url") or None,
        engine_args=settings.arguments(_PREFIX + "engine_arg"),
        seed=settings.get("seed", 0),
        ledger=settings.ledger,
        **{name: value for name, value in plain.items() if value is not None},
    )


def _open(generator: Generator | None, judge: Ranker) -> None:
    # One after the other: each measures how much of the device's memory is left for it.
    judge.open()
    if generator is not None:
        generator.open()


def _given_row(values: dict[str, object]) -> Contest:
    if values.get("responses") is None:
        raise InputError("the row has no 'responses': give some, or have them written with --generate MODEL")
    return row_contest(values, query_of(values), values["responses"])


def _unanswered_row(values: dict[str, object]) -> Contest:
    if values.get("responses") is not None:
        raise InputError("the row has responses already: leave out --generate")
    return row_contest(values, query_of(values), ())


def _show(result: BestOfN, contest: Contest) -> Iterator[RenderableType]:
    """The ranking, and below it the response that was chosen, whole."""
    yield from show_ranking(result.ranking, replace(contest, responses=result.responses))
    if result.generation is not None:
        yield _spent(result.generation)
    yield f"best: #{result.ranking.best}"
    yield _text(result.best)
    yield ""


def _spent(generation: Generation) -> str:
    usage, model = generation.usage, generation.generator.model if generation.generator else "?"
    cut = f" ({len(generation.cut)} cut)" if generation.cut else ""
    return (
        f"written: {counted(len(generation.responses), 'response')}{cut}; {counted(usage.requests, 'request')}, "
        f"{usage.prompt_tokens} prompt ({usage.cached_tokens} cached) and {usage.completion_tokens} generated tokens; "
        f"generator: {model}"
    )


def _text(response: object) -> str:
    return response if isinstance(response, str) else str(response[-1]["content"])  # type: ignore[index]
