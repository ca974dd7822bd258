"""`rrm plan`: what it says before a run, held against the run."""

import json
import socket

import pytest

from rrm.contests import enter
from rrm.jobs.probe import Opening, agreement_of
from rrm.judging.cleaning import Cleaner
from rrm.promptfiles import load_prompt
from rrm.types import Case, Contest, Outcome, Tally, Verdict
from tests.cli.running import SCRIPTED, row, run, write
from tests.wire import WireServer, longer_answer

QUICK = ("--engine-arg", "wait_initial=0.01", "--engine-arg", "wait_max=0.02")
STRATEGIES = ("--strategy", "knockout", "--strategy", "elo", "--strategy", "anchor")


def planned(folder, text, *options):
    """The report of a plan, and its strategies by name."""
    result = run("plan", write(folder, text), "--format", "json", *options)
    assert (result.code, result.err) == (0, ""), result.err
    (report,) = result.rows
    return report, {strategy["strategy"]: strategy for strategy in report["strategies"]}


def spent(folder, text, *options):
    """What a run over the rows really cost: matches, votes and usage."""
    result = run("rank", write(folder, text), "--format", "json", *options)
    assert result.code == 0, result.err
    total = dict.fromkeys(("matches", "votes", "requests", "prompt_tokens", "completion_tokens"), 0)
    for line in result.rows:
        total["matches"] += len(line["matches"])
        total["votes"] += sum(match["votes"][name] for match in line["matches"] for name in VOTES)
        for name in ("requests", "prompt_tokens", "completion_tokens"):
            total[name] += line["usage"][name]
    return total


VOTES = ("first", "second", "tie", "unparsed", "truncated")


def even_rows(count, responses):
    """Rows whose prompts all have a multiple of four characters, whichever two responses they show."""
    prompt = load_prompt("skywork_pairwise")
    lines = []
    for number in range(count):
        query = f"question {number}"
        bare = sum(len(message.content) for message in prompt.render(Case(query, ("", "")), Cleaner(())))
        texts = [f"{number:04}{place:04}" + "x" * 4 * ((7 * number + 3 * place) % 11) for place in range(responses)]
        lines.append(row(query=query + "." * (-bare % 4), responses=texts))
    return "".join(lines)


def test_counts_by_hand(tmp_path):
    """Identical responses are one contestant: of 4 responses, 3 and 1 distinct; rows of 2, 3, 1 and 4 contestants."""
    text = "".join(
        row(query="q", responses=responses)
        for responses in (["a", "b"], ["a", "b", "a", "c"], ["a", "a"], ["a", "b", "c", "d"])
    )
    report, found = planned(tmp_path, text, *SCRIPTED, *STRATEGIES)
    assert report["rows"] == 4
    assert report["distinct_responses"] == {"1": 1, "2": 1, "3": 1, "4": 1}
    expected = {"knockout": 1 + 2 + 3, "elo": 1 + 3 + 6, "anchor": 1 + 2 + 3}
    assert {name: one["matches"] for name, one in found.items()} == {
        name: {"expected": count, "most": count} for name, count in expected.items()
    }
    # One vote a match; where it is lost it is asked twice more.
    assert {name: one["samples"] for name, one in found.items()} == {
        name: {"expected": count, "most": 3 * count} for name, count in expected.items()
    }
    assert [one["completion_tokens"]["most"] for one in found.values()] == [18 * 8192, 30 * 8192, 18 * 8192]
    assert {one["seconds"] for one in found.values()} == {None}


@pytest.mark.parametrize("strategy", ["elo", "round-robin"])
def test_prompt_tokens_are_those_of_the_run(tmp_path, strategy):
    """Everyone meets everyone, and the scripted engine has 4 characters a token: the same tokens, to the last one."""
    text = even_rows(12, 7)
    _, found = planned(tmp_path, text, *SCRIPTED, "--strategy", strategy)
    real = spent(tmp_path, text, *SCRIPTED, "--strategy", strategy)
    assert found[strategy]["prompt_tokens"]["expected"] == real["prompt_tokens"]
    assert found[strategy]["matches"]["expected"] == real["matches"]
    assert found[strategy]["requests"] == real["requests"]


