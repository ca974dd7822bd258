"""A rubric with weighted criteria, from the votes of a judge to rankings, pairs, rewards, tables and rows."""

import json

import pytest

from rrm import Contest, Judge, best_of_n
from rrm.benchmarks.base import Item
from rrm.cli.tables import show_ranking
from rrm.engines.scripted import ScriptedEngine
from rrm.errors import ContestError, InputError, PromptError
from rrm.integrations.trl import RankReward
from rrm.jobs.benches.items_file import encode, item_line, read_items, reread_line
from rrm.preferences import preferences
from rrm.promptfiles import load_prompt
from rrm.ranking import Ranking, Scoring
from rrm.types import Opinion, Poll, Tally
from tests.cli.running import run, write

RESPONSES = ("a", "bb", "ccc", "bb")
OWN = {"criteria": "Safety: 3; Tone: 1"}


def graded(request, index):
    """Correctness and clarity by length, completeness from 2 to 4 by the sample; nothing to say of an empty response."""
    length = len(request.case.responses[0])
    scores = {"Correctness": length, "Completeness": 2 + index % 3, "Clarity": length + 1}
    return json.dumps({"scores": scores}) if length else "There is nothing to grade."


def judge(script=graded, **options):
    return Judge(engine=ScriptedEngine(script), **({"prompt": "rubric", "votes": 3} | options))


@pytest.fixture(scope="module")
def ranking():
    with judge() as one:
        return one.rank("q", RESPONSES)


def test_scores_are_weighted_means_over_votes(ranking):
    """0.5 n + 0.3 * 3 + 0.2 (n + 1) for a length of n; the means of each criterion beside it. Equal texts share them."""
    assert ranking.scores == pytest.approx((1.8, 2.5, 3.2, 2.5))
    assert (ranking.strategy, ranking.best, ranking.votes) == ("pointwise", 2, Tally(scored=9))
    assert {scoring.responses: dict(scoring.criteria) for scoring in ranking.scorings} == {
        (0,): {"Correctness": 1, "Completeness": 3, "Clarity": 2},
        (1,): {"Correctness": 2, "Completeness": 3, "Clarity": 3},
        (2,): {"Correctness": 3, "Completeness": 3, "Clarity": 4},
    }
    assert ranking.judge.prompt_args == load_prompt("rubric").parameters


def test_there_and_back(ranking):
    """As a line of JSON; the criteria stand beside the score that they make."""
    line = ranking.to_json()
    assert Ranking.from_json(line) == ranking
    first = json.loads(line)["scorings"][0]
    assert list(first) == ["number", "round", "responses", "scores", "votes", "criteria"]
    assert first["criteria"] == {"Correctness": 1, "Completeness": 3, "Clarity": 2}


def test_lines_without_criteria(ranking):
    """Those of other judges have none, and those of older versions are read."""
    with judge(lambda request, _: f"[[{len(request.case.responses[0])}]]", prompt="mt_bench_single") as one:
        plain = one.rank("q", RESPONSES)
    assert "criteria" not in plain.to_json()
    old = json.loads(ranking.to_json())
    for scoring in old["scorings"]:
        del scoring["criteria"]
    (one, *_) = Ranking.from_json(json.dumps(old)).scorings
    assert one == Scoring(1, 1, (0,), ranking.scorings[0].scores, Tally(scored=3))


def test_lost_samples_are_in_no_mean():
    """A sample without one of the criteria is lost whole; a response without any sample fails its contest."""

    def sometimes(request, index):
        text = graded(request, index)
        return text.replace("Clarity", "Style") if index == 0 else text

    with judge(sometimes) as one:
        (scoring,) = one.rank("q", ["a"]).scorings
        assert (scoring.votes, scoring.criteria) == (
            Tally(unparsed=1, scored=2),
            {"Correctness": 1, "Completeness": 3.5, "Clarity": 2},
        )
    with (
        judge(lambda *_: '{"scores": {"Correctness": 6}}') as one,
        pytest.raises(ContestError, match="no sample holds"),
    ):
        one.rank("q", ["a", "b"])


def test_every_vote_says_its_criteria():
    """Where a judge is polled."""
    with judge(votes=2) as one:
        (polled,) = one.poll_many([Poll(Contest("q", RESPONSES), ((2,),))])
    assert [dict(opinion.criteria) for opinion in polled.opinions] == [
        {"Correctness": 3, "Completeness": 2, "Clarity": 4},
        {"Correctness": 3, "Completeness": 3, "Clarity": 4},
    ]
    assert [opinion.scores for opinion in polled.opinions] == [(2.9,), (3.2,)]


def test_criteria_of_ones_own():
    """As a prompt argument; the results say by which."""

    def own(request, _):
        return json.dumps({"scores": {"Safety": len(request.case.responses[0]), "Tone": 1}})

    with judge(own, prompt_args=OWN, votes=1) as one:
        ranking = one.rank("q", ("a", "bbb"))
    assert ranking.scores == (1.0, 2.5)
    assert ranking.judge.prompt_args == OWN
    with pytest.raises(PromptError, match="criterion 'Tone' has no weight, and others have"):
        judge(prompt_args={"criteria": "Safety: 2; Tone"})


