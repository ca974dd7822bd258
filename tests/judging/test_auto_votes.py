"""`votes="auto"` from the outside: as many votes as pay with the strategy, by the stop "beta"."""

import pytest

from rrm import Contest, Judge, ScriptedEngine
from rrm.engines.scripted import CHOOSERS, answering, noisy

RESPONSES = ["a", "bbbbb", "cc", "dddd"]


def test_a_knockout_takes_three_of_seven_votes_where_they_agree():
    """At the threshold of .9, three of one mind are enough, and the result says that the votes were left to rrm."""
    with Judge(engine=ScriptedEngine(answering(CHOOSERS["longest"])), votes="auto") as judge:
        ranking = judge.rank("q", RESPONSES, strategy="knockout")
    assert [match.votes.total for match in ranking.matches] == [3, 3, 3]
    assert ranking.best == 1
    assert ranking.judge.votes == "auto"


def test_a_knockout_takes_up_to_seven_where_they_do_not():
    """A judge that goes by position is 2 to 1, 3 to 2, 3 to 3 and at last 4 to 3, half of them each way."""
    with Judge(engine=ScriptedEngine(answering(CHOOSERS["first"])), votes="auto") as judge:
        ranking = judge.rank("q", RESPONSES, strategy="knockout")
    assert [(match.votes.first, match.votes.second) in {(4, 3), (3, 4)} for match in ranking.matches] == [True] * 3
    for match in ranking.matches:
        straight, swapped = match.support
        assert abs(sum(straight) - sum(swapped)) == 1


def test_every_match_of_a_noisy_judge_stops_where_the_votes_say():
    """3 to 0 or four for one side; never more than seven, and fewer than the majority would take."""
    script, contests = answering(noisy(CHOOSERS["longest"], 0.8)), [Contest(f"q{i}", RESPONSES) for i in range(50)]
    totals = {}
    for votes, stop in (("auto", "majority"), (7, "majority")):
        with Judge(engine=ScriptedEngine(script), votes=votes, stop=stop) as judge:
            rankings = list(judge.rank_many(contests, strategy="knockout"))
        ends = {
            tuple(sorted((match.votes.first, match.votes.second))) for ranking in rankings for match in ranking.matches
        }
        totals[votes] = sum(match.votes.total for ranking in rankings for match in ranking.matches)
        assert ends <= {(0, 3), (0, 4), (1, 4), (2, 4), (3, 4)}
    assert totals["auto"] < totals[7]


def test_the_threshold_is_kept():
    """At .8, two votes are enough, one each way."""
    with Judge(engine=ScriptedEngine(answering(CHOOSERS["longest"])), votes="auto", threshold=0.8) as judge:
        verdict = judge.compare("q", "short", "longer")
    assert verdict.votes.total == 2
    assert [sum(support) for support in verdict.support] == [1, 1]


@pytest.mark.parametrize(("waves", "asked"), [("fixed", 4), ("load", 7)])
def test_an_idle_engine_is_asked_for_all_at_once(waves, asked):
    """One match alone leaves every slot free; the winner is the same."""
    with Judge(engine=ScriptedEngine(answering(CHOOSERS["longest"])), votes=7, waves=waves) as judge:
        verdict = judge.compare("q", "longer", "short")
    assert (verdict.outcome, verdict.votes.total) == ("first", asked)


def test_a_busy_engine_is_not_asked_for_more():
    """While contests wait to be let in, a match asks no more than it must; only the last ones may."""
    contests = [Contest(f"q{i}", ["a", "bb"]) for i in range(60)]
    engine = ScriptedEngine(answering(CHOOSERS["longest"]), slots=4, latency=lambda request, index: 0.002)
    with Judge(engine=engine, votes=7, waves="load") as judge:
        rankings = list(judge.rank_many(contests))
    totals = [ranking.matches[0].votes.total for ranking in rankings]
    assert all(ranking.best == 1 for ranking in rankings)
    assert set(totals[5:50]) == {4}
