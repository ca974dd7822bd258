"""Rankings rated anew by their own matches, what their graphs say, and how estimates go through JSON."""

import math
from dataclasses import replace
from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rrm import Judge, Ranking, ScriptedEngine
from rrm.engines.scripted import CHOOSERS, answering, leaning
from rrm.errors import UnknownNameError
from rrm.ranking import PlayedMatch, Rating
from rrm.types import Support, Tally

RATINGS = Rating.__args__


def met(first, second, won, lost=0, tie=0, *, winner="votes", settled_by=None, **lost_votes):
    """A match by its votes for the first, for the second, and ties; all shown as in the match."""
    votes = Tally(won, lost, tie, **lost_votes)
    by_votes = first if won > max(lost, tie) else second if lost > max(won, tie) else None
    support = (Support(won + tie / 2, lost + tie / 2), Support())
    return PlayedMatch(1, 1, first, second, by_votes if winner == "votes" else winner, votes, settled_by, support)


def ranking_of(responses, *matches, **values):
    order = tuple(range(responses))
    return Ranking("own", order, tuple(float(-place) for place in order), matches, **values)


CHAIN = ranking_of(3, met(0, 1, 3, 1), met(1, 2, 0, 1), met(2, 0, 1, 1, 2))
"""0 beat 1, 2 beat 1, and 0 and 2 tied."""


def test_win_rates():
    """A tie is half a win; how many votes a match had makes no difference."""
    assert CHAIN.rated("win-rate") == {0: 0.75, 1: 0.0, 2: 0.75}


def test_copeland():
    """Opponents beaten less opponents lost to."""
    assert CHAIN.rated("copeland") == {0: 1.0, 1: -2.0, 2: 1.0}


def test_elo():
    """In schedule order, 4 points at stake."""
    first = 2.0
    expected = 1 / (1 + 10 ** ((1000 - (1000 - first)) / 400))
    won = 4 * (1 - expected)
    assert 0 < won < 4
    after = {0: 1000 + first, 1: 1000 - first, 2: 1000.0}
    # 1 and 2: 1 is expected to win a little less than half, and loses.
    chance = 1 / (1 + 10 ** ((after[2] - after[1]) / 400))
    after[1] -= 4 * chance
    after[2] += 4 * chance
    # 2 and 0 tie.
    chance = 1 / (1 + 10 ** ((after[0] - after[2]) / 400))
    after[2] += 4 * (0.5 - chance)
    after[0] -= 4 * (0.5 - chance)
    assert CHAIN.rated("elo") == pytest.approx(after)


def test_pagerank():
    """Of the graph of wins, weighed by the winner's share: 1 passes on 3/4 to 0 and 1 to 2; 0 and 2 pass on to all."""
    ranks = {0: 1 / 3, 1: 1 / 3, 2: 1 / 3}
    for _ in range(200):
        even = (0.15 + 0.85 * (ranks[0] + ranks[2])) / 3
        ranks = {
            0: even + 0.85 * ranks[1] * 0.75 / 1.75,
            1: even,
            2: even + 0.85 * ranks[1] / 1.75,
        }
    assert CHAIN.rated("pagerank") == pytest.approx(ranks)
    assert sum(ranks.values()) == pytest.approx(1)


def posterior(ratings, bias, games):
    """The logarithm of the Bradley-Terry posterior: games are (first shown, other, votes for it, votes against it)."""
    total = -sum(rating**2 for rating in ratings) / 8 - bias**2 / 2
    for first, second, won, lost in games:
        gap = ratings[first] - ratings[second] + bias
        total -= won * math.log1p(math.exp(-gap)) + lost * math.log1p(math.exp(gap))
    return total


def test_bradley_terry():
    """No step to any side makes the votes likelier; a pair's votes count for the fewer the more they are."""
    three_of_four, two_of_four = ((1 + shared) / (1 + 4 * shared) for shared in (2 / 9 / 16, 1 / 4 / 16))
    ranking = ranking_of(
        3,
        PlayedMatch(1, 1, 0, 1, 0, Tally(3, 1), None, (Support(2.0, 0.0), Support(1.0, 1.0))),
        met(1, 2, 0, 1),
        met(2, 0, 1, 1, 2),
    )
    games = [
        (0, 1, 2 * three_of_four, 0.0),
        (1, 0, 1 * three_of_four, 1 * three_of_four),
        (1, 2, 0.0, 1.0),
        (2, 0, 2 * two_of_four, 2 * two_of_four),
    ]
    found = ranking.rated("bradley-terry")
    ratings = [found[index] for index in range(3)]
    assert sum(ratings) == pytest.approx(0, abs=1e-9)
    bias = max((step / 1000 for step in range(-1000, 1000)), key=lambda bias: posterior(ratings, bias, games))
    best = posterior(ratings, bias, games)
    for index in range(3):
        for step in (-0.02, 0.02):
            moved = [rating + step * (place == index) for place, rating in enumerate(ratings)]
            assert posterior(moved, bias, games) < best


