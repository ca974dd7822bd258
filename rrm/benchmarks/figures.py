"""From what a judge said of each item to every figure of a report, with its confidence interval.

The first k votes of each order give the figures of k votes, so that one set of samples makes a curve. Everything is
deterministic: equal opinions, policy and seed are equal figures. Nothing here knows what a metric means: benchmarks do.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median

from rrm.benchmarks.base import Benchmark, Item, Policy
from rrm.benchmarks.bias import LENGTH, POSITION, bias_grade, bias_metrics
from rrm.benchmarks.bootstrap import CONFIDENCE, RESAMPLES, Estimate, estimates
from rrm.benchmarks.decisions import evidence_of, first_votes
from rrm.benchmarks.matrix import Judged, Matrix, confusion, knows_ties, outcomes, styles
from rrm.benchmarks.rm_bench import RMBench
from rrm.benchmarks.soft import Said, Soft, soft_figures
from rrm.benchmarks.table import Table
from rrm.errors import InputError
from rrm.types import Opinion, Vote

__all__ = ["Figures", "Heard", "figures"]


@dataclass(frozen=True, slots=True)
class Heard:
    """An item and all that the judge said of it; `error` says why it could not be asked, where that is so."""

    item: Item
    opinions: tuple[Opinion, ...]
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of a run. Where not said otherwise, they are those of the most votes. A figure that is unknown is left out."""

    benchmark: str
    title: str
    metrics: Mapping[str, Estimate]
    """Main figure first."""
    subsets: Mapping[str, Mapping[str, Estimate]]
    subset_items: Mapping[str, int]
    items: int
    failures: Mapping[str, int]
    """`unparsed` and `truncated` samples, of `samples`; `missing` predictions (a pair in an order, or a response, that
    nothing was said of); `errors`, items that the judge could not be asked about."""
    samples: int
    forced: int
    """How many of the samples gave no verdict by themselves and were made to choose one."""
    bias: Mapping[str, Estimate]
    """By the names of `rrm.benchmarks.bias`."""
    votes: int
    curve: tuple[tuple[int, Mapping[str, Estimate]], ...]
    """The metrics for each number of votes, fewest first."""
    policy: Policy
    official: Policy
    official_note: str
    matrix: Matrix | None
    completion_tokens: Mapping[str, float | None]
    """`mean` and `median` of a sample; None where unknown."""
    orders: tuple[str, ...]
    seed: int
    resamples: int
    confidence: float = CONFIDENCE
    soft: Soft | None = None
    """Of a judge whose verdicts were read as probabilities."""

    @property
    def position(self) -> dict[str, float | None]:
        """The figures of position by name; None where unknown."""
        return self._bias(POSITION)

    @property
    def length(self) -> dict[str, float | None]:
        """The figures of length by name; None where unknown."""
        return self._bias(LENGTH)

    def _bias(self, names: Iterable[str]) -> dict[str, float | None]:
        return {name: self.bias[name].value if name in self.bias else None for name in names}


def figures(
    benchmark: Benchmark,
    heard: Sequence[Heard],
    *,
    votes: Sequence[int],
    orders: Sequence[str],
    policy: Policy,
    seed: int,
    resamples: int = RESAMPLES,
) -> Figures:
    """All figures of a run.

    `votes` are the numbers of votes of the curve. `orders` are those that each pair was asked in ("given", "swapped"),
    or "random" alone where each was asked in one of them, or in some, and its opinions show which. Raises InputError
    without items or votes.
    """
    counts = sorted(set(votes))
    if not heard or not counts or counts[0] < 1:
        raise InputError(f"figures need items and numbers of votes from 1: {len(heard)} items, votes {list(votes)}")
    draw = _Draw(seed, resamples)
    judged = {count: _judged(benchmark, heard, count, orders=orders, policy=policy, seed=seed) for count in counts}
    tables = {count: Table.of([grade for _, _, grade in own]) for count, own in judged.items()}
    curve = tuple((count, draw.of(benchmark.metrics, table)) for count, table in tables.items())
    most, table = counts[-1], tables[counts[-1]]
    names = _subsets(benchmark, table)
    opinions = [first_votes(one.item, one.opinions, most) for one in heard]
    return Figures(
        benchmark=benchmark.name,
        title=benchmark.title,
        metrics=curve[-1][1],
        subsets={name: draw.of(benchmark.subset_metrics, table.of_subset(name)) for name in names},
        subset_items={name: len(table.of_subset(name)) for name in names},
        items=len(heard),
        failures=_failures(heard, opinions, orders),
        samples=sum(map(len, opinions)),
        forced=sum(opinion.forced for own in opinions for opinion in own),
        bias=draw.of(bias_metrics, _bias_table(judged[most], opinions)),
        votes=most,
        curve=curve,
        policy=policy,
        official=benchmark.official,
        official_note=benchmark.official_note,
        matrix=_matrix(benchmark, judged[most], table, draw),
        completion_tokens=_completion_tokens(opinions),
        orders=tuple(orders),
        seed=seed,
        resamples=resamples,
        soft=_soft(judged[most], opinions, draw),
    )


