"""Games as graphs."""

import networkx
import pytest

from rrm.ratings.elo import Game, elo
from rrm.ratings.graph import Result, bracket, wins

KNOCKOUT = [
    Result(1, 1, 4, 3, 3, 0.2),
    Result(2, 2, 0, 1, 0, 1.0),
    Result(3, 2, 2, 3, 3, 0.0),
    Result(4, 3, 0, 3, 3, 0.4),
]


def test_a_bracket_is_a_tree_that_leads_to_the_final():
    """An edge leads from a match to the next one of its winner; first matches have nothing before them."""
    graph = bracket(KNOCKOUT[::-1])
    assert networkx.is_directed_acyclic_graph(graph)
    assert set(graph.edges) == {(1, 3), (2, 4), (3, 4)}
    assert graph.nodes[4] == {"round": 3, "first": 0, "second": 3, "winner": 3}
    assert graph.edges[1, 3] == {"winner": 3}
    assert list(networkx.topological_sort(graph))[-1] == 4


def test_wins_are_weighted_by_share_and_added_up():
    """An edge leads from loser to winner; a match without a winner adds none; everyone is a node."""
    graph = wins([*KNOCKOUT, Result(5, 1, 3, 0, 3, 0.75), Result(6, 1, 1, 2, None, 0.5)], range(6))
    assert set(graph.nodes) == set(range(6))
    assert graph.edges[0, 3] == {"weight": pytest.approx(0.6 + 0.75), "matches": 2}
    assert graph.edges[1, 0]["weight"] == 1.0
    assert not graph.has_edge(1, 2)
    assert max(networkx.pagerank(graph).items(), key=lambda item: item[1])[0] == 3


def test_a_match_without_a_winner_ends_a_line_of_the_bracket():
    """Nobody goes on from it."""
    graph = bracket([Result(1, 1, 0, 1, None, 0.5), Result(2, 2, 0, 2, 2, 0.1)])
    assert list(graph.edges) == []


def test_elo_by_hand():
    """Two games, computed on paper: expected .5 each, then 1 / (1 + 10 ** (4 / 400))."""
    ratings = elo([Game(0, 1, 1.0), Game(1, 0, 0.5)], 3)
    expected = 1 / (1 + 10 ** (4 / 400))
    assert ratings == pytest.approx([1002 - 4 * (0.5 - expected), 998 + 4 * (0.5 - expected), 1000.0])


def test_elo_conserves_the_sum():
    """What one wins the other loses."""
    assert sum(elo([Game(0, 1, 1.0), Game(2, 0, 0.5), Game(1, 2, 0.0)], 3, k=32)) == pytest.approx(3000)
