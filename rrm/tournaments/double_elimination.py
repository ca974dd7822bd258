"""Double elimination: who has lost twice is out. 2n - 2 matches, or 2n - 1 where the final is played again.

The winners' bracket is that of a knockout over the draw; where n is no power of two, those in front have a bye. Its
losers go on in the losers' bracket, whose rounds are played in turn among those who are there and against those who come
down. They come down on the other side of it, so that opponents meet again late: with up to 32 contestants in the last four
rounds of the losers' bracket, if at all. In the final, who has not lost yet meets who has lost once; if the latter wins,
they meet again, and that decides.

A match starts as soon as its two players are known; its round is the earliest in which that can be. Placing: the winner and the loser of the last match, then those
who went out in a later round of the losers' bracket; of those who go out in the same, the one whose conqueror stands
higher. A score is the number of contestants placed below.

A match that ends in a tie or undecided is settled by the draw: the one who stands first in it goes on, and is listed in
`advanced`.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from rrm.errors import InputError
from rrm.tournaments.base import take
from rrm.tournaments.results import by_place
from rrm.types import Match, Outcome, Standings, Verdict

__all__ = ["DoubleElimination"]


class _Way(NamedTuple):
    """Out of a meeting: that of its winner or of its loser."""

    number: int
    is_winner: bool


_Seat = int | _Way | None
"""Who is to play: a contestant, whoever comes that way, or nobody."""


_Pairs = Iterable[tuple[_Seat, _Seat]]

_MOST_LOSSES = 2


@dataclass(slots=True)
class _Meeting:
    """A place in the brackets. A player is None until he is known."""

    round: int
    stage: int
    """The round of the losers' bracket, or one more for the final; 0 in the winners' bracket."""
    players: list[int | None]
    ways: dict[bool, tuple[int, int]]
    """Where the winner (True) and the loser go: the number of their next meeting and the side there."""


class DoubleElimination:
    """A double elimination over the draw, which is an order of the contestants 0 .. n-1."""

    def __init__(self, draw: Sequence[int]) -> None:
        if not draw:
            raise InputError("a double elimination needs at least one contestant")
        self._draw = tuple(draw)
        self._place = {contestant: place for place, contestant in enumerate(self._draw)}
        self._meetings = _Brackets(self._draw).meetings
        self._playing: dict[int, Match] = {}
        self._met: Counter[frozenset[int]] = Counter()
        self._losses: Counter[int] = Counter()
        self._out: dict[int, tuple[int, int]] = {}
        """Of those who are out: the stage in which they went, and the conqueror."""
        self._advanced: dict[int, int] = {}

    @property
    def most_matches(self) -> int:
        return len(self._meetings)

    def start(self) -> Sequence[Match]:
        return [match for number in self._meetings if (match := self._ready(number))]

    def record(self, match: Match, verdict: Verdict) -> Sequence[Match]:
        take(self._playing, match)
        winner, loser = match.first, match.second
        if verdict.outcome is Outcome.SECOND:
            winner, loser = loser, winner
        elif verdict.outcome is not Outcome.FIRST:
            self._advanced[match.number] = winner
        self._losses[loser] += 1
        meeting = self._meetings[match.number]
        if self._losses[loser] == _MOST_LOSSES:
            self._out[loser] = (meeting.stage, winner)
        # After the final the ways lead to the one that is played again; there is no need if its loser is out.
        if len(self._out) == len(self._draw) - 1:
            return []
        return [*self._go_on(winner, meeting.ways.get(True)), *self._go_on(loser, meeting.ways.get(False))]

    @property
    def standings(self) -> Standings | None:
        if len(self._out) < len(self._draw) - 1:
            return None
        return by_place(self._placing(), self._advanced)

    def _go_on(self, player: int, way: tuple[int, int] | None) -> Sequence[Match]:
        if way is None:
            return []
        number, side = way
        self._meetings[number].players[side] = player
        ready = self._ready(number)
        return [ready] if ready else []

    def _ready(self, number: int) -> Match | None:
        one, other = self._meetings[number].players
        if one is None or other is None:
            return None
        first, second = sorted((one, other), key=self._place.__getitem__)
        pair = frozenset((first, second))
        self._playing[number] = Match(number, self._meetings[number].round, first, second, self._met[pair])
        self._met[pair] += 1
        return self._playing[number]

    def _placing(self) -> Sequence[int]:
        order = [contestant for contestant in self._draw if contestant not in self._out]
        for stage in sorted({stage for stage, _ in self._out.values()}, reverse=True):
            place = {contestant: place for place, contestant in enumerate(order)}
            losers = [loser for loser, (at, _) in self._out.items() if at == stage]
            order += sorted(losers, key=lambda loser: place[self._out[loser][1]])
        return order


class _Brackets:
    """All meetings by number. Where one of a pair is nobody, there is no meeting, and the other goes on."""

    def __init__(self, draw: tuple[int, ...]) -> None:
        self.meetings: dict[int, _Meeting] = {}
        self._stage = 0
        if len(draw) > 1:
            self._build(_with_byes(draw))

    def _build(self, seats: list[_Seat]) -> None:
        seats, losers = self._play(_neighbours(seats), 0)
        survivors = self._halve(losers)
        shift = 1
        while len(seats) > 1:
            seats, losers = self._play(_neighbours(seats), 0)
            survivors = self._survive(zip(survivors, _across(losers, shift), strict=True))
            survivors = self._halve(survivors)
            shift = 2
        for _ in range(2):
            winner, loser = self._meet(seats[0], survivors[0], self._stage + 1)
            seats, survivors = [winner], [loser]

    def _halve(self, survivors: list[_Seat]) -> list[_Seat]:
        """A round of the losers' bracket among those who are there, unless it is one alone."""
        return self._survive(_neighbours(survivors)) if len(survivors) > 1 else survivors

    def _survive(self, pairs: _Pairs) -> list[_Seat]:
        self._stage += 1
        return self._play(pairs, self._stage)[0]

    def _play(self, pairs: _Pairs, stage: int) -> tuple[list[_Seat], list[_Seat]]:
        """A round; returns the seats of its winners and of its losers."""
        ends = [self._meet(upper, lower, stage) for upper, lower in pairs]
        return [winner for winner, _ in ends], [loser for _, loser in ends]

    def _meet(self, upper: _Seat, lower: _Seat, stage: int) -> tuple[_Seat, _Seat]:
        if upper is None or lower is None:
            return (lower if upper is None else upper), None
        number = len(self.meetings) + 1
        before = [self.meetings[seat.number].round for seat in (upper, lower) if isinstance(seat, _Way)]
        meeting = self.meetings[number] = _Meeting(1 + max(before, default=0), stage, [None, None], {})
        for side, seat in enumerate((upper, lower)):
            if isinstance(seat, _Way):
                self.meetings[seat.number].ways[seat.is_winner] = (number, side)
            else:
                meeting.players[side] = seat
        return _Way(number, is_winner=True), _Way(number, is_winner=False)


def _with_byes(draw: tuple[int, ...]) -> list[_Seat]:
    """Seats of the first round, a power of two; as in a knockout, those in front of the draw meet nobody."""
    byes = (1 << (len(draw) - 1).bit_length()) - len(draw)
    seats: list[_Seat] = []
    for contestant in draw[:byes]:
        seats += [contestant, None]
    return [*seats, *draw[byes:]]


def _neighbours(seats: Sequence[_Seat]) -> _Pairs:
    return zip(seats[::2], seats[1::2], strict=True)


def _across(losers: Sequence[_Seat], shift: int) -> Sequence[_Seat]:
    """Those who come down, in the order in which they meet the survivors: reversed, later with neighbours exchanged too."""
    mask = max(0, len(losers) - shift)
    return [losers[place ^ mask] for place in range(len(losers))]
