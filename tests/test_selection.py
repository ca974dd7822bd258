"""Best of N."""

import pytest

from rrm import Judge, best_of_n
from rrm.errors import ContestError


@pytest.fixture
def judge():
    with Judge(engine="scripted") as one:
        yield one


@pytest.mark.parametrize("strategy", ["knockout", "elo"])
def test_best(judge, strategy):
    """It returns the very response that the ranking puts first, and the ranking."""
    chat = [{"role": "assistant", "content": "the longest"}]
    best, ranking = best_of_n("q", ["short", chat, "longer"], strategy=strategy, judge=judge)
    assert best is chat
    assert ranking.best == 1
    assert ranking.strategy == strategy
    assert ranking == judge.rank("q", ["short", chat, "longer"], strategy=strategy)


def test_one_response(judge):
    """The best of one is that one, without a call."""
    chosen = best_of_n("q", ["only"], judge=judge)
    assert (chosen.best, chosen.ranking.usage.requests) == ("only", 0)


def test_reference_and_errors(judge):
    """A reference is handed on, and errors are those of rank."""
    with Judge(engine="scripted", prompt="mt_bench_pair_reference") as strict:
        assert best_of_n("q", ["a", "bb"], reference="r", judge=strict).best == "bb"
        with pytest.raises(ContestError, match="needs a reference answer"):
            best_of_n("q", ["a", "bb"], judge=strict)
    with pytest.raises(ContestError, match="no responses"):
        best_of_n("q", [], judge=judge)
