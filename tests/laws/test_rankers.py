"""What every ranker must do, a judge as well: laws over rewards, ensembles, cascades and judges of three kinds."""

import asyncio
import itertools
import threading
from contextlib import ExitStack, aclosing, closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rrm import Contest, Judge, Ranking, ScriptedEngine
from rrm.engines.scripted import CHOOSERS, answering
from rrm.errors import ContestError, InputError
from rrm.ranker import Ranker
from rrm.rankers import Cascade, Ensemble, RewardRanker

BAD = "unscorable"
"""A response that every reward here refuses."""

BROKEN = "unexpected"
"""A response of which every reward here raises what is no error of rrm's."""

READ_AHEAD = 64
"""Items that a stream's reader has read before anybody asks for them; see `rrm.play`."""


class Worth:
    """A reward of one's own, sync: counts some letters, so that unlike responses may be equal."""

    def __init__(self, letters="ab"):
        self._letters = letters

    def score(self, conversations):
        texts = [conversation[-1]["content"] for conversation in conversations]
        if BAD in texts:
            raise ContestError(f"conversation {texts.index(BAD)} can't be scored")
        if BROKEN in texts:
            raise ValueError(f"what is {BROKEN}?")
        return [float(sum(text.count(letter) for letter in self._letters)) for text in texts]


class AsyncWorth(Worth):
    """The same, and async."""

    async def ascore(self, conversations):
        await asyncio.sleep(0)
        return self.score(conversations)


def longest():
    return ScriptedEngine(answering(CHOOSERS["longest"]))


def rated(request, index):
    (text,) = request.case.responses
    return "I can't say." if text == BAD else f"Rating: [[{1 + min(9, len(text))}]]"


def the_judge(stack):
    return stack.enter_context(Judge(engine=longest()))


def the_pointwise_judge(stack):
    return stack.enter_context(Judge(engine=ScriptedEngine(rated), prompt="mt_bench_single"))


def the_sync_reward(stack):
    return stack.enter_context(RewardRanker(Worth()))


def the_async_reward(stack):
    return stack.enter_context(RewardRanker(AsyncWorth()))


def the_ensemble(stack):
    members = [(Worth("a"), 2.0), (AsyncWorth("bc"), 1)]
    return stack.enter_context(Ensemble(members, rule="mean-deviation", penalty=0.5))


def the_cascade(stack):
    return stack.enter_context(Cascade(Worth(), keep=3, judge=the_judge(stack)))


def the_cascade_of_rewards(stack):
    return stack.enter_context(Cascade(the_ensemble(stack), keep=2, judge=the_async_reward(stack)))


def the_cascade_in_three_stages(stack):
    inner = Cascade(the_pointwise_judge(stack), keep=2, judge=the_judge(stack))
    return stack.enter_context(Cascade(Worth(), keep=4, judge=inner))


MAKERS = [
    the_judge,
    the_pointwise_judge,
    the_sync_reward,
    the_async_reward,
    the_ensemble,
    the_cascade,
    the_cascade_of_rewards,
    the_cascade_in_three_stages,
]
SCORING = [maker for maker in MAKERS if maker is not the_judge]
"""Those that fail where a response can't be scored."""


OF_REWARDS = [maker for maker in SCORING if maker is not the_pointwise_judge]
"""Those that stand on rewards."""


@pytest.fixture(params=MAKERS, ids=lambda maker: maker.__name__)
def ranker(request):
    with ExitStack() as stack:
        yield request.param(stack)


@pytest.fixture(scope="module", params=MAKERS, ids=lambda maker: maker.__name__)
def lasting(request):
    """One for all examples of a property."""
    with ExitStack() as stack:
        yield request.param(stack)


@pytest.fixture(params=SCORING, ids=lambda maker: maker.__name__)
def scoring(request):
    with ExitStack() as stack:
        yield request.param(stack)


@pytest.fixture(params=OF_REWARDS, ids=lambda maker: maker.__name__)
def by_rewards(request):
    with ExitStack() as stack:
        yield request.param(stack)


