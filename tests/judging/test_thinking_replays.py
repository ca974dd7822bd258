"""Thinking budgets from end to end on a scripted judge: whole rankings, with a ledger that answers them again."""

from collections import Counter

import pytest

from rrm import Judge, Ranking, ScriptedEngine
from rrm.types import SampleRequest

RESPONSES = ["a", "bbbbb", "cc", "dddd"]


class Thinker(ScriptedEngine):
    """Thinks for as long as its seed says, then prefers the longer answer; counts its samples."""

    def __init__(self) -> None:
        super().__init__(self._say)
        self.samples: Counter[tuple[object, ...]] = Counter()

    def _say(self, request: SampleRequest, index: int) -> str:
        self.samples[request.messages, request.continuation, request.choices, request.sampling, index] += 1
        label = 1 + (len(request.case.second) > len(request.case.first))
        if request.choices:
            return str(label)
        return "hm " * (request.sample_seed % 60) + f"so.\n</think>\n\n\\boxed{{Assistant {label}}}"


def ranked(engine: Thinker, ledger: object, **options: object) -> Ranking:
    with Judge(engine=engine, ledger=ledger, votes=3, **options) as judge:  # type: ignore[arg-type]
        return judge.rank("query", RESPONSES, strategy="elo")


@pytest.mark.parametrize("options", [{"think_budget": 20}, {"think_more": 2}, {"think_budget": 60, "think_more": 1}])
def test_a_second_run_asks_nothing(tmp_path, options):
    """Every sample that was gone on with is found in the ledger under its own text; the ranking is the same."""
    first, second = Thinker(), Thinker()
    ledger = tmp_path / "ledger"
    ranking = ranked(first, ledger, **options)
    assert set(first.samples.values()) == {1}
    assert any("Wait" in str(key[1]) or key[2] for key in first.samples)
    # Another setting that asks for nothing else: the contest is played again, on the samples that are there.
    again = ranked(second, ledger, resamples=1, **options)
    assert not second.samples
    assert (again.order, again.votes, again.usage) == (ranking.order, ranking.votes, ranking.usage)
    assert again.matches == ranking.matches


def test_no_verdict_is_lost_to_truncation():
    """At a budget that many thoughts run over, all votes are read; without one the longer thoughts are thrown away."""
    with_budget = ranked(Thinker(), None, think_budget=20)
    without = ranked(Thinker(), None, max_tokens=20)
    assert with_budget.votes.lost == 0
    assert 0 < with_budget.votes.forced < with_budget.votes.total
    assert without.votes.truncated > 0
    assert with_budget.order[0] == 1


def test_a_budget_that_is_not_reached_changes_nothing_of_the_ranking():
    """Thoughts of at most 60 words end by themselves within 200 tokens."""
    plain, bounded = ranked(Thinker(), None), ranked(Thinker(), None, think_budget=200)
    assert bounded.votes.forced == 0
    assert (bounded.order, bounded.votes, bounded.usage) == (plain.order, plain.votes, plain.usage)
