"""`rrm rank`: the lines it writes, its failed rows, and its exit codes."""

import json

import pytest

import rrm
from rrm import Ranking
from tests.cli.running import PAIR, SCRIPTED, row, run, run_process, write

JSON = (*SCRIPTED, "--format", "json")
RESPONSES = ["a", "bbbbb", "cc", "dddd", "eee"]


def rank(folder, text, *options):
    return run("rank", write(folder, text), *JSON, *options)


def only(result):
    (line,) = result.rows
    return line


def test_line_of_a_knockout(tmp_path):
    """Each key of the contract with its type, and no other."""
    result = rank(tmp_path, row(id="x", query="q", responses=RESPONSES), "--votes", 3, "--seed", 7)
    assert (result.code, result.err) == (0, "")
    line = only(result)
    judge, matches = line.pop("judge"), line.pop("matches")
    usage = line.pop("usage")
    assert line == {
        "id": "x",
        "status": "ok",
        "strategy": "knockout",
        "order": line["order"],
        "best": 1,
        "scores": line["scores"],
        "seed": 7,
        "version": rrm.__version__,
    }
    assert line["order"][0] == line["best"]
    assert sorted(line["order"]) == [0, 1, 2, 3, 4]
    assert [line["scores"][index] for index in line["order"]] == [4.0, 3.0, 2.0, 1.0, 0.0]
    assert {name: type(value) for name, value in usage.items()} == dict.fromkeys(
        ("requests", "prompt_tokens", "cached_tokens", "completion_tokens"), int
    )
    assert usage["requests"] >= 4
    assert judge == {
        "model": "scripted",
        "engine": "scripted",
        "prompt": "skywork_pairwise",
        "prompt_sha256": judge["prompt_sha256"],
        "votes": 3,
        "order": "balanced",
        "sampling": {"max_tokens": 8192, "temperature": 0.6, "top_p": 1.0},
        "prompt_args": {},
        "settings": {},
    }
    assert len(judge["prompt_sha256"]) == 64
    assert [match["number"] for match in matches] == [1, 2, 3, 4]


def test_match_of_a_line(tmp_path):
    """A match says its round, its players, the winner, every count of votes and a smoothed probability."""
    line = only(rank(tmp_path, row(query="q", responses=["a", "bb"]), "--votes", 3))
    (match,) = line["matches"]
    bb = "first" if match["first"] == 1 else "second"
    assert {match["first"], match["second"]} == {0, 1}
    assert match == {
        "number": 1,
        "round": 1,
        "first": match["first"],
        "second": match["second"],
        "winner": 1,
        "votes": {"first": 0, "second": 0, "tie": 0, "unparsed": 0, "truncated": 0, "forced": 0, "scored": 0} | {bb: 2},
        "probability": 0.75 if bb == "first" else 0.25,
        "support": [[1.0, 0.0], [1.0, 0.0]] if bb == "first" else [[0.0, 1.0], [0.0, 1.0]],
    }


def test_line_of_an_elo(tmp_path):
    """A round robin has its name, all its matches, and ratings for scores."""
    line = only(rank(tmp_path, row(query="q", responses=RESPONSES), "--strategy", "elo"))
    assert (line["strategy"], line["best"], len(line["matches"])) == ("elo", 1, 10)
    assert line["order"] == [1, 3, 4, 2, 0]
    assert sum(line["scores"]) == pytest.approx(5000)


def test_settled_matches_say_so(tmp_path):
    """Where no vote could be read the draw sends somebody on, which is no verdict and is said."""
    result = rank(tmp_path, row(query="q", responses=["a", "bb"]), "--engine-arg", "prefer=never", "--votes", 2)
    (match,) = only(result)["matches"]
    assert match["settled_by"] == "draw"
    assert match["winner"] == match["first"]
    assert match["votes"]["unparsed"] >= 2
    assert match["probability"] == 0.5


def test_an_elo_match_without_a_verdict_has_no_winner(tmp_path):
    """Where nobody has to go on, a match whose votes are all lost stays without a winner."""
    line = only(rank(tmp_path, PAIR, "--strategy", "elo", "--engine-arg", "prefer=never"))
    (match,) = line["matches"]
    assert match["winner"] is None
    assert "settled_by" not in match
    assert line["scores"] == [1000.0, 1000.0]


