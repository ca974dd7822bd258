"""The run behind `rrm bench`: what it asks, what it leaves, and that it pays for nothing twice."""

import json
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from rrm.benchmarks.base import Policy
from rrm.engines.scripted import CHOOSERS, ScriptedEngine, answering, noisy
from rrm.errors import EngineError, InputError, UnknownNameError
from rrm.jobs.benches.bench import BenchJob
from rrm.jobs.benches.scoring import reparse, score_predictions
from rrm.judge import Judge
from rrm.promptfiles import load_prompt
from tests import wire
from tests.jobs.bench_rows import judgebench_rows, lines, pandalm_rows, plan_of, report_of, write_json, write_lines
from tests.jobs.data_sets import asked, completions, launch, seeded_judge
from tests.wire import Fault, WireServer

AT_ONCE = 8


@pytest.fixture
def rows(tmp_path):
    return write_lines(tmp_path / "judgebench.jsonl", judgebench_rows(12))


def scripted(script=None, **settings):
    choose = noisy(CHOOSERS["longest"], 0.8)
    return Judge(engine=ScriptedEngine(script or answering(choose)), **settings)


def run(rows, output, script=None, *, overwrite=False, plan=None, **settings):
    votes = max((plan or {}).get("votes", (1,)))
    with scripted(script, votes=votes, **settings) as judge:
        return BenchJob(plan_of("judgebench", rows, **(plan or {})), judge, output, overwrite=overwrite).run()


def said(output):
    return {line["id"]: line["opinions"] for line in lines(output / "items.jsonl")}


def test_a_run(tmp_path, rows):
    """Every item with every vote, in the order of the data; the report; the ledger; and no litter."""
    outcome = run(rows, tmp_path / "out", plan={"votes": (1, 3)}, ledger=tmp_path / "out" / "ledger")
    found = said(tmp_path / "out")
    assert list(found) == [f"p{number}" for number in range(12)]
    for opinions in found.values():
        places = [(opinion["shown"], opinion["index"]) for opinion in opinions]
        assert places == [([0, 1], index) for index in range(3)] + [([1, 0], index) for index in range(3)]
        assert all(
            f"\\boxed{{Assistant {1 if opinion['vote'] == 'first' else 2}}}" in opinion["text"] for opinion in opinions
        )
    report = report_of(tmp_path / "out")
    assert (report["items"], report["votes"], report["usage"]["samples"]) == (12, 3, 72)
    assert [point["votes"] for point in report["curve"]] == [1, 3]
    assert report["usage"]["completion_tokens"] == sum(
        opinion["completion_tokens"] for opinions in found.values() for opinion in opinions
    )
    assert report["judge"]["model"] == "scripted"
    assert report["metrics"] == json.loads(json.dumps(outcome.report["metrics"]))
    assert {file.name for file in (tmp_path / "out").iterdir()} == {
        "items.jsonl", "ledger", "report.json", "report.md", "curve.svg", "matrix.svg",
    }  # fmt: skip
    assert not list(tmp_path.glob("*-lock"))


def test_the_figures_are_those_of_the_votes(tmp_path, rows):
    """JudgeBench's rule, counted here from the votes on the disk."""
    outcome = run(rows, tmp_path / "out")
    points = []
    for row, line in zip(judgebench_rows(12), lines(tmp_path / "out" / "items.jsonl"), strict=True):
        better = 0 if row["label"] == "A>B" else 1
        chosen = [one["shown"][0 if one["vote"] == "first" else 1] for one in line["opinions"]]
        points.append(sum(1 if choice == better else -1 for choice in chosen) > 0)
    assert outcome.report["metrics"]["accuracy"]["value"] == pytest.approx(sum(points) / 12, abs=1e-6)


def test_votes_are_the_first_of_more_votes(tmp_path, rows):
    """So a curve's first point is a run of its own."""
    run(rows, tmp_path / "three", plan={"votes": (1, 3)})
    run(rows, tmp_path / "one", plan={"votes": (1,)})
    curve = report_of(tmp_path / "three")["curve"]
    assert curve[0]["metrics"] == report_of(tmp_path / "one")["metrics"]


