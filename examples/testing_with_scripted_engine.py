"""Test a pipeline that judges, without a model: the scripted engine answers what the test says.

    pytest examples/testing_with_scripted_engine.py

It is an engine like the others: rrm renders the prompts, reads the texts and counts the votes as always,
only the texts come from a function of the request and the sample's number. So a test can have a judge that
is biased, that rambles, or that is slow, and has the same one on every run.
"""

from rrm import Judge, SampleRequest, ScriptedEngine, Vote
from rrm.engines.scripted import CHOOSERS, answering

ANSWERS = ["a short one", "an answer of some length", "none"]


def polite_answer(query: str, answers: list[str], judge: Judge) -> str:
    """What is tested here: some code of yours that uses a judge."""
    ranking = judge.rank(query, answers)
    return f"I'd say: {answers[ranking.best]}"


def test_the_judges_favourite_is_given() -> None:
    """The judge says what the test makes it say, whichever answer it is shown first."""

    def knows_best(request: SampleRequest, _: int) -> Vote:
        return Vote.FIRST if "length" in request.case.first else Vote.SECOND

    with Judge(engine=ScriptedEngine(answering(knows_best))) as judge:
        assert polite_answer("Well?", ANSWERS, judge) == "I'd say: an answer of some length"


def test_a_judge_that_always_prefers_the_first_position_decides_nothing() -> None:
    """Half the votes are asked the other way round, so its bias cancels out."""
    with Judge(engine=ScriptedEngine(answering(CHOOSERS["first"])), votes=2) as judge:
        verdict = judge.compare("Well?", *ANSWERS[:2])
    assert verdict.outcome == "undecided"
    assert (verdict.votes.first, verdict.votes.second) == (3, 3)  # two votes, and asked again twice


def test_a_judge_that_never_comes_to_a_verdict_is_reported() -> None:
    """Its votes are counted as lost, and the ranking says which matches the draw had to settle."""
    with Judge(engine=ScriptedEngine(lambda *_: "Hmm. </think> Hard to say."), resamples=0) as judge:
        ranking = judge.rank("Well?", ANSWERS)
    assert [match.votes.unparsed for match in ranking.matches] == [1, 1]
    assert {match.settled_by for match in ranking.matches} == {"draw"}


if __name__ == "__main__":
    for test in [function for name, function in dict(globals()).items() if name.startswith("test_")]:
        test()
        print(f"passed: {test.__name__}")