@pytest.mark.parametrize("strategy", ["knockout", "elo", "anchor", "swiss", "sort"])
@pytest.mark.parametrize("votes", [("--votes", 5), ("--votes", 7, "--stop", "beta"), ("--votes", 2, "--order", "both")])
def test_samples_of_a_noisy_judge(tmp_path, strategy, votes):
    """Of a judge that is right four times of five, the run's samples and tokens are within a few percent."""
    noisy = (*SCRIPTED, "--engine-arg", "accuracy=0.8", *votes)
    text = even_rows(60, 6)
    _, found = planned(tmp_path, text, *noisy, "--strategy", strategy, "--agreement", 0.8)
    real = spent(tmp_path, text, *noisy, "--strategy", strategy)
    plan = found[strategy]
    assert plan["matches"]["expected"] == pytest.approx(real["matches"], rel=0.03)
    assert plan["samples"]["expected"] == pytest.approx(real["votes"], rel=0.05)
    assert plan["requests"] == pytest.approx(real["requests"], rel=0.05)
    assert plan["prompt_tokens"]["expected"] == pytest.approx(real["prompt_tokens"], rel=0.06)
    assert plan["samples"]["most"] >= real["votes"]


def test_a_probe_measures(tmp_path):
    """A probe knows what the scripted judge is like, and the plan made of it is that of the run."""
    noisy = (*SCRIPTED, "--engine-arg", "accuracy=0.8", "--votes", 5)
    text = even_rows(80, 6)
    report, found = planned(tmp_path, text, *noisy, "--probe", 60, "--strategy", "elo")
    rates = report["rates"]
    assert {rate["source"] for rate in rates.values()} == {"measured"}
    assert rates["characters_per_token"]["value"] == pytest.approx(4)
    assert rates["agreement"]["value"] == pytest.approx(0.8, abs=0.05)
    assert (rates["lost"]["value"], report["probe"]["rows"], report["probe"]["failed"]) == (0, 60, 0)
    real = spent(tmp_path, text, *noisy, "--strategy", "elo")
    assert found["elo"]["samples"]["expected"] == pytest.approx(real["votes"], rel=0.08)
    assert found["elo"]["completion_tokens"]["expected"] == pytest.approx(real["completion_tokens"], rel=0.08)
    assert found["elo"]["seconds"] is not None


def test_nothing_of_a_probe_is_paid_twice(tmp_path):
    """With a ledger, a second probe asks nothing, and the run asks only for the rest."""
    text = even_rows(20, 5)
    with WireServer() as server:
        shared = ("--base-url", server.url, *QUICK, "--votes", 3, "--ledger", tmp_path / "ledger")
        report, _ = planned(tmp_path, text, *shared, "--probe", 4, "--strategy", "knockout")
        first = len(server.requests)
        assert report["probe"]["made"]["samples"] == first > 0
        again, _ = planned(tmp_path, text, *shared, "--probe", 4, "--strategy", "knockout")
        assert len(server.requests) == first
        assert again["probe"]["made"]["samples"] == 0
        assert again["probe"]["reused"]["samples"] == first
        assert "all of the probe came out of the ledger: its speed is not known" in again["notes"]
        result = run("rank", write(tmp_path, text), "--format", "json", *shared)
        asked = len(server.requests)
    assert result.code == 0
    assert asked == sum(line["usage"]["requests"] for line in result.rows)


def test_truncated_samples_are_a_warning(tmp_path):
    """A judge whose reasoning is cut in the probe is not what anyone wants to run all night."""
    with WireServer(lambda body: ["so long " * 40 + longer_answer(body)[0]]) as server:
        shared = ("--base-url", server.url, *QUICK, "--max-tokens", 20)
        report, _ = planned(tmp_path, even_rows(4, 4), *shared, "--probe", 2, "--strategy", "knockout")
    assert report["rates"]["lost"] == {"value": 1.0, "source": "measured"}
    assert any("100% of the probe's votes are lost" in note for note in report["notes"])