def test_a_judge_of_single_responses(tmp_path, rows):
    """Each response is shown once, in no order."""

    def rate(request, _):
        return f"Rating: [[{len(request.case.responses[0]) % 10 + 1}]]"

    run(rows, tmp_path / "out", rate, prompt="mt_bench_single", plan={"votes": (2,)})
    for row, opinions in zip(judgebench_rows(12), said(tmp_path / "out").values(), strict=True):
        assert [(one["shown"], one["index"]) for one in opinions] == [([0], 0), ([0], 1), ([1], 0), ([1], 1)]
        assert opinions[0]["scores"] == [len(row["response_A"]) % 10 + 1]
    report = report_of(tmp_path / "out")
    assert report["position"] == {"flip_rate": None, "first_preference": None}
    assert report["failures"] == {"unparsed": 0, "truncated": 0, "missing": 0, "errors": 0}


def test_a_judge_of_several_responses(tmp_path, rows):
    """All at once, in both orders."""

    def choose(request, _):
        return f"[[{'ABCD'[max(range(2), key=lambda place: len(request.case.responses[place]))]}]]"

    run(rows, tmp_path / "out", choose, prompt="rewardbench2_four_way")
    for opinions in said(tmp_path / "out").values():
        assert len(opinions) == 2
        assert [one["shown"] for one in opinions] == [[0, 1], [1, 0]]
        assert all(sorted(one["scores"]) == [0, 1] for one in opinions)


def test_a_judge_of_several_that_prefers_a_place(tmp_path, rows):
    """Two responses are two games to it, as to a judge of pairs: it is right in one order and wrong in the other."""
    report = run(rows, tmp_path / "out", lambda *_: "[[A]]", prompt="rewardbench2_four_way").report
    assert report["metrics"]["accuracy"]["value"] == 0
    assert report["metrics"]["both_correct"]["value"] == 0
    assert report["position"] == {"flip_rate": 1.0, "first_preference": 1.0}


def test_a_complete_run_is_left_alone(tmp_path, rows):
    """The same settings: nothing is asked. Others: refused, unless it is to be replaced."""

    def never(request, index):
        raise AssertionError("asked")

    output = tmp_path / "out"
    first = run(rows, output)
    files = {file.name: file.read_bytes() for file in output.iterdir()}
    again = run(rows, output, never)
    assert again.was_complete
    assert again.report["metrics"] == first.report["metrics"]
    assert {file.name: file.read_bytes() for file in output.iterdir()} == files
    for plan, changed in (({"limit": 3}, "limit none -> 3"), ({"policy": Policy("half")}, "ties official -> half")):
        with pytest.raises(InputError, match="has a run of other settings") as refusal:
            run(rows, output, never, plan=plan)
        assert f"({changed})" in str(refusal.value)
    with pytest.raises(
        InputError, match=r"\(max_tokens none -> 9\): name another output, or replace it with --overwrite "
    ):
        run(rows, output, never, max_tokens=9)
    assert {file.name: file.read_bytes() for file in output.iterdir()} == files
    assert run(rows, output, plan={"limit": 3}, overwrite=True).report["items"] == 3
    assert len(said(output)) == 3


def test_other_data_is_another_run(tmp_path, rows):
    """Also under the same name."""
    run(rows, tmp_path / "out")
    write_lines(rows, judgebench_rows(11))
    with pytest.raises(InputError, match=r"other settings \(the content of the data\)"):
        run(rows, tmp_path / "out")