def test_what_a_rubric_can_not_do():
    """It chooses no label: refused where the judge is made, and not at its first vote."""
    with pytest.raises(InputError, match="readout 'probability' needs a prompt whose verdicts are labels"):
        judge(readout="probability")
    with pytest.raises(InputError, match="force_verdict makes a judge choose one label, and verdicts of 'rubric'"):
        judge(force_verdict=True)
    with judge(force_verdict=False) as one:
        assert one.rank("q", ("a", "bb")).best == 1


def test_best_of_n_pairs_and_rewards(ranking):
    """What takes a pointwise judge takes this one."""
    (pair,) = preferences(ranking, RESPONSES).pairs
    assert (pair.chosen, pair.rejected) == (2, 0)
    with judge() as one:
        assert best_of_n("q", RESPONSES, judge=one).best == "ccc"
        rewards = RankReward(one, scale="score")(prompts=["q"] * 3, completions=["a", "", "ccc"])
        places = RankReward(one, scale="rank")(prompts=["q"] * 3, completions=["a", "bb", "ccc"])
    assert rewards == [pytest.approx(1.8), None, pytest.approx(3.2)]
    assert places == [0, 0.5, 1]


def test_a_ledger_answers_for_other_weights(tmp_path):
    """The judge is not shown them: the same samples are read anew, and none is asked. The same weights play nothing."""
    text = load_prompt("rubric").parameters["criteria"]
    found = []
    for weight in ("0.5", "0.5", "2.5"):
        with judge(ledger=tmp_path / "ledger", prompt_args={"criteria": text.replace("0.5", weight)}) as one:
            ranking = one.rank("q", ("a", "ccc"))
            found.append((ranking.scores, one.spent.samples))
    assert [spent for _, spent in found] == [6, 0, 0]
    assert found[0] == (found[1][0], 6)
    assert found[2][0] == pytest.approx(((2.5 + 0.9 + 0.4) / 3, (7.5 + 0.9 + 0.8) / 3))


def test_the_table(ranking):
    """A line for each response, best first, below the scores; identical ones have one."""
    lines = [line for line in show_ranking(ranking, Contest("q", RESPONSES)) if isinstance(line, str)]
    assert [line for line in lines if line.startswith("#")] == [
        "#2: Correctness 3, Completeness 3, Clarity 4",
        "#1: Correctness 2, Completeness 3, Clarity 3",
        "#0: Correctness 1, Completeness 3, Clarity 2",
    ]


def test_items_of_a_benchmark(tmp_path):
    """What a format made of a text is kept with its criteria, and read again with them."""
    rubric = load_prompt("rubric")
    text = '{"scores": {"Correctness": 5, "Completeness": 3, "Clarity": 4}}'
    first = Opinion((0,), 0, None, (1.0,), text=text)
    line = item_line(Item("a", "a", "q", ("x", "y"), (0.0, 1.0)), (first,))
    read = reread_line(line, rubric)
    assert read.opinions[0].criteria == {"Correctness": 5, "Completeness": 3, "Clarity": 4}
    assert read.opinions[0].scores == (4.2,)
    other = reread_line(read, rubric.with_parameters({"criteria": "Clarity; Correctness"}))
    assert (other.opinions[0].scores, dict(other.opinions[0].criteria)) == ((4.5,), {"Clarity": 4, "Correctness": 5})
    assert reread_line(other, None) == line
    file = tmp_path / "items.jsonl"
    file.write_text("".join(f"{encode(one)}\n" for one in (line, read, other)))
    assert list(read_items(file)) == [line, read, other]


def test_the_command_line(tmp_path):
    """Texts are read with their criteria; a rubric of one's own is refused before anything is asked."""
    text = '{"scores": {"Correctness": 5, "Completeness": 3, "Clarity": 4}}'
    rows = write(tmp_path, json.dumps({"text": text}) + "\n" + json.dumps({"text": "Fine."}) + "\n")
    first, second = run("parse", rows, "--prompt", "rubric").rows
    assert first["scores"] == [4.2]
    assert first["criteria"] == {"Correctness": 5, "Completeness": 3, "Clarity": 4}
    assert (second["vote"], "criteria" in second) == ("unparsed", False)
    contest = write(tmp_path, '{"query": "q", "responses": ["a", "bb"]}\n', "contest.jsonl")
    asked = ("rank", contest, "--engine", "scripted", "--prompt", "rubric", "--prompt-arg")
    refused = run(*asked, "criteria=Safety (2); Tone")
    assert (refused.code, refused.out) == (2, "")
    assert "criterion 'Tone' has no weight, and others have: give each one, or none" in refused.err
    shown = run("prompts", "show", "rubric")
    assert (shown.code, '{"scores": {"Correctness": N, "Completeness": N, "Clarity": N}}' in shown.out) == (0, True)
