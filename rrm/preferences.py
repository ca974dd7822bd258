"""A ranking becomes preference pairs, as DPO training wants them: chosen over rejected.

A pair counts only where the judge's verdicts bear it out: the two have different ratings; if they met, the chosen
one won by votes; if not, a chain of matches that were won leads from the chosen one to the rejected one. What a draw
decided, or a bracket's luck, is no preference. Where a judge gave scores, those of single responses are compared as they
are, and those of several that were shown together count as matches among them. Where a filter gave scores before some
responses met, these bear out the pairs of which one or both did not: of two that played, matches alone say which is
better. Everything else is left out, and counted.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Literal

from rrm.contests import check_at_least
from rrm.errors import InputError, UnknownNameError
from rrm.ranking import PlayedMatch, Ranking, Scoring

__all__ = ["BEST_WORST", "PAIRINGS", "LeftOut", "Pairing", "Preference", "Preferences", "preferences"]

LeftOut = Literal["identical", "tied", "undecided", "upset", "margin", "limit"]
"""Why a pair is no preference: the same text but for white space; the same rating; no verdicts that bear it out; their
own match (or scores) went the other way; a margin that is too small; more pairs than are wanted of a prompt."""

_Candidates = Callable[[Sequence[int]], Iterator[tuple[int, int]]]


def _best_worst(order: Sequence[int]) -> Iterator[tuple[int, int]]:
    if len(order) > 1:
        yield order[0], order[-1]


def _best_rest(order: Sequence[int]) -> Iterator[tuple[int, int]]:
    return ((order[0], other) for other in order[1:])


def _adjacent(order: Sequence[int]) -> Iterator[tuple[int, int]]:
    return pairwise(order)


def _all(order: Sequence[int]) -> Iterator[tuple[int, int]]:
    return ((better, worse) for place, better in enumerate(order) for worse in order[place + 1 :])


PAIRINGS: Mapping[str, _Candidates] = {
    "best-worst": _best_worst,
    "best-rest": _best_rest,
    "adjacent": _adjacent,
    "all": _all,
}
"""Which pairs of a ranking are looked at, best first."""


@dataclass(frozen=True, slots=True)
class Preference:
    """Two responses, by index; the margin is the difference of their ratings, in the strategy's units, above 0."""

    chosen: int
    rejected: int
    margin: float


@dataclass(frozen=True, slots=True)
class Preferences:
    """The pairs of one prompt, and how many candidates were left out for which reason."""

    pairs: tuple[Preference, ...]
    left_out: Mapping[LeftOut, int]


@dataclass(frozen=True, slots=True)
class Pairing:
    """Which pairs are wanted. Raises InputError for values that can't be used.

    `pairs`: "best-worst" (one a prompt), "best-rest" (the best against each other one), "adjacent" (neighbours in
    the ranking) or "all". `min_margin`: the least difference of the ratings, in the strategy's units (places for a
    knockout, points for Elo). `max_pairs`: at most so many a prompt, those with the largest margins.
    """

    pairs: str = "best-worst"
    min_margin: float = 0.0
    max_pairs: int | None = None

    def __post_init__(self) -> None:
        if self.pairs not in PAIRINGS:
            raise UnknownNameError("way of pairing", str(self.pairs), PAIRINGS)
        if not isinstance(self.min_margin, int | float) or not self.min_margin >= 0:
            raise InputError(f"min_margin must be 0 or more, not {self.min_margin!r}")
        if self.max_pairs is not None:
            check_at_least("max_pairs", self.max_pairs, 1)


BEST_WORST = Pairing()


def preferences(ranking: Ranking, texts: Sequence[str], pairing: Pairing = BEST_WORST) -> Preferences:
    """The preference pairs of a ranking; `texts` are the responses, in the order in which they were ranked.

    Raises ContestError for a ranking that failed, InputError where it is of another number of responses.
    """
    _check(ranking, len(texts))
    evidence = _Evidence(ranking)
    folded = [" ".join(text.split()) for text in texts]
    left_out: Counter[LeftOut] = Counter()
    found = []
    for chosen, rejected in PAIRINGS[pairing.pairs](evidence.contestants):
        pair = Preference(chosen, rejected, ranking.scores[chosen] - ranking.scores[rejected])
        if folded[chosen] == folded[rejected]:
            left_out["identical"] += 1
        elif reason := evidence.against(pair, pairing.min_margin):
            left_out[reason] += 1
        else:
            found.append(pair)
    kept = _widest(found, pairing.max_pairs)
    left_out["limit"] = len(found) - len(kept)
    return Preferences(kept, +left_out)


def _check(ranking: Ranking, responses: int) -> None:
    if ranking.best >= 0 and len(ranking.order) != responses:
        raise InputError(f"the ranking is of {len(ranking.order)} responses, and there are {responses}")
    if sorted(ranking.order) != list(range(responses)) or len(ranking.scores) != responses:
        raise InputError(f"the ranking has not each of {responses} responses in its order, with a score each")