def test_places_that_can_not_be_written(tmp_path, rows):
    """A file, a folder of others, the folder of the data, and below a file."""
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").touch()
    (tmp_path / "data").mkdir()
    write_lines(tmp_path / "data" / "gpt.jsonl", judgebench_rows(3))
    for output, problem in (
        (rows, "it is a file, and a benchmark's output is a folder"),
        (tmp_path / "photos", "holds other files, such as cat.jpg"),
        (rows / "below", "can't be written"),
        (Path("/dev/null/below"), "can't be written"),
    ):
        with pytest.raises(InputError, match=problem):
            run(rows, output)
    with pytest.raises(InputError, match="is the folder of the data"):
        run(tmp_path / "data", tmp_path / "data")
    if Path("/proc").is_dir():
        # Nothing can be made there, a lock least of all.
        with pytest.raises(InputError, match=r"output /proc/out can't be written"):
            run(rows, "/proc/out")
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "report.json").write_text("[]")
    with pytest.raises(InputError, match=r"report\.json is no report of rrm"):
        run(rows, tmp_path / "empty")


def test_a_run_may_lie_among_the_data_and_is_not_read(tmp_path):
    """Folders above it are made; a second look finds the run complete, and another run the same rows."""
    write_lines(tmp_path / "gpt.jsonl", judgebench_rows(3))
    output = tmp_path / "runs" / "first"
    assert run(tmp_path, output).report["items"] == 3
    assert run(tmp_path, output).was_complete
    assert run(tmp_path, tmp_path / "runs" / "second").report["items"] == 3


def test_too_long_prompts_are_counted_and_not_tried_again(tmp_path):
    """They fail for themselves: the run is complete, and stays so."""
    rows = judgebench_rows(6)
    rows[2]["response_A"] = "long " * 5000
    data = write_lines(tmp_path / "rows.jsonl", rows)

    def once():
        engine = ScriptedEngine(answering(CHOOSERS["longest"]), max_context=2000)
        with Judge(engine=engine) as judge:
            return BenchJob(plan_of("judgebench", data), judge, tmp_path / "out").run()

    outcome = once()
    assert (outcome.failed, outcome.retried, outcome.was_complete) == (1, 0, False)
    assert "item" not in outcome.first_error
    assert "the model's context holds 2000" in outcome.first_error
    line = list(lines(tmp_path / "out" / "items.jsonl"))[2]
    assert (line["id"], line["error_type"], line["opinions"]) == ("p2", "PromptTooLongError", [])
    report = report_of(tmp_path / "out")
    assert (report["items"], report["failures"]["errors"]) == (6, 1)
    again = once()
    assert (again.failed, again.was_complete) == (1, True)


def test_a_format_that_takes_none_of_the_items(tmp_path, rows):
    """Nothing was judged, so there is no report."""
    with pytest.raises(
        InputError, match="can't be asked about any of the items, the first because .*needs a reference"
    ):
        run(rows, tmp_path / "out", prompt="mt_bench_pair_reference")
    assert not (tmp_path / "out" / "report.json").exists()


class Failing:
    """A judge that answers with a failure wherever the prompt has one of these texts."""

    def __init__(self, *texts, fault=None):
        self.texts, self.fault = texts, fault or Fault.status(500)

    def __call__(self, body):
        if any(text in body["messages"][-1]["content"] for text in self.texts):
            raise wire._Refusal(self.fault)
        return seeded_judge(body)


def ask(rows, output, server, **settings):
    impatient = {"attempts": 2, "wait_initial": 0.01, "wait_max": 0.02}
    with Judge("judge", base_url=server.url, engine_args=impatient, ledger=output / "ledger", **settings) as judge:
        return BenchJob(plan_of("judgebench", rows), judge, output).run()


def test_failed_items_are_tried_again_and_only_they(tmp_path, rows):
    """The files are then those of a run without failures."""
    judge = Failing("Question 3?", "Question 7?")
    with WireServer(judge) as server:
        outcome = ask(rows, tmp_path / "out", server)
        assert (outcome.failed, outcome.retried) == (2, 2)
        assert report_of(tmp_path / "out")["failures"]["errors"] == 2
        judge.texts = ()
        server.requests.clear()
        assert ask(rows, tmp_path / "out", server).failed == 0
        texts = [body["messages"][-1]["content"] for body in server.requests]
        assert texts
        assert all("Question 3?" in text or "Question 7?" in text for text in texts)
        server.requests.clear()
        assert ask(rows, tmp_path / "out", server).was_complete
        assert not server.requests
        ask(rows, tmp_path / "whole", server)
    assert (tmp_path / "out" / "items.jsonl").read_bytes() == (tmp_path / "whole" / "items.jsonl").read_bytes()
    assert report_of(tmp_path / "out") == report_of(tmp_path / "whole")