@dataclass(frozen=True, slots=True)
class _Draw:
    """How resamples are drawn: always alike."""

    seed: int
    resamples: int

    def of(self, metrics: Callable[[Table], Mapping[str, float]], table: Table) -> dict[str, Estimate]:
        return estimates(table, metrics, seed=self.seed, resamples=self.resamples)


def _judged(
    benchmark: Benchmark, heard: Sequence[Heard], votes: int, *, orders: Sequence[str], policy: Policy, seed: int
) -> list[Judged]:
    evidence = [evidence_of(one.item, one.opinions, votes, orders) for one in heard]
    grades = [benchmark.grade(one.item, own, policy, seed) for one, own in zip(heard, evidence, strict=True)]
    return [(one.item, own, grade) for one, own, grade in zip(heard, evidence, grades, strict=True)]


def _subsets(benchmark: Benchmark, table: Table) -> tuple[str, ...]:
    """Those that there are: the official ones in their order, then others."""
    return tuple(name for name in dict.fromkeys((*benchmark.subsets, *table.subsets)) if name in table.subsets)


def _bias_table(judged: Sequence[Judged], opinions: Sequence[Sequence[Opinion]]) -> Table:
    return Table.of(
        [
            bias_grade(item, own, evidence, grade.unit)
            for (item, evidence, grade), own in zip(judged, opinions, strict=True)
        ]
    )


def _soft(judged: Sequence[Judged], opinions: Sequence[tuple[Opinion, ...]], draw: _Draw) -> Soft | None:
    said = [Said(item, own, grade.unit) for (item, _, grade), own in zip(judged, opinions, strict=True)]
    return soft_figures(said, draw.seed, draw.of)


def _matrix(benchmark: Benchmark, judged: Sequence[Judged], table: Table, draw: _Draw) -> Matrix | None:
    if isinstance(benchmark, RMBench):
        return styles(benchmark, table, draw.seed, draw.resamples)
    if knows_ties([item for item, _, _ in judged]):
        return confusion(judged, draw.seed, draw.resamples)
    return outcomes(judged, _subsets(benchmark, table), draw.seed, draw.resamples)


def _failures(heard: Sequence[Heard], opinions: Sequence[Sequence[Opinion]], orders: Sequence[str]) -> dict[str, int]:
    lost = [opinion.vote for own in opinions for opinion in own if opinion.is_lost]
    of_pairs = _are_of_pairs(heard, opinions)
    return {
        "unparsed": lost.count(Vote.UNPARSED),
        "truncated": lost.count(Vote.TRUNCATED),
        "missing": sum(
            _missing(one, orders, is_of_pairs)
            for one, is_of_pairs in zip(heard, of_pairs, strict=True)
            if one.error is None
        ),
        "errors": sum(one.error is not None for one in heard),
    }


def _are_of_pairs(heard: Sequence[Heard], opinions: Sequence[Sequence[Opinion]]) -> list[bool]:
    """For each item, whether the judge is one of pairs there.

    What was decided on the item tells, else on the items that have two responses as well or have more as well, else on
    any. Of lost opinions alone, the number of responses shown tells.
    """
    own = [_is_of_pairs(said) for said in opinions]
    is_pair = [len(one.item.responses) == 2 for one in heard]
    alike = {
        is_two: _first(kind for kind, two in zip(own, is_pair, strict=True) if two is is_two) for is_two in is_pair
    }
    shown = {len(opinion.shown) for said in opinions for opinion in said}
    rest = (_first(own), shown <= {2})
    return [bool(_first((kind, alike[is_two], *rest))) for kind, is_two in zip(own, is_pair, strict=True)]


def _is_of_pairs(opinions: Sequence[Opinion]) -> bool | None:
    decided = next((opinion for opinion in opinions if not opinion.is_lost), None)
    return None if decided is None else decided.vote is not None


def _first(known: Iterable[bool | None]) -> bool | None:
    return next((one for one in known if one is not None), None)


def _missing(one: Heard, orders: Sequence[str], of_pairs: bool) -> int:
    shown = {opinion.shown for opinion in one.opinions}
    if not of_pairs:
        return len(set(range(len(one.item.responses))) - {index for indices in shown for index in indices})
    pairs = one.item.pairs
    if "random" in orders:
        return sum(pair not in shown and pair[::-1] not in shown for pair in pairs)
    given = sum(pair not in shown for pair in pairs) if "given" in orders else 0
    return given + (sum(pair[::-1] not in shown for pair in pairs) if "swapped" in orders else 0)


def _completion_tokens(opinions: Sequence[Sequence[Opinion]]) -> dict[str, float | None]:
    """A sample without a number counts for neither: some servers give only a request's total."""
    known = [opinion.completion_tokens for own in opinions for opinion in own if opinion.completion_tokens]
    return {"mean": fmean(known), "median": float(median(known))} if known else {"mean": None, "median": None}
