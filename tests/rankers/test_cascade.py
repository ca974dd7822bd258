"""A filter before a judge: who goes on, what a ranking says of it, what fails, and what it feeds."""

import math

import pytest

from rrm import BestOfN, Contest, Judge, ScriptedEngine, abest_of_n, best_of_n, best_of_n_many
from rrm.engines.scripted import CHOOSERS, answering
from rrm.errors import ContestError, EngineUnreachableError, InputError, LedgerError
from rrm.integrations.rewards import GroupJudge, Sample
from rrm.integrations.scales import rewards_of
from rrm.integrations.trl import RankReward
from rrm.preferences import Pairing, preferences
from rrm.rankers import Cascade, CascadeInfo, RewardRanker
from rrm.ranking import PlayedMatch, Ranking, RewardInfo, Scoring
from rrm.types import Tally, Vote

TEXTS = ["a", "bbbb", "cc", "ccccc", "ddd", "bbbb"]
"""By length: 3, then 1 and 5, 4, 2, 0."""


def length(conversations):
    return [float(len(conversation[-1]["content"])) for conversation in conversations]


def judged_by(chooser, **settings):
    return Judge(engine=ScriptedEngine(answering(CHOOSERS[chooser])), **settings)


def cascaded(texts=TEXTS, *, keep=3, chooser="shortest", filter=length, strategy=None, **settings):  # noqa: A002
    with judged_by(chooser, **settings) as judge, Cascade(filter, keep=keep, judge=judge) as cascade:
        return cascade.rank("q", texts, strategy=strategy)


def test_the_judge_ranks_what_the_filter_keeps():
    """The three longest by how short they are, the others behind them by length; indices are the caller's."""
    ranking = cascaded(strategy="elo")
    assert ranking.order == (4, 1, 5, 3, 2, 0)
    assert ranking.scores == (0.0, 3.0, 1.0, 2.0, 5.0, 3.0)
    assert {frozenset((match.first, match.second)) for match in ranking.matches} == {
        frozenset(pair) for pair in ((1, 3), (1, 4), (3, 4))
    }
    for match in ranking.matches:
        assert match.winner == min(match.first, match.second, key=lambda index: len(TEXTS[index]))
    assert [scoring.responses for scoring in ranking.scorings] == [(0,), (1,), (2,), (3,), (4,)]
    assert (ranking.strategy, ranking.judge.model) == ("cascade", "scripted")
    assert ranking.rewards == (RewardInfo("length", "custom", "custom"),)
    assert ranking.notes == ("the filter kept 4 of 6 responses for the judge (elo)",)
    assert ranking.usage.requests == 5 + 3
    assert ranking.votes == Tally(*_votes(ranking), scored=5)
    assert Ranking.from_json(ranking.to_json()) == ranking


def _votes(ranking):
    return sum(match.votes.first for match in ranking.matches), sum(match.votes.second for match in ranking.matches)


def test_a_small_contest_goes_to_the_judge_whole():
    """The filter is not asked, and the ranking says so; distinct responses are what counts."""

    def never(conversations):
        raise AssertionError("nobody is cut")

    texts = ["a", "bb", "a", "ccc", "bb"]
    ranking = cascaded(texts, keep=3, filter=never)
    assert ranking.order == (0, 2, 1, 4, 3)
    assert ranking.scores == (3.0, 1.0, 3.0, 0.0, 1.0)
    assert (ranking.rewards, ranking.scorings) == ((), ())
    assert ranking.notes == ("the filter was not asked: all 5 responses went to the judge (knockout)",)
    assert cascaded(["a"], keep=1, filter=never).order == (0,)


def test_one_that_is_kept_wins_unheard():
    """The judge is asked nothing; the order is the filter's."""
    ranking = cascaded(keep=1)
    assert (ranking.order, ranking.matches) == ((3, 1, 5, 4, 2, 0), ())
    assert ranking.scores == (0.0, 3.0, 1.0, 5.0, 2.0, 3.0)


def test_the_cut_among_equals_is_drawn():
    """By the filter's seed and what the responses say."""
    texts = [letter * 2 for letter in "abcdefgh"]
    kept = set()
    for seed in range(8):
        with RewardRanker(length, seed=seed) as ranker:
            ranking = cascaded(texts, keep=2, filter=ranker)
        kept.add(frozenset(ranking.order[:2]))
        assert len({ranking.scores[index] for index in ranking.order[2:]}) == 1
    assert len(kept) > 1


