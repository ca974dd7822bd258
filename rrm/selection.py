"""Best of N: the one response that the judge ranks first, with the ranking that says so."""

from collections.abc import Sequence
from typing import NamedTuple

from rrm.judge import Judge, rank
from rrm.ranking import Ranking
from rrm.tournaments import Strategy

__all__ = ["BestOfN", "best_of_n"]


class BestOfN(NamedTuple):
    """The best response, as it was given, and its ranking."""

    best: object
    ranking: Ranking


def best_of_n(
    query: object,
    responses: Sequence[object],
    *,
    strategy: str | Strategy = "knockout",
    reference: str | None = None,
    judge: Judge | None = None,
) -> BestOfN:
    """The best of the responses to a query; arguments and errors as in `rrm.rank`."""
    ranking = rank(query, responses, strategy=strategy, reference=reference, judge=judge)
    return BestOfN(responses[ranking.best], ranking)
