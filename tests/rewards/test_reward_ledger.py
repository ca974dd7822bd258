"""Rewards behind a ledger: no pass is computed twice, by whichever call, run or process."""

import asyncio
import json
import math
import re
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from rrm.cli.ledger import ledger as commands
from rrm.engines.scorers.base import Pass, Readout, ScorerInfo
from rrm.errors import EngineClosedError, EngineDiedError, EngineError, InputError
from rrm.ledger import Ledger
from rrm.ledger.store import Store
from rrm.ledger.upkeep import completions, damages
from rrm.rewards import load_reward
from rrm.rewards.recorded import RecordedScorer, pass_key
from rrm.types import Spent
from tests.ledger.working import count, ended, program, rows
from tests.reward_wire import RewardServer
from tests.rewards.scoring import FakeScorer, conversation

CLASSIFY = Readout("classify")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger"


def reward(scorer: FakeScorer, ledger: object, **options):
    return load_reward(engine=scorer, family="sequence_classifier", ledger=ledger, **options)


CONVERSATIONS = [conversation(f"response {number}") for number in range(20)]


def test_the_second_run_computes_nothing(path: Path):
    first, second = FakeScorer(outputs=1), FakeScorer()
    with reward(first, path) as scoring:
        scores = scoring.details(CONVERSATIONS)
        assert (scoring.spent.samples, scoring.reused) == (20, Spent())
        spent = scoring.spent
    with reward(second, path) as scoring:
        assert scoring.details(CONVERSATIONS) == scores
        assert (scoring.spent, scoring.reused) == (Spent(), spent)
    assert second.asked == []


def test_every_bit_of_a_number_comes_back(path: Path):
    for number in (0.1 + 0.2, 1e-300, -math.pi * 1e20, 5e-324):
        with reward(FakeScorer(numbers=number, revision=str(number)), path) as scoring:
            scoring.score(CONVERSATIONS[:1])
        with reward(FakeScorer(numbers=1.0, revision=str(number)), path) as scoring:
            assert scoring.score(CONVERSATIONS[:1]) == [number]


def test_settings_that_are_not_the_models_share_passes(path: Path):
    """Raw outputs are kept: how they are read is decided anew."""
    with reward(FakeScorer(), path) as scoring:
        (raw,) = scoring.score(CONVERSATIONS[:1])
    again = FakeScorer()
    with reward(again, path, normalise=True) as scoring:
        assert scoring.score(CONVERSATIONS[:1]) == [pytest.approx(1 / (1 + math.exp(-raw)))]
    assert again.asked == []


def test_what_makes_another_pass():
    asked = Pass((1, 2, 3), (2,))
    steps = Readout("token_classify")
    info = ScorerInfo("vllm", "m", 8, revision="r", dtype="float32")
    key = pass_key(info, steps, asked)
    others = [
        pass_key(replace(info, model="m2"), steps, asked),
        pass_key(replace(info, revision="r2"), steps, asked),
        pass_key(replace(info, engine="transformers"), steps, asked),
        pass_key(replace(info, dtype="bfloat16"), steps, asked),
        pass_key(replace(info, dtype=None), steps, asked),
        pass_key(info, Readout("likelihood"), asked),
        pass_key(info, Readout("token_classify", ("+", "-")), asked),
        pass_key(info, Readout("token_classify", ("-", "+")), asked),
        pass_key(info, steps, Pass((1, 2, 4), (2,))),
        pass_key(info, steps, Pass((1, 23), (2,))),
        pass_key(info, steps, Pass((1, 2, 3), (1,))),
        pass_key(info, steps, Pass((1, 2, 3), (1, 2))),
        pass_key(info, steps, Pass((1, 2, 3))),
    ]
    assert len({key, *others}) == len(others) + 1
    assert key == pass_key(replace(info, slots=3), Readout("token_classify"), Pass((1, 2, 3), (2,)))


def test_an_open_ledger_is_left_open(path: Path):
    with Ledger(path) as ledger:
        for _ in range(2):
            with reward(FakeScorer(), ledger) as scoring:
                scoring.score(CONVERSATIONS)
    assert count(path, "completions") == 20


