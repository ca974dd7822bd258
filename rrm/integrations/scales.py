"""From a group's ranking to a number for each of its responses, or None where no verdict bears on a response.

What every scale keeps: a better record gives no lower reward; identical responses have equal rewards; a group with
nothing to compare (one response, or all identical) is 0.5 throughout; and a game that nobody decided is never a
number: a response whose every match was left open has no reward, whatever a strategy made of it. A response that a
draw sent on in a bracket has gained nothing by that. Nothing here knows a judge, a trainer or a text.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

from rrm.judging.voting import outcome
from rrm.ranking import Ranking
from rrm.types import Outcome

__all__ = ["SCALES", "Scale", "rewards_of"]

Scale = Literal["elo", "rank", "win-rate", "anchor", "score"]
"""What a reward says.

"elo": (rating - 1000) / 200 + 0.5, as in the RRM authors' released code (microsoft/LMOps, reward_score/rrm/arena.py).
Its mean over a group of unlike responses is 0.5; with the K of 4 that they and rrm use, one win moves it by 0.01.
"rank": the place among the group's rewarded responses, 1 the best, 0 the worst; equal scores share their mean place.
Those that a filter's scores cut before anyone was judged have their places among all responses, behind all that were
kept, also behind those of the kept on which nobody decided, which have no reward.
"win-rate": the share of the decided comparisons with the others that went to the response, a tie counting half; an
identical response is a tie.
"anchor": one response of the group, drawn by seed, is the anchor: 1 for beating it, 0 for losing to it, 0.5 for a
tie and for the anchor itself. (`ResponseArenaFast` in the authors' code asks the judge to compare the anchor with
itself, so that its reward is a coin flip that costs a judgement, and takes an unreadable verdict for a 0.)
"score": what a judge of single responses gave it, the mean of its samples, in the judge's own units.
"""

SCALES: tuple[str, ...] = get_args(Scale)

_NEUTRAL = 0.5
_SCORES = {Outcome.FIRST: 1.0, Outcome.TIE: 0.5, Outcome.SECOND: 0.0}


class _Game(NamedTuple):
    """A decided match of two responses; `score` is the first one's."""

    first: int
    second: int
    score: float


@dataclass(frozen=True, slots=True)
class _Table:
    """A ranking with at least one match. `stands_for` has, for each response, the identical one that played for it."""

    ranking: Ranking
    games: tuple[_Game, ...]
    stands_for: tuple[int, ...]

    @property
    def judged(self) -> tuple[int, ...]:
        """The responses on which a decided game bears, and those that a filter cut by its scores before any game."""
        players = {player for game in self.games for player in (game.first, game.second)}
        return self._for_whom(players | self._without_match)

    @property
    def cut(self) -> tuple[int, ...]:
        """The responses that a filter cut by its scores before any game."""
        return self._for_whom(self._without_match)

    @property
    def _without_match(self) -> set[int]:
        """Those that have a score and no match."""
        scored = {response for scoring in self.ranking.scorings for response in scoring.responses}
        return scored - _players(self.ranking)

    def _for_whom(self, known: Collection[int]) -> tuple[int, ...]:
        return tuple(index for index, player in enumerate(self.stands_for) if player in known)


def rewards_of(ranking: Ranking, scale: Scale, *, allows_ties: bool) -> tuple[float | None, ...]:
    """A reward for each response of a ranking that did not fail, in the order of the responses.

    `allows_ties` is whether the judge may call a tie: if not, an even split of its votes is undecided.
    """
    if scale == "score":
        return ranking.scores
    if not ranking.matches:
        return _ranks(ranking) if ranking.scorings else (_NEUTRAL,) * len(ranking.order)
    table = _Table(ranking, _decided(ranking, allows_ties), _stands_for(ranking))
    reward, judged = _REWARDS[scale](table), set(table.judged)
    return tuple(reward(index) if index in judged else None for index in range(len(ranking.order)))


def _decided(ranking: Ranking, allows_ties: bool) -> tuple[_Game, ...]:
    """By the votes alone: a match that the draw settled has a winner and is open all the same."""
    found = ((match, outcome(match.votes, allows_ties)) for match in ranking.matches)
    return tuple(_Game(match.first, match.second, _SCORES[said]) for match, said in found if said in _SCORES)


def _stands_for(ranking: Ranking) -> tuple[int, ...]:
    """Of identical responses one plays, and the others stand right behind it in the order, with its score."""
    players = _players(ranking)
    stands_for = list(range(len(ranking.order)))
    for before, index in zip(ranking.order, ranking.order[1:], strict=False):
        if index not in players and ranking.scores[index] == ranking.scores[before]:
            stands_for[index] = stands_for[before]
    return tuple(stands_for)


def _players(ranking: Ranking) -> set[int]:
    return {player for match in ranking.matches for player in (match.first, match.second)}


_Reward = Callable[[int], float]


def _elo(table: _Table) -> _Reward:
    return lambda index: (table.ranking.scores[index] - 1000) / 200 + _NEUTRAL


def _rank(table: _Table) -> _Reward:
    """A cut response is below all that were kept, whether or not anyone decided on these."""
    scores, cut = table.ranking.scores, set(table.cut)
    judged = [scores[other] for other in table.judged]
    return lambda index: _place(scores[index], scores if index in cut else judged)


def _ranks(ranking: Ranking) -> tuple[float, ...]:
    """The places among responses that all have a score of their own."""
    return tuple(_place(score, ranking.scores) for score in ranking.scores)


def _place(score: float, among: Sequence[float]) -> float:
    """1 for the best, 0 for the worst; equal scores share their mean place. A lone one is in the middle."""
    if len(among) == 1:
        return _NEUTRAL
    below = sum(other < score for other in among)
    level = sum(other == score for other in among) - 1
    return (below + level / 2) / (len(among) - 1)


def _win_rate(table: _Table) -> _Reward:
    """Each response met all others: an identical one in a tie, those that are identical to each other alike."""
    count = {player: table.stands_for.count(player) for player in table.stands_for}
    won: dict[int, float] = {player: (count[player] - 1) / 2 for player in count}
    met = {player: float(count[player] - 1) for player in count}
    for first, second, score in table.games:
        won[first] += score * count[second]
        won[second] += (1 - score) * count[first]
        met[first] += count[second]
        met[second] += count[first]
    return lambda index: won[table.stands_for[index]] / met[table.stands_for[index]]


def _anchor(table: _Table) -> _Reward:
    """The anchor is `first` in every match."""
    scores = {game.second: 1 - game.score for game in table.games}
    return lambda index: scores.get(table.stands_for[index], _NEUTRAL)


_REWARDS: Mapping[Scale, Callable[[_Table], _Reward]] = {
    "elo": _elo,
    "rank": _rank,
    "win-rate": _win_rate,
    "anchor": _anchor,
}
