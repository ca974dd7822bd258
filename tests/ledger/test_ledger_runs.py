"""Judges with a ledger: what is sampled, counted where it is answered, and that a ledger changes no byte of a ranking."""

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rrm import Contest, Judge
from rrm.errors import EngineClosedError, EngineUnreachableError, LedgerError
from rrm.ledger import Ledger
from tests.ledger.working import Counting, contests, count, forget_contests, program, ranked, rows
from tests.wire import Body, Fault, WireServer, longer_answer

STRATEGIES = ["knockout", "elo"]


def babbling(body: Body) -> list[str]:
    """Answers of different lengths, wrong now and then, by each sample's seed."""
    texts = longer_answer(body)
    seeds = range(body["seed"], body["seed"] + len(texts))
    return [
        "so " * (seed % 17) + (text if seed % 5 else text.replace("Assistant 1", "Assistant 2"))
        for seed, text in zip(seeds, texts, strict=True)
    ]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger"


@pytest.fixture
def server():
    with WireServer(babbling, cached_tokens=7) as running:
        yield running


def asked(server: WireServer) -> list[tuple[str, int]]:
    """Each sample that the server was asked for: its prompt, and its seed, which says which sample of it."""
    return [
        (str(body["messages"]), body["seed"] + place) for body in server.requests for place in range(body.get("n", 1))
    ]


def over_the_wire(server: WireServer, ledger: object, *, strategy: str = "knockout", **options) -> bytes:
    with Judge("judge", base_url=server.url, ledger=ledger, **options) as judge:
        rankings = judge.rank_many(contests(3, 5), strategy=strategy)
        return "\n".join(ranking.to_json() for ranking in rankings).encode()


def test_eight_votes_after_four_sample_only_what_four_did_not(path: Path):
    """And the rankings are those of eight votes without a ledger."""
    four, eight, alone = Counting("coin"), Counting("coin"), Counting("coin")
    options = {"strategy": "elo", "votes": 4, "temperature": 0.6}
    ranked(four, path, **options)
    topped_up = ranked(eight, path, **options | {"votes": 8})
    assert topped_up == ranked(alone, None, **options | {"votes": 8})
    assert not four.asked & eight.asked
    assert alone.asked <= four.asked + eight.asked
    assert four.samples > 0
    assert eight.samples > 0
    assert set((four.asked + eight.asked).values()) == {1}


def test_eight_votes_after_four_at_a_server(server: WireServer, path: Path):
    """With requests for several samples, of which the server is asked for the missing ones only."""
    over_the_wire(server, path, votes=4)
    before = len(asked(server))
    topped_up = over_the_wire(server, path, votes=8)
    total = asked(server)
    assert len(total) == len(set(total)) > before
    server.requests.clear()
    assert topped_up == over_the_wire(server, None, votes=8)
    assert set(asked(server)) <= set(total)


def test_elo_after_knockout_at_a_server(server: WireServer, path: Path):
    """It asks for the pairs that were not played yet, and for no other."""
    over_the_wire(server, path)
    played = set(asked(server))
    server.requests.clear()
    after = over_the_wire(server, path, strategy="elo")
    new = asked(server)
    server.requests.clear()
    alone = over_the_wire(server, None, strategy="elo")
    assert after == alone
    assert played.isdisjoint(new)
    assert sorted(played | set(new)) == sorted(set(asked(server)))
    assert len(new) == len(asked(server)) - len(played)


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("votes", [1, 2, 3, 5])
def test_a_ledger_changes_no_byte(server: WireServer, path: Path, strategy: str, votes: int):
    """None, a cold one, a warm one, one without its finished contests; and a warm one asks for nothing."""
    options = {"strategy": strategy, "votes": votes}
    alone = over_the_wire(server, None, **options)
    assert over_the_wire(server, path, **options) == alone
    server.requests.clear()
    assert over_the_wire(server, path, **options) == alone
    forget_contests(path)
    assert over_the_wire(server, path, **options) == alone
    assert server.requests == []