def test_a_judge_that_is_gone_ends_the_run(tmp_path):
    """After 16 items in a row, or where it judged none; an earlier report stays until there is a new one."""
    rows = write_lines(tmp_path / "rows.jsonl", judgebench_rows(40))
    judge = Failing()
    with WireServer(judge) as server:
        ask(rows, tmp_path / "out", server)
        before = report_of(tmp_path / "out")
        judge.texts = ("Question",)
        with Judge("judge", base_url=server.url, engine_args={"attempts": 1}) as other:
            job = BenchJob(plan_of("judgebench", rows, seed=1), other, tmp_path / "out", overwrite=True)
            with pytest.raises(EngineError, match="16 items one after another could not be judged: "):
                job.run()
        assert report_of(tmp_path / "out") == before
        few = write_lines(tmp_path / "few.jsonl", judgebench_rows(3))
        with pytest.raises(EngineError, match="the items could not be judged: "):
            ask(few, tmp_path / "few", server)
        assert not (tmp_path / "few" / "report.json").exists()


def bench(rows, output, server, *more):
    return (
        "bench", "judgebench", "--data", rows, "--output", output, "--base-url", server.url, "--votes", "1,3",
        "--concurrency", AT_ONCE, "--resamples", 20, *more,
    )  # fmt: skip


def launched(*arguments):
    """A real process run to its end."""
    process = launch(*arguments)
    out, err = process.communicate(timeout=120)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def wait_until(process, reached):
    while not reached():
        if process.poll() is not None:
            return False
        time.sleep(0.001)
    return True


def test_killed_at_random_moments(tmp_path):
    """The files are those of an uninterrupted run, and no sample that was kept is asked for again."""
    rows = write_lines(tmp_path / "rows.jsonl", judgebench_rows(60))
    with WireServer(seeded_judge) as server:
        whole = launched(*bench(rows, tmp_path / "whole", server))
        assert whole.returncode == 0, whole.stderr
        samples = asked(server)
    assert samples == 60 * 2 * 3
    lost = 0
    with WireServer(seeded_judge, latency=0.003) as server:
        for moment in sorted(random.Random(3).sample(range(1, samples - 1), 5)):
            process = launch(*bench(rows, tmp_path / "out", server))
            assert wait_until(process, lambda moment=moment, lost=lost: asked(server) - lost >= moment), (
                process.stderr.read()
            )
            process.kill()
            process.communicate()
            time.sleep(0.02)  # what the server was at ends, as its client has gone
            in_flight = asked(server) - lost - completions(tmp_path / "out" / "ledger")
            assert 0 <= in_flight <= 4 * AT_ONCE
            lost += in_flight
            assert not (tmp_path / "out" / "report.json").exists()
        ending = launched(*bench(rows, tmp_path / "out", server))
        assert ending.returncode == 0, ending.stderr
        assert asked(server) == samples + lost
        again = launched(*bench(rows, tmp_path / "out", server))
        assert (again.returncode, asked(server)) == (0, samples + lost)
        assert f"{tmp_path}/out is complete already" in again.stderr
    assert (tmp_path / "out" / "items.jsonl").read_bytes() == (tmp_path / "whole" / "items.jsonl").read_bytes()
    assert report_of(tmp_path / "out") == report_of(tmp_path / "whole")
    names = [{file.name for file in (tmp_path / folder).iterdir()} for folder in ("out", "whole")]
    assert names[0] - {"ledger-wal", "ledger-shm"} == names[1] - {"ledger-wal", "ledger-shm"}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted(tmp_path, number):
    """It says how to go on, and the time of both runs adds up."""
    rows = write_lines(tmp_path / "rows.jsonl", judgebench_rows(30))
    with WireServer(seeded_judge, latency=0.02) as server:
        process = launch(*bench(rows, tmp_path / "out", server))
        assert wait_until(process, lambda: asked(server) > 40)
        server.latency = 1000
        time.sleep(0.5)
        process.send_signal(number)
        _, told = process.communicate(timeout=20)
        assert process.returncode == 130
        assert "items of about 30 are done; the same command goes on from there" in told
        assert "Traceback" not in told
        progress = json.loads((tmp_path / "out" / "progress.json").read_text())
        assert progress["seconds"] > 0.5
        server.latency = 0
        ending = launched(*bench(rows, tmp_path / "out", server))
        assert ending.returncode == 0, ending.stderr
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["seconds"] > progress["seconds"]
    assert not (tmp_path / "out" / "progress.json").exists()


