"""Rewards in place of a judge, and before one, in `rrm rank`, `rrm best-of-n` and `rrm prefer`."""

import json
import re
import signal
import subprocess
import sys
import time

import pytest

from rrm.jobs.places import beside
from tests.cli.own_rewards import own_module
from tests.cli.running import PAIR, SCRIPTED, row, run, run_process, start, write
from tests.jobs.data_sets import asked
from tests.reward_wire import RewardServer
from tests.wire import WireServer

RESPONSES = ["a", "bbbbb", "cc", "dddd", "eee"]
FIVE = row(id="x", query="q", responses=RESPONSES)


@pytest.fixture
def own(tmp_path, monkeypatch):
    return own_module(tmp_path, monkeypatch)


def rank(folder, text, *options):
    return run("rank", write(folder, text), "--format", "json", *options)


def only(result):
    assert (result.code, result.err) == (0, "")
    (line,) = result.rows
    return line


@pytest.mark.parametrize("options", [(), ("--strategy", "score")])
def test_by_a_reward(tmp_path, own, options):
    """In the order of its scores, with no judge and no match."""
    line = only(rank(tmp_path, FIVE, "--reward", own("length"), *options))
    assert (line["strategy"], line["order"], line["best"]) == ("score", [1, 3, 4, 2, 0], 1)
    assert line["scores"] == [1.0, 5.0, 2.0, 4.0, 3.0]
    assert (line["judge"], line["matches"]) == (None, [])
    assert [one["model"] for one in line["rewards"]] == [own("length")]
    assert line["usage"]["requests"] == 5


def test_a_table_by_a_reward(tmp_path, own):
    """Says the reward, and no judge."""
    said = run("rank", write(tmp_path, FIVE), "--reward", own("length")).out
    assert "x: score of 5: q" in said
    assert f"5 scorings; 5 requests; reward: {own('length')}\n" in said
    assert "judge" not in said


def test_equal_scores_are_drawn_by_the_seed(tmp_path, own):
    """They share a score; who comes first is drawn anew for each row and seed."""
    text = "".join(row(query=f"q{number}", responses=["a", "b"]) for number in range(40))
    firsts = {}
    for seed in (0, 1):
        lines = rank(tmp_path, text, "--reward", own("level"), "--seed", seed).rows
        assert {(line["seed"], *line["scores"]) for line in lines} == {(seed, 1.0, 1.0)}
        firsts[seed] = [line["best"] for line in lines]
    assert 5 < sum(firsts[0]) < 35
    assert firsts[0] != firsts[1]


def test_a_filter_before_a_judge(tmp_path, own):
    """The judge ranks the two that are kept; the others stand behind them as the filter has them."""
    line = only(rank(tmp_path, FIVE, *SCRIPTED, "--filter", own("shortness"), "--keep", 2))
    # The scripted judge prefers the longest, here of the two shortest.
    assert (line["strategy"], line["order"]) == ("cascade", [2, 0, 4, 3, 1])
    (match,) = line["matches"]
    assert {match["first"], match["second"]} == {0, 2}
    assert [(one["responses"], one["scores"]) for one in line["scorings"]] == [
        ([n], [-float(len(text))]) for n, text in enumerate(RESPONSES)
    ]
    assert (line["judge"]["model"], line["rewards"][0]["model"]) == ("scripted", own("shortness"))
    assert line["notes"] == ["the filter kept 2 of 5 responses for the judge (knockout)"]


def test_a_table_of_a_filter(tmp_path, own):
    """Has the filter's scores, and what the judge cost apart from them."""
    said = run("rank", write(tmp_path, FIVE), *SCRIPTED, "--filter", own("shortness"), "--keep", 2).out
    assert "x: cascade of 5: q" in said
    assert "scores of round 1: #0 -1, #2 -2, #4 -3, #3 -4, #1 -5\n" in said
    assert "5 scorings, 1 match, 1 vote; " in said
    assert f"judge: scripted; reward: {own('shortness')}\n" in said


def test_the_strategy_behind_a_filter_is_the_judges(tmp_path, own):
    """And so are its other options."""
    options = ("--filter", own("length"), "--keep", 3, "--strategy", "round-robin", "--votes", 3, "--order", "both")
    line = only(rank(tmp_path, FIVE, *SCRIPTED, *options))
    assert len(line["matches"]) == 3
    assert (line["judge"]["votes"], line["judge"]["order"]) == (3, "both")
    assert line["notes"] == ["the filter kept 3 of 5 responses for the judge (round-robin)"]