def test_forced_votes_are_counted_under_their_label_too(tmp_path):
    """A verdict that was forced is a vote for a side, and counted as forced."""
    (match,) = only(rank(tmp_path, PAIR, "--engine-arg", "prefer=never", "--force-verdict"))["matches"]
    votes = match["votes"]
    assert votes["forced"] == 1
    assert votes["first"] + votes["second"] == 1
    assert votes["unparsed"] == votes["truncated"] == 0


def test_ids(tmp_path):
    """A row keeps its own id, a string or a whole number of any size; others are named by their number from 0."""
    rows = [{"id": "x"}, {}, {"id": 7}, {"id": None}, {"id": 10**30}, {"id": ""}]
    result = rank(tmp_path, "".join(row(query="q", responses=["a"], **one) for one in rows))
    assert result.code == 0
    assert [line["id"] for line in result.rows] == ["x", 1, 7, 3, 10**30, ""]


@pytest.mark.parametrize("identity", [1.5, True, ["x"], {"a": 1}])
def test_bad_ids(tmp_path, identity):
    """An id of another type fails its row, which then goes by its number."""
    line = only(rank(tmp_path, row(id=identity, query="q", responses=["a"])))
    assert (line["id"], line["status"]) == (0, "failed")
    assert line["error"] == f"id must be a string or a whole number, not {identity!r}"


def test_rows_come_out_in_input_order(tmp_path):
    """The order of the lines is that of the rows, however long each takes, failed ones in their places."""
    texts = [row(query=f"q{number}", responses=["a" * n for n in range(1, 2 + number % 9)]) for number in range(60)]
    texts[20:20] = ["{bad\n"]
    result = rank(tmp_path, "".join(texts), "--concurrency", 3)
    assert result.code == 4
    assert [line["id"] for line in result.rows] == [*range(20), None, *range(21, 61)]


def test_failed_rows_stop_no_other(tmp_path):
    """A malformed line is a failed row without an id that names file and line; the rest is done; the code is 4."""
    file = write(tmp_path, PAIR + '{"query": \n' + PAIR)
    result = run("rank", file, *JSON)
    assert result.code == 4
    first, failed, last = result.rows
    assert (first["status"], last["status"], last["id"]) == ("ok", "ok", 2)
    assert failed["id"] is None
    assert failed["status"] == "failed"
    assert failed["error"].startswith(f"{file}:2: malformed JSON")
    assert failed["strategy"] == "knockout"
    assert (failed["seed"], failed["version"]) == (0, rrm.__version__)
    assert result.err == f"rrm: 1 of 3 rows failed, the first because {failed['error']}\n"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"query": "q"}, "the row has no 'responses'; it has: query"),
        ({}, "the row has no 'query'; it has: nothing"),
        ({"querry": "q", "responses": ["a"]}, "the row has no 'query'; it has: querry, responses"),
        ({"query": "q", "responses": None}, "the row's 'responses' is null"),
        ({"query": None, "responses": ["a"]}, "the row's 'query' is null"),
        ({"query": "q", "responses": []}, "there are no responses to rank"),
        ({"query": "q", "responses": "abc"}, "responses must be a list, not str"),
        ({"query": "q", "responses": {"a": 1}}, "responses must be a list, not dict"),
        ({"query": "q", "responses": [1, "a"]}, "response 0 must be a string or a list of chat messages, not int"),
        ({"query": "q", "responses": ["a", None]}, "response 1 must be a string or a list of chat messages, not None"),
        ({"query": 3, "responses": ["a"]}, "query must be a string or a list of chat messages, not int"),
        ({"query": [], "responses": ["a"]}, "query must be a string or a list of chat messages, not []"),
        ({"query": "q", "responses": ["a"], "reference": 3}, "reference must be a string, not int"),
    ],
)
def test_bad_rows(tmp_path, values, said):
    """A row that is no contest fails with what is wrong with it, under its number; the others are ranked."""
    result = rank(tmp_path, row(**values) + PAIR)
    failed, good = result.rows
    assert (result.code, failed["id"], good["status"]) == (4, 0, "ok")
    assert failed["error"] == said


def test_chat_messages(tmp_path):
    """A query may be a list with one user message, a response a list with one assistant message."""
    chat = {"query": [{"role": "user", "content": "q"}], "responses": ["a", [{"role": "assistant", "content": "bb"}]]}
    assert only(rank(tmp_path, row(**chat)))["matches"] == only(rank(tmp_path, PAIR))["matches"]