def test_two_processes_with_one_folder(tmp_path):
    """The second is refused, and harms nothing."""
    rows = write_lines(tmp_path / "rows.jsonl", judgebench_rows(20))
    with WireServer(seeded_judge, latency=0.2) as server:
        first = launch(*bench(rows, tmp_path / "out", server))
        assert wait_until(first, lambda: asked(server) > 5)
        second = launched(*bench(rows, tmp_path / "out", server))
        assert second.returncode == 2
        assert f"another process is writing {tmp_path}/out" in second.stderr
        server.latency = 0
        _, told = first.communicate(timeout=60)
        assert first.returncode == 0, told


KILLING = """
import os, signal, sys
from rrm.cli import main

moment = int(sys.argv.pop(1))

def look(event, arguments):
    global moment
    if event in ("os.rename", "os.remove") and "out" in str(arguments[0]) and "ledger" not in str(arguments[0]):
        moment -= 1
        if moment == 0:
            os.kill(os.getpid(), signal.SIGKILL)

if __name__ == "__main__":
    sys.addaudithook(look)
    main()
"""


def test_killed_while_it_publishes(tmp_path, rows):
    """Before each file that is renamed or removed: a report is complete where it is, and the same command ends the work."""
    program = tmp_path / "killing.py"
    program.write_text(KILLING)
    options = ["bench", "judgebench", "--data", rows, "--engine", "scripted", "--resamples", "20", "--quiet"]
    whole = launched(*options, "--output", tmp_path / "whole")
    assert whole.returncode == 0, whole.stderr
    codes, moment = [], 0
    while 0 not in codes:
        moment += 1
        (tmp_path / str(moment)).mkdir()
        output = tmp_path / str(moment) / "out"
        killed = subprocess.run(
            [sys.executable, program, str(moment), *map(str, options), "--output", output], capture_output=True
        )
        codes.append(killed.returncode)
        if (output / "report.json").exists():
            assert report_of(output) == report_of(tmp_path / "whole")
        again = launched(*options, "--output", output)
        assert again.returncode == 0, (moment, again.stderr)
        assert report_of(output) == report_of(tmp_path / "whole")
        assert (output / "items.jsonl").read_bytes() == (tmp_path / "whole" / "items.jsonl").read_bytes()
    assert set(codes) == {0, -signal.SIGKILL}
    assert len(codes) > 4


def test_equal_votes_are_warned_of(tmp_path, rows, caplog):
    """More votes cost, and at temperature 0 they are all the same."""
    with caplog.at_level("WARNING", logger="rrm"):
        run(rows, tmp_path / "a", temperature=0.0)
        run(rows, tmp_path / "b", plan={"votes": (3,)})
        assert not caplog.records
        run(rows, tmp_path / "c", temperature=0.0, plan={"votes": (1, 3)})
    assert "temperature 0, so its 3 votes on a case are the same one" in caplog.text


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"votes": ()}, "votes must be numbers from 1"),
        ({"votes": (1, 0)}, "votes must be a whole number of at least 1"),
        ({"resamples": 0}, "resamples must be a whole number of at least 1"),
        ({"limit": 0}, "limit must be a whole number of at least 1"),
        ({"order": "swapped"}, "unknown order 'swapped'"),
        ({"policy": Policy("win")}, "unknown tie policy of judgebench 'win'"),
        ({"policy": Policy("half", "coin")}, "unknown failure policy of judgebench 'coin'"),
    ],
)
def test_plans_that_can_not_be_carried_out(rows, settings, problem):
    """Each says which value it is."""
    with pytest.raises(InputError, match=problem):
        plan_of("judgebench", rows) if not settings else _plan(rows, settings)


