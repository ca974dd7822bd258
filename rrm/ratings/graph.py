"""Games as networkx graphs, and what graphs say of a judge: who leads, and where it contradicts itself.

A player beats another who is ahead over all their meetings (`rrm.ratings.rates.margins`); players who are level, or
never met, don't beat each other. What is said of few games is said of noise: one lost vote makes a cycle.

networkx is imported when a graph is asked for: it takes longer to import than the rest of rrm together.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

from rrm.ratings.elo import Game
from rrm.ratings.rates import margins

if TYPE_CHECKING:
    import networkx

__all__ = ["Result", "Transitivity", "beats", "bracket", "pagerank", "smith_set", "transitivity", "wins"]

_MOST_CYCLES = 10


class Result(NamedTuple):
    """A match as a graph needs it; `winner` is None where nobody won, `share` is the first one's share of the votes."""

    number: int
    round: int
    first: int
    second: int
    winner: int | None
    share: float


@dataclass(frozen=True, slots=True)
class Transitivity:
    """How far a set of games is from an order of the players."""

    triples: int
    """Of three players, each two of whom met and are not level."""
    intransitive: int
    """Triples in which everyone beats one and is beaten by the other."""
    cycles: tuple[tuple[int, int, int], ...]
    """The first ten of these: each player beats the next one, and the last one the first."""
    tangles: tuple[tuple[int, ...], ...]
    """Players who beat each other in a circle of any length (strongly connected components of two or more), largest first."""

    @property
    def share(self) -> float | None:
        """Share of the triples that are intransitive; None where there is no triple. Coin flips would give 0.25."""
        return self.intransitive / self.triples if self.triples else None


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


def pagerank(graph: networkx.DiGraph[int], damping: float = 0.85) -> dict[int, float]:
    """The PageRank of each contestant in a graph of `wins`; they add up to 1.

    It is the stationary distribution of networkx.google_matrix, solved for: networkx.pagerank itself needs scipy.
    """
    import networkx
    import numpy

    if not graph:
        return {}
    steps = numpy.asarray(networkx.google_matrix(graph, alpha=damping))
    # The ranks are left as they are by a step, and add up to 1: one of those equations too many takes the sum in.
    ranks = numpy.linalg.solve(numpy.eye(len(graph)) - steps.T + 1, numpy.ones(len(graph)))
    return dict(zip(graph, ranks.tolist(), strict=True))


def beats(games: Iterable[Game], players: int) -> networkx.DiGraph[int]:
    """An edge from each player 0 .. players-1 to everyone that it beats, with the margin as `weight`."""
    import networkx

    graph: networkx.DiGraph[int] = networkx.DiGraph()
    graph.add_nodes_from(range(players))
    for (one, other), margin in margins(games).items():
        if margin:
            winner, loser = (one, other) if margin > 0 else (other, one)
            graph.add_edge(winner, loser, weight=abs(margin))
    return graph


def smith_set(games: Iterable[Game], players: int) -> tuple[int, ...]:
    """The smallest set of players each of whom beats everyone outside, in increasing order.

    It has one member where somebody beats everyone (the Condorcet winner), and all of them where too few pairs met.
    """
    import networkx

    # Each two players are joined by "is not beaten by", one way or both, so the components stand in a row.
    unbeaten: networkx.DiGraph[int] = networkx.DiGraph(networkx.complement(beats(games, players).reverse()))
    row = networkx.condensation(unbeaten)
    top = {component for component in row if not row.in_degree(component)}
    return tuple(player for player, component in sorted(row.graph["mapping"].items()) if component in top)


def transitivity(games: Iterable[Game], players: int) -> Transitivity:
    """How often the judge contradicts itself: over three players, and in circles of any length."""
    import networkx

    graph = beats(games, players)
    triples = [three for three in combinations(range(players), 3) if _edges(graph, three) == 3]
    cycles = [cycle for three in triples for cycle in _cycle(graph, three)]
    tangles = [tuple(sorted(part)) for part in networkx.strongly_connected_components(graph) if len(part) > 1]
    tangles.sort(key=lambda tangle: (-len(tangle), tangle))
    return Transitivity(len(triples), len(cycles), tuple(cycles[:_MOST_CYCLES]), tuple(tangles))


def _edges(graph: networkx.DiGraph[int], players: Sequence[int]) -> int:
    return sum(graph.has_edge(one, other) or graph.has_edge(other, one) for one, other in combinations(players, 2))


def _cycle(graph: networkx.DiGraph[int], three: tuple[int, int, int]) -> list[tuple[int, int, int]]:
    """The three in the order in which each beats the next, if they do."""
    one, other, last = three
    orders = [(one, other, last), (one, last, other)]
    return [(a, b, c) for a, b, c in orders if graph.has_edge(a, b) and graph.has_edge(b, c) and graph.has_edge(c, a)]
