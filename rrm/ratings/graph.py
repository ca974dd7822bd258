"""Games as networkx graphs.

networkx is imported when a graph is asked for: it takes longer to import than the rest of rrm together.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import networkx

__all__ = ["Result", "bracket", "wins"]


class Result(NamedTuple):
    """A match as a graph needs it; `winner` is None where nobody won, `share` is the first one's share of the votes."""

    number: int
    round: int
    first: int
    second: int
    winner: int | None
    share: float


def bracket(results: Sequence[Result]) -> networkx.DiGraph[int]:
    """The matches as a directed acyclic graph: an edge leads from a match to the next one of its winner.

    Nodes are match numbers with the attributes round, first, second and winner; an edge has `winner`.
    """
    import networkx

    graph: networkx.DiGraph[int] = networkx.DiGraph()
    latest: dict[int, int] = {}
    for result in sorted(results, key=lambda result: (result.round, result.number)):
        graph.add_node(
            result.number, round=result.round, first=result.first, second=result.second, winner=result.winner
        )
        for player in (result.first, result.second):
            if player in latest:
                graph.add_edge(latest[player], result.number, winner=player)
        if result.winner is not None:
            latest[result.winner] = result.number
    return graph


def wins(results: Iterable[Result], contestants: Iterable[int]) -> networkx.DiGraph[int]:
    """Who beat whom: an edge from loser to winner, as networkx.pagerank wants it.

    Nodes are contestants. `weight` is the winner's share of the decided votes, added up over their matches,
    and `matches` how many there were.
    """
    import networkx

    graph: networkx.DiGraph[int] = networkx.DiGraph()
    graph.add_nodes_from(contestants)
    for result in results:
        if result.winner is not None:
            _add_win(graph, result)
    return graph


def _add_win(graph: networkx.DiGraph[int], result: Result) -> None:
    won = result.winner == result.first
    winner, loser = (result.first, result.second) if won else (result.second, result.first)
    before = graph.get_edge_data(loser, winner, {"weight": 0.0, "matches": 0})
    share = result.share if won else 1 - result.share
    graph.add_edge(loser, winner, weight=before["weight"] + share, matches=before["matches"] + 1)