def test_conversations(tmp_path):
    """A query of several turns needs a prompt for conversations; another refuses it and names one."""
    turns = [{"role": role, "content": "x"} for role in ("user", "assistant", "user")]
    text = row(query=turns, responses=["a", "bb"])
    refused = only(rank(tmp_path, text))
    assert "one user message, not 3 messages" in refused["error"]
    assert "'mt_bench_pair_multi_turn'" in refused["error"]
    assert only(rank(tmp_path, text, "--prompt", "mt_bench_pair_multi_turn"))["best"] == 1


def test_reference(tmp_path):
    """A prompt that needs a reference answer refuses a row without one by name."""
    text = row(query="q", responses=["a", "bb"]) + row(query="q", responses=["a", "bb"], reference="r")
    result = rank(tmp_path, text, "--prompt", "mt_bench_pair_reference")
    assert [line["status"] for line in result.rows] == ["failed", "ok"]
    assert "'mt_bench_pair_reference' needs a reference answer" in result.rows[0]["error"]


def test_one_response(tmp_path):
    """One response is ranked without a call."""
    line = only(rank(tmp_path, row(query="q", responses=["a"])))
    assert (line["order"], line["best"], line["scores"], line["matches"]) == ([0], 0, [0.0], [])
    assert line["usage"]["requests"] == 0


def test_identical_responses(tmp_path):
    """Identical responses are one contestant: judged once, with equal scores, ordered by index."""
    line = only(rank(tmp_path, row(query="q", responses=["a", "bb", "a", "bb", "a"]), "--strategy", "elo"))
    assert line["order"] == [1, 3, 0, 2, 4]
    assert len(line["matches"]) == 1
    assert len({line["scores"][index] for index in (0, 2, 4)}) == 1
    only_one = only(rank(tmp_path, row(query="q", responses=["a", "a"])))
    assert (only_one["order"], only_one["usage"]["requests"]) == ([0, 1], 0)


def test_empty_texts(tmp_path):
    """Empty strings are texts as others are."""
    line = only(rank(tmp_path, row(query="", responses=["", "a"], reference="")))
    assert (line["status"], line["best"]) == ("ok", 1)


def test_long_responses(tmp_path):
    """A response of 100 kB is judged like any other."""
    line = only(rank(tmp_path, row(query="q", responses=["word " * 20_000, "a"])))
    assert line["best"] == 0
    assert line["usage"]["prompt_tokens"] > 25_000


def test_prompt_longer_than_the_context(tmp_path):
    """It fails its row with the contest's name, its length and the limit; the others go on."""
    text = row(id="long", query="q", responses=["a " * 4000, "bb"]) + row(id="short", query="q", responses=["a", "bb"])
    result = rank(tmp_path, text, "--engine-arg", "max_context=1000")
    long, short = result.rows
    assert (result.code, short["status"]) == (4, "ok")
    assert long["status"] == "failed"
    assert long["id"] == "long"
    assert "contest 'long': the prompt has 2446 tokens and the model's context holds 1000" in long["error"]


def test_all_rows_failed(tmp_path):
    """Rows that all fail for what they are end in 4, as the judge was well."""
    assert rank(tmp_path, PAIR, "--engine-arg", "max_context=100").code == 4


@pytest.mark.parametrize("text", ["", "\n\n", "[]"])
def test_no_rows(tmp_path, text):
    """A file without rows is no failure; it is said, and no judge is loaded for it."""
    file = write(tmp_path, text)
    result = run("rank", file, "--model", tmp_path / "none", "--format", "json")
    assert (result.code, result.out, result.err) == (0, "", f"rrm: {file} has no rows\n")
    assert run("rank", file, "--quiet").err == ""


def test_no_judge_is_loaded_for_rows_that_all_are_bad(tmp_path):
    """The failed rows are written, and a model that does not exist is never looked for."""
    result = run("rank", write(tmp_path, '{"query": "q"}\n{bad\n'), "--model", tmp_path / "none", "--format", "json")
    assert (result.code, [line["id"] for line in result.rows]) == (4, [0, None])