@pytest.fixture(scope="module")
def full():
    """For each number of votes: the rankings without a ledger, and a ledger that has every completion of them."""
    with WireServer(babbling, cached_tokens=7) as server, tempfile.TemporaryDirectory() as folder:
        runs = {}
        for votes in range(1, 6):
            path = Path(folder) / str(votes)
            runs[votes] = over_the_wire(server, None, votes=votes), path
            assert over_the_wire(server, path, votes=votes) == runs[votes][0]
            forget_contests(path)
        yield server, runs


@settings(deadline=None, max_examples=60)
@given(votes=st.integers(1, 5), lost=st.lists(st.booleans(), min_size=1, max_size=80))
def test_a_ledger_that_lost_some_completions_changes_no_byte(full, votes: int, lost: list[bool]):
    """Whichever are missing, they are asked for alone and the tokens add up as before, though the server counts the
    samples of a reply together."""
    server, runs = full
    expected, source = runs[votes]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(shutil.copy(source, folder))
        gone = [number for number in range(count(path, "completions")) if lost[number % len(lost)]]
        for number in gone:
            rows(path, "DELETE FROM completions WHERE id = ?", (number + 1,))
        server.requests.clear()
        for _ in range(2):
            assert over_the_wire(server, path, votes=votes) == expected
            assert len(asked(server)) == len(gone)
            forget_contests(path)


@settings(deadline=None, max_examples=40)
@given(votes=st.integers(1, 5), strategy=st.sampled_from(STRATEGIES), lost=st.lists(st.booleans(), min_size=1))
def test_the_same_with_an_engine_that_counts_each_sample(votes: int, strategy: str, lost: list[bool]):
    """In process, and with forced verdicts."""
    options = {"votes": votes, "strategy": strategy, "force_verdict": True, "temperature": 0.6, "count": 2}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger"
        expected = ranked(Counting("never"), None, **options)
        assert ranked(Counting("never"), path, **options) == expected
        forget_contests(path)
        for number in range(count(path, "completions")):
            if lost[number % len(lost)]:
                rows(path, "DELETE FROM completions WHERE id = ?", (number + 1,))
        assert ranked(Counting("never"), path, **options) == expected


def test_equal_contests_in_flight_are_asked_once(path: Path):
    """Under their own ids."""
    engine = Counting(latency=lambda _request, _index: 0.02)
    twice = [Contest("q", ["a", "bb", "ccc"], id="one"), Contest("q", ["a", "bb", "ccc"], id="two")]
    with Judge(engine=engine, votes=3, ledger=path) as judge:
        first, second = judge.rank_many(twice)
    assert set(engine.asked.values()) == {1}
    assert (first.id, second.id) == ("one", "two")
    assert (first.matches, first.usage) == (second.matches, second.usage)


def test_several_judges_share_one_ledger(path: Path):
    """A `Ledger` that was handed over stays open when they close, and what one sampled the others have."""
    engines = [Counting(), Counting()]
    with Ledger(path) as ledger:
        runs = [ranked(engine, ledger, votes=3) for engine in engines]
    assert runs[0] == runs[1]
    assert engines[1].samples == 0


def test_what_was_spent_and_what_was_reused(path: Path):
    """Add up to what the rankings used."""
    with Judge(engine=Counting(), ledger=path) as judge:
        first = judge.rank("q", ["a", "bb", "ccc", "dddd"])
        assert (judge.spent.samples, judge.reused.samples) == (3, 0)
    with Judge(engine=Counting(), ledger=path) as judge:
        judge.rank("q", ["a", "bb", "ccc", "dddd"])
        assert (judge.spent.samples, judge.reused.samples) == (0, 3)
        assert judge.reused.completion_tokens == first.usage.completion_tokens
        judge.rank("q", ["a", "bb", "ccc", "dddd"], strategy="elo")
        assert (judge.spent.samples, judge.reused.samples) == (3, 6)


