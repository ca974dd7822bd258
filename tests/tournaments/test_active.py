"""Pairs by what they tell: the worth of each against a count in plain Python, and what every strategy in batches keeps."""

from collections import Counter
from math import exp, isfinite, sqrt
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rrm.errors import InputError
from rrm.simulation.run import simulate
from rrm.simulation.trial import Arm
from rrm.tournaments import Active, ActiveBest, TopTwo
from rrm.tournaments.pool import pooled
from rrm.tournaments.posterior import Posterior
from rrm.tournaments.rounds import Played
from rrm.types import Outcome, Support, Tally, Verdict
from tests.tournaments.playing import anyhow, better, pairs, run

BATCHES = [Active, ActiveBest, TopTwo]
PLAIN = [Active, ActiveBest]

batches = pytest.mark.parametrize("strategy", BATCHES)


@batches
@pytest.mark.parametrize("players", range(1, 10))
def test_any_number_of_matches(strategy, players):
    """As many are played as are given, and none where there is nobody to meet."""
    for matches in range(1, 6 * players + 1):
        tournament = strategy(range(players), matches=matches)
        wanted = matches if players > 1 else 0
        assert tournament.most_matches == wanted
        played = run(tournament, anyhow(matches))
        assert len(played) == wanted
        assert [match.number for match, _ in played] == list(range(1, wanted + 1))
        standings = tournament.standings
        assert sorted(standings.order) == list(range(players))
        assert all(map(isfinite, (*standings.scores, *standings.errors, standings.position_bias)))


@batches
@pytest.mark.parametrize("players", range(2, 18))
def test_the_first_round_has_everyone_once(strategy, players):
    """In pairs by the draw; where one is left over, it meets the first."""
    draw = Random(players).sample(range(players), players)
    ready = strategy(draw).start()
    met = Counter(player for match in ready for player in (match.first, match.second))
    assert set(met) == set(range(players))
    assert met == Counter(draw + [draw[0]] * (players % 2))
    assert pairs((match, None) for match in ready)[0] == {draw[0], draw[1]}


@batches
def test_a_small_budget_cuts_the_first_round(strategy):
    assert len(strategy(range(8), matches=3).start()) == 3
    assert len(run(strategy(range(8), matches=3), anyhow(0))) == 3


@batches
@pytest.mark.parametrize(
    ("players", "matches", "batch", "sizes"),
    [
        (8, 17, None, [4, *[1] * 13]),
        (24, 30, 5, [12, 5, 5, 5, 3]),
        (16, 20, None, [8, 2, 2, 2, 2, 2, 2]),
        (3, 6, None, [2, 1, 1, 1, 1]),
        (6, 12, 4, [3, 4, 4, 1]),
        (4, 9, 100, [2, 7]),
        (5, None, 6, [3, 6, 6]),
        (12, None, None, [6, *[1] * 30]),
    ],
)
def test_sizes_of_the_rounds(strategy, players, matches, batch, sizes):
    """An eighth of the players by default; 3 n matches by default."""
    played = run(strategy(range(players), matches=matches, batch=batch), anyhow(1))
    found = Counter(match.round for match, _ in played)
    assert [found[number] for number in sorted(found)] == sizes
    assert list(found) == list(range(1, len(sizes) + 1))


@batches
@pytest.mark.parametrize("options", [{"matches": 0}, {"matches": -1}, {"batch": 0}])
def test_numbers_below_one_are_refused(strategy, options):
    values = {"matches": 12, "batch": 1} | options
    said = f"matches and batch must be at least 1, not {values['matches']} and {values['batch']}"
    with pytest.raises(InputError, match=said):
        strategy(range(4), **options)


@batches
def test_what_plans_read(strategy):
    assert strategy.takes_budget is True
    assert strategy.auto_votes == 1


