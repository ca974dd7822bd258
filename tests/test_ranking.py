"""Rankings and comparisons: what they say, and the way to JSON and back."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import rrm
from rrm import Contest, Judge, Ranking, Usage, Verdict, Vote
from rrm.errors import ContestError, EngineDiedError
from rrm.ranking import Comparison, JudgeInfo, PlayedMatch
from rrm.types import Outcome, Sampling, Tally, Transcript

COUNT = st.integers(0, 2**62)
NUMBER = st.floats(allow_nan=False, allow_infinity=False)
TALLIES = st.builds(Tally, *[st.integers(0, 1000)] * 6)
USAGES = st.builds(Usage, COUNT, COUNT, COUNT, COUNT)
IDS = st.none() | st.text() | st.integers(-(2**80), 2**80)
SAMPLINGS = st.builds(Sampling, st.integers(1, 10**6), NUMBER, NUMBER)
JUDGES = st.builds(JudgeInfo, st.text(), st.text(), st.text(), st.text(), COUNT, st.text(), SAMPLINGS)
MATCHES = st.builds(PlayedMatch, COUNT, COUNT, COUNT, COUNT, st.none() | COUNT, TALLIES, st.none() | st.just("draw"))
RANKINGS = st.builds(
    Ranking,
    st.text(),
    order=st.lists(COUNT, min_size=1, max_size=5).map(tuple),
    scores=st.lists(NUMBER, max_size=5).map(tuple),
    matches=st.lists(MATCHES, max_size=3).map(tuple),
    usage=USAGES,
    judge=st.none() | JUDGES,
    seed=st.integers(),
    id=IDS,
    notes=st.lists(st.text(), max_size=2).map(tuple),
    version=st.text(),
)
TRANSCRIPTS = st.builds(
    Transcript,
    st.booleans(),
    COUNT,
    st.text(),
    st.sampled_from(["stop", "length"]),
    st.sampled_from(Vote),
    st.booleans(),
)
VERDICTS = st.builds(
    Verdict,
    st.sampled_from(Outcome),
    TALLIES,
    USAGES,
    st.lists(TRANSCRIPTS, max_size=3).map(tuple),
    st.lists(st.text(), max_size=2).map(tuple),
)
ERRORS = st.builds(ContestError, st.text(min_size=1)) | st.builds(EngineDiedError, st.text(min_size=1))


@given(RANKINGS)
def test_a_ranking_goes_through_json_without_loss(ranking):
    """from_json(to_json) is the same ranking, and the text is one line."""
    line = ranking.to_json()
    assert Ranking.from_json(line) == ranking
    assert Ranking.from_json(line.encode()) == ranking
    assert "\n" not in line


@given(st.text(), ERRORS, st.integers(), IDS)
def test_a_failed_ranking_goes_through_json_without_loss(strategy, error, seed, identity):
    """So is a failed one."""
    ranking = Ranking.failed(strategy, error, seed=seed, id=identity)
    assert ranking.status == "failed"
    assert ranking.error == str(error)
    assert ranking.error_type == type(error).__name__
    assert Ranking.from_json(ranking.to_json()) == ranking


@given(VERDICTS)
def test_a_verdict_goes_through_json_without_loss(verdict):
    """from_json(to_json) is the same verdict, transcripts and notes included."""
    assert Verdict.from_json(verdict.to_json()) == verdict


@pytest.mark.parametrize("strategy", ["knockout", "elo"])
def test_real_rankings_go_through_json(strategy):
    """What a judge made comes back equal, and works as before."""
    with Judge(engine="scripted", votes=3) as judge:
        ranking = judge.rank("q", ["a", "bb", "bb", "ccc"], strategy=strategy)
        verdict = judge.compare("q", "a", "bb")
    copy = Ranking.from_json(ranking.to_json())
    assert copy == ranking
    assert copy.best == 3
    assert copy.to_json() == ranking.to_json()
    assert Verdict.from_json(verdict.to_json()) == verdict
    assert len(verdict.transcripts) == 2


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"strategy": 3}', '{"strategy": "elo", "order": ["x"]}', "{bad"])
def test_what_is_no_ranking(text):
    """Text that holds no ranking is a ValueError."""
    with pytest.raises(ValueError):
        Ranking.from_json(text)


def test_keys_come_in_the_order_of_the_contract():
    """Lines read well: who, what came out, what it rests on, how it was made."""
    with Judge(engine="scripted") as judge:
        ranking = next(iter(judge.rank_many([Contest("q", ["a", "bb"], id="x")])))
    assert list(json.loads(ranking.to_json())) == [
        "id", "status", "strategy", "order", "best", "scores", "matches", "usage", "judge", "seed", "version",
    ]  # fmt: skip
    failed = Ranking.failed("elo", ContestError("no"), seed=1, id=None)
    assert json.loads(failed.to_json()) == {
        "id": None, "status": "failed", "error": "no", "error_type": "ContestError", "strategy": "elo", "seed": 1,
        "version": rrm.__version__,
    }  # fmt: skip


def test_a_failed_ranking_has_no_best():
    """Asking for the best of a failed contest raises what went wrong; an error without words goes by its name."""
    failed = Ranking.failed("elo", ContestError("no responses"), seed=0, id=None)
    with pytest.raises(ContestError, match="no responses"):
        _ = failed.best
    assert (failed.order, failed.scores, failed.matches) == ((), (), ())
    assert Ranking.failed("elo", ContestError(), seed=0, id=None).error == "ContestError"
    with pytest.raises(ContestError, match="the ranking is empty"):
        _ = Ranking("elo").best


def test_all_votes_added_up():
    """A ranking counts all its votes, the lost ones among them."""
    matches = (
        PlayedMatch(1, 1, 0, 1, 0, Tally(first=2, unparsed=1)),
        PlayedMatch(2, 2, 0, 2, 2, Tally(second=2, tie=1, truncated=3, forced=1)),
    )
    votes = Ranking("knockout", (0, 1, 2), (2.0, 0.0, 1.0), matches).votes
    assert votes == Tally(2, 2, 1, 1, 3, 1)
    assert (votes.lost, votes.decided, votes.total) == (4, 5, 9)


def test_graphs():
    """A knockout's graph is its bracket, any other strategy's the wins; either can be asked for."""
    with Judge(engine="scripted") as judge:
        knockout, elo = (judge.rank("q", ["a", "bb", "ccc"], strategy=name) for name in ("knockout", "elo"))
    assert sorted(knockout.graph().nodes) == [1, 2]
    assert sorted(elo.graph().nodes) == sorted(knockout.graph("wins").nodes) == [0, 1, 2]
    assert sorted(elo.graph("bracket").nodes) == [1, 2, 3]


def test_comparison():
    """A comparison's line has the transcripts only if they are asked for; a failed one has its error."""
    verdict = Verdict(Outcome.FIRST, Tally(first=1), transcripts=(Transcript(False, 0, "t", "stop", Vote.FIRST),))
    line = json.loads(Comparison(verdict, id=3).to_json())
    assert (line["winner"], line["probability"], line["id"]) == ("first", 2 / 3, 3)
    assert "transcripts" not in line
    assert json.loads(Comparison(verdict).to_json(transcripts=True))["transcripts"][0]["text"] == "t"
    failed = Comparison.failed(ContestError("no"), seed=2, id="x")
    assert failed.status == "failed"
    assert json.loads(failed.to_json())["error"] == "no"


def test_half_surrogate_pairs_do_not_stop_a_line():
    """What UTF-8 can't hold becomes U+FFFD; everything else in the line is as it would be."""
    verdict = Verdict(Outcome.FIRST, Tally(), transcripts=(Transcript(False, 0, "a\ud83d b", "stop", Vote.FIRST),))
    line = Comparison(verdict).to_json(transcripts=True)
    line.encode()
    assert json.loads(line)["transcripts"][0]["text"] == "a\ufffd b"
    assert Ranking.from_json(Ranking("elo", (0,), (1.0,), id="\ud800x").to_json()) == Ranking(
        "elo", (0,), (1.0,), id="\ufffdx"
    )


def test_wrong_types_are_not_bent():
    """Numbers are not read from texts, nor truth from numbers."""
    line = json.loads(Ranking("elo", (0,), (1.0,)).to_json())
    with pytest.raises(msgspec.ValidationError):
        Ranking.from_json(json.dumps(line | {"seed": "1"}))
    with pytest.raises(msgspec.ValidationError):
        Ranking.from_json(json.dumps(line | {"id": True}))
