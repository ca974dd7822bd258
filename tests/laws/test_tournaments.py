"""The laws of every tournament, over every registered strategy."""

import pickle
from itertools import pairwise
from math import isfinite
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rrm.errors import IllegalRecordError, InputError
from rrm.tournaments import STRATEGIES
from rrm.types import Match, Outcome, Standings, Tally, Verdict

EVERY = pytest.mark.parametrize("name", sorted(STRATEGIES))
DRAWS = st.integers(1, 17).flatmap(lambda size: st.permutations(range(size)))
OUTCOMES = st.sampled_from(list(Outcome))
BUDGETED = pytest.mark.parametrize(
    "name", sorted(n for n in STRATEGIES if getattr(STRATEGIES[n], "takes_budget", False))
)
COARSE = {"anchor"}
"""Strategies that leave some unlike contestants level, and so promise less of the best; see the law."""
UNBEATEN = {"active", "arena-elo"}
"""Strategies that let few of many meet, and so can place somebody else before the best who has won every match."""
FITTED = {"swiss"}
"""Strategies that rate by a fit of few games, in which it counts whom somebody beat: the best can be second."""


def verdict(outcome):
    return Verdict(outcome, Tally())


def play(tournament, judge, arrival):
    """Play to the end; `arrival` (a Random) says in which order verdicts arrive. Returns the number of matches."""
    ready = list(tournament.start())
    count = 0
    while ready:
        match = ready.pop(arrival.randrange(len(ready)))
        ready += tournament.record(match, verdict(judge(match)))
        count += 1
    return count


def noisy_judge(seed):
    """An arbitrary judge that gives the same verdict on a pair whoever asks, ties and lost matches included."""

    def judge(match):
        return Random(f"{seed}-{match.first}-{match.second}").choice(list(Outcome))

    return judge


@EVERY
@pytest.mark.parametrize("size", range(1, 71))
def test_a_transitive_judge_gets_its_true_best_first_in_the_stated_number_of_matches(name, size):
    """For 1 to 70 contestants: the best wins, standings are a permutation, and no match too many is played.

    A coarse strategy promises of the best that nobody scores higher, and that only its equals are placed before it; for
    others that promise less see their sets. Where there are standard errors, nobody before the best can be told from it.
    """
    skill = Random(size).sample(range(size), size)
    draw = Random(size + 1).sample(range(size), size)
    tournament, beaten = STRATEGIES[name](draw), set()

    def judge(match):
        first_is_better = skill[match.first] > skill[match.second]
        beaten.add(match.second if first_is_better else match.first)
        return Outcome.FIRST if first_is_better else Outcome.SECOND

    count = play(tournament, judge, Random(size))
    assert count <= tournament.most_matches
    standings, best = tournament.standings, skill.index(size - 1)
    ahead = standings.order[: standings.order.index(best)]
    if name in COARSE:
        assert {standings.scores[contestant] for contestant in ahead} <= {standings.scores[best]}
    elif name in UNBEATEN:
        assert not beaten & set(ahead)
    else:
        assert len(ahead) <= (name in FITTED)
    if standings.errors:
        assert set(pairwise([*ahead, best])) <= set(standings.level)


@EVERY
@settings(deadline=None)
@given(draw=DRAWS, seed=st.integers())
def test_the_order_of_arrival_does_not_matter(name, draw, seed):
    """The same verdicts give the same standings, in whatever order they arrive."""
    found = []
    for arrival in range(4):
        tournament = STRATEGIES[name](draw)
        play(tournament, noisy_judge(seed), Random(arrival))
        found.append(tournament.standings)
    assert all(standings == found[0] for standings in found)


@EVERY
@settings(deadline=None)
@given(draw=DRAWS, seed=st.integers(), data=st.data())
def test_relabelling_the_contestants_relabels_the_standings(name, draw, seed, data):
    """Numbering the contestants in another way changes nothing but the numbers."""
    label = data.draw(st.permutations(range(len(draw))))
    one, other = STRATEGIES[name](draw), STRATEGIES[name]([label[contestant] for contestant in draw])
    judge = noisy_judge(seed)
    back = {label[contestant]: contestant for contestant in draw}
    play(one, judge, Random(0))
    play(
        other,
        lambda match: judge(Match(match.number, match.round, back[match.first], back[match.second])),
        Random(1),
    )
    assert other.standings.order == tuple(label[contestant] for contestant in one.standings.order)
    assert [other.standings.scores[label[contestant]] for contestant in draw] == [
        one.standings.scores[contestant] for contestant in draw
    ]


