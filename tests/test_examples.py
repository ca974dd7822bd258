"""Every example is run as its docstring says, on the scripted engine or against a server on this machine.

The scripted judge prefers the longest answer, so what an example has to print is known.
"""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.reward_wire import RewardServer
from tests.wire import WireServer

ROOT = next(folder for folder in Path(__file__).resolve().parents if (folder / "pyproject.toml").exists())
EXAMPLES = ROOT / "examples"

pytestmark = pytest.mark.skipif(not EXAMPLES.exists(), reason="the wheel is tested without the source tree")


def run(name, *arguments, code=0, seconds=60):
    """What the example prints; what it says on stderr where it is to fail."""
    command = [sys.executable, str(EXAMPLES / f"{name}.py"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr if code else done.stdout


def test_rank_shows_both_strategies_with_their_matches():
    """The longest answer is first in both, and an Elo plays every pair."""
    knockout, elo = run("rank", "--engine", "scripted").split("elo: ")
    assert knockout.startswith("knockout: 3 matches")
    assert elo.startswith("6 matches")
    for shown in (knockout, elo):
        first, *_ = (line for line in shown.splitlines() if line.startswith("  1."))
        assert "Air scatters short wavelengths" in first
        assert "votes 2:0, 0 lost" in shown


def test_best_of_n_gives_the_best_of_each_question_in_order():
    """The longest candidate of each."""
    lines = run("best_of_n", "--engine", "scripted").splitlines()
    assert lines == [
        "one question: '17 x 3 = 10 x 3 + 7 x 3 = 51', after 3 matches",
        "What is 17 x 3? -> 17 x 3 = 10 x 3 + 7 x 3 = 51",
        "Name a prime above 10. -> 13 is prime: no whole number from 2 to 12 divides it",
        "What does `len([])` return? -> 0, since the list has no elements",
    ]


def test_own_prompt_reads_its_own_verdicts_in_both_orders():
    """What is read as A or B depends on which message was shown first."""
    shown = run("own_prompt", "--engine", "scripted")
    assert "first message first: 'B says why, A only what. <winner>B</winner>' -> second" in shown
    assert "second message first: 'B gives no reason. <winner>A</winner>' -> second" in shown
    assert shown.endswith("second, with probability 0.25 of the first being better\n")


def test_own_prompt_passes_the_check_that_its_docstring_names():
    """Its example answers hold the stated votes."""
    command = [sys.executable, "-m", "rrm", "prompts", "check", str(EXAMPLES / "own_prompt.jinja")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_own_strategy_shows_a_generator_and_a_class():
    """Neighbours change places until the longest answer is on top; then it takes the hill and keeps it."""
    ladder, king = run("own_strategy", "--engine", "scripted").split("ladder: ")
    rounds = [line.split(":")[0] for line in ladder.splitlines()]
    assert rounds == ["round 1", "round 1", "round 2", "round 3", "round 3", "round 4"]
    best, *matches, result = king.splitlines()
    assert best == "The quiet: nobody wants anything of you yet."
    winners = [line.rpartition(" -> ")[2] for line in matches]
    holders = [line.split(": ")[1].split(" against")[0] for line in matches]
    assert holders[1:] == winners[:-1]
    assert len(matches) == 3
    assert result == f"king_of_the_hill: {best}"


def test_testing_with_scripted_engine_runs_as_tests_and_as_a_program():
    """All its tests pass, and all are tests to pytest."""
    example = "testing_with_scripted_engine"
    assert run(example).count("passed: test_") == 3
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(EXAMPLES / f"{example}.py")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert "3 passed" in done.stdout, done.stdout + done.stderr


def test_best_of_n_writes_the_answers_first():
    """With a generator both models' usage is shown."""
    shown = run("best_of_n", "--engine", "scripted", "--generate-engine", "scripted")
    assert shown.count("-> Response ") == 3
    assert shown.count("written in Usage(requests=1") == 3


@pytest.mark.live
def test_dpo_training_trains_on_what_was_preferred(tmp_path):
    """Two steps on the CPU; the second time nothing is left to be judged."""
    shown = run("dpo_training", "--folder", str(tmp_path), seconds=300)
    assert "8 prompts gave 24 pairs\n" in shown
    assert "loss after 2 steps: 0." in shown


def test_grpo_reward_gives_a_number_or_none_for_each_completion():
    """The same two groups on every scale; the completion that the judge could not decide on has none."""
    lines = dict(line.strip().split(": ") for line in run("grpo_reward").splitlines())
    assert list(lines) == ["elo", "win-rate", "rank", "anchor"]
    assert lines["win-rate"] == "1.000 0.000 0.500 none 0.500 0.500 1.000 0.000"
    assert all(values.split()[3] == "none" and values.count("none") == 1 for values in lines.values())


def test_judge_of_your_own_ranks_in_groups():
    """The format is sound; each group's best goes on, and the one whose length is seven wins them all."""
    shown = run("judge_of_your_own").splitlines()
    assert shown[:2] == ["wrong with the file: nothing", "listwise, 4 groups, 8 samples"]
    rounds = [line.split(":")[0].strip() for line in shown[2:6]]
    assert rounds == ["round 1", "round 1", "round 1", "round 2"]
    assert shown[5].endswith("-> (2.0, 1.0, 0.0)")
    places = [(int(line.split()[0]), line.split()[-1]) for line in shown[6:]]
    assert places[0] == (6, "retries")
    assert len(places) == 7
    assert [below for below, _ in places] == sorted((below for below, _ in places), reverse=True)


def test_pointwise_scores_are_means_and_rewards():
    """A sentence is a point, and every other of four samples gives one more: n + 0.5."""
    *ranked, failed, scores, ranks = run("pointwise_scores").splitlines()
    assert [line.split("  ")[0] for line in ranked] == ["3.50", "2.50", "1.50", "1.50"]
    assert failed.startswith("no sample holds a score of response 0: 12 of 12 could not be read")
    assert scores == "score: 1.50 3.50 2.50 1.50 none 1.50"
    assert ranks == "rank: 0.17 1.00 0.67 0.17 none none"


def test_vllm_server_ranks_on_a_server():
    """Over a real wire; with several, all of them work."""
    with WireServer() as first, WireServer() as second:
        shown = run("vllm_server", "--base-url", first.url, "--base-url", second.url)
    assert shown.splitlines() == [
        "judge: judge",
        "car: (1, 0), 2 requests",
        "egg: (0, 1), 2 requests",
        "knife: (0, 1), 2 requests",
    ]
    assert len(first.requests) + len(second.requests) == 6
    assert first.requests
    assert second.requests


def test_vllm_server_says_that_no_server_is_there():
    """In one line, with the address."""
    with WireServer() as server:
        url = server.url
    assert f"error: {url}" in run("vllm_server", "--base-url", url, code=1)


def test_cascade_finds_what_the_judge_finds_with_fewer_matches():
    """28 matches of 8, 6 of the 4 that the filter left: the most words behind "because"."""
    alone, cascade, seen, best = run("cascade").splitlines()
    right = "Because air scatters short wavelengths far more than long ones, so blue light reaches us from everywhere."
    assert alone == f"judge alone: 28 matches, best: {right}"
    assert cascade == f"cascade: 6 matches, best: {right}"
    assert seen.startswith("the judge saw [1, 2, 5, 7]; the order is (2, 7, ")
    assert best == f"best of 8: {right}"


def test_own_reward_ranks_by_each_and_by_both():
    """1/7 for seven words, 6 of 7 short words; the mean of these in standard deviations, by hand, for the ensemble."""
    brief, plain, both = run("own_reward").splitlines()
    assert brief == "brief: 0.20 0.14 0.00 0.04 -> Rayleigh scattering of electromagnetic radiation."
    assert plain == "plain: 0.20 0.86 1.00 0.96 -> It is so."
    assert both == "both: -0.20 0.45 -0.23 -0.03 -> Air throws blue light in all ways."


def test_own_reward_is_named_on_the_command_line():
    """The commands of its docstring, in the examples' folder."""
    shown = (EXAMPLES / "own_reward.py").read_text("utf-8")
    commands = [line.partition("&& ")[2].split() for line in shown.splitlines() if "cd examples" in line]
    assert len(commands) == 2
    for command in commands:
        words = [sys.executable, "-m", *command, "--format", "json"]
        done = subprocess.run(words, cwd=EXAMPLES, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["id"] == "detail-a-car"


def test_reward_model_scores_conversations_on_a_server():
    """Over a real wire: a number for each, and what it rests on."""
    with RewardServer(models=("Skywork/Skywork-Reward-V2-Qwen3-0.6B",)) as server:
        options = ("--model", "Skywork/Skywork-Reward-V2-Qwen3-0.6B", "--base-url", server.url)
        about, *scores = run("reward_model", *options).splitlines()
    assert about == "Skywork/Skywork-Reward-V2-Qwen3-0.6B: outcome, skywork_reward_v2, on server"
    assert [line.split(":")[1].split("\\n")[0] for line in scores] == [
        " 'A pen costs 2 + 3 = 5 euros.",
        " 'A pen costs 3 euros.",
    ]


def test_reward_model_scores_steps_on_a_server():
    """A probability for each of three steps, the least of them and their product."""
    model = "Skywork/Skywork-o1-Open-PRM-Qwen-2.5-1.5B"
    with RewardServer("token_classify", models=(model,)) as server:
        about, *shown = run("reward_model", "--model", model, "--base-url", server.url).splitlines()
    assert about == f"{model}: process, skywork_o1_prm, on server"
    steps, (total, _) = [line.split() for line in shown[:3]], (shown[3], shown[7])
    probabilities = [float(step[0]) for step in steps]
    assert f"least {min(probabilities):.3f}, " in total
    assert len(shown) == 8


def test_reward_model_says_what_it_can_not_load():
    """In one line."""
    assert "error: " in run("reward_model", "--model", str(ROOT / "docs"), code=1)


@pytest.mark.live
def test_reward_model_scores_with_a_folder(tmp_path):
    """A tiny model with random weights, in this process."""
    from tests.live.tiny_models import save_model

    save_model(tmp_path, "LlamaForSequenceClassification", num_labels=1)
    about, *scores = run("reward_model", "--model", str(tmp_path), "--engine", "transformers", seconds=300).splitlines()
    assert about.endswith(": outcome, sequence_classifier, on transformers")
    assert len(scores) == 2


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_every_example_says_how_to_run_it_and_has_a_guard(path):
    """Without the guard an in-process vLLM would run it again; every example stands in a test above."""
    tree = ast.parse(path.read_text("utf-8"))
    assert f"examples/{path.name}" in (ast.get_docstring(tree) or "")
    assert any(isinstance(node, ast.If) and ast.unparse(node.test) == "__name__ == '__main__'" for node in tree.body)
    tests = (Path(__file__), Path(__file__).parent / "live" / "test_ray.py")  # what starts a cluster is a live test
    assert any(f'"{path.stem}"' in file.read_text("utf-8") for file in tests)