def test_bradley_terry_without_orders():
    """Votes of rankings that did not record the orders count as shown half each way, so that no bias is read into them."""
    bare = PlayedMatch(1, 1, 0, 1, 0, met(0, 1, 3, 1, 1).votes)
    assert bare.support == (Support(), Support())
    halves = replace(bare, support=(Support(1.75, 0.75), Support(1.75, 0.75)))
    rated = ranking_of(2, bare).rated("bradley-terry")
    assert rated == ranking_of(2, halves).rated("bradley-terry")
    assert rated[0] > 0


SETTLED = met(0, 1, 1, 1, winner=1, settled_by="draw")
LOST = met(0, 1, 0, unparsed=3, winner=1, settled_by="draw")


@pytest.mark.parametrize("rating", RATINGS)
def test_who_went_on_by_the_draw_did_not_win(rating):
    """An even split is a tie; a match whose votes were all lost is none."""
    for match in (SETTLED, LOST):
        rated = ranking_of(2, match).rated(rating)
        assert rated[0] == pytest.approx(rated[1])
    one = ranking_of(3, met(0, 1, 2), met(1, 2, 2), met(0, 2, 2)).rated(rating)
    two = ranking_of(3, met(0, 1, 2), met(1, 2, 2), met(0, 2, 2), LOST).rated(rating)
    assert one == pytest.approx(two)


def test_scores_of_matches():
    """What the votes give the first, whoever went on."""
    assert [match.score for match in (*CHAIN.matches, SETTLED, LOST)] == [1.0, 0.0, 0.5, 0.5, None]
    assert met(0, 1, 0, unparsed=2).score is None
    assert met(0, 1, 1, 1).score == 0.5


@pytest.mark.parametrize("rating", RATINGS)
def test_duplicates_are_rated_once(rating):
    """By the first that says the text; the better responses are rated higher, whatever the strategy was."""
    with Judge(engine=ScriptedEngine(answering(CHOOSERS["longest"]))) as judge:
        for strategy in ("elo", "round-robin", "knockout"):
            ranking = judge.rank("q", ["bb", "a", "ccc", "a", "bb", "dddd"], strategy=strategy)
            rated = ranking.rated(rating)
            assert set(rated) == {0, 1, 2, 5}
            if strategy != "knockout":
                assert sorted(rated, key=rated.__getitem__, reverse=True) == [5, 2, 0, 1]
            else:
                assert max(rated, key=rated.__getitem__) == 5


def test_bradley_terry_is_what_the_strategies_have():
    """A ranking by one fit is rated alike anew, with every vote in the order in which it was shown."""
    engine = ScriptedEngine(leaning(lambda request, _: 0.9 if len(request.case.first) > 5 else 0.4))
    with Judge(engine=engine, votes=3, temperature=1.0) as judge:
        ranking = judge.rank("q", ["a" * size for size in range(1, 11)], strategy="round-robin")
    rated = ranking.rated("bradley-terry")
    assert [rated[index] for index in range(10)] == pytest.approx(ranking.scores, abs=1e-5)
    assert len({match.support for match in ranking.matches}) > 4


@pytest.mark.parametrize("rating", RATINGS)
def test_nobody_met(rating):
    """A ranking without matches rates nobody."""
    for ranking in (Ranking("elo", (0,), (0.0,)), Ranking("pointwise", (1, 0), (2.0, 3.0))):
        assert ranking.rated(rating) == {}


def test_unknown_ratings():
    with pytest.raises(UnknownNameError, match="unknown rating 'winrate'. Did you mean 'win-rate'?"):
        CHAIN.rated("winrate")


CIRCLE = (met(0, 1, 1), met(1, 2, 1), met(2, 0, 1))