@EVERY
@settings(deadline=None)
@given(draw=DRAWS.filter(lambda draw: len(draw) > 1), seed=st.integers(), steps=st.integers(0, 8))
def test_a_pickle_half_way_changes_nothing(name, draw, seed, steps):
    """A tournament that is stored and loaded in the middle ends as one that is not."""
    straight, stored = STRATEGIES[name](draw), STRATEGIES[name](draw)
    play(straight, noisy_judge(seed), Random(0))
    ready = list(stored.start())
    judge = noisy_judge(seed)
    for step in range(10**6):
        if not ready:
            break
        if step == steps:
            stored, ready = pickle.loads(pickle.dumps((stored, ready)))
        match = ready.pop()
        ready += stored.record(match, verdict(judge(match)))
    assert stored.standings == straight.standings


@EVERY
@settings(deadline=None)
@given(draw=DRAWS.filter(lambda draw: len(draw) > 1), seed=st.integers())
def test_an_illegal_record_raises_and_changes_nothing(name, draw, seed):
    """A match that was never asked for, altered, or recorded before is refused, and the state stays as it was."""
    tournament = STRATEGIES[name](draw)
    first = tournament.start()[0]
    for illegal in (
        Match(10**6, 1, first.first, first.second),
        Match(first.number, first.round, first.second, first.first),
    ):
        before = pickle.dumps(tournament)
        with pytest.raises(IllegalRecordError, match="not being played"):
            tournament.record(illegal, verdict(Outcome.FIRST))
        assert pickle.dumps(tournament) == before
    tournament.record(first, verdict(Outcome.FIRST))
    before = pickle.dumps(tournament)
    with pytest.raises(IllegalRecordError):
        tournament.record(first, verdict(Outcome.SECOND))
    assert pickle.dumps(tournament) == before


@EVERY
@settings(deadline=None)
@given(draw=DRAWS, seed=st.integers())
def test_standings_are_well_formed(name, draw, seed):
    """Everyone is placed once, scores follow the order, and what else is said is of those who play."""
    tournament, players = STRATEGIES[name](draw), set()

    def judge(match):
        players.add((match.number, match.first))
        players.add((match.number, match.second))
        return noisy_judge(seed)(match)

    play(tournament, judge, Random(0))
    standings = tournament.standings
    assert sorted(standings.order) == list(range(len(draw)))
    assert len(standings.scores) == len(draw)
    along = [standings.scores[contestant] for contestant in standings.order]
    assert along == sorted(along, reverse=True)
    assert all(map(isfinite, along))
    assert set(standings.advanced.items()) <= players
    assert set(standings.level) <= set(pairwise(standings.order))
    assert len(standings.errors) in (0, len(draw))
    assert all(isfinite(error) and error >= 0 for error in standings.errors)
    assert (standings.position_bias is None) == (not standings.errors)
    assert not standings.level or standings.errors


@EVERY
@settings(deadline=None)
@given(draw=DRAWS, seed=st.integers(), arrival=st.randoms(use_true_random=False))
def test_matches_are_numbered_once_and_meetings_counted(name, draw, seed, arrival):
    """No number comes twice, nobody plays himself, and a pair that meets again goes on where it was."""
    tournament, asked = STRATEGIES[name](draw), []

    def judge(match):
        asked.append(match)
        return noisy_judge(seed)(match)

    play(tournament, judge, arrival)
    meetings = {}
    for match in asked:
        assert match.first != match.second
        meetings.setdefault(frozenset((match.first, match.second)), []).append((match.number, match.repeat))
    assert len({match.number for match in asked}) == len(asked)
    for met in meetings.values():
        assert [repeat for _, repeat in sorted(met)] == list(range(len(met)))


@BUDGETED
@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 8, 11, 16])
def test_a_budget_is_kept_whatever_it_is(name, size):
    """From one match to five a contestant: no more are played than stated, and no more stated than given."""
    for matches in range(1, 5 * size + 1):
        tournament = STRATEGIES[name](Random(matches).sample(range(size), size), matches=matches)
        count = play(tournament, noisy_judge(matches), Random(size))
        assert count <= tournament.most_matches <= matches
        assert sorted(tournament.standings.order) == list(range(size))


@BUDGETED
@pytest.mark.parametrize("matches", [0, -3])
def test_a_budget_of_nothing_is_refused(name, matches):
    """At least one match must be played, and the message has the number."""
    with pytest.raises(InputError, match=f"at least.*not {matches}"):
        STRATEGIES[name]([0, 1, 2], matches=matches)


@EVERY
def test_standings_are_none_until_decided(name):
    """Nobody can take an open tournament for a decided one."""
    tournament = STRATEGIES[name]([0, 1, 2])
    assert tournament.standings is None
    play(tournament, lambda match: Outcome.FIRST, Random(0))
    assert isinstance(tournament.standings, Standings)


@EVERY
def test_one_contestant_is_ranked_without_a_match(name):
    """A tournament of one is decided at once."""
    tournament = STRATEGIES[name]([0])
    assert list(tournament.start()) == []
    assert tournament.standings.order == (0,)


@EVERY
def test_no_contestants_are_refused(name):
    """An empty draw is the caller's mistake."""
    with pytest.raises(InputError, match="at least one contestant"):
        STRATEGIES[name]([])