def test_what_is_no_ledger():
    with pytest.raises(InputError, match="ledger must be a path or a Ledger, not 7"):
        reward(FakeScorer(), 7)


async def test_the_same_pass_at_the_same_time_is_asked_once(path: Path):
    scorer = FakeScorer(latency=0.05)
    async with reward(scorer, path) as scoring:
        many = await asyncio.gather(*(scoring.ascore(CONVERSATIONS) for _ in range(5)))
        assert scoring.spent.samples == len(scorer.asked) == 20
        assert scoring.reused.samples == 80
    assert many == [many[0]] * 5


async def no_claims(ledger: Ledger) -> bool:
    for _ in range(20):
        if await ledger.ask(lambda store: store.execute("SELECT count(*) FROM claims").fetchone()[0] == 0):
            return True
    return False


async def test_a_cancelled_pass_gives_up_what_it_claimed(path: Path):
    """At whatever moment it is cancelled; another can ask at once."""
    with Ledger(path) as ledger:
        for turns in range(12):
            scorer = RecordedScorer(FakeScorer(latency=0.01), CLASSIFY, ledger)
            task = asyncio.create_task(scorer.score(Pass((turns,))))
            for _ in range(turns):
                await asyncio.sleep(0.0005)
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            assert await no_claims(ledger)


async def test_one_who_waits_takes_over_what_is_given_up(path: Path):
    with Ledger(path) as ledger:
        stuck, other = FakeScorer(latency=600.0), FakeScorer()
        first = asyncio.create_task(RecordedScorer(stuck, CLASSIFY, ledger).score(Pass((1,))))
        while not stuck.asked:
            await asyncio.sleep(0.005)
        second = asyncio.create_task(RecordedScorer(other, CLASSIFY, ledger).score(Pass((1,))))
        await asyncio.sleep(0.1)
        assert other.asked == []
        first.cancel()
        assert await second == await FakeScorer().score(Pass((1,)))


class Failing(FakeScorer):
    async def score(self, asked: Pass):
        await super().score(asked)
        raise EngineDiedError("it died")


async def test_a_failed_pass_is_not_kept_and_not_claimed(path: Path):
    with Ledger(path) as ledger:
        scorer = RecordedScorer(Failing(), CLASSIFY, ledger)
        with pytest.raises(EngineDiedError):
            await scorer.score(Pass((1,)))
        assert await no_claims(ledger)
    assert count(path, "completions") == 0


def test_what_is_no_number_is_not_kept(path: Path):
    with reward(FakeScorer(numbers=math.nan), path) as scoring, pytest.raises(EngineError, match="output is nan"):
        scoring.score(CONVERSATIONS[:1])
    assert (count(path, "completions"), count(path, "claims")) == (0, 0)
    with reward(FakeScorer(), path) as scoring:
        assert len(scoring.score(CONVERSATIONS[:1])) == 1


async def test_a_closed_one_refuses_and_waits_no_longer(path: Path):
    with Ledger(path) as ledger:
        stuck = asyncio.create_task(RecordedScorer(FakeScorer(latency=600.0), CLASSIFY, ledger).score(Pass((1,))))
        await asyncio.sleep(0.05)
        scorer = RecordedScorer(FakeScorer(), CLASSIFY, ledger)
        waiting = asyncio.create_task(scorer.score(Pass((1,))))
        await asyncio.sleep(0.05)
        await scorer.aclose()
        with pytest.raises(EngineClosedError, match="before the ledger .* was closed"):
            await waiting
        with pytest.raises(EngineClosedError):
            await scorer.score(Pass((2,)))
        stuck.cancel()
        with suppress(asyncio.CancelledError):
            await stuck


async def test_who_does_not_know_the_weights_is_told(path: Path):
    """The revision of a scorer that says none comes from where it was loaded."""
    with Ledger(path) as ledger:
        for revision in ("a", "b", "a"):
            scorer = RecordedScorer(FakeScorer(revision=None), CLASSIFY, ledger, revision=lambda said=revision: said)
            assert (await scorer.open()).revision == revision
            await scorer.score(Pass((1,)))
    assert rows(path, "SELECT name, revision FROM models ORDER BY id") == [("fake-model", "a"), ("fake-model", "b")]