def test_circles():
    """Of three who beat each other, and a fourth who beats all but one of them, whom it has not met."""
    ranking = ranking_of(5, *CIRCLE, met(4, 0, 1), met(4, 1, 1))
    found = ranking.transitivity()
    # 0, 1, 2 in a circle; 4, 0, 1 in order; 4 and 2 have not met, and 3 nobody.
    assert (found.triples, found.intransitive, found.share) == (2, 1, 0.5)
    assert found.cycles == ((0, 1, 2),)
    assert found.tangles == ((0, 1, 2),)
    assert CHAIN.transitivity().share is None


def test_matches_that_the_votes_left_open_make_no_circle():
    """Nor do rematches that cancel."""
    settled = ranking_of(3, *CIRCLE[:2], met(2, 0, 1, 1, winner=2, settled_by="draw"))
    assert settled.transitivity().triples == 0
    cancelled = ranking_of(3, *CIRCLE, met(0, 2, 1))
    assert cancelled.transitivity().triples == 0
    reversed_by_more = ranking_of(3, *CIRCLE, met(0, 2, 1), met(0, 2, 1))
    assert (reversed_by_more.transitivity().triples, reversed_by_more.transitivity().intransitive) == (1, 0)


def test_smith_set():
    """Who beats all others alone; a circle together; by index, duplicates and those who never met aside."""
    assert ranking_of(3, met(0, 1, 1), met(0, 2, 1), met(2, 1, 1)).smith_set() == (0,)
    assert ranking_of(3, *CIRCLE).smith_set() == (0, 1, 2)
    above = [met(player, 3, 1) for player in range(3)]
    assert ranking_of(4, *CIRCLE, *above).smith_set() == (0, 1, 2)
    with Judge(engine=ScriptedEngine(answering(CHOOSERS["longest"]))) as judge:
        assert judge.rank("q", ["a", "a", "bb", "bb"], strategy="elo").smith_set() == (2,)


NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
SUPPORTS = st.builds(Support, NUMBERS, NUMBERS)


@given(
    st.lists(NUMBERS, max_size=4).map(tuple),
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=3).map(tuple),
    st.none() | NUMBERS,
    st.tuples(SUPPORTS, SUPPORTS),
    st.none() | st.floats(0, 1),
)
def test_estimates_go_through_json(errors, level, bias, support, soft):
    """Errors, who can't be told apart, the position bias, the votes by order, and probabilities."""
    match = PlayedMatch(1, 1, 0, 1, 0, Tally(1), None, support, soft)
    ranking = ranking_of(2, match, errors=errors, level=level, position_bias=bias)
    again = Ranking.from_json(ranking.to_json())
    assert again == ranking
    assert again.matches[0].support[0].first == support[0].first


def test_real_estimates_go_through_json():
    """Of a strategy that has them, with duplicates among the responses; one error a response, neighbours by index."""
    with Judge(engine=ScriptedEngine(answering(CHOOSERS["coin"])), budget=12) as judge:
        ranking = judge.rank("q", ["a", "bb", "a", "ccc", "dddd"], strategy="active")
    assert Ranking.from_json(ranking.to_json()) == ranking
    assert len(ranking.errors) == 5
    assert ranking.errors[0] == ranking.errors[2]
    assert ranking.scores[0] == ranking.scores[2]
    assert ranking.position_bias is not None
    assert ranking.level
    assert set(ranking.level) <= set(pairwise(ranking.order))
    assert (0, 2) in ranking.level


def test_probabilities_are_read_and_kept():
    """Where verdicts are probabilities, a match has one, and its support is divided by it."""
    engine = ScriptedEngine(leaning(lambda request, _: 0.8))
    with Judge(engine=engine, readout="probability", votes=2, resamples=0) as judge:
        ranking = judge.rank("q", ["a", "bb", "ccc"], strategy="round-robin")
    for match in ranking.matches:
        assert match.soft == pytest.approx(0.5)
        assert match.probability == match.soft
        straight, turned = match.support
        assert straight == pytest.approx((0.8, 0.2))
        assert turned == pytest.approx((0.2, 0.8))
    assert Ranking.from_json(ranking.to_json()) == ranking
    assert ranking.position_bias > 0
    assert all(abs(ranking.scores[one] - ranking.scores[other]) < 1e-6 for one, other in combinations(range(3), 2))
