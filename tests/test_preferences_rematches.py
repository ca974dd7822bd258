"""Pairs that met more than once: their votes are added up, and decide which of the two is preferred, if either."""

import pytest

from rrm import Judge, ScriptedEngine
from rrm.engines.scripted import CHOOSERS, answering
from rrm.preferences import Pairing, preferences
from rrm.ranking import PlayedMatch, Ranking
from rrm.types import Support, Tally

ALL = Pairing("all")


def met(first, second, won, lost, settled_by=None, winner=None):
    by_votes = first if won > lost else second if lost > won else winner
    return PlayedMatch(1, 1, first, second, by_votes, Tally(won, lost), settled_by)


def found(order, *matches):
    """The pairs, and why others are none; who stands higher is rated higher by 1 a place."""
    scores = [0.0] * len(order)
    for place, index in enumerate(order):
        scores[index] = float(-place)
    ranking = Ranking("own", tuple(order), tuple(scores), matches)
    preferred = preferences(ranking, ["a", "bb", "ccc", "dddd"][: len(order)], ALL)
    return [(pair.chosen, pair.rejected) for pair in preferred.pairs], preferred.left_out


@pytest.mark.parametrize(
    ("matches", "expected"),
    [
        # One match leads by its winner, however close.
        ([met(0, 1, 3, 2)], ([(0, 1)], {})),
        ([met(1, 0, 2, 3)], ([(0, 1)], {})),
        # More than one by all their votes.
        ([met(0, 1, 3, 0), met(1, 0, 1, 0)], ([(0, 1)], {})),
        ([met(0, 1, 1, 0), met(1, 0, 3, 0)], ([], {"upset": 1})),
        ([met(0, 1, 1, 0), met(0, 1, 1, 0), met(1, 0, 2, 1)], ([(0, 1)], {})),
        # Which may cancel.
        ([met(0, 1, 1, 0), met(1, 0, 1, 0)], ([], {"undecided": 1})),
        ([met(0, 1, 1, 1), met(1, 0, 0, 0)], ([], {"undecided": 1})),
        # What the draw settled is no vote.
        ([met(0, 1, 1, 1, "draw", 0)], ([], {"undecided": 1})),
        ([met(0, 1, 0, 0, "draw", 1), met(0, 1, 2, 1)], ([(0, 1)], {})),
    ],
)
def test_votes_of_rematches_add_up(matches, expected):
    assert found((0, 1), *matches) == expected


def test_rematches_that_cancel_break_no_chain_of_others():
    """The pair itself stays open though a chain leads from the one to the other; the chain's pairs count."""
    cancelled = met(0, 2, 1, 0), met(0, 2, 0, 1)
    pairs, left_out = found((0, 1, 2), met(0, 1, 1, 0), met(1, 2, 1, 0), *cancelled)
    assert pairs == [(0, 1), (1, 2)]
    assert left_out == {"undecided": 1}


def test_a_chain_of_rematches():
    """Leads as far as each pair's votes do."""
    wins = [met(0, 1, 1, 2), met(0, 1, 3, 0), met(2, 1, 0, 2), met(1, 2, 2, 1)]
    assert found((0, 1, 2), *wins) == ([(0, 1), (0, 2), (1, 2)], {})


def test_a_budget_beyond_all_pairs():
    """Every pair has met again and again, and each is a preference."""
    texts = ["a", "bb", "ccc"]
    with Judge(engine=ScriptedEngine(answering(CHOOSERS["longest"])), budget=20) as judge:
        ranking = judge.rank("q", texts, strategy="active")
    preferred = preferences(ranking, texts, ALL)
    assert [(pair.chosen, pair.rejected) for pair in preferred.pairs] == [(2, 1), (2, 0), (1, 0)]
    with Judge(engine=ScriptedEngine(answering(CHOOSERS["first"])), budget=6) as judge:
        ranking = judge.rank("q", texts, strategy="round-robin")
    assert preferences(ranking, texts, ALL).pairs == ()


def test_rematches_that_were_read_as_probabilities():
    """What was likelier counts, also where the labels that were sampled say otherwise."""
    said_otherwise = PlayedMatch(1, 1, 0, 1, 0, Tally(0, 1), None, (Support(0.6, 0.4), Support()), 0.6)
    assert found((0, 1), said_otherwise, said_otherwise) == ([(0, 1)], {})
    ranking = Ranking("own", (0, 1), (1.0, 0.0), (said_otherwise,) * 2)
    assert ranking.graph("wins").edges[1, 0]["weight"] == pytest.approx(1.2)
