"""Finished contests in a ledger: found again under another id, and played again where anything else differs."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

import rrm
from rrm import Contest, Judge
from rrm.engines.scripted import CHOOSERS, ScriptedEngine, answering
from rrm.promptfiles import _folder, _path
from rrm.tournaments import STRATEGIES
from tests.ledger.working import Counting, count, ended, program, rows

RESPONSES = ["a", "bb", "ccc", "dddd"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger"


def judged(path: Path, contest: Contest, *, strategy: object = "knockout", engine: Counting | None = None, **options):
    """The ranking, and how many contests the ledger has then."""
    with Judge(engine=engine or Counting(), ledger=path, **options) as judge:
        ranking = next(judge.rank_many([contest], strategy=strategy))
    return ranking, count(path, "contests")


def test_the_same_contest_under_another_id(path: Path):
    """Is the same ranking under that id, and no completion is looked up."""
    first, _ = judged(path, Contest("q", RESPONSES, id="one"))
    rows(path, "DELETE FROM completions")
    engine = Counting()
    again, kept = judged(path, Contest("q", RESPONSES, id=2), engine=engine)
    assert again == replace(first, id=2)
    assert again.to_json() == replace(first, id=2).to_json()
    assert (engine.samples, kept) == (0, 1)


BASE = Contest([{"role": "user", "content": "q"}], RESPONSES, "42")
OTHER_CONTESTS = {
    "query": Contest("other", RESPONSES, "42"),
    "the query as a string": Contest("q", RESPONSES, "42"),
    "the order of the responses": Contest(BASE.query, RESPONSES[::-1], "42"),
    "a response": Contest(BASE.query, [*RESPONSES[:3], "eeeee"], "42"),
    "a response twice": Contest(BASE.query, [*RESPONSES, "a"], "42"),
    "the reference": Contest(BASE.query, RESPONSES, "43"),
    "no reference": Contest(BASE.query, RESPONSES),
    "an empty reference": Contest(BASE.query, RESPONSES, ""),
}


@pytest.mark.parametrize("name", OTHER_CONTESTS)
def test_another_contest_is_another(path: Path, name: str):
    judged(path, BASE)
    others = [OTHER_CONTESTS[name]] + ([OTHER_CONTESTS["no reference"]] if name == "an empty reference" else [])
    for number, contest in enumerate(others, 2):
        assert judged(path, contest)[1] == number


def test_another_conversation_is_another(path: Path):
    """With the same texts in other turns, or cut elsewhere."""
    for number, texts in enumerate((("q", "rs", "q"), ("q", "q", "rs"), ("qr", "s", "q")), 1):
        roles = ("user", "assistant", "user")
        query = [{"role": role, "content": text} for role, text in zip(roles, texts, strict=True)]
        ranking, kept = judged(path, Contest(query, RESPONSES), prompt="mt_bench_pair_multi_turn")
        assert (ranking.status, kept) == ("ok", number)


@pytest.mark.parametrize(
    "options",
    [
        {"votes": 3}, {"seed": 1}, {"order": "fixed"}, {"temperature": 0.1}, {"max_tokens": 500}, {"top_p": 0.5},
        {"resamples": 0}, {"force_verdict": True}, {"prompt": "mt_bench_pair"}, {"strategy": "elo"},
        {"engine": Counting(model="other")}, {"engine": Counting(revision="2")},
    ],
    ids=lambda options: "-".join(options),
)  # fmt: skip
def test_another_judge_is_another(path: Path, options: dict[str, object]):
    contest = Contest("q", RESPONSES)
    judged(path, contest)
    assert judged(path, contest, **options)[1] == 2


def test_every_strategy_is_archived(path: Path):
    """Under its own address."""
    for number, name in enumerate(STRATEGIES, 1):
        ranking, kept = judged(path, Contest("q", RESPONSES), strategy=name)
        again, _ = judged(path, Contest("q", RESPONSES), strategy=STRATEGIES[name])
        assert (again, kept) == (ranking, number)


def test_a_strategy_of_ones_own_is_played_each_time(path: Path):
    """On the completions that are there."""

    def own(order):
        return STRATEGIES["knockout"](order)

    first, kept = judged(path, Contest("q", RESPONSES), strategy=own)
    engine = Counting()
    again, _ = judged(path, Contest("q", RESPONSES), strategy=own, engine=engine)
    assert (first, kept, engine.samples) == (again, 0, 0)


def test_contests_that_fail_are_not_archived(path: Path):
    """They are tried again on the next run."""
    ranking, kept = judged(path, Contest("q", []))
    assert (ranking.status, kept) == ("failed", 0)
    engine = ScriptedEngine(answering(CHOOSERS["longest"]), max_context=100)
    ranking, kept = judged(path, Contest("q" * 1000, RESPONSES), engine=engine)
    assert (ranking.error_type, kept) == ("PromptTooLongError", 0)


def test_stripped_reasoning_is_another_contest(path: Path):
    """What is judged is what counts."""
    contest = Contest("q", ["<think>hm</think>a", "bb"])
    judged(path, contest)
    assert judged(path, contest, strip_reasoning=True)[1] == 2
    assert judged(path, Contest("q", ["a", "bb"]), strip_reasoning=True)[1] == 2


def test_another_grammar_reads_the_same_completions_again(path: Path, tmp_path: Path):
    """A prompt file with the same text and other labels plays again, samples nothing, and ranks the other way round."""
    text = _path("skywork_pairwise").read_text("utf-8")
    swapped = text.replace("first: ['1', A]", "first: ['2', B]").replace("second: ['2', B]\n", "second: ['1', A]\n", 1)
    files = [tmp_path / "skywork.jinja", tmp_path / "swapped.jinja"]
    for file, content in zip(files, (text, swapped), strict=True):
        file.write_text(content, "utf-8")
    engines = Counting(accuracy=1.0), Counting(accuracy=1.0)
    (first, _), (again, kept) = (
        judged(path, Contest("q", RESPONSES), prompt=file, strategy="elo", engine=engine)
        for file, engine in zip(files, engines, strict=True)
    )
    assert [engine.samples for engine in engines] == [6, 0]
    assert again.order == first.order[::-1]
    assert kept == 2


VERSION = """
import sys
import rrm
from rrm import Contest, Judge
from tests.ledger.working import Counting
engine = Counting()
with Judge(engine=engine, ledger=sys.argv[1]) as judge:
    ranking = judge.rank("q", ["a", "bb", "ccc", "dddd"])
    print(rrm.__version__, engine.samples, judge.reused.samples, ranking.version, list(ranking.order))
"""


def test_another_version_plays_again_on_the_same_completions(path: Path, tmp_path: Path):
    """Since it may rank otherwise."""
    package = shutil.copytree(Path(rrm.__file__).parent, tmp_path / "newer" / "rrm")
    shutil.copytree(_folder(), package / "_prompts", dirs_exist_ok=True)
    (package / "_version.py").write_text('"""The version."""\n\n__version__ = "99.0"\n')
    first, _ = judged(path, Contest("q", RESPONSES))
    root = str(Path(__file__).parents[1])
    newer = program(VERSION, path, cwd=package.parent, env={**os.environ, "PYTHONPATH": root})
    assert ended(newer) == (0, f"99.0 0 3 99.0 {list(first.order)}\n", "")
    assert count(path, "contests") == 2


def test_a_short_list_by_its_length(path: Path):
    """`top-2` and `top-3` are strategies of our own, and not the same."""
    judged(path, Contest("q", RESPONSES), strategy="top-2")
    engine = Counting()
    _, kept = judged(path, Contest("q", RESPONSES), strategy="top-2", engine=engine)
    assert (engine.samples, kept) == (0, 1)
    assert judged(path, Contest("q", RESPONSES), strategy="top-3")[1] == 2
