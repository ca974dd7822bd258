"""What `rrm plan` says: the forecasts of several strategies, with what they are reckoned from and what is not known.

A rate that the user gives wins over a measured one, and that over a default; each is reported with where it comes from.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal

from rrm._version import __version__
from rrm.errors import InputError
from rrm.jobs.expected_votes import Odds
from rrm.jobs.forecast import CHARACTERS_PER_TOKEN, Forecast, Range, Rates, longest_sample
from rrm.jobs.gauge import Quantiles
from rrm.jobs.probe import Probe
from rrm.jobs.workload import Workload
from rrm.judging.asking import Rules

__all__ = ["Basis", "Given", "Source", "rates_of", "report_of"]

Source = Literal["assumed", "given", "measured"]
"""Where a number comes from: a default, the user, or a probe."""

_MANY_LOST = 0.1


@dataclass(frozen=True, slots=True)
class Given:
    """What the user says; None where nothing. Raises InputError for values that can't be used."""

    agreement: float | None = None
    characters_per_token: float | None = None
    completion_tokens: float | None = None
    tokens_per_second: float | None = None
    prompt_tokens_per_second: float | None = None

    def __post_init__(self) -> None:
        if self.agreement is not None:
            Odds(self.agreement)
        for name in _ABOVE_0:
            value = getattr(self, name)
            if value is not None and not 0 < value < float("inf"):
                raise InputError(f"{name} must be above 0, not {value}")


_ABOVE_0 = ("characters_per_token", "completion_tokens", "tokens_per_second", "prompt_tokens_per_second")


def rates_of(given: Given, found: Probe | None) -> tuple[Rates, dict[str, Source]]:
    """What to reckon with, and where each number that is known comes from."""
    said = {field.name: value for field in fields(given) if (value := getattr(given, field.name)) is not None}
    measured = {name: value for name, value in _measured(found).items() if value is not None}
    assumed = {"agreement": Odds().agreement, "characters_per_token": CHARACTERS_PER_TOKEN}
    known: dict[str, float] = {**assumed, **measured, **said}
    sources: dict[str, Source] = {
        name: "given" if name in said else "measured" if name in measured else "assumed" for name in known
    }
    odds = Odds(known.pop("agreement"), known.pop("ties", 0.0), known.pop("lost", 0.0))
    return Rates(odds, **known), sources


def _measured(found: Probe | None) -> dict[str, float | None]:
    if found is None:
        return {}
    return {
        "agreement": found.agreement,
        "ties": found.ties,
        "lost": found.lost,
        "characters_per_token": found.characters_per_token,
        "completion_tokens": found.completion_tokens.mean if found.completion_tokens else None,
        "continued_tokens": found.continued_tokens,
        "tokens_per_second": found.tokens_per_second,
    }


@dataclass(frozen=True, slots=True)
class Basis:
    """What forecasts are reckoned from."""

    workload: Workload
    rules: Rules
    votes: int | str
    rates: Rates
    sources: Mapping[str, Source]
    found: Probe | None

    @property
    def votes_matter(self) -> bool:
        """Whether a match may ask for more than one vote."""
        return self.workload.prompt.kind == "pairwise" and (self.votes != 1 or self.rules.order == "both")


def report_of(basis: Basis, forecasts: Sequence[Forecast]) -> dict[str, Any]:
    """All of it as plain values, as `rrm plan --format json` writes it; docs/overnight.md explains the keys."""
    workload, rules = basis.workload, basis.rules
    return {
        "rows": workload.rows,
        "broken": workload.broken,
        "first_error": workload.first_error,
        "distinct_responses": {str(players): size.rows for players, size in sorted(workload.sizes.items())},
        "tokens_of_a_prompt": _prompt_lengths(basis),
        "votes": basis.votes,
        "stop": "beta" if basis.votes == "auto" else rules.stop,
        "most_tokens_of_a_sample": longest_sample(rules),
        "rates": dict(_rates(basis)),
        "strategies": [_strategy(forecast) for forecast in forecasts],
        "probe": _probe(basis.found) if basis.found else None,
        "notes": list(_notes(basis)),
        "version": __version__,
    }


def _prompt_lengths(basis: Basis) -> dict[str, int]:
    prompts, per_token = basis.workload.prompts, basis.rates.characters_per_token
    lengths = {
        "mean": prompts.mean,
        "median": prompts.quantile(0.5),
        "p95": prompts.quantile(0.95),
        "longest": basis.workload.longest_prompt,
    }
    return {name: round(length / per_token) for name, length in lengths.items()}