def test_a_filter_before_a_reward(tmp_path, own):
    """A dearer reward in the judge's place."""
    line = only(rank(tmp_path, FIVE, "--filter", own("shortness"), "--keep", 3, "--reward", own("length")))
    assert line["order"] == [4, 2, 0, 3, 1]
    assert [one["model"] for one in line["rewards"]] == [own("shortness"), own("length")]
    assert line["judge"] is None


def test_an_ensemble(tmp_path, own):
    """Weights decide where members disagree; what each counts for is said."""
    both = ("--reward", own("length") + "=1", "--reward")
    assert only(rank(tmp_path, FIVE, *both, own("shortness") + "=2"))["best"] == 0
    line = only(rank(tmp_path, FIVE, *both, own("shortness") + "=0.5"))
    assert line["best"] == 1
    assert [one["settings"] for one in line["rewards"]] == [
        {"weight": weight, "standardise": True, "rule": "mean"} for weight in (1.0, 0.5)
    ]
    worst = only(rank(tmp_path, FIVE, *both, own("shortness"), "--reward-rule", "worst"))
    # Of z-scores that are each other's opposites the worst is highest in the middle.
    assert worst["best"] == 4
    assert worst["rewards"][1]["settings"]["weight"] == 1.0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--reward", "OWN", "--votes", 3), "--reward needs no judge: leave out votes (options of the reward begin with --reward-)"),
        (("--reward", "OWN", *SCRIPTED, "--base-url", "http://h"), "--reward needs no judge: leave out base_url, engine "),
        (("--reward", "OWN", "--prompt-arg", "a=b"), "leave out prompt_args"),
        (("--reward", "OWN", "--strategy", "knockout"), "the strategy 'knockout' needs a judge, and rewards give scores"),
        (("--strategy", "score"), "the strategy 'score' ranks by rewards: name one with --reward"),
        (("--filter", "OWN"), "--filter needs --keep: how many responses of each row it leaves for the judge"),
        (("--keep", 3), "--keep says how many responses a filter leaves for the judge: name one with --filter"),
        (("--filter", "OWN", "--keep", 0), "keep must be a whole number of at least 1, not 0"),
        (("--filter", "OWN", "--keep", 2, "--strategy", "score"), "the strategy 'score' ranks by rewards"),
        (("--filter", "OWN", "--keep", 2, "--strategy", "knokout"), "unknown strategy 'knokout'"),
        (("--filter", "OWN", "--keep", 2, "--votes", 0), "votes must be a whole number of at least 1, not 0"),
        (("--reward-kind", "outcome"), "reward_kind: only with --reward or --filter"),
        (("--reward-rule", "mean", "--reward", "OWN"), "--reward-rule is for several rewards"),
        (("--reward", "OWN=2"), "a weight is for several rewards, and there is one: write OWN"),
        (("--reward", "OWN=high"), "--reward takes REF or REF=WEIGHT, and 'high' is no number"),
        (("--reward", "OWN=0", "--reward", "OWN"), "the weight of a member must be a number above 0, not 0.0"),
        (("--reward", "OWN", "--reward", "OWN", "--reward-rule", "meen"), "unknown rule 'meen'. Did you mean 'mean'?"),
        (("--reward", "OWN", "--reward-kind", "outcome"), "kind: for reward models, and 'OWN' is a reward of your own"),
        (("--reward", "OWN", "--strip-reasoning"), "strip_reasoning: for reward models, and 'OWN' is a reward of your own"),
        (("--reward", "m", "--reward-engine", "openai"), "unknown engine of rewards 'openai'"),
        (("--reward", "m", "--reward-truncation", "middle"), "unknown truncation 'middle'"),
        (("--reward", "m", "--reward-engine-arg", "dtype"), "--reward-engine-arg takes KEY=VALUE, not 'dtype'"),
        (("--reward", "no_such:thing"), "the reward 'no_such:thing' can't be imported"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("command", ["rank", "best-of-n", "prefer"])
def test_refused_options(tmp_path, own, command, options, said):
    """What can't be used together is named, before anything is asked; the code is 2."""
    given = [str(option).replace("OWN", own("length")) for option in options]
    result = run(command, write(tmp_path, PAIR), *given, "--output", tmp_path / "out.jsonl")
    assert (result.code, result.out) == (2, "")
    assert said.replace("OWN", own("length")) in result.err
    assert own.calls == []


def test_a_path_with_an_equals_sign_is_a_path(tmp_path, own):
    """Where it is there; it holds no model, which is another matter."""
    (tmp_path / "lr=3").mkdir()
    result = rank(tmp_path, FIVE, "--reward", "lr=3")
    assert result.code == 3
    assert "lr=3" in result.err


def test_model_options_go_to_the_models_of_an_ensemble(tmp_path, own):
    """A member of one's own has none."""
    with RewardServer(models=("skywork-reward-v2",)) as server:
        line = only(rank(
            tmp_path, FIVE, "--reward", "skywork-reward-v2", "--reward", own("length"), "--reward-base-url", server.url,
            "--reward-normalise", "--strip-reasoning",
        ))  # fmt: skip
    assert line["rewards"][0]["settings"]["normalise"] is True
    assert line["rewards"][0]["settings"]["strip_reasoning"] is True
    assert line["rewards"][1]["model"] == own("length")


def test_where_steps_end(tmp_path):
    """As for `rrm score`; the score of a process reward follows from its steps."""
    with RewardServer("token_classify", models=("skywork-o1-open-prm",)) as server:
        options = ("--reward", "skywork-o1-open-prm", "--reward-base-url", server.url)
        line = only(rank(tmp_path, FIVE, *options, "--reward-step-delimiter", r"\n\n"))
    assert line["rewards"][0]["settings"] == {"step_delimiter": "\n\n", "aggregate": "min"}


def test_a_servers_name_with_a_colon(tmp_path, own):
    """It is no module, alone or beside one."""
    with RewardServer(models=("llama3:latest",)) as server:
        place = ("--reward-base-url", server.url, "--reward-family", "sequence_classifier")
        options = ("--reward", "llama3:latest", *place)
        alone = only(rank(tmp_path, FIVE, *options))
        both = only(rank(tmp_path, FIVE, *options, "--reward", own("length")))
    assert [reward["model"] for reward in alone["rewards"]] == ["llama3:latest"]
    assert [reward["model"] for reward in both["rewards"]] == ["llama3:latest", own("length")]


def test_a_served_model_filters_for_a_served_judge(tmp_path):
    """Each has a server of its own; both remember in one ledger."""
    rows = write(tmp_path, FIVE + row(query="r", responses=RESPONSES[::-1]))
    with (
        RewardServer(models=("skywork-reward-v2",)) as rewards,
        WireServer() as judge,
    ):
        command = (
            "rank", rows, "--filter", "skywork-reward-v2", "--keep", 2, "--reward-base-url", rewards.url,
            "--base-url", judge.url, "--output", tmp_path / "out.jsonl",
        )  # fmt: skip
        assert run(*command).code == 0
        first, samples = (tmp_path / "out.jsonl").read_bytes(), asked(judge)
        assert samples == 2
        again = run(*command)
        assert asked(judge) == samples
        assert sum(rewards.sizes()) == 10 + 1  # and what the second run tried the server out with
    assert (tmp_path / "out.jsonl").read_bytes() == first
    assert re.fullmatch(r"rrm: 0 calls made \(0 tokens\), 12 from the ledger \(\d+ tokens\)\n", again.err)
    assert [line["strategy"] for line in map(json.loads, first.splitlines())] == ["cascade", "cascade"]


def test_failed_rows(tmp_path, own):
    """A row that can't be read, one that the reward fails at, and one without responses; the others are ranked."""
    text = FIVE + "{bad\n" + row(query="q", responses=["a bad one", "b"]) + row(query="q") + FIVE
    for options, strategy in (
        (("--reward", own("picky")), "score"),
        ((*SCRIPTED, "--filter", own("picky"), "--keep", 1), "cascade"),
    ):
        result = rank(tmp_path, text, *options)
        assert result.code == 4
        assert [line["status"] for line in result.rows] == ["ok", "failed", "failed", "failed", "ok"]
        assert {line["strategy"] for line in result.rows} == {strategy}
        assert result.rows[2]["error"].endswith(f"the reward {own('picky')!r} failed: ValueError: it is bad")


def test_a_reward_that_is_broken(tmp_path, own):
    """All rows fail for it, as for one that raises: the code is 4."""
    result = rank(tmp_path, FIVE, "--reward", own("broken"))
    assert result.code == 4
    assert "returned nan for conversation 0" in result.rows[0]["error"]


def test_no_rows(tmp_path, own):
    """No reward is asked."""
    file = write(tmp_path, "")
    result = run("rank", file, "--reward", own("length"))
    assert (result.code, result.err) == (0, f"rrm: {file} has no rows\n")


def test_a_config_file(tmp_path, own):
    """Has the names of the options, lists where they may be repeated."""
    config = write(tmp_path, f"reward: [{own('length')}, {own('shortness')}=3]\nreward-rule: mean\n", "c.yaml")
    assert only(rank(tmp_path, FIVE, "--config", config))["best"] == 0
    filtering = write(tmp_path, f"filter: {own('shortness')}\nkeep: 2\nengine: scripted\n", "c.yaml")
    assert only(rank(tmp_path, FIVE, "--config", filtering))["strategy"] == "cascade"
    for text, said in (
        ("keep: many\n", "keep must be a whole number"),
        ("reward: 3\n", "reward must be a text or a list of texts"),
    ):
        refused = rank(tmp_path, FIVE, "--config", write(tmp_path, text, "c.yaml"))
        assert refused.code == 2
        assert said in refused.err


# Best of N


def test_the_best_by_a_reward(tmp_path, own):
    """Of those given, and of those that a model writes."""
    given = run("best-of-n", write(tmp_path, FIVE), "--format", "json", "--reward", own("length"))
    assert (only(given)["best"], only(given)["response"]) == (1, "bbbbb")
    options = ("--generate-engine", "scripted", "--n", 4, "--seed", 5, "--format", "json")
    written = run("best-of-n", write(tmp_path, row(query="q")), *options, "--reward", own("length"))
    line = only(written)
    assert line["response"] == max(line["responses"], key=len)
    assert line["ranking"]["strategy"] == "score"
    assert line["generator"]["seed"] == 5
    filtered = run(
        "best-of-n", write(tmp_path, row(query="q")), *options, *SCRIPTED, "--filter", own("shortness"), "--keep", 1
    )
    line = only(filtered)
    assert line["response"] == min(line["responses"], key=len)
    assert line["ranking"]["strategy"] == "cascade"


# Preferences


def prefer(folder, text, *options):
    return run("prefer", write(folder, text), "--output", folder / "pairs.jsonl", *options)


def pairs_in(folder):
    return [json.loads(line) for line in (folder / "pairs.jsonl").read_text().splitlines()]


def manifest_in(folder):
    return json.loads(beside(folder / "pairs.jsonl", "manifest").read_text())


def test_pairs_by_a_reward(tmp_path, own):
    """Margins are differences of scores; the manifest says the reward."""
    result = prefer(tmp_path, FIVE, "--reward", own("length"))
    assert result.code == 0
    assert result.err.splitlines() == [
        f"rrm: 1 prompt: 1 gave 1 pair. 1 pair in {tmp_path}/pairs.jsonl",
        "rrm: 5 scores made (0 tokens), 0 from the ledger (0 tokens)",
    ]
    (pair,) = pairs_in(tmp_path)
    assert (pair["chosen"], pair["rejected"], pair["margin"]) == ("bbbbb", "a", 4.0)
    assert (pair["chosen_rating"], pair["judge"]) == (5.0, own("length"))
    manifest = manifest_in(tmp_path)
    assert (manifest["judge"], [one["model"] for one in manifest["rewards"]]) == (None, [own("length")])
    assert manifest["settings"]["strategy"] == "score"
    assert prefer(tmp_path, FIVE, "--reward", own("length")).err == f"rrm: {tmp_path}/pairs.jsonl is complete already\n"


def test_pairs_behind_a_filter(tmp_path, own):
    """The manifest has judge and reward."""
    result = prefer(tmp_path, FIVE, *SCRIPTED, "--filter", own("length"), "--keep", 2)
    assert result.code == 0
    assert "6 calls made" in result.err
    manifest = manifest_in(tmp_path)
    assert (manifest["judge"]["model"], manifest["rewards"][0]["model"]) == ("scripted", own("length"))


def test_another_reward_is_another_job(tmp_path, own):
    """An output of one is not gone on with by another."""
    assert prefer(tmp_path, FIVE, "--reward", own("length")).code == 0
    refused = prefer(tmp_path, FIVE, "--reward", own("shortness"))
    assert refused.code == 2
    assert "was made of other settings (settings.judge.reward.reward" in refused.err
    assert prefer(tmp_path, FIVE, "--reward", own("shortness"), "--overwrite").code == 0
    assert pairs_in(tmp_path)[0]["chosen"] == "a"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--rankings", "r.jsonl", "--reward", "OWN"), "--rankings needs no judge: leave out reward"),
        (("--ray", "--reward", "OWN"), "--ray runs judges: leave out --reward and --filter, or rank without --ray"),
        (("--ray", "--filter", "OWN", "--keep", 2), "--ray runs judges"),
    ],
)
def test_what_goes_with_no_reward(tmp_path, own, options, said):
    """It is refused, with exit 2."""
    write(tmp_path, "", "r.jsonl")
    result = prefer(tmp_path, FIVE, *(own("length") if option == "OWN" else option for option in options))
    assert result.code == 2
    assert said in result.err