def contests(count):
    """Contests of 1 to 7 responses, some of them identical."""
    return [Contest(f"Query {number}", responses(number), id=number) for number in range(count)]


def responses(number):
    return ["abc"[(number * place) % 3] * (1 + (number + place * place) % 5) for place in range(1 + number % 7)]


texts = st.lists(st.text("abc", max_size=4), min_size=1, max_size=7)


def test_it_is_a_ranker(ranker):
    """By its methods, before and after it was opened, with a query check that asks nothing."""
    assert isinstance(ranker, Ranker)
    ranker.open()
    assert isinstance(ranker, Ranker)
    ranker.check([{"role": "user", "content": "Hello"}])
    with pytest.raises(ContestError):
        ranker.check([])
    assert ranker.votes.total == 0


@settings(max_examples=40, deadline=None)
@given(data=st.data(), given_texts=texts)
def test_relabelling_the_responses_relabels_the_ranking(lasting, data, given_texts):
    """Order and scores go by what responses say; the order among identical ones is that of their numbers."""
    relabelled = data.draw(st.permutations(given_texts))
    one, other = lasting.rank("q", given_texts), lasting.rank("q", relabelled)
    assert [given_texts[index] for index in one.order] == [relabelled[index] for index in other.order]
    assert dict(zip(given_texts, one.scores, strict=True)) == dict(zip(relabelled, other.scores, strict=True))


@settings(max_examples=40, deadline=None)
@given(given_texts=texts)
def test_an_order_of_all_and_identical_responses_tie(lasting, given_texts):
    """Each response once; equal texts have equal scores and stand together; scores fall along the order."""
    ranking = lasting.rank("q", given_texts)
    assert sorted(ranking.order) == list(range(len(given_texts)))
    ordered = [given_texts[index] for index in ranking.order]
    assert len(list(itertools.groupby(ordered))) == len(set(given_texts))
    by_text = {}
    for text, score in zip(given_texts, ranking.scores, strict=True):
        assert by_text.setdefault(text, score) == score
    placed = [ranking.scores[index] for index in ranking.order]
    assert placed == sorted(placed, reverse=True)


def test_one_is_as_many(ranker):
    """`rank` says what `rank_many` says, which goes by the order of the input."""
    given_contests = contests(40)
    many = list(ranker.rank_many(iter(given_contests)))
    assert [ranking.id for ranking in many] == list(range(40))
    for contest, ranking in zip(given_contests, many, strict=True):
        alone = ranker.rank(contest.query, contest.responses)
        assert (alone.order, alone.scores, alone.matches) == (ranking.order, ranking.scores, ranking.matches)
        assert (alone.scorings, alone.rewards, alone.notes) == (ranking.scorings, ranking.rewards, ranking.notes)


async def test_async_says_the_same(ranker):
    """In a running loop, where the sync calls work as well."""
    given_contests = contests(12)
    expected = list(ranker.rank_many(given_contests))
    async with aclosing(ranker.arank_many(given_contests)) as found:
        assert [ranking async for ranking in found] == expected
    alone = await asyncio.gather(*(ranker.arank(contest.query, contest.responses) for contest in given_contests))
    assert [ranking.scores for ranking in alone] == [ranking.scores for ranking in expected]


def test_a_contest_that_fails_stops_no_other(ranker):
    """In its place, with its error; a contest that is none is the caller's mistake."""
    given_contests = contests(9)
    given_contests[3] = Contest("Query 3", [], id=3)
    given_contests[7] = Contest("Query 7", ["a", None, "b", "c", "aa", "bb"], id=7)
    found = list(ranker.rank_many(given_contests))
    assert [ranking.status for ranking in found] == ["failed" if number in (3, 7) else "ok" for number in range(9)]
    assert [ranking.id for ranking in found] == list(range(9))
    assert {ranking.error_type for ranking in found if ranking.error} == {"ContestError"}
    with pytest.raises(ContestError):
        ranker.rank("q", [])
    with pytest.raises(InputError, match=r"must be rrm\.Contest objects, not str"):
        list(ranker.rank_many(["no contest"]))


