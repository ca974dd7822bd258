"""What ranking the rows of a data set will cost with each strategy: matches, samples, tokens and time, before it is paid.

Arithmetic alone: what is asked of a contest comes from `rrm.jobs.schedules`, what the rows are like from
`rrm.jobs.workload`, and rates are given, measured (`rrm.jobs.probe`) or assumed. What is not known is None, and not made up.
It does not know how long the judge's reasoning is, how often two votes agree, or how fast the engine is, unless told; and it
takes the responses that meet in a match for average ones.
"""

from dataclasses import dataclass, field

from rrm.jobs.expected_votes import Odds
from rrm.jobs.schedules import Schedule, schedule
from rrm.jobs.workload import Size, Workload
from rrm.judging.asking import Rules
from rrm.plans import Plan, strategy_name

__all__ = ["CHARACTERS_PER_TOKEN", "Forecast", "PromptTokens", "Range", "Rates", "forecast", "longest_sample"]

CHARACTERS_PER_TOKEN = 4.0
"""A rule of thumb for English text; a probe measures it."""


_ENDING_TOKENS, _FREE_ENDING_TOKENS, _OPENED_TOKENS = 48, 256, 16
"""What `rrm.judging.asking` adds at most: to a sample whose verdict is a choice, to another, and for each response in it."""


@dataclass(frozen=True, slots=True)
class Rates:
    """What the costs of a sample are reckoned with."""

    odds: Odds = Odds()
    characters_per_token: float = CHARACTERS_PER_TOKEN
    completion_tokens: float | None = None
    """Generated tokens of a sample, on average; None where nobody knows."""
    continued_tokens: float = 0.0
    """Prompt tokens, per sample, of requests that continue a sample that was begun: to force a verdict, or to think on."""
    tokens_per_second: float | None = None
    """Generated tokens, over all samples in flight."""
    prompt_tokens_per_second: float | None = None
    """Prompt tokens that are computed; where None, computing them is part of `tokens_per_second`, or left aside."""


@dataclass(frozen=True, slots=True)
class Range:
    """What is expected, and what is the most; None where it is not known."""

    expected: float | None
    most: float | None


@dataclass(frozen=True, slots=True)
class PromptTokens:
    """Tokens of prompts, each counted once per request, as usage reports count them."""

    expected: float
    cached_at_best: float
    """Of them, what a prefix cache can serve: each beginning that prompts of a row share is computed once."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What one strategy costs over all rows."""

    strategy: str
    matches: Range
    samples: Range
    requests: float
    prompt_tokens: PromptTokens
    completion_tokens: Range
    seconds: float | None
    """Of a run that keeps the engine as busy as the rates say; None where no rate is known."""


@dataclass(slots=True)
class _Sum:
    """What the rows ask together; characters are those of prompts."""

    asked: Schedule = field(default_factory=Schedule)
    characters: float = 0.0
    computed: float = 0.0


def forecast(workload: Workload, plan: Plan, rules: Rules, rates: Rates) -> Forecast:
    """What the rows cost with a strategy."""
    total = _Sum()
    for players, size in sorted(workload.sizes.items()):
        if workload.shown(players):
            _add(total, workload, players, size, schedule(plan, players, rules, rates.odds))
    asked = total.asked
    continued = asked.samples * rates.continued_tokens
    prompts = total.characters / rates.characters_per_token + continued
    computed = total.computed / rates.characters_per_token
    generated = None if rates.completion_tokens is None else asked.samples * rates.completion_tokens
    return Forecast(
        strategy_name(plan),
        Range(asked.matches, asked.most_matches),
        Range(asked.samples, asked.most_samples),
        asked.requests,
        PromptTokens(prompts, max(0.0, prompts - computed)),
        Range(generated, asked.most_samples * longest_sample(rules)),
        _seconds(rates, generated, computed),
    )


def _add(total: _Sum, workload: Workload, players: int, size: Size, one: Schedule) -> None:
    """Add the contests with so many distinct responses, each of which asks `one`."""
    shown = workload.shown(players)
    # In windows that are not full, places are missing, with all that the format puts around them.
    missing = (one.requests * shown - one.shown) * workload.more(shown, shown - 1) * size.rows
    characters = one.requests * size.bare + one.shown * workload.layout.growth * size.response - missing
    total.asked += one * size.rows
    total.characters += characters
    total.computed += min(characters, _computed(workload, size, one, characters))


def _computed(workload: Workload, size: Size, one: Schedule, characters: float) -> float:
    """Characters of the prompts that no other prompt of the row begins with, and of one that all begin with."""
    layout = workload.layout
    begun = size.bare - size.rows * (layout.between + layout.after)
    if workload.prompt.kind != "pairwise":
        return begun + characters - one.requests * begun
    response = layout.growth * size.response
    first = size.rows * layout.between + response
    second = size.rows * layout.after + response
    return begun + one.firsts * first + one.prompts * second


def _seconds(rates: Rates, generated: float | None, computed: float) -> float | None:
    if rates.tokens_per_second is None or generated is None:
        return None
    reading = 0.0 if rates.prompt_tokens_per_second is None else computed / rates.prompt_tokens_per_second
    return generated / rates.tokens_per_second + reading


def longest_sample(rules: Rules) -> int:
    """The most tokens that are generated for a sample, what is added to end one that was cut among them."""
    limit = rules.sampling.max_tokens
    limit = limit if rules.think_budget is None else min(limit, rules.think_budget)
    if rules.think_budget is None and not rules.force:
        return limit
    forced = rules.prompt.grammar.forced
    has_choices = forced is not None and bool(forced.choices or forced.scores)
    return limit + (_ENDING_TOKENS if has_choices else _FREE_ENDING_TOKENS + _OPENED_TOKENS * (1 + rules.prompt.window))