def _plan(rows, settings):
    from dataclasses import replace

    return replace(plan_of("judgebench", rows), **settings)


def predictions(folder, *rows):
    return str(write_lines(folder / "said.jsonl", rows))


SKYWORK = load_prompt("skywork_pairwise")


def test_predictions_count_as_a_run_does(tmp_path, rows):
    """What a run said, recorded row by row, gives its figures; and so does its items file."""
    outcome = run(rows, tmp_path / "out", plan={"votes": (3,)})
    flat = [
        {"id": line["id"], "order": "given" if one["shown"] == [0, 1] else "swapped", **{key: one[key] for key in keys}}
        for keys in (("vote",), ("text",))
        for line in lines(tmp_path / "out" / "items.jsonl")
        for one in line["opinions"]
    ]
    half = len(flat) // 2
    for file in (
        predictions(tmp_path, *flat[:half]),
        predictions(tmp_path, *flat[half:]),
        str(tmp_path / "out" / "items.jsonl"),
    ):
        scored = score_predictions(plan_of("judgebench", rows), file, SKYWORK)
        assert scored.report["metrics"] == outcome.report["metrics"]
        assert scored.report["failures"] == outcome.report["failures"]
        assert (scored.report["votes"], scored.report["judge"]) == (3, None)


def test_missing_predictions_are_counted(tmp_path, rows):
    """In the orders that the file has, or in those that are asked for; they are failures, and no error."""
    file = predictions(tmp_path, *({"id": f"p{number}", "order": "given", "vote": "first"} for number in range(9)))
    plan = plan_of("judgebench", rows)
    assert score_predictions(plan, file, SKYWORK).report["failures"]["missing"] == 3
    asked_for = score_predictions(plan, file, SKYWORK, given={"order"})
    assert (asked_for.report["orders"], asked_for.report["failures"]["missing"]) == (["given", "swapped"], 15)
    swapped = {"id": "p0", "order": "swapped", "vote": "first"}
    both = predictions(tmp_path, *lines(Path(file)), swapped)
    # Both are owed once there are both, also in a subset that has one of them.
    for subsets, missing in (((), 14), (("math",), 4)):
        found = score_predictions(plan_of("judgebench", rows, subsets=subsets), both, SKYWORK).report
        assert (found["orders"], found["failures"]["missing"]) == (["given", "swapped"], missing)
    predictions(tmp_path, *(line for line in lines(Path(file)) if line != swapped))
    some = score_predictions(plan_of("judgebench", rows, subsets=("math",)), file, SKYWORK).report
    assert (some["items"], some["failures"]["missing"], list(some["subsets"])) == (3, 1, ["math"])


def test_fewer_votes_than_there_are(tmp_path, rows):
    """A curve; more votes than there are can't be."""
    said = [
        {"id": f"p{number}", "order": "given", "vote": vote}
        for number in range(12)
        for vote in ("first", "second", "second")
    ]
    file = predictions(tmp_path, *said)
    plan = plan_of("judgebench", rows, votes=(1, 3))
    curve = score_predictions(plan, file, SKYWORK, given={"votes"}).report["curve"]
    shares = [point["metrics"]["accuracy"]["value"] for point in curve]
    firsts = sum(row["label"] == "A>B" for row in judgebench_rows(12)) / 12
    assert shares == [pytest.approx(firsts, abs=1e-6), pytest.approx(1 - firsts, abs=1e-6)]
    with pytest.raises(
        InputError, match="votes: 4 are asked for, and .*said.jsonl has at most 3 of an item in an order"
    ):
        score_predictions(plan_of("judgebench", rows, votes=(1, 4)), file, SKYWORK, given={"votes"})