def test_the_same_seed_gives_the_same_bytes(tmp_path):
    """The same seed gives the same bytes, with any concurrency; another seed draws and samples anew."""
    text = "".join(row(query=f"q{number}", responses=["a", "bb", "cc", "ddd", "eee"]) for number in range(20))
    noisy = ("--engine-arg", "accuracy=0.7", "--votes", 3)
    once = rank(tmp_path, text, *noisy, "--seed", 1)
    assert once.out == rank(tmp_path, text, *noisy, "--seed", 1, "--concurrency", 2).out
    other = rank(tmp_path, text, *noisy, "--seed", 2)
    assert [line["matches"] for line in once.rows] != [line["matches"] for line in other.rows]

    def draws(result):
        return [[(match["first"], match["second"]) for match in line["matches"][:2]] for line in result.rows]

    assert draws(once) != draws(other)


def test_order_of_presentation(tmp_path):
    """A judge that always likes what it sees first is even under `both`, and follows the index under `fixed`."""
    prefer_first = ("--engine-arg", "prefer=first")
    (fixed,) = only(rank(tmp_path, PAIR, *prefer_first, "--order", "fixed"))["matches"]
    assert fixed["winner"] == 0
    (both,) = only(rank(tmp_path, PAIR, *prefer_first, "--order", "both", "--resamples", 0))["matches"]
    assert (both["votes"]["first"], both["votes"]["second"], both["settled_by"]) == (1, 1, "draw")


def test_strip_reasoning(tmp_path):
    """With --strip-reasoning a response is judged by what stands behind its reasoning."""
    text = row(query="q", responses=["<think>" + "x" * 99 + "</think>a", "bb"])
    assert only(rank(tmp_path, text))["best"] == 0
    assert only(rank(tmp_path, text, "--strip-reasoning"))["best"] == 1


def test_lines_go_back_into_rankings(tmp_path):
    """A line is what Ranking.from_json reads, and it writes the same line."""
    result = rank(tmp_path, PAIR + "{bad\n", "--votes", 3)
    for line in result.out.splitlines():
        assert Ranking.from_json(line).to_json() == line


def test_table(tmp_path):
    """Without --format the output is for people: places, texts, the bracket, what it took, and failed rows."""
    result = run("rank", write(tmp_path, row(id="car", query="How?", responses=["a", "bb"]) + "{bad\n"), *SCRIPTED)
    assert result.code == 4
    assert "car: knockout of 2: How?" in result.out
    assert "├─ #1 (" in result.out
    assert "1 match, 1 vote; 1 request, " in result.out
    assert "judge: scripted" in result.out
    assert ":2: malformed JSON" in result.out


@pytest.mark.parametrize("form", ["json", "table"])
def test_output_file(tmp_path, form):
    """--output writes to a file what stdout would get; JSON unless a table is asked for."""
    file, target = write(tmp_path, PAIR), tmp_path / "out"
    target.write_text("old\n" * 100)
    chosen = () if form == "json" else ("--format", "table")
    result = run("rank", file, *SCRIPTED, "--output", target, *chosen)
    assert (result.code, result.out, result.err) == (0, "", "")
    assert target.read_text("utf-8") == run("rank", file, *SCRIPTED, "--format", form).out


def test_output_is_not_touched_where_the_input_is_bad(tmp_path):
    """A run that can't start leaves an older result as it was."""
    target = tmp_path / "out"
    target.write_text("old\n")
    assert run("rank", tmp_path / "none", *SCRIPTED, "--output", target).code == 2
    assert run("rank", write(tmp_path, PAIR), "--model", tmp_path, "--output", target).code == 3
    assert target.read_text() == "old\n"


def test_as_a_process(tmp_path):
    """Rows from stdin become lines on stdout and nothing else does; stdin is named in errors; the code is the process's."""
    result = run_process("rank", "-", *JSON, stdin=PAIR.encode() + b'{"query": "\xff"}\n')
    good, bad = result.rows
    assert result.code == 4
    assert good == only(rank(tmp_path, PAIR))
    assert bad["error"].startswith("<stdin>:2: invalid UTF-8")
    assert result.err == f"rrm: 1 of 2 rows failed, the first because {bad['error']}\n"


def test_unicode_is_written_as_utf_8(tmp_path):
    """Output lines are UTF-8 wherever they go, and one line each whatever the texts hold."""
    text = row(id="日本\u2028語\n", query="q", responses=["a"])
    target = tmp_path / "out"
    run("rank", write(tmp_path, text), *SCRIPTED, "--output", target)
    (line,) = target.read_bytes().removesuffix(b"\n").split(b"\n")
    assert json.loads(line)["id"] == "日本\u2028語\n"