def test_folders_of_the_same_name_on_servers_are_different_models(path: Path):
    """The server tells where they lie, which is hashed and printed nowhere."""
    for root, spent in [("/one/reward", 1), ("/two/reward", 1), ("/one/reward", 0)]:
        with (
            RewardServer(root=root, models=("rm",)) as server,
            load_reward("rm", base_url=server.url, family="sequence_classifier", ledger=path) as scoring,
        ):
            scoring.score(CONVERSATIONS[:1])
            assert (scoring.info.model, scoring.spent.samples) == ("reward", spent)
    models = rows(path, "SELECT name, revision FROM models")
    assert [name for name, _ in models] == ["reward"] * 2
    assert len(set(models)) == 2
    assert all(re.fullmatch("[0-9a-f]{16}", revision) for _, revision in models)
    assert count(path, "completions") == 2


SCORES = """
import sys
from tests.rewards.scoring import FakeScorer, conversation
from rrm.rewards import load_reward
scorer = FakeScorer(latency=0.02)
with load_reward(engine=scorer, family="sequence_classifier", ledger=sys.argv[1]) as reward:
    scores = []
    for start in range(0, 300, 30):
        scores += reward.score([conversation(f"response {number}") for number in range(start, start + 30)])
print(len(scorer.asked), reward.reused.samples, *map(repr, scores))
"""


def test_two_processes_share_the_work(path: Path):
    both = [program(SCORES, path) for _ in range(2)]
    (code, out, err), (other_code, other_out, other_err) = map(ended, both)
    assert (code, other_code, err, other_err) == (0, 0, "", "")
    asked, reused, *scores = out.split()
    other_asked, other_reused, *other_scores = other_out.split()
    assert scores == other_scores
    assert len(scores) == 300
    assert int(asked) + int(other_asked) == 300
    assert int(reused) + int(other_reused) == 300
    assert count(path, "completions") == 300
    assert (count(path, "claims"), count(path, "owners")) == (0, 0)


def test_upkeep_knows_such_rows(path: Path):
    with reward(FakeScorer(), path) as scoring:
        scores = scoring.score(CONVERSATIONS[:3])
        tokens = scoring.spent.prompt_tokens
    with closing(Store(path, create=False)) as store:
        assert list(damages(store)) == []
        found = [row for row in completions(store) if row]
    assert sorted(json.loads(str(row["text"]))[0][0] for row in found) == sorted(scores)
    assert {(row["model"], row["revision"], row["sample"], row["finish_reason"]) for row in found} == {
        ("fake-model", "r1", 0, "stop")
    }
    assert sum(int(str(row["prompt_tokens"])) for row in found) == tokens
    stats = CliRunner().invoke(commands, ["stats", str(path), "--format", "json"])
    (model,) = json.loads(stats.output)["models"]
    assert model == {
        "name": "fake-model", "revision": "r1", "completions": 3, "prompt_tokens": tokens, "completion_tokens": 0,
    }  # fmt: skip
    assert CliRunner().invoke(commands, ["verify", str(path)]).output == f"{path}: sound\n"
    exported = CliRunner().invoke(commands, ["export", str(path)])
    assert exported.output.count("\n") == 3
    removed = CliRunner().invoke(commands, ["gc", str(path), "--model", "fake-model"])
    assert removed.output.startswith("removed 3 completions")


def test_a_process_reward_is_kept_too(path: Path):
    def steps(scorer: FakeScorer):
        with load_reward(engine=scorer, family="qwen2.5_math_prm", ledger=path) as scoring:
            return scoring.score_steps("q", "a\n\nb\n\nc")  # type: ignore[union-attr]

    again = FakeScorer(Readout("token_classify"), outputs=2)
    assert steps(FakeScorer(Readout("token_classify"), outputs=2)) == steps(again)
    assert again.asked == []
