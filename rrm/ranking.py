"""What a user gets: a `Ranking` of one contest, or the `Comparison` of one pair, each with what it rests on.

Both carry all that is needed to audit or repeat them (votes, usage, judge, seed, version), and go to JSON
and back without loss. A contest that failed is a Ranking too, with its error; so a stream of contests
loses nothing when one of them fails.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NoReturn

import msgspec

from rrm._version import __version__
from rrm.errors import ContestError, UnknownNameError
from rrm.makers import JudgeInfo, RewardInfo
from rrm.ratings import graph as graphs
from rrm.ratings.elo import Game, elo
from rrm.ratings.rates import copeland, win_rates
from rrm.types import Opinion, Outcome, Support, Tally, Usage, Verdict, json_line

if TYPE_CHECKING:
    import networkx

__all__ = ["Comparison", "JudgeInfo", "PlayedMatch", "Polled", "Ranking", "RewardInfo", "Scoring"]

Status = Literal["ok", "failed"]


@dataclass(frozen=True, slots=True)
class PlayedMatch:
    """A match and its result. `first`, `second` and `winner` are indices of responses; votes are counted for them.

    `winner` is None for a tie or an undecided match that nobody had to advance from. `settled_by` names the
    rule that sent the winner on where the votes did not ("draw": who stands first in the draw).
    """

    number: int
    round: int
    first: int
    second: int
    winner: int | None
    votes: Tally
    settled_by: str | None = None
    support: tuple[Support, Support] = (Support(), Support())
    """What the votes say by the order in which the two were shown: `first` first, and `second` first."""
    soft: float | None = None
    """Probability of `first` being better, where verdicts were read as probabilities."""

    @property
    def probability(self) -> float:
        """That of `first` winning: `soft` where there is one, else by the votes; see `Tally.probability`."""
        return self.votes.probability if self.soft is None else self.soft

    @property
    def score(self) -> float | None:
        """What the votes give `first`: 1 won, 0 lost, 0.5 for a tie or an even split; None where all were lost."""
        if self.winner is None or self.settled_by:
            return 0.5 if self.votes.decided else None
        return float(self.winner == self.first)


@dataclass(frozen=True, slots=True)
class Scoring:
    """Responses that a judge scored, by index: one alone, or several that it saw together. `scores` are means over votes."""

    number: int
    round: int
    responses: tuple[int, ...]
    scores: tuple[float, ...]
    votes: Tally
    criteria: Mapping[str, float] = field(default_factory=dict)
    """The mean for each criterion, by its name, of a response that was graded by several."""


@dataclass(frozen=True, slots=True)
class Ranking:
    """The responses of one contest, best first.

    `order` has the indices of the responses, best first; `scores` one number per response, in the order in
    which they were given (what the number means is the strategy's to say); `matches` the games in schedule
    order, `scorings` what was scored instead by a judge that gives numbers. Of a contest that failed, `error` says why, and `order`, `scores` and `matches` are empty.
    """

    strategy: str
    order: tuple[int, ...] = ()
    scores: tuple[float, ...] = ()
    matches: tuple[PlayedMatch, ...] = ()
    usage: Usage = Usage()
    judge: JudgeInfo | None = None
    seed: int = 0
    id: str | int | None = None
    error: str | None = None
    error_type: str | None = None
    """The name of the error's class in `rrm.errors`."""
    notes: tuple[str, ...] = ()
    """What the judge engine did that the caller should know of, such as special tokens that were broken up."""
    version: str = __version__
    scorings: tuple[Scoring, ...] = ()
    errors: tuple[float, ...] = ()
    """The standard error of each score, where scores are estimates."""
    level: tuple[tuple[int, int], ...] = ()
    """Neighbours in the order that can't be told apart, where that can be said."""
    position_bias: float | None = None
    """How much better a response does for being shown first, in logits, where that was estimated."""
    rewards: tuple[RewardInfo, ...] = ()
    """The reward models that scored or filtered the responses."""

    @classmethod
    def failed(cls, strategy: str, error: Exception, *, seed: int, id: str | int | None) -> Ranking:  # noqa: A002
        """The ranking of a contest that could not be judged."""
        return cls(strategy, seed=seed, id=id, error=_said(error), error_type=type(error).__name__)

    @property
    def status(self) -> Status:
        return "ok" if self.error is None else "failed"

    @property
    def best(self) -> int:
        """Index of the best response. Raises ContestError if the contest failed."""
        return self.order[0] if self.order else self._refuse()

    @property
    def votes(self) -> Tally:
        """All votes of all matches and scorings added up; `unparsed` and `truncated` are the lost ones."""
        of_matches = sum((match.votes for match in self.matches), Tally())
        return sum((scoring.votes for scoring in self.scorings), of_matches)

    def graph(self, kind: Literal["bracket", "wins"] | None = None) -> networkx.DiGraph[int]:
        """The matches as a networkx graph.

        "bracket" (the default for a knockout): a directed acyclic graph of the matches, by number. "wins" (the
        default for everything else): a weighted graph of the responses, from loser to winner.
        """
        results = [_result(played) for played in self.matches]
        if (kind or ("bracket" if self.strategy == "knockout" else "wins")) == "bracket":
            return graphs.bracket(results)
        return graphs.wins(results, range(len(self.order)))

    def rated(self, rating: Rating) -> dict[int, float]:
        """The responses that played, by index, rated anew by the ranking's own matches, whatever the strategy was.

        "bradley-terry": logits, as the strategies that pool all games have them; "elo": in schedule order; "win-rate": 0 to
        1; "copeland": opponents beaten less opponents lost to; "pagerank": adds up to 1. Raises UnknownNameError.
        """
        if rating not in _RATERS:
            raise UnknownNameError("rating", str(rating), _RATERS)
        players = self._players
        return dict(zip(players, _RATERS[rating](self, players), strict=True)) if players else {}

    def transitivity(self) -> graphs.Transitivity:
        """How often the judge contradicts itself: circles among the responses, by index."""
        return graphs.transitivity(self._games(range(len(self.order))), len(self.order))

    def smith_set(self) -> tuple[int, ...]:
        """The fewest responses, by index, each of which beats every one outside; one alone beats all others."""
        players = self._players or self.order[:1]
        return tuple(players[number] for number in graphs.smith_set(self._games(players), len(players)))

    @property
    def _players(self) -> tuple[int, ...]:
        return tuple(sorted({player for match in self.matches for player in (match.first, match.second)}))

    def _games(self, players: Sequence[int]) -> list[Game]:
        """What was played, with the players numbered as they are given; what the votes left open is left out."""
        number = {player: number for number, player in enumerate(players)}
        return [
            Game(number[match.first], number[match.second], match.score)
            for match in self.matches
            if match.score is not None
        ]

    def to_dict(self) -> dict[str, object]:
        """Plain values, as in the JSON lines of `rrm rank --format json` (README, "Output")."""
        if self.error is not None:
            return _failure(self.id, self.error, self.error_type) | {"strategy": self.strategy} | self._end()
        return {
            "id": self.id,
            "status": self.status,
            "strategy": self.strategy,
            "order": self.order,
            "best": self.best,
            "scores": self.scores,
            "matches": [_match_to_dict(match) for match in self.matches],
            **({"errors": self.errors, "level": self.level} if self.errors or self.level else {}),
            **({} if self.position_bias is None else {"position_bias": self.position_bias}),
            **({"scorings": [_scoring_to_dict(scoring) for scoring in self.scorings]} if self.scorings else {}),
            "usage": self.usage,
            "judge": self.judge,
            **({"rewards": self.rewards} if self.rewards else {}),
            **self._end(),
            **({"notes": self.notes} if self.notes else {}),
        }

    def to_json(self) -> str:
        """One line of JSON that `from_json` turns back into an equal ranking."""
        return json_line(self.to_dict())

    @classmethod
    def from_json(cls, text: str | bytes) -> Ranking:
        """The inverse of `to_json`. Raises msgspec.ValidationError (a ValueError)."""
        return msgspec.json.decode(text, type=cls)

    def _end(self) -> dict[str, object]:
        return {"seed": self.seed, "version": self.version}

    def _refuse(self) -> NoReturn:
        raise ContestError(self.error or "the ranking is empty")


def _result(match: PlayedMatch) -> graphs.Result:
    return graphs.Result(
        match.number,
        match.round,
        match.first,
        match.second,
        match.winner,
        match.votes.share if match.soft is None else match.soft,
    )


def _elo(ranking: Ranking, players: Sequence[int]) -> list[float]:
    return elo(ranking._games(players), len(players))  # noqa: SLF001 - a part of the class, kept apart for its name


def _win_rate(ranking: Ranking, players: Sequence[int]) -> list[float]:
    return win_rates(ranking._games(players), len(players))  # noqa: SLF001


def _copeland(ranking: Ranking, players: Sequence[int]) -> list[float]:
    return copeland(ranking._games(players), len(players))  # noqa: SLF001


def _pagerank(ranking: Ranking, players: Sequence[int]) -> list[float]:
    won = [_result(match) for match in ranking.matches if not match.settled_by]
    ranks = graphs.pagerank(graphs.wins(won, players))
    return [ranks[player] for player in players]


def _bradley_terry(ranking: Ranking, players: Sequence[int]) -> list[float]:
    from rrm.tournaments.pool import pooled
    from rrm.tournaments.rounds import Played

    number = {player: number for number, player in enumerate(players)}
    played = (
        Played(
            match.number,
            number[match.first],
            number[match.second],
            Verdict(Outcome.UNDECIDED, match.votes, support=_support(match)),
        )
        for match in ranking.matches
    )
    ratings: list[float] = pooled(played, len(players)).ratings[0].tolist()
    return ratings


def _support(match: PlayedMatch) -> tuple[Support, Support]:
    """Where it was not recorded by the order shown, the votes as if each order had had half of them."""
    votes = match.votes
    half = Support(votes.first / 2 + votes.tie / 4, votes.second / 2 + votes.tie / 4)
    return match.support if any(map(any, match.support)) else (half, half)


Rating = Literal["bradley-terry", "elo", "win-rate", "copeland", "pagerank"]
"""How responses can be rated by matches that were played; see `Ranking.rated`."""

_RATERS: Mapping[str, Callable[[Ranking, Sequence[int]], list[float]]] = {
    "bradley-terry": _bradley_terry,
    "elo": _elo,
    "win-rate": _win_rate,
    "copeland": _copeland,
    "pagerank": _pagerank,
}


@dataclass(frozen=True, slots=True)
class Comparison:
    """The verdict on one pair, with what it rests on; or the error that there was instead of a verdict."""

    verdict: Verdict | None = None
    judge: JudgeInfo | None = None
    seed: int = 0
    id: str | int | None = None
    error: str | None = None
    error_type: str | None = None
    """The name of the error's class in `rrm.errors`."""
    version: str = __version__

    @classmethod
    def failed(cls, error: Exception, *, seed: int, id: str | int | None) -> Comparison:  # noqa: A002
        """The comparison of a pair that could not be judged."""
        return cls(seed=seed, id=id, error=_said(error), error_type=type(error).__name__)

    @property
    def status(self) -> Status:
        return "ok" if self.error is None else "failed"

    def to_dict(self, *, transcripts: bool = False) -> dict[str, object]:
        """Plain values, as in the JSON lines of `rrm compare --format json` (README, "Output")."""
        end = {"seed": self.seed, "version": self.version}
        if self.verdict is None:
            return _failure(self.id, self.error, self.error_type) | end
        return {
            "id": self.id,
            "status": self.status,
            "winner": self.verdict.outcome,
            "votes": self.verdict.votes,
            "probability": self.verdict.probability,
            "usage": self.verdict.usage,
            "judge": self.judge,
            **end,
            **({"notes": self.verdict.notes} if self.verdict.notes else {}),
            **({"transcripts": self.verdict.transcripts} if transcripts else {}),
        }

    def to_json(self, *, transcripts: bool = False) -> str:
        """One line of JSON; `transcripts` adds what the judge said, sample by sample."""
        return json_line(self.to_dict(transcripts=transcripts))


@dataclass(frozen=True, slots=True)
class Polled:
    """What a judge said of a contest when it was polled, sample by sample; or the error that there was instead."""

    opinions: tuple[Opinion, ...] = ()
    usage: Usage = Usage()
    id: str | int | None = None
    error: str | None = None
    error_type: str | None = None
    """The name of the error's class in `rrm.errors`."""
    notes: tuple[str, ...] = ()

    @classmethod
    def failed(cls, error: Exception, *, id: str | int | None) -> Polled:  # noqa: A002
        """What there is of a contest that the judge could not be asked about."""
        return cls(id=id, error=_said(error), error_type=type(error).__name__)


def _said(error: Exception) -> str:
    return str(error) or type(error).__name__


def _failure(identity: str | int | None, error: str | None, error_type: str | None) -> dict[str, object]:
    return {"id": identity, "status": "failed", "error": error, "error_type": error_type}


def _scoring_to_dict(scoring: Scoring) -> dict[str, object]:
    return {
        "number": scoring.number,
        "round": scoring.round,
        "responses": scoring.responses,
        "scores": scoring.scores,
        "votes": scoring.votes,
        **({"criteria": scoring.criteria} if scoring.criteria else {}),
    }


def _match_to_dict(match: PlayedMatch) -> dict[str, object]:
    return {
        "number": match.number,
        "round": match.round,
        "first": match.first,
        "second": match.second,
        "winner": match.winner,
        "votes": match.votes,
        "probability": match.probability,
        "support": match.support,
        **({} if match.soft is None else {"soft": match.soft}),
        **({"settled_by": match.settled_by} if match.settled_by else {}),
    }