def many(count):
    return "".join(row(query=f"q{number}", responses=["a", "a" * (2 + number % 5)]) for number in range(count))


def test_a_limit_on_minutes(tmp_path, monkeypatch):
    """It stops the run, which the same command goes on with: nothing is scored twice."""
    own = own_module(tmp_path, monkeypatch, seconds=0.4)
    command = ("--reward", own("length"), "--max-minutes", 0.01)
    stopped = prefer(tmp_path, many(3000), *command)
    assert stopped.code == 5
    assert "rrm: stopped: max_minutes is 0.01\n" in stopped.err
    before = sum(own.calls)
    assert 0 < before < 6000
    assert prefer(tmp_path, many(3000), "--reward", own("length")).code == 0
    assert sum(own.calls) == 6000
    assert len(pairs_in(tmp_path)) == 3000


def test_a_limit_on_tokens(tmp_path):
    """Those of a reward model count."""
    with RewardServer(models=("skywork-reward-v2",), latency=0.05) as server:
        options = ("--reward", "skywork-reward-v2", "--reward-base-url", server.url)
        stopped = prefer(tmp_path, many(2000), *options, "--max-total-tokens", 5000)
        assert stopped.code == 5
        assert "tokens are sampled, and max_total_tokens is 5,000" in stopped.err
        assert sum(server.sizes()) < 4000