def test_a_judge_of_single_responses_as_a_filter_and_as_the_judge():
    """Scorings of both, the judge's in a later round; of the filter's judge the info is kept."""
    engine = ScriptedEngine(lambda request, index: f"Rating: [[{len(request.case.responses[0])}]]")
    with Judge(engine=engine, prompt="mt_bench_single") as rater:
        ranking = cascaded(filter=rater, keep=2)
        assert ranking.rewards[0].family == "mt_bench_single"
        assert ranking.order == (1, 5, 3, 4, 2, 0)
        with (
            RewardRanker(lambda rows: [-score for score in length(rows)]) as brief,
            Cascade(rater, keep=2, judge=brief) as both,
        ):
            ranking = both.rank("q", TEXTS)
    assert ranking.order == (1, 5, 3, 4, 2, 0)
    assert [(scoring.number, scoring.round) for scoring in ranking.scorings] == [
        (1, 1), (2, 1), (3, 1), (4, 1), (5, 1), (6, 2), (7, 2)
    ]  # fmt: skip
    assert [scoring.responses for scoring in ranking.scorings[5:]] == [(1,), (3,)]
    assert (len(ranking.rewards), ranking.judge, ranking.matches) == (2, None, ())


def test_cascades_in_a_row():
    """The judge of a cascade may be one itself."""
    with judged_by("shortest") as judge:
        inner = Cascade(length, keep=2, judge=judge)
        outer = Cascade(lambda rows: [-score for score in length(rows)], keep=4, judge=inner)
        with inner, outer:
            ranking = outer.rank("q", ["a" * size for size in range(1, 8)])
            assert ranking.order == (2, 3, 1, 0, 4, 5, 6)
            assert {scoring.round for scoring in ranking.scorings} == {1, 2}
            assert outer.open() == CascadeInfo(
                RewardInfo("test_cascades_in_a_row.<locals>.<lambda>", "custom", "custom"), 4, inner.open()
            )
    evidence = preferences(ranking, ["a" * size for size in range(1, 8)], Pairing("all"))
    assert len(evidence.pairs) == 21


def test_contests_that_fail_fail_alone():
    """In the filter, at the judge, or before either; the error says where."""

    def picky(conversations):
        if any(conversation[0]["content"] == "Query 2" for conversation in conversations):
            raise ContestError("this one can't be scored")
        return length(conversations)

    contests = [Contest(f"Query {number}", TEXTS, id=number) for number in range(6)]
    contests[4] = Contest("Query 4", [], id=4)
    with judged_by("longest") as judge, Cascade(picky, keep=2, judge=judge) as cascade:
        found = list(cascade.rank_many(contests))
        with pytest.raises(ContestError, match="this one can't be scored"):
            cascade.rank("Query 2", TEXTS)
    assert [(ranking.id, ranking.error) for ranking in found if ranking.error] == [
        (2, "filtering: this one can't be scored"),
        (4, "there are no responses to rank"),
    ]
    assert {ranking.strategy for ranking in found} == {"cascade"}


@pytest.mark.parametrize("stage", ["filter", "judge"])
def test_what_comes_before_an_error_is_handed_out(stage):
    """In a stream that ends for it, as where a ledger fails; what one's own code raises ends none."""

    class Failing:
        def __init__(self, error):
            self.error = error

        async def ascore(self, conversations):
            if conversations[0][0]["content"] == "Query 50":
                raise self.error
            return length(conversations)

        def score(self, conversations):
            raise AssertionError("it is async")

    def found(error):
        rankings = []
        with RewardRanker(Failing(error)) as failing, RewardRanker(length) as other:
            stages = {"filter": other, "judge": other} | {stage: failing}
            with Cascade(stages["filter"], keep=1, judge=stages["judge"]) as cascade:
                rankings.extend(_until_an_error(cascade.rank_many(Contest(f"Query {n}", SIX, id=n) for n in range(99))))
        return rankings

    assert [ranking.id for ranking in found(LedgerError("the disk is full"))] == list(range(50))
    failed = [(ranking.id, ranking.error) for ranking in found(ValueError("a mistake")) if ranking.error]
    said = "the reward 'test_what_comes_before_an_error_is_handed_out.<locals>.Failing' failed: ValueError: a mistake"
    assert failed == [(50, f"filtering: {said}" if stage == "filter" else said)]


def _until_an_error(rankings):
    try:
        yield from rankings
    except LedgerError:
        return


