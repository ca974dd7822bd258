"""What every tournament is: a state machine that says who plays whom next.

PURE: no clock, no randomness, no input or output. Chance comes in by the draw, which is handed in. The
laws that every tournament keeps are in tests/laws/test_tournaments.py: it ends, it plays no more matches
than it states, the order in which verdicts arrive does not matter, relabelling the contestants relabels
the standings, an illegal record raises and changes nothing, and it can be pickled half way.
"""

import math
from collections.abc import Callable, Sequence
from typing import Protocol

from rrm.errors import IllegalRecordError, InputError
from rrm.types import Match, Standings, Verdict

__all__ = ["Strategy", "Tournament", "check_standings", "take"]


class Tournament(Protocol):
    """Contestants are 0 .. n-1; a match may be played as soon as it has been returned."""

    @property
    def most_matches(self) -> int:
        """No more matches than this are played."""
        ...

    def start(self) -> Sequence[Match]:
        """The matches that can be played at once. Called once, before anything is recorded."""
        ...

    def record(self, match: Match, verdict: Verdict) -> Sequence[Match]:
        """Take the verdict of a match that was asked for; return the matches that are now ready.

        Raises IllegalRecordError for any other match and changes nothing then.
        """
        ...

    @property
    def standings(self) -> Standings | None:
        """The result, or None while it is open."""
        ...


Strategy = Callable[[Sequence[int]], Tournament]
"""Makes a tournament from a draw: the contestants 0 .. n-1 in a seeded order."""


def check_standings(standings: object, players: int) -> None:
    """Raises InputError for what are no standings of so many: users write strategies."""
    if not isinstance(standings, Standings) or sorted(standings.order) != list(range(players)):
        raise InputError(f"a strategy must have Standings whose order has each of 0 to {players - 1} once")
    if len(standings.scores) != players or len(standings.errors) not in (0, players):
        raise InputError(f"standings of {players} need as many scores, and as many errors or none")
    for number in (*standings.scores, *standings.errors):
        if not isinstance(number, int | float) or not -math.inf < number < math.inf:
            raise InputError(f"scores and errors of standings must be finite numbers, not {number!r}")


def take(open_matches: dict[int, Match], match: Match) -> None:
    """Remove a match from those that are being played, by number. Raises IllegalRecordError if it isn't one."""
    if open_matches.get(match.number) != match:
        raise IllegalRecordError(f"{match} is not being played: it was never asked for, or is recorded already")
    del open_matches[match.number]