def test_predictions_in_a_folder(tmp_path, rows):
    """The same is left alone, others are refused."""
    file = predictions(tmp_path, {"id": "p0", "order": "given", "vote": "tie"})
    plan = plan_of("judgebench", rows)
    assert not score_predictions(plan, file, SKYWORK, tmp_path / "out").was_complete
    assert score_predictions(plan, file, SKYWORK, tmp_path / "out").was_complete
    predictions(tmp_path, {"id": "p0", "order": "given", "vote": "first"})
    with pytest.raises(InputError, match=r"other settings \(the content of the predictions\): name"):
        score_predictions(plan, file, SKYWORK, tmp_path / "out")
    assert not score_predictions(plan, file, SKYWORK, tmp_path / "out", overwrite=True).was_complete
    assert said(tmp_path / "out")["p0"][0]["vote"] == "first"


def test_counted_again_by_other_rules(tmp_path):
    """Ties by each policy, as worked out by hand; nothing else changes, and all of it can be had back."""
    data = write_json(tmp_path / "testset-v1.json", pandalm_rows([1, 1, 2, 0]))
    votes = ("first", "tie", "tie", "tie")
    file = predictions(tmp_path, *({"id": n, "order": "given", "vote": vote} for n, vote in enumerate(votes)))
    plan = plan_of("pandalm", data)
    output = tmp_path / "out"
    first = score_predictions(plan, file, SKYWORK, output).report
    assert first["metrics"]["accuracy"]["value"] == 0.5
    for ties, accuracy in (("half", 0.75), ("drop", 1.0), ("wrong", 0.5)):
        again = reparse(plan_of("pandalm", data, policy=Policy(ties)), output, None, given={"ties"}).report
        assert again["metrics"]["accuracy"]["value"] == accuracy
        assert again["policy"]["ties"] == ties
        assert again["settings"]["reparsed"] == {"ties": ties}
        assert report_of(output)["metrics"]["accuracy"]["value"] == accuracy
    other = reparse(
        plan_of("pandalm", data, policy=Policy("official", "drop")), output, None, given={"failures"}
    ).report
    assert (other["policy"]["ties"], other["policy"]["failures"]) == ("official", "drop")
    with pytest.raises(InputError, match=r"has this run, counted again by other rules \(failures drop\): --reparse"):
        score_predictions(plan, file, SKYWORK, output)
    for given in (set(), {"ties", "failures"}):
        reparse(plan_of("pandalm", data, policy=Policy("half")), output, None, given={"ties"})
        back = reparse(plan, output, None, given=given).report
        assert json.loads(json.dumps(back)) == json.loads(json.dumps(first))
        assert score_predictions(plan, file, SKYWORK, output).was_complete


def test_read_again_by_another_format(tmp_path, rows):
    """The same texts; the judge, what it cost and how long it took stay as they were."""

    def both(request, index):
        return f"</think> [[{'A' if index % 2 else 'B'}]] or \\boxed{{Assistant 1}}"

    run(rows, tmp_path / "out", both, plan={"votes": (1, 2)}, ledger=tmp_path / "out" / "ledger")
    before = json.loads((tmp_path / "out" / "report.json").read_text())
    items = (tmp_path / "out" / "items.jsonl").read_bytes()
    plan = plan_of("judgebench", rows)
    after = reparse(plan, tmp_path / "out", load_prompt("mt_bench_pair")).report
    assert {one["vote"] for opinions in said(tmp_path / "out").values() for one in opinions} == {"first", "second"}
    assert after["position"]["first_preference"] == 0.5
    assert before["position"]["first_preference"] == 1.0
    for same in ("judge", "usage", "seconds", "data", "items", "orders", "votes"):
        assert after[same] == before[same]
    one_vote = reparse(plan_of("judgebench", rows, votes=(1,)), tmp_path / "out", SKYWORK, given={"votes"}).report
    assert one_vote["votes"] == 1
    assert one_vote["settings"]["reparsed"] == {"votes": [1]}
    reparse(plan, tmp_path / "out", load_prompt("mt_bench_pair"))
    back = reparse(plan, tmp_path / "out", None).report
    assert {**json.loads(json.dumps(back)), "command": ""} == {**before, "command": ""}
    assert (tmp_path / "out" / "items.jsonl").read_bytes() == items