def test_a_judge_that_is_closed_under_a_running_stream(path: Path):
    """The stream ends, no claim is left, and another judge has all that was handed out."""
    engine = Counting(latency=lambda _request, index: 0.001 if _request.case.query == "q0" else 600.0)
    judge = Judge(engine=engine, ledger=path)
    stream = judge.rank_many(contests(20))
    first = next(stream)
    judge.close()
    with pytest.raises(EngineClosedError):
        for _ in range(20):
            next(stream)
    assert (count(path, "claims"), count(path, "owners")) == (0, 0)
    with Judge(engine=Counting(), ledger=path) as other:
        assert next(other.rank_many(contests(1))).order == first.order
        assert other.spent.samples == 0


def test_leaving_a_stream_early_gives_up_what_is_claimed(path: Path):
    with Judge(
        engine=Counting(latency=lambda request, _: 0.0 if request.case.query == "q0" else 600.0), ledger=path
    ) as judge:
        for _ in judge.rank_many(contests(20)):
            break
        with Judge(engine=Counting(), ledger=path) as other:
            assert len(list(other.rank_many(contests(20)))) == 20


def test_a_server_that_fails_in_the_middle(path: Path):
    """Its contests are failed; what was answered is kept, nothing stays claimed, and only the rest is asked again."""
    with WireServer(babbling, faults=[*[Fault.none()] * 5, *[Fault.status(500)] * 500]) as server:
        options = {"base_url": server.url, "ledger": path}
        patience = {"attempts": 1}
        with Judge("judge", engine_args=patience, **options) as judge:
            failed = list(judge.rank_many(contests(3, 5)))
        assert {ranking.status for ranking in failed} == {"failed"}
        assert count(path, "completions") == 5
        assert count(path, "claims") == 0
        server.faults.clear()
        before = len(server.requests)
        assert over_the_wire(server, path) == over_the_wire(server, None)
        assert len(server.requests) - before == 12 - 5 + 12


def test_a_ledger_that_is_closed_under_its_judge(path: Path):
    """Ends the run: it is no contest that failed."""
    with Ledger(path) as ledger, Judge(engine=Counting(), ledger=ledger) as judge:
        stream = judge.rank_many(contests(2000))
        next(stream)
        ledger.close()
        with pytest.raises(LedgerError, match="closed while it was still in use"):
            list(stream)


def test_a_judge_that_could_not_be_reached_can_be_asked_again(path: Path):
    """With the one ledger that it opened."""
    with WireServer(babbling) as server:
        url = server.url
    with Judge("judge", base_url=url, ledger=path, engine_args={"probe_timeout": 0.5}) as judge:
        with pytest.raises(EngineUnreachableError):
            judge.open()
        opened = judge._records._lent.ledger
        with WireServer(babbling, port=server.port):
            assert judge.rank("q", ["a", "bb"]).order == (1, 0)
        assert judge._records._lent.ledger is opened


def test_a_program_that_never_closes_its_judge_ends(path: Path):
    """And leaves a sound ledger."""
    text = """
import sys
from rrm import Judge
from tests.ledger.working import Counting
judge = Judge(engine=Counting(), ledger=sys.argv[1])
print(judge.rank("q", ["a", "bb"]).order)
"""
    with program(text, path) as process:
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (0, "(1, 0)\n", "")
    assert count(path, "completions") == 1


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_server_that_ignores_n(path: Path, strategy: str):
    """It is asked sample by sample; what it says of tokens adds up the same with a ledger and without."""
    with WireServer(babbling, ignore_n=True) as server:
        options = {"strategy": strategy, "votes": 5}
        alone = over_the_wire(server, None, **options)
        assert over_the_wire(server, path, **options) == alone
        assert over_the_wire(server, path, **options) == alone