@batches
@settings(deadline=None, max_examples=25)
@given(st.integers(2, 9), st.integers(0, 1000), st.randoms(use_true_random=False))
def test_the_same_verdicts_make_the_same_tournament(strategy, players, seed, arrival):
    """In whatever order they arrive, and however the contestants are numbered."""
    draw = Random(seed).sample(range(players), players)
    tournaments = strategy(draw), strategy(draw)
    played = run(tournaments[0], anyhow(seed)), run(tournaments[1], anyhow(seed), arrival)
    assert played[0] == played[1]
    assert tournaments[0].standings == tournaments[1].standings
    renamed = strategy(range(players))
    again = run(renamed, anyhow(seed))
    assert pairs(again) == [frozenset(map(draw.index, pair)) for pair in pairs(played[0])]
    assert tuple(draw[player] for player in renamed.standings.order) == tournaments[0].standings.order


@batches
@pytest.mark.parametrize("players", [2, 3, 16])
@pytest.mark.parametrize(
    "judge",
    [
        better(range(0, -20, -1)),
        lambda _: Outcome.TIE,
        lambda _: Outcome.UNDECIDED,
        lambda _: Outcome.FIRST,
        lambda match: Outcome.UNDECIDED if 0 in (match.first, match.second) else Outcome.SECOND,
    ],
    ids=["unanimous", "ties", "undecided", "always first", "nobody reads 0"],
)
def test_hundreds_of_verdicts_break_nothing(strategy, players, judge):
    """Every number stays finite, and no one meets itself, however little or much the verdicts say."""
    tournament = strategy(range(players), matches=400)
    played = run(tournament, judge)
    assert len(played) == 400
    assert all(match.first != match.second for match, _ in played)
    standings = tournament.standings
    assert all(map(isfinite, (*standings.scores, *standings.errors, standings.position_bias)))
    assert min(standings.errors) > 0


@batches
def test_unanimous_verdicts_are_believed(strategy):
    """The best comes first, above the others by far, where each pair is shown one way round and then the other."""
    tournament = strategy(range(8), matches=300)
    ready = list(tournament.start())
    while ready:
        match = ready.pop()
        vote = Support(1.0, 0.0) if match.first > match.second else Support(0.0, 1.0)
        support = (Support(), vote) if match.repeat % 2 else (vote, Support())
        ready += tournament.record(match, Verdict(Outcome.UNDECIDED, Tally(), support=support))
    standings = tournament.standings
    assert standings.order[0] == 7
    assert (7, standings.order[1]) not in standings.level


@batches
def test_verdicts_that_say_nothing_leave_the_order_of_the_draw(strategy):
    """And everyone level."""
    for outcome in (Outcome.UNDECIDED, Outcome.TIE):
        tournament = strategy([3, 1, 2, 0])
        run(tournament, lambda _, outcome=outcome: outcome)
        assert tournament.standings.order == (3, 1, 2, 0)
        assert tournament.standings.level == ((3, 1), (1, 2), (2, 0))
        assert tournament.standings.scores == (0.0,) * 4


@batches
@pytest.mark.parametrize("players", [4, 8, 16])
def test_a_pair_that_gives_no_vote_does_not_eat_the_budget(strategy, players):
    """The judge can't compare the two best: others are asked more often."""

    def judge(match):
        if match.first + match.second == 1:
            return Outcome.UNDECIDED
        return Outcome.FIRST if match.first < match.second else Outcome.SECOND

    tournament = strategy(range(players), matches=5 * players)
    met = Counter(pairs(run(tournament, judge)))
    assert met[frozenset((0, 1))] <= 3 * players
    assert set(tournament.standings.order[:2]) == {0, 1}


@st.composite
def posteriors(draw):
    """Of 2 to 6 players after any games, some of them lost."""
    players = draw(st.integers(2, 6))
    pair = st.permutations(range(players)).map(lambda order: (order[0], order[1]))
    found = draw(st.lists(st.tuples(pair, st.sampled_from(Outcome)), max_size=20))
    played = [Played(1, *two, Verdict(outcome, Tally())) for two, outcome in found]
    votes, lost = Counter(), Counter()
    for (first, second), outcome in found:
        (lost if outcome is Outcome.UNDECIDED else votes)[min(first, second), max(first, second)] += 1
    posterior = Posterior(pooled(played, players), votes, lost)
    for _ in range(draw(st.integers(0, 3))):
        posterior.ask(*draw(pair))
    return posterior