def test_a_probe_of_a_server_that_is_down(tmp_path):
    """The judge that can't be reached ends in 3; without a probe nobody asks it."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        shared = ("--base-url", f"http://127.0.0.1:{taken.getsockname()[1]}/v1", "--model", "judge", *QUICK)
        file = write(tmp_path, even_rows(2, 3))
        assert run("plan", file, *shared, "--strategy", "elo").code == 0
        result = run("plan", file, *shared, "--probe", 1)
    assert (result.code, result.out) == (3, "")


def test_broken_rows_are_counted(tmp_path):
    """They are reported and end nothing; a file of nothing else is bad input."""
    text = row(query="q", responses=["a", "b"]) + "{\n" + row(query="q", responses=[]) + row(responses=["a"])
    result = run("plan", write(tmp_path, text), *SCRIPTED, "--strategy", "elo")
    assert result.code == 0
    assert result.out.startswith(
        "1 row; distinct responses: 2 (1 row)\n3 rows can't be ranked, the first because row 1: "
    )
    result = run("plan", write(tmp_path, "{\n"), *SCRIPTED)
    assert (result.code, result.out) == (2, "")
    assert "none of its 1 row can be ranked" in result.err
    assert "it has no rows" in run("plan", write(tmp_path, ""), *SCRIPTED).err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--agreement", 0.3), "agreement is a probability from 0.5 to 1, not 0.3"),
        (("--chars-per-token", 0), "characters_per_token must be above 0, not 0.0"),
        (("--tokens-per-second", -1), "tokens_per_second must be above 0, not -1.0"),
        (("--probe", -1), "probe must be a whole number of at least 0, not -1"),
        (("--strategy", "knokout"), "unknown strategy 'knokout'. Did you mean 'knockout'?"),
        (("--strategy", "pointwise"), "the strategy 'pointwise' needs a pointwise judge"),
        (("--strategy", "knockout", "--budget", 30), "asks as many calls as it needs"),
        (("--votes", 0), "votes must be a whole number of at least 1, not 0"),
    ],
)
def test_refused(tmp_path, options, said):
    """What can't be used is refused as `rrm rank` refuses it."""
    result = run("plan", write(tmp_path, row(query="q", responses=["a", "b"])), *SCRIPTED, *options)
    assert (result.code, result.out) == (2, "")
    assert said in result.err


def test_time_and_tokens_from_given_rates(tmp_path):
    """28 matches of one vote at 1,000 tokens and 100 a second are 280 seconds."""
    text = row(query="q", responses=[f"r{number}" for number in range(8)])
    rates = ("--completion-tokens", 1000, "--tokens-per-second", 100)
    _, found = planned(tmp_path, text, *SCRIPTED, "--strategy", "elo", *rates)
    assert found["elo"]["completion_tokens"] == {"expected": 28_000, "most": 3 * 28 * 8192}
    assert found["elo"]["seconds"] == 280
    said = run("plan", write(tmp_path, text), *SCRIPTED, "--strategy", "elo", *rates).out
    assert "28,000" in said
    assert "5 min" in said


def test_a_budget_leaves_the_strategies_that_take_one(tmp_path):
    """All that fit by default: with a budget, those that can use any number, and no more than it."""
    text = even_rows(3, 6)
    _, found = planned(tmp_path, text, *SCRIPTED, "--budget", 30)
    assert {"active", "auto"} <= set(found)
    assert "knockout" not in found
    assert all(one["matches"]["expected"] <= 3 * 30 for one in found.values())
    _, found = planned(tmp_path, text, *SCRIPTED)
    assert {"active", "auto", "knockout", "elo", "anchor"} <= set(found)


def test_cached_at_best(tmp_path):
    """In both orders of every pair, each character that no prompt before began with is computed once."""
    texts = [f"{number}" * 40 for number in range(6)]
    text = row(query="q", responses=texts)
    _, found = planned(tmp_path, text, *SCRIPTED, "--strategy", "elo", "--order", "both", "--agreement", 1)
    prompt = load_prompt("skywork_pairwise")
    prompts = [
        "".join(message.content for message in prompt.render(Case("q", (one, other)), Cleaner(())))
        for one in texts
        for other in texts
        if one != other
    ]
    beginnings = {prompt[:length] for prompt in prompts for length in range(1, len(prompt) + 1)}
    cached = (sum(map(len, prompts)) - len(beginnings)) / 4
    assert found["elo"]["prompt_tokens"]["cached_at_best"] == pytest.approx(cached, rel=0.001)