def test_what_a_judge_loses_is_not_hidden_by_its_filter(tmp_path, own):
    """The filter's scores are no votes of the judge."""
    options = (*SCRIPTED, "--engine-arg", "prefer=never", "--filter", own("length"), "--keep", 2)
    result = prefer(tmp_path, "".join(row(query=f"q{n}", responses=RESPONSES) for n in range(300)), *options)
    assert result.code == 5
    assert re.search(r"of the first \d+ votes \d+ are lost", result.err)


def test_an_interrupted_run_goes_on(tmp_path, monkeypatch):
    """Where it was, and pays for nothing twice."""
    own = own_module(tmp_path, monkeypatch, seconds=0.3)
    output = tmp_path / "pairs.jsonl"
    command = ("prefer", write(tmp_path, many(3000)), "--output", output, "--reward", own("length"))
    with start(*command, cwd=tmp_path) as process:
        until = time.monotonic() + 120
        while len(own.calls) < 3:
            assert time.monotonic() < until
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=120)
    assert process.returncode == 130
    assert b"the same command goes on from there" in err
    before = sum(own.calls)
    assert before < 6000
    assert run_process(*command).code == 0
    assert sum(own.calls) <= 6000 + max(own.calls)
    assert len(pairs_in(tmp_path)) == 3000


