"""A tournament in rounds, written as a generator: it yields the pairs of a round and is sent what became of them.

In `play`, players are numbered 0 .. n-1 by their place in the draw, so that 0 is a random one and nothing depends on how
the responses are numbered. All matches of a round are played at once; the next round is drawn when all are in, and so does
not depend on the order of arrival. State lives in the generator's own variables: a tournament that is unpickled plays
its rounds again from what was recorded.
"""

import math
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import replace
from operator import index
from typing import Any, NamedTuple, SupportsIndex

from rrm.errors import InputError
from rrm.tournaments.base import check_standings, take
from rrm.types import Match, Standings, Verdict

__all__ = ["FromGenerator", "Pair", "Play", "Played", "Rounds"]

Pair = tuple[int, int]
"""Two players who are to meet."""


class Played(NamedTuple):
    """A match of a round and its verdict, in terms of `first` and `second`."""

    number: int
    first: int
    second: int
    verdict: Verdict


Play = Generator[Iterable[Pair], Sequence[Played], Standings]
"""Yields the pairs of each round, is sent them as they were played, in the same order, and returns the standings."""


class Rounds(ABC):
    """Base of the strategies that play in rounds: they say `play` and `most_matches`."""

    def __init__(self, draw: Sequence[int]) -> None:
        if not draw:
            raise InputError(f"the strategy {type(self).__name__} needs at least one contestant")
        self._draw = tuple(draw)
        self._open: dict[int, Match] = {}
        self._round: tuple[Match, ...] = ()
        self._verdicts: dict[int, Verdict] = {}
        self._past: list[tuple[Played, ...]] = []
        self._meetings: Counter[Pair] = Counter()
        self._count = 0
        self._standings: Standings | None = None
        self._play: Play | None = None

    @property
    def players(self) -> int:
        """How many play."""
        return len(self._draw)

    @abstractmethod
    def play(self) -> Play:
        """The rounds; see the module. Must not change `self`, and ask nothing of anyone but its arguments."""

    @property
    @abstractmethod
    def most_matches(self) -> int:
        """No more matches than this are played."""

    def start(self) -> Sequence[Match]:
        self._play = self.play()
        return self._advance(None)

    def record(self, match: Match, verdict: Verdict) -> Sequence[Match]:
        take(self._open, match)
        self._verdicts[match.number] = verdict
        if self._open:
            return ()
        place = {contestant: place for place, contestant in enumerate(self._draw)}
        self._past.append(
            tuple(
                Played(played.number, place[played.first], place[played.second], self._verdicts[played.number])
                for played in self._round
            )
        )
        self._verdicts = {}
        return self._advance(self._past[-1])

    @property
    def standings(self) -> Standings | None:
        return self._standings

    def _advance(self, played: Sequence[Played] | None) -> Sequence[Match]:
        """The next round, or none where there are standings."""
        play = self._revived() if self._play is None else self._play
        try:
            pairs = _listed(next(play) if played is None else play.send(played))
            while not pairs:
                self._past.append(())
                pairs = _listed(play.send(()))
        except StopIteration as end:
            self._standings = self._named(end.value)
            return ()
        self._round = tuple(map(self._match, pairs))
        self._open = {match.number: match for match in self._round}
        return self._round

    def _revived(self) -> Play:
        """The generator of a tournament that was unpickled, as far as it had come before the latest round was over."""
        self._play = self.play()
        next(self._play)
        for played in self._past[:-1]:
            self._play.send(played)
        return self._play

    def _match(self, players: Pair) -> Match:
        pair = _pair(players, self.players)
        if pair is None:
            raise InputError(f"a round is pairs of two different players of 0 to {self.players - 1}, not {players!r}")
        if self._count >= self._limit:
            raise InputError(f"{self._title} wants more than the {self.most_matches} matches that it states")
        self._count += 1
        first, second = pair
        key = (min(pair), max(pair))
        repeat = self._meetings[key]
        self._meetings[key] += 1
        return Match(self._count, len(self._past) + 1, self._draw[first], self._draw[second], repeat)

    @property
    def _limit(self) -> float:
        """How many matches are let pass."""
        return self.most_matches

    @property
    def _title(self) -> str:
        """What it is called in errors."""
        return type(self).__name__

    def _named(self, standings: Standings) -> Standings:
        """Standings by place in the draw, as standings by contestant."""
        draw, players = self._draw, range(self.players)
        check_standings(standings, self.players)
        place = sorted(players, key=draw.__getitem__)
        return replace(
            standings,
            order=tuple(draw[player] for player in standings.order),
            scores=tuple(standings.scores[player] for player in place),
            errors=tuple(standings.errors[player] for player in place) if standings.errors else (),
            level=tuple((draw[one], draw[other]) for one, other in standings.level),
            advanced={number: draw[player] for number, player in standings.advanced.items()},
        )

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_play": None}


def _listed(pairs: Iterable[Pair]) -> list[Pair]:
    try:
        return list(pairs)
    except TypeError:
        raise InputError(f"a round is a list of pairs of players, not {pairs!r}") from None


def _pair(pair: Iterable[SupportsIndex], players: int) -> Pair | None:
    """Two different players, or None where that is not what was yielded: users write the generators."""
    try:
        first, second = map(index, pair)
    except (TypeError, ValueError):
        return None
    return (first, second) if first != second and first in range(players) and second in range(players) else None


class FromGenerator(Rounds):
    """A strategy that is a generator function of the number of players; see `Rounds`.

    `most_matches` is a number, a function of the number of players, or None where it is not known: then every pair once is
    what is expected, and any number is let pass.
    """

    def __init__(
        self,
        draw: Sequence[int],
        play: Callable[[int], Play],
        most_matches: int | Callable[[int], int] | None = None,
    ) -> None:
        super().__init__(draw)
        self._function = play
        self._most = most_matches(self.players) if callable(most_matches) else most_matches

    def play(self) -> Play:
        return self._function(self.players)

    @property
    def most_matches(self) -> int:
        return self.players * (self.players - 1) // 2 if self._most is None else self._most

    @property
    def _title(self) -> str:
        return str(getattr(self._function, "__name__", super()._title))

    @property
    def _limit(self) -> float:
        return math.inf if self._most is None else self._most