def test_judges_that_score(tmp_path):
    """Single responses are samples by themselves; windows of at most eight are, and their winners' window is one more."""
    text = row(query="q", responses=[f"r{number}" for number in range(20)])
    _, found = planned(tmp_path, text, "--prompt", "deepseek_grm_single", "--votes", 2)
    assert found["pointwise"]["matches"]["expected"] == 20
    assert found["pointwise"]["samples"] == {"expected": 40, "most": 120}
    _, found = planned(tmp_path, text, "--prompt", "deepseek_grm", "--votes", 2)
    # 20 are three windows of seven, seven and six, and a fourth of the three that won.
    assert found["listwise"]["matches"]["expected"] == 4
    assert found["listwise"]["samples"]["expected"] == 8


def test_config_and_output(tmp_path):
    """Options may stand in a config file, and the report in one of its own."""
    config = write(tmp_path, "strategy: [elo, knockout]\nchars-per-token: 2\nprobe: 0\n", "rrm.yaml")
    file = write(tmp_path, row(query="q", responses=["a", "b"]))
    result = run("plan", file, *SCRIPTED, "--config", config, "--output", tmp_path / "plan.json")
    assert (result.code, result.out) == (0, "")
    report = json.loads((tmp_path / "plan.json").read_text())
    assert [one["strategy"] for one in report["strategies"]] == ["elo", "knockout"]
    assert report["rates"]["characters_per_token"] == {"value": 2.0, "source": "given"}
    assert not (tmp_path / "plan.json-ledger").exists()


@pytest.mark.parametrize("players", range(1, 12))
def test_what_a_probe_plays(players):
    """The first matches of a knockout of the same draw, each of other players."""
    draw = tuple(range(players))
    opening = Opening(draw)
    matches = opening.start()
    assert len({player for match in matches for player in (match.first, match.second)}) == 2 * len(matches)
    assert len(matches) == min(4, players // 2) or players in (3, 5, 7)
    for match in matches:
        assert opening.standings is None
        opening.record(match, Verdict(Outcome.FIRST, Tally(1)))
    assert opening.standings.order == draw


def test_agreement_of_votes():
    """The mode of the posterior: without matches there is none; of two and two against one, and of one mind."""
    assert agreement_of([]) is None
    # Two of one mind: (p^2 + q^2) p q is largest at p = q = 1/2.
    assert agreement_of([Tally(2, 0)]) == 0.5
    # A hundred of them are as good as certain; half of them split are none.
    assert agreement_of([Tally(3, 0)] * 100) > 0.97
    assert agreement_of([Tally(2, 1)] * 50 + [Tally(1, 2)] * 50) < 0.7


def test_rows_are_those_that_a_run_ranks(tmp_path):
    """A row whose query the format can't hold is broken here as it is there."""
    turns = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}, {"role": "user", "content": "c"}]
    text = row(query=turns, responses=["a", "b"]) + row(query="q", responses=["a", "b"])
    report, _ = planned(tmp_path, text, *SCRIPTED, "--strategy", "elo")
    ranked = run("rank", write(tmp_path, text), *SCRIPTED, "--format", "json")
    assert report["broken"] == sum(line["status"] == "failed" for line in ranked.rows) == 1
    assert enter(Contest("q", ["a", "b"])).texts == ("a", "b")


def test_a_budget_beside_a_strategy_that_takes_none(tmp_path):
    """Is for the one that takes it; the other is there to compare with."""
    text = even_rows(3, 6)
    _, found = planned(tmp_path, text, *SCRIPTED, "--budget", 30, "--strategy", "auto", "--strategy", "knockout")
    assert {name: one["matches"]["expected"] for name, one in found.items()} == {"auto": 90, "knockout": 15}