def test_a_query_that_the_judge_can_not_take_is_not_filtered():
    """Nothing is paid for it."""
    asked = []

    def noted(conversations):
        asked.append(conversations)
        return length(conversations)

    with judged_by("longest", prompt="judgelm") as judge, Cascade(noted, keep=2, judge=judge) as cascade:
        turns = [{"role": role, "content": role} for role in ("user", "assistant", "user")]
        (ranking,) = cascade.rank_many([Contest(turns, TEXTS)])
        with pytest.raises(ContestError):
            cascade.rank(turns, TEXTS)
        with pytest.raises(ContestError):
            cascade.check(turns)
    assert (ranking.error_type, asked) == ("ContestError", [])


def test_what_can_be_no_cascade():
    """A filter that compares, a judge that is none, nothing kept."""
    with judged_by("longest") as judge:
        with pytest.raises(InputError, match="a filter scores single responses, and this one is pairwise"):
            Cascade(judge, keep=2, judge=judge)
        with pytest.raises(InputError, match="judge must be a Judge or another ranker, not the class Judge"):
            Cascade(length, keep=2, judge=Judge)
        for keep in (0, 2.0, True):
            with pytest.raises(InputError, match="keep must be"):
                Cascade(length, keep=keep, judge=judge)
        with Cascade(length, keep=2, judge=judge) as cascade:
            with pytest.raises(InputError, match="'nockout'"):
                cascade.rank_many([], strategy="nockout")
            for many in (cascade.rank_many, cascade.arank_many):
                with pytest.raises(InputError, match="contests must be an iterable"):
                    many(None)


def test_what_was_handed_over_is_left_open():
    """Closing a cascade closes what it made for itself."""
    with judged_by("longest") as judge, RewardRanker(length) as ranker:
        with Cascade(ranker, keep=2, judge=judge) as cascade:
            cascade.rank("q", TEXTS)
            assert cascade.settings == {"filter": ranker.settings, "keep": 2, "judge": judge.settings}
            assert (cascade.kind, cascade.default_strategy, cascade.allows_ties) == ("cascade", "knockout", False)
            assert cascade.spent == ranker.spent + judge.spent
            assert cascade.votes == judge.votes
        assert ranker.rank("q", ["a"]).order == judge.rank("q", ["a"]).order == (0,)


def test_the_best_of_n():
    """One at a time, many, and async; "auto" is the judge's for the best one only."""
    with judged_by("shortest", budget=8) as judge, Cascade(length, keep=2, judge=judge) as cascade:
        found = best_of_n("q", TEXTS, judge=cascade)
        assert (found.best, found.ranking.strategy) == ("bbbb", "cascade")
        assert "(sequential-halving)" in found.ranking.notes[-1] or "(active-best)" in found.ranking.notes[-1]
        (same,) = best_of_n_many([Contest("q", TEXTS)], judge=cascade)
        assert isinstance(same, BestOfN)
        assert same.ranking == found.ranking


async def test_the_best_of_n_by_a_reward_alone():
    """In a running loop."""
    with RewardRanker(length) as ranker:
        found = await abest_of_n("q", TEXTS, judge=ranker)
    assert found.best == "ccccc"


def ranked(*, kept, scores, games):
    """A cascade's ranking from filter scores by index, the order of the kept ones, and games (winner, loser)."""
    cut = sorted(set(range(len(scores))) - set(kept), key=lambda index: -scores[index])
    order = (*kept, *cut)
    places = [float(sum(_level(order, kept, scores, index) > _level(order, kept, scores, other) for other in order))
              for index in range(len(scores))]  # fmt: skip
    matches = [
        PlayedMatch(
            number + 1, 1, winner, loser, None if lost else winner, Tally(unparsed=1) if lost else Tally(first=1)
        )
        for number, (winner, loser, *lost) in enumerate(games)
    ]
    scorings = [Scoring(n + 1, 1, (n,), (float(score),), Tally(scored=1)) for n, score in enumerate(scores)]
    return Ranking("cascade", order, tuple(places), tuple(matches), scorings=tuple(scorings))


def _level(order, kept, scores, index):
    return (1, -order.index(index)) if index in kept else (0, scores[index])


