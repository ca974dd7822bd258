"""Which scale of rewards goes with which strategy, and both with which kind of ranker."""

from collections.abc import Callable, Mapping

from rrm.errors import InputError, UnknownNameError
from rrm.integrations.scales import SCALES, Scale
from rrm.judge import Judge
from rrm.plans import LISTWISE, PAIRWISE, POINTWISE, Plan, named_plan, strategy_name
from rrm.ranker import Ranker
from rrm.rankers.merging import CASCADE
from rrm.tournaments import Anchor, Elo, Strategy

__all__ = ["plan_with", "strategy_of"]


def plan_with(judge: Judge | Ranker, scale: Scale, strategy: Plan | None) -> Plan | None:
    """The strategy for a ranker; None for its own. Raises InputError for one that can't give what the scale needs."""
    kind = judge.kind
    if kind == CASCADE and scale == "rank":
        return strategy
    plan = strategy or (Elo if kind == PAIRWISE else kind)
    needs = plan if isinstance(plan, str) else PAIRWISE
    if needs != kind:
        raise InputError(
            f"the scale {scale!r} needs a {needs} judge, and {_named(judge)} is {kind}: use the scale {_OF_KIND[kind]}"
        )
    return plan


def _named(judge: Judge | Ranker) -> str:
    return f"the prompt {judge.prompt.name!r}" if isinstance(judge, Judge) else type(judge).__name__


def strategy_of(scale: Scale, strategy: str | Strategy | None) -> Plan | None:
    """The strategy that makes what the scale needs; None where any does, and nobody says which.

    Raises UnknownNameError, and InputError for a scale and a strategy that do not fit.
    """
    if scale not in SCALES:
        raise UnknownNameError("scale", str(scale), SCALES)
    if strategy is None:
        return _USUAL[scale]
    chosen = named_plan(strategy)
    if not _FITS[scale](chosen):
        name = strategy_name(chosen)
        raise InputError(f"the scale {scale!r} does not fit the strategy {name!r}: it needs {_NEEDS[scale]}")
    return chosen


_USUAL: Mapping[Scale, Plan | None] = {
    "elo": Elo,
    "rank": None,
    "win-rate": Elo,
    "anchor": Anchor,
    "score": POINTWISE,
}


def _plays_every_pair(plan: Plan) -> bool:
    return not isinstance(plan, str) and _games_of_four(plan) == 6


def _games_of_four(strategy: Strategy) -> int:
    return len({frozenset((match.first, match.second)) for match in strategy(range(4)).start()})


_FITS: Mapping[Scale, Callable[[Plan], bool]] = {
    "elo": lambda strategy: strategy is Elo,
    "rank": lambda _: True,
    "win-rate": _plays_every_pair,
    "anchor": lambda strategy: strategy is Anchor,
    "score": lambda strategy: strategy == POINTWISE,
}
_OF_KIND: Mapping[str, str] = {
    PAIRWISE: "'elo', 'rank', 'win-rate' or 'anchor'",
    POINTWISE: "'score' or 'rank'",
    LISTWISE: "'rank'",
    CASCADE: "'rank'",
}
"""The scales that go with each kind of judge."""

_NEEDS: Mapping[Scale, str] = {
    "elo": 'the ratings of "elo"',
    "rank": "",
    "win-rate": 'one that plays every pair, such as "elo"',
    "anchor": 'the matches of "anchor"',
    "score": 'the scores of "pointwise"',
}