def worths(posterior, wanted, caution):
    """Of each pair: the variance that one vote takes off the wanted gaps, each weighed, by a loop over all of them."""
    players = range(len(posterior.ratings))
    covariance, information = posterior.covariance.tolist(), posterior.information.tolist()

    def shared(one, other, first, second):
        """The covariance of two gaps."""
        rows = covariance[one], covariance[other]
        return rows[0][first] - rows[0][second] - rows[1][first] + rows[1][second]

    weights = {}
    for one, other in wanted:
        error = sqrt(shared(one, other, one, other))
        gap = posterior.ratings[one] - posterior.ratings[other]
        weights[one, other] = exp(-((gap / error / caution) ** 2) / 2) / error
    found = {}
    for first in players:
        for second in players:
            if first < second:
                told = information[first][second]
                noise = 1 / told + shared(first, second, first, second)
                found[first, second] = sum(
                    weight * shared(one, other, first, second) ** 2 / noise for (one, other), weight in weights.items()
                )
    return found


def check_chosen(strategy, posterior, wanted):
    tournament = strategy(range(len(posterior.ratings)))
    found = worths(posterior, wanted, tournament.caution(5))
    first, second = tournament.choose(posterior, 5)
    best = max(found.values())
    assert found[min(first, second), max(first, second)] == pytest.approx(best, rel=1e-7)


@settings(deadline=None)
@given(posteriors())
def test_the_pair_that_tells_most_of_the_order(posterior):
    """Of all pairs."""
    players = range(len(posterior.ratings))
    check_chosen(Active, posterior, [(one, other) for one in players for other in players if one < other])


@settings(deadline=None)
@given(posteriors())
def test_the_pair_that_tells_most_of_the_best(posterior):
    """Only gaps to the leader count; it may be a pair of two others that tells most of them."""
    players = range(len(posterior.ratings))
    leader = max(players, key=lambda player: (round(posterior.ratings[player], 9), -player))
    check_chosen(ActiveBest, posterior, [(leader, other) for other in players if other != leader])


@pytest.mark.parametrize("strategy", PLAIN)
def test_equal_worth_goes_by_the_draw(strategy):
    """And so does who is shown first, as far as it is left to the tournament."""
    assert strategy(range(5)).choose(Posterior(pooled([], 5), {}), 9) == (0, 1)


def test_who_is_out_of_the_question_is_asked_less_about_the_best():
    """The last of a clear order plays less than the first where only the best is wanted."""
    judge = better([8, 7, 6, 5, 4, 3, 2, 1])
    counts = {}
    for strategy in PLAIN:
        played = run(strategy(range(8), matches=80), judge)
        counts[strategy] = Counter(player for match, _ in played for player in (match.first, match.second))
    assert counts[ActiveBest][7] < counts[ActiveBest][0]
    assert counts[ActiveBest][7] < counts[Active][7]


def test_more_right_than_a_knockout():
    """On a judge with position bias and lapses, at three calls for each of 16 responses. One seed: no floor of chance."""
    best, knockout = simulate([Arm("active-best", budget=48), Arm("knockout")], trials=300, seed=1, workers=1)
    assert best.calls.mean == 48
    assert best.top1.mean > 0.55
    assert best.top1.mean > knockout.top1.mean + 3 * best.gain(knockout, "top1").error
    assert best.position_bias.mean == pytest.approx(0.6, abs=0.2)


def test_caution_ends():
    """Of the one that looks for the best; the one for the order is as cautious at the end."""
    best, order = ActiveBest(range(8), matches=10), Active(range(8), matches=10)
    assert [best.caution(number) for number in (2, 10)] == [0.9, 0.5]
    assert [order.caution(number) for number in (2, 10)] == [1.0, 1.0]