def test_a_response_that_can_not_be_scored_fails_its_contest_alone(scoring):
    """What is scored in one call with it has its scores all the same."""
    given_contests = contests(30)
    given_contests[11] = Contest("Query 11", ["a", "bb", "ccc", "aaaa", "b", BAD], id=11)
    found = list(scoring.rank_many(given_contests))
    assert [ranking.id for ranking in found if ranking.status == "failed"] == [11]
    assert found[11].error_type == "ContestError"
    assert found[12].scores == scoring.rank("Query 12", given_contests[12].responses).scores


def test_what_ones_own_code_raises_fails_its_contest_alone(by_rewards):
    """With what it was; one contest by itself raises it."""
    given_contests = contests(60)
    given_contests[41] = Contest("Query 41", ["a", "bb", "ccc", "aaaa", "b", BROKEN], id=41)
    found = list(by_rewards.rank_many(given_contests))
    assert [ranking.id for ranking in found] == list(range(60))
    assert [ranking.id for ranking in found if ranking.status == "failed"] == [41]
    assert found[41].error_type == "ContestError"
    assert found[41].error.endswith("failed: ValueError: what is unexpected?")
    with pytest.raises(ContestError, match="failed: ValueError: what is unexpected"):
        by_rewards.rank("q", given_contests[41].responses)


def test_a_window_bounds_what_is_read_ahead(ranker):
    """By its streams' windows and what their readers have in hand; a cascade has one stream a stage."""
    read = 0

    def source():
        nonlocal read
        for contest in contests(5000):
            read += 1
            yield contest

    with closing(ranker.rank_many(source(), window=2)) as rankings:
        for taken in range(1, 4):
            next(rankings)
            assert read <= taken + 3 * (2 + READ_AHEAD + 2)


def test_an_error_of_the_source_comes_after_all_before_it(ranker):
    """Nothing is lost of what was read."""

    def source():
        yield from contests(5)
        raise OSError("the disk is gone")

    found = []
    with pytest.raises(OSError, match="the disk is gone"):
        for ranking in ranker.rank_many(source()):
            found.append(ranking)
    assert [ranking.id for ranking in found] == [0, 1, 2, 3, 4]


def test_rankings_go_through_json(ranker):
    """And are equal behind it."""
    for ranking in ranker.rank_many([*contests(8), Contest("q", [], id="none")]):
        assert Ranking.from_json(ranking.to_json()) == ranking


def test_a_drained_ranker_asks_for_nothing_more(ranker):
    """What it needs an answer for fails, and says so."""
    ranker.open()
    ranker.drain()
    (ranking,) = ranker.rank_many([Contest("q", ["a", "bb", "ccc", "abab", "c", "ca"])])
    assert ranking.error_type == "EngineStoppedError"


def test_giving_up_leaves_no_thread_behind(ranker):
    """A stream that is closed after its first result has ended its readers soon after."""
    with closing(ranker.rank_many(contests(3000))) as rankings:
        next(rankings)
    readers = [thread for thread in threading.enumerate() if thread.name == "rrm-reader"]
    for reader in readers:
        reader.join(20)
    assert not any(reader.is_alive() for reader in readers)


def test_what_a_ranking_can_be_asked(ranker):
    """Graphs, ratings and circles are of the matches that there are."""
    ranking = ranker.rank("q", ["a", "bb", "ccc", "aaaa", "bbbbb", "ab", "a"])
    players = {player for match in ranking.matches for player in (match.first, match.second)}
    assert set(ranking.graph("wins").nodes) == set(range(7))
    for rating in ("bradley-terry", "elo", "win-rate", "copeland", "pagerank"):
        assert set(ranking.rated(rating)) == players
    assert ranking.transitivity().intransitive == 0
    assert set(ranking.smith_set()) <= (players or {ranking.best})
