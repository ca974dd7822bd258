"""Strategies of one's own reach the judge: as a class, a generator function, or an entry point of an installed package."""

import importlib
import sys
from textwrap import dedent

import pytest

from rrm import Judge, ScriptedEngine
from rrm.engines.scripted import CHOOSERS, answering
from rrm.errors import InputError, UnknownNameError
from rrm.tournaments import Knockout, Rounds
from rrm.types import Outcome, Standings
from tests.cli.running import PAIR, SCRIPTED, run, write

TEXTS = ["a", "bb", "ccc", "dddd", "eeeee"]
"""The judge prefers the longest."""


def longest_first():
    return Judge(engine=ScriptedEngine(answering(CHOOSERS["longest"])), seed=3)


def climb(players):
    """Who has won so far meets the next one in the draw."""
    order = [0]
    for challenger in range(1, players):
        (played,) = yield [(order[0], challenger)]
        order.insert(played.verdict.outcome is not Outcome.SECOND, challenger)
    return Standings(tuple(order), tuple(float(players - order.index(player)) for player in range(players)))


class Opening(Rounds):
    """One round of neighbours; who wins is above who loses, and no more is known."""

    name = "opening"

    @property
    def most_matches(self):
        return self.players // 2

    def play(self):
        played = yield [(place, place + 1) for place in range(0, self.players - 1, 2)]
        scores = [0.5] * self.players
        for _, first, second, verdict in played:
            scores[first], scores[second] = (0.0, 1.0) if verdict.outcome is Outcome.SECOND else (1.0, 0.0)
        return Standings(tuple(sorted(range(self.players), key=lambda player: -scores[player])), tuple(scores))


def test_a_generator_function_is_a_strategy():
    """It is called by its name in the ranking, and plays what it yields."""
    with longest_first() as judge:
        ranking = judge.rank("q", TEXTS, strategy=climb)
    assert (ranking.strategy, ranking.best, len(ranking.matches)) == ("climb", 4, 4)
    assert ranking.scores[4] == 5.0
    assert [match.round for match in ranking.matches] == [1, 2, 3, 4]


def test_the_same_responses_in_another_order_are_the_same_tournament():
    """Players are places in the draw, so nothing depends on how responses are numbered."""
    with longest_first() as judge:
        one, other = judge.rank("q", TEXTS, strategy=climb), judge.rank("q", TEXTS[::-1], strategy=climb)
    assert one.order == tuple(4 - place for place in other.order)
    assert [{match.first, match.second} for match in one.matches] == [
        {4 - match.first, 4 - match.second} for match in other.matches
    ]


def test_a_class_of_rounds_is_a_strategy():
    """By the name that it has."""
    with longest_first() as judge:
        ranking = judge.rank("q", TEXTS, strategy=Opening)
    assert (ranking.strategy, len(ranking.matches)) == ("opening", 2)
    for match in ranking.matches:
        assert match.winner == max(match.first, match.second)
        assert ranking.scores[match.winner] == 1.0


def test_any_class_with_the_methods_is_a_strategy():
    """As rrm's own are."""

    class Mine(Knockout):
        """A knockout by another name."""

    with longest_first() as judge:
        ranking = judge.rank("q", TEXTS, strategy=Mine)
    assert (ranking.strategy, ranking.best) == ("Mine", 4)


def test_what_a_generator_does_wrong_is_said():
    """With what it yielded."""

    def wrong(players):
        yield [(0, players)]
        return Standings(tuple(range(players)), (0.0,) * players)

    with longest_first() as judge, pytest.raises(InputError, match=r"two different players of 0 to 4, not \(0, 5\)"):
        judge.rank("q", TEXTS, strategy=wrong)


def test_a_budget_means_nothing_to_a_generator():
    """It is refused, with those that can use one."""
    judge = Judge(engine=ScriptedEngine(answering(CHOOSERS["longest"])), budget=9)
    with judge, pytest.raises(InputError, match=r"'climb' asks as many calls as it needs.*round-robin"):
        judge.rank("q", TEXTS, strategy=climb)


@pytest.fixture
def package(tmp_path, monkeypatch):
    """An installed package, `surprising`, that offers two strategies: a class and a generator."""
    (tmp_path / "surprising.py").write_text(
        dedent(
            """
            from rrm.tournaments import Knockout
            from rrm.types import Standings


            class Surprise(Knockout):
                name = "surprise"


            NUMBER = 5


            def as_drawn(players):
                yield []
                return Standings(tuple(range(players)), (0.0,) * players)
            """
        )
    )
    info = tmp_path / "surprising-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: surprising\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[rrm.strategies]\nsurprise = surprising:Surprise\nas-drawn = surprising:as_drawn\n"
        "gone = surprising:gone\ntext = surprising:__name__\nnumber = surprising:NUMBER\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    yield
    sys.modules.pop("surprising", None)


@pytest.mark.usefixtures("package")
def test_an_installed_package_offers_strategies_by_name():
    """A class and a generator, as if they were rrm's own."""
    with longest_first() as judge:
        surprise = judge.rank("q", TEXTS, strategy="surprise")
        drawn = judge.rank("q", TEXTS, strategy="as-drawn")
    assert (surprise.strategy, surprise.best, len(surprise.matches)) == ("surprise", 4, 4)
    assert (drawn.strategy, len(drawn.matches)) == ("as-drawn", 0)


@pytest.mark.usefixtures("package")
def test_a_misspelt_name_is_answered_with_the_nearest_of_all():
    """Those of packages included."""
    with longest_first() as judge, pytest.raises(UnknownNameError, match="surprise"):
        judge.rank("q", TEXTS, strategy="suprise")


@pytest.mark.usefixtures("package")
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("gone", "the strategy 'gone' \\(surprising:gone\\) can't be loaded"),
        ("text", "the strategy 'text' \\(surprising:__name__\\) is a text"),
        ("number", "not 5"),
    ],
)
def test_what_a_package_offers_and_does_not_have(name, said):
    """Is an error that names the entry point."""
    with longest_first() as judge, pytest.raises(InputError, match=said):
        judge.rank("q", TEXTS, strategy=name)


@pytest.mark.usefixtures("package")
def test_an_installed_strategy_on_the_command_line(tmp_path):
    """Under the name of its entry point, whatever it calls itself."""
    line = run("rank", write(tmp_path, PAIR), *SCRIPTED, "--strategy", "as-drawn", "--format", "json")
    assert (line.code, line.rows[0]["strategy"]) == (0, "as-drawn")