def test_texts_of_a_prompt_are_texts(tmp_path):
    """What looks like YAML is none: `Safety: 2; Tone: 1` is what the prompt is given."""
    criteria = "Safety: 2; Tone: 1"
    config = write(tmp_path, f"prompt: rubric\nprompt-arg: {{criteria: '{criteria}'}}\n", "c.yaml")
    with WireServer(lambda body: ['{"scores": {"Safety": 4, "Tone": 1}}'] * body.get("n", 1)) as judge:
        for options in (("--prompt", "rubric", "--prompt-arg", f"criteria={criteria}"), ("--config", config)):
            line = only(rank(tmp_path, PAIR, "--base-url", judge.url, *options))
            assert line["judge"]["prompt_args"] == {"criteria": criteria}
            assert line["scores"] == [3.0, 3.0]  # (2 * 4 + 1 * 1) / 3
            assert line["scorings"][0]["criteria"] == {"Safety": 4.0, "Tone": 1.0}


def test_nothing_of_rewards_is_imported_without_one():
    """The command line starts without what runs models, and without what knows rewards."""
    code = (
        "import sys, rrm.cli; "
        "print(*(name for name in ('torch', 'transformers', 'vllm', 'rrm.rewards', 'rrm.rankers') if name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_help_says_which_engines_and_rules_there_are():
    """As they are called where they are known."""
    from rrm.rankers.rules import RULES
    from rrm.rewards import AGGREGATES
    from rrm.rewards.choosing import ENGINES
    from rrm.rewards.settings import TRUNCATIONS

    said = run("rank", "--help").out
    for option, names in {
        "reward-engine": ENGINES,
        "reward-rule": RULES,
        "reward-aggregate": AGGREGATES,
        "reward-truncation": TRUNCATIONS,
        "reward-kind": ("outcome", "process"),
    }.items():
        assert f"--{option} {'|'.join(names)}" in said