def test_texts_beside_votes_are_read_by_the_same_format(tmp_path, rows):
    """That counts something else, so it is another run; and the recorded votes come back."""
    said_ = {"order": "given", "vote": "first", "text": "</think>\\boxed{Assistant 2}"}
    file = predictions(tmp_path, *({"id": f"p{number}", **said_} for number in range(12)))
    plan, output = plan_of("judgebench", rows), tmp_path / "out"
    first = score_predictions(plan, file, SKYWORK, output).report
    other = reparse(plan, output, SKYWORK).report
    assert other["settings"]["reparsed"]["prompt"] == "skywork_pairwise"
    assert (first["position"]["first_preference"], other["position"]["first_preference"]) == (1.0, 0.0)
    back = reparse(plan, output, None).report
    assert json.loads(json.dumps(back)) == json.loads(json.dumps(first))
    assert said(output)["p0"][0]["vote"] == "first"


def test_a_run_and_predictions_in_one_folder(tmp_path, rows):
    """They are of different kinds, and that is all that is said; a ledger is spoken of where there is one."""
    run(rows, tmp_path / "out")
    file = predictions(tmp_path, {"id": "p0", "order": "given", "vote": "tie"})
    with pytest.raises(InputError, match=r"\(of a judge, and this one is of recorded predictions\): name") as refusal:
        score_predictions(plan_of("judgebench", rows), file, SKYWORK, tmp_path / "out")
    assert "ledger" not in str(refusal.value)
    with pytest.raises(
        InputError, match=r"\(votes 1 -> 1,3\): .*\(what the ledger holds is kept\), or count its votes"
    ):
        run(rows, tmp_path / "out", plan={"votes": (1, 3)})


def test_what_can_not_be_counted_again(tmp_path, rows):
    """No run, another benchmark's, one over other data, more votes than it has, a file that is damaged."""
    plan = plan_of("judgebench", rows)
    for output in (tmp_path / "missing", tmp_path / "file"):
        with pytest.raises(InputError, match="has no complete run to be counted again"):
            reparse(plan, output, None)
    output = tmp_path / "out"
    run(rows, output)
    pandalm = write_json(tmp_path / "testset-v1.json", pandalm_rows([1]))
    with pytest.raises(InputError, match="has a run of judgebench, not of pandalm"):
        reparse(plan_of("pandalm", pandalm), output, None)
    with pytest.raises(InputError, match=r"votes: 4 are asked for, and .*out has at most 1"):
        reparse(plan_of("judgebench", rows, votes=(4,)), output, None, given={"votes"})
    other = write_lines(tmp_path / "other.jsonl", judgebench_rows(5))
    with pytest.raises(InputError, match="has a run over other data .*judgebench.jsonl.* than .*other.jsonl"):
        reparse(plan_of("judgebench", other), output, None)
    items = (output / "items.jsonl").read_text()
    (output / "items.jsonl").write_text(items.replace('"p3"', '"p99"'))
    before = report_of(output)
    with pytest.raises(UnknownNameError, match="unknown item in .*items.jsonl 'p99'"):
        reparse(plan, output, None)
    assert report_of(output) == before


def test_threads_are_not_left(tmp_path, rows):
    """A run through a server ends with what it began."""
    before = threading.active_count()
    with WireServer(seeded_judge) as server:
        ask(rows, tmp_path / "out", server)
    assert threading.active_count() == before