def _rates(basis: Basis) -> Iterator[tuple[str, dict[str, object]]]:
    rates, sources = basis.rates, basis.sources
    values = {"agreement": rates.odds.agreement, "ties": rates.odds.tie, "lost": rates.odds.lost}
    for name in sources:
        if name == "agreement" and not basis.votes_matter:
            continue
        value = values.get(name, getattr(rates, name, None))
        yield name, {"value": _rounded(value), "source": sources[name]}


def _strategy(forecast: Forecast) -> dict[str, object]:
    prompts = forecast.prompt_tokens
    return {
        "strategy": forecast.strategy,
        "matches": _range(forecast.matches),
        "samples": _range(forecast.samples),
        "requests": round(forecast.requests),
        "prompt_tokens": {"expected": round(prompts.expected), "cached_at_best": round(prompts.cached_at_best)},
        "completion_tokens": _range(forecast.completion_tokens),
        "seconds": None if forecast.seconds is None else round(forecast.seconds),
    }


def _range(range_: Range) -> dict[str, int | None]:
    values = {"expected": range_.expected, "most": range_.most}
    return {name: None if value is None else round(value) for name, value in values.items()}


def _probe(found: Probe) -> dict[str, object]:
    lengths = found.completion_tokens
    return {
        "rows": found.rows,
        "failed": found.failed,
        "first_error": found.first_error,
        "votes": found.votes,
        "matches_with_votes": found.matches_with_votes,
        "completion_tokens": _lengths(lengths) if lengths else None,
        "made": found.made,
        "reused": found.reused,
        "seconds": _rounded(found.seconds),
        "samples_per_second": _rounded(found.samples_per_second),
        "in_flight": _rounded(found.in_flight),
        "slots": found.slots,
        "is_full": found.is_full,
    }


def _lengths(lengths: Quantiles) -> dict[str, object]:
    return {field.name: _rounded(getattr(lengths, field.name)) for field in fields(lengths)}


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.4g}")


def _notes(basis: Basis) -> Iterator[str]:
    rates, rules = basis.rates, basis.rules
    if _is_guess(basis, "characters_per_token"):
        yield f"{rates.characters_per_token:g} characters a token is a rule of thumb: --chars-per-token, or --probe N"
    if basis.votes_matter and _is_guess(basis, "agreement"):
        yield f"that two votes agree with {rates.odds.agreement:g} is a guess: --agreement, or --probe N"
    if rates.completion_tokens is None:
        yield "how long a sample is nobody said: --completion-tokens, or --probe N"
    if rates.tokens_per_second is None:
        yield "no time is said without a speed: --tokens-per-second, or --probe N"
    if rules.waves == "load":
        yield "--waves load asks for more samples where the engine is idle, up to all votes: they are not counted"
    if rules.think_budget is not None and basis.found is None:
        yield "what a thinking budget adds to prompts, where it closes a sample, is not counted without --probe N"
    if basis.found is not None:
        yield from _notes_of_probe(basis, basis.found)


def _notes_of_probe(basis: Basis, found: Probe) -> Iterator[str]:
    if found.failed:
        yield f"{found.failed} of the probe's {found.rows + found.failed} rows failed, the first because {found.first_error}"
    if found.lost > _MANY_LOST:
        votes = found.votes
        yield (
            f"{found.lost:.0%} of the probe's votes are lost ({votes.truncated} truncated, {votes.unparsed} unparsed): "
            "max_tokens is too small, or the prompt does not fit the judge"
        )
    if basis.sources.get("tokens_per_second") == "measured" and not found.is_full:
        yield (
            f"the probe kept {found.in_flight:.1f} of the engine's {found.slots} slots busy: a long run is faster, so "
            "that times are upper bounds; probe more rows for better ones"
        )
    if not found.made.samples:
        yield "all of the probe came out of the ledger: its speed is not known"
    longest = _prompt_lengths(basis)["longest"] + basis.rules.sampling.max_tokens
    if found.max_context is not None and longest > found.max_context:
        yield (
            f"the longest prompt and the longest sample are about {longest:,} tokens, and the judge's context is "
            f"{found.max_context:,}: some samples may be cut, or rows fail"
        )


def _is_guess(basis: Basis, name: str) -> bool:
    return basis.sources.get(name) == "assumed"