def _widest(pairs: Sequence[Preference], most: int | None) -> tuple[Preference, ...]:
    """So many pairs with the largest margins, in the order in which they came."""
    if most is None or len(pairs) <= most:
        return tuple(pairs)
    widest = sorted(range(len(pairs)), key=lambda place: -pairs[place].margin)[:most]
    return tuple(pairs[place] for place in sorted(widest))


def _leads(ranking: Ranking) -> dict[tuple[int, int], float]:
    """By how much the first of each pair that met leads, over all their matches; 0 where these leave it open.

    One match leads by 1, however many votes it had. Where two met again, what their votes say is added up.
    """
    leads: dict[tuple[int, int], list[tuple[int, float]]] = {}
    for match in ranking.matches:
        sign = 1 if match.first < match.second else -1
        won = 0 if match.winner is None or match.settled_by else 1 if match.winner == match.first else -1
        pair = (min(match.first, match.second), max(match.first, match.second))
        leads.setdefault(pair, []).append((sign * won, sign * _difference(match)))
    return {pair: met[0][0] if len(met) == 1 else sum(votes for _, votes in met) for pair, met in leads.items()}


def _difference(match: PlayedMatch) -> float:
    """By how many votes the first is ahead; where they were read as probabilities, by what these add up to."""
    if match.soft is None:
        return match.votes.first - match.votes.second
    return sum(support.first - support.second for support in match.support)


def _scores_alone(ranking: Ranking) -> dict[int, dict[int, float]]:
    """By round, the scores of responses that were shown alone."""
    found: dict[int, dict[int, float]] = {}
    for scoring in ranking.scorings:
        if len(scoring.responses) == 1:
            found.setdefault(scoring.round, {})[scoring.responses[0]] = scoring.scores[0]
    return found


class _Evidence:
    """Who beat whom by votes; and by scores of their own, where at least one of them did not play."""

    def __init__(self, ranking: Ranking) -> None:
        self._open = set[tuple[int, int]]()
        self._beaten: dict[int, list[int]] = {}
        self._reached: dict[int, set[int]] = {}
        for (one, other), lead in _leads(ranking).items():
            if lead == 0:
                self._open |= {(one, other), (other, one)}
            else:
                winner, loser = (one, other) if lead > 0 else (other, one)
                self._beaten.setdefault(winner, []).append(loser)
        for scoring in ranking.scorings:
            self._note_window(scoring)
        self._alone = _scores_alone(ranking)
        self._met = {player for match in ranking.matches for player in (match.first, match.second)}
        self._met |= {one for scoring in ranking.scorings if len(scoring.responses) > 1 for one in scoring.responses}
        known = self._met.union(*self._alone.values())
        # Of identical responses one played for all; a ranking by scores alone may say nothing of what it rests on.
        self.contestants = tuple(index for index in ranking.order if index in known or not known)
        self._is_without_evidence = not known

    def _note_window(self, scoring: Scoring) -> None:
        """Scores of one window can be compared; those of different windows can't."""
        for (one, score), (other, other_score) in combinations(zip(scoring.responses, scoring.scores, strict=True), 2):
            if score == other_score:
                self._open |= {(one, other), (other, one)}
            else:
                winner, loser = (one, other) if score > other_score else (other, one)
                self._beaten.setdefault(winner, []).append(loser)

    def against(self, pair: Preference, min_margin: float) -> LeftOut | None:
        """Why the pair is no preference; None where it is one."""
        if pair.margin <= 0:
            return "tied"
        if pair.chosen in self._beaten.get(pair.rejected, ()) or self._lead(pair.chosen, pair.rejected) < 0:
            return "upset"
        if not self._bears_out(pair.chosen, pair.rejected):
            return "undecided"
        return "margin" if pair.margin < min_margin else None

    def _bears_out(self, better: int, worse: int) -> bool:
        if self._is_without_evidence or self._lead(better, worse) > 0:
            return True
        if (better, worse) in self._open:
            return False
        if worse in self._beaten.get(better, ()):
            return True
        if better not in self._reached:
            self._reached[better] = self._below(better)
        return worse in self._reached[better]

    def _lead(self, one: int, other: int) -> float:
        """By how much the first leads in scores of their own: in the last round in which both had one.

        0 where there is none, or both played: then that is for their matches to say.
        """
        if {one, other} <= self._met:
            return 0.0
        for _, scores in sorted(self._alone.items(), reverse=True):
            if {one, other} <= scores.keys():
                return scores[one] - scores[other]
        return 0.0

    def _below(self, start: int) -> set[int]:
        reached, waiting = set[int](), [start]
        while waiting:
            for loser in self._beaten.get(waiting.pop(), ()):
                if loser not in reached:
                    reached.add(loser)
                    waiting.append(loser)
        return reached