def test_pairs_are_borne_out_by_matches_or_by_the_filter():
    """Of two that played matches alone say it; where one did not, the filter's scores, if they differ."""
    texts = list("abcde")
    # 0 beat 1; nobody decided between 2 and either. 3 was cut with 2's score, 4 with less.
    ranking = ranked(kept=(0, 1, 2), scores=(5, 9, 4, 4, 1), games=[(0, 1), (1, 2, "lost"), (0, 2, "lost")])
    found = preferences(ranking, texts, Pairing("all"))
    pairs = {(pair.chosen, pair.rejected) for pair in found.pairs}
    assert pairs == {(0, 1), (0, 3), (1, 3), (0, 4), (1, 4), (2, 4), (3, 4)}
    # 0 and 1 over 2 rest on nothing; 2 over 3 on a draw at the cut.
    assert found.left_out == {"undecided": 3}
    margins = {(pair.chosen, pair.rejected): pair.margin for pair in found.pairs}
    assert (margins[0, 4], margins[3, 4]) == (4.0, 1.0)


def test_cut_responses_that_tie_are_no_preference():
    """Their places are equal."""
    ranking = ranked(kept=(0, 1), scores=(5, 9, 2, 2), games=[(0, 1)])
    found = preferences(ranking, list("abcd"), Pairing("adjacent"))
    assert found.left_out == {"tied": 1}
    assert [(pair.chosen, pair.rejected) for pair in found.pairs] == [(0, 1), (1, 2)]


def test_ranks_of_cut_responses():
    """They have their places behind; kept ones that nobody decided on have no reward."""
    decided = ranked(kept=(0, 1), scores=(5, 9, 2, 1), games=[(0, 1)])
    assert rewards_of(decided, "rank", allows_ties=False) == (1.0, 2 / 3, 1 / 3, 0.0)
    partly = ranked(kept=(0, 1, 2), scores=(5, 9, 4, 1, 1), games=[(0, 1), (1, 2, "lost")])
    # Those that were cut are placed among all five, and so below every one that was kept.
    assert rewards_of(partly, "rank", allows_ties=False) == (1.0, 2 / 3, None, 0.5 / 4, 0.5 / 4)
    unheard = ranked(kept=(0, 1), scores=(5, 9, 1), games=[(0, 1, "lost")])
    assert rewards_of(unheard, "rank", allows_ties=False) == (None, None, 0.0)


SIX = ["a", "bb", "ccc", "dddd", "eeeee", "ffffff"]


def test_a_judge_that_says_nothing_leaves_the_filters_order():
    """Notes say so; nobody is preferred among those that played, and these have no reward."""
    ranking = cascaded(SIX, chooser="never")
    assert (ranking.order, ranking.scores) == ((5, 4, 3, 2, 1, 0), (0.0, 1.0, 2.0, 3.0, 4.0, 5.0))
    assert ranking.notes == (
        "the filter kept 3 of 6 responses for the judge (knockout)",
        "no vote of the judge could be read, so that those that were kept stand in the filter's order",
    )
    assert preferences(ranking, SIX, Pairing("all")).left_out == {"undecided": 3}
    with judged_by("never") as judge, Cascade(length, keep=3, judge=judge) as cascade:
        trained = RankReward(cascade, scale="rank")
        assert trained(["q"] * 6, SIX) == [0.0, 0.2, 0.4, None, None, None]


def test_identical_kept_responses_of_which_nothing_is_known():
    """They stand together, and share what the filter says."""
    texts = ["bbbb", "a", "ccccc", "bbbb", "dd"]
    ranking = cascaded(texts, keep=2, chooser="never", strategy="elo")
    assert (ranking.order, ranking.scores) == ((2, 0, 3, 4, 1), (2.0, 0.0, 4.0, 2.0, 1.0))
    assert ranking.level == ()
    assert rewards_of(ranking, "rank", allows_ties=False) == (None, 0.0, None, None, 0.25)


def test_a_judge_that_says_little_has_its_draw():
    """Where one match is decided the order is the judge's, as without a filter."""

    def chooser(request, index):
        return CHOOSERS["shortest"](request, index) if "dddd" in request.case.responses else Vote.UNPARSED

    engine = ScriptedEngine(answering(chooser))
    with Judge(engine=engine) as judge, Cascade(length, keep=3, judge=judge) as cascade:
        ranking = cascade.rank("q", SIX, strategy="round-robin")
        alone = judge.rank("q", SIX[3:], strategy="round-robin")
    assert sum(match.votes.read > 0 for match in ranking.matches) == 2
    assert ranking.order == (*(3 + index for index in alone.order), 2, 1, 0)
    assert ranking.order[0] == 3
    assert ranking.notes == ("the filter kept 3 of 6 responses for the judge (round-robin)",)


def test_the_inner_filters_order_stands_in_a_cascade_of_cascades():
    """It was the last that said anything."""
    with judged_by("never") as judge:
        inner = Cascade(lambda rows: [-score for score in length(rows)], keep=2, judge=judge)
        with inner, Cascade(length, keep=4, judge=inner) as outer:
            ranking = outer.rank("q", SIX)
    assert ranking.order == (2, 3, 4, 5, 1, 0)
    assert sum("stand in the filter's order" in note for note in ranking.notes) == 1
    assert rewards_of(ranking, "rank", allows_ties=False) == (0.0, 0.2, None, None, 0.6, 0.4)


def test_identical_cut_responses_have_equal_rewards():
    """One was scored for all."""
    texts = ["a", "bbbb", "a", "cc", "ddddd"]
    ranking = cascaded(texts, keep=2, chooser="longest")
    assert rewards_of(ranking, "rank", allows_ties=False) == (0.125, 0.75, 0.125, 0.5, 1.0)


def samples(texts=TEXTS):
    return [Sample("g", "q", text) for text in texts]


def test_rewards_of_a_group():
    """A cascade goes with "rank" alone, by its judge's own strategy or a given one; a reward with "score" too."""
    with judged_by("shortest") as judge, Cascade(length, keep=3, judge=judge) as cascade:
        for strategy, name in ((None, "knockout"), ("elo", "elo")):
            made = GroupJudge(cascade, scale="rank", strategy=strategy, patience=math.inf).rewards(samples())
            assert made.rankings[0].notes == (f"the filter kept 4 of 6 responses for the judge ({name})",)
            assert made.values[4] == 1.0
            assert made.values[0] == 0.0
        for scale in ("elo", "score", "anchor", "win-rate"):
            with pytest.raises(InputError, match=r"and Cascade is cascade: use the scale 'rank'"):
                GroupJudge(cascade, scale=scale, strategy=None, patience=math.inf).rewards(samples())
    with RewardRanker(length) as ranker:
        for scale, expected in (("score", (1, 4, 2, 5, 3, 4)), ("rank", (0, 0.7, 0.2, 1, 0.4, 0.7))):
            made = GroupJudge(ranker, scale=scale, strategy=None, patience=math.inf).rewards(samples())
            assert made.values == expected
        with pytest.raises(InputError, match="and RewardRanker is pointwise: use the scale 'score' or 'rank'"):
            GroupJudge(ranker, scale="elo", strategy=None, patience=math.inf).rewards(samples())
        assert isinstance(GroupJudge(Judge, scale="elo", strategy=None, patience=0.0).judge, Judge)
        trained = RankReward(lambda: ranker, scale="score")
        assert trained(["q"] * 2, ["a", "bb"]) == [1, 2]


def test_scores_of_an_ensemble_need_the_group():
    """They say how a response does among the others, and one alone would be 0."""
    from rrm.rankers import Ensemble

    with Ensemble([(length, 1)]) as ensemble:
        made = GroupJudge(ensemble, scale="score", strategy=None, patience=math.inf).rewards(samples(["a", "bb"]))
        assert made.values == (-1.0, 1.0)
    with Ensemble([(length, 1)], standardise=False) as ensemble:
        made = GroupJudge(ensemble, scale="score", strategy=None, patience=math.inf).rewards(samples(["a", "bb"]))
        assert (made.values, len(made.rankings)) == ((1.0, 2.0), 2)


def test_a_judge_that_says_nothing_behind_a_filter_ends_the_training():
    """What the filter scored is no verdict."""
    with judged_by("never") as judge, Cascade(length, keep=2, judge=judge) as cascade:
        made = GroupJudge(cascade, scale="rank", strategy=None, patience=0.0)
        with pytest.raises(Exception, match="the judge has judged nothing"):
            made.rewards(samples())


def test_a_filter_that_is_gone():
    """Fails its contests, not the small ones that it is not asked about."""

    def gone(conversations):
        raise EngineUnreachableError("nobody answers")

    with judged_by("longest") as judge, Cascade(gone, keep=2, judge=judge) as cascade:
        found = list(cascade.rank_many([Contest("q", TEXTS), Contest("q", ["a", "bb"])]))
    assert [ranking.error_type for ranking in found] == ["EngineUnreachableError", None]
