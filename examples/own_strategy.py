"""Rank by a tournament of your own, in one of two ways.

    python examples/own_strategy.py
    python examples/own_strategy.py --engine scripted        # no model: the longest answer wins

A generator is the short way: it yields the pairs of a round, is sent what became of them, and returns the standings. All
matches of a round are played at once, and the next round waits for the last of them. Players are numbered by their place in
a seeded draw. `ladder` starts from the draw and lets neighbours change places: everyone can go up by one place a round.

A class is the way to wait for nothing: three methods that say which matches are ready after each verdict. `KingOfTheHill`
lets the first of the draw hold a hill, and the others challenge in turn. It needs as few matches as a knockout, but each
waits for the one before.

rrm does the rest: drawing, showing the answers in both orders, voting, and playing many contests at once, which fills the
waits. A package offers its strategies by name, with entry points in the group `rrm.strategies`.
"""

import argparse
from collections.abc import Sequence

from rrm import Judge, Match, Outcome, Ranking, Standings, Verdict
from rrm.tournaments import Play

QUERY = "Give me a reason to get up early."
ANSWERS = ["Trains.", "The quiet: nobody wants anything of you yet.", "You are paid to.", "Sunrises, if you like them."]

LAPS = 2


def ladder(players: int) -> Play:
    """Everyone meets one neighbour, then the other, and goes up where it wins; lap by lap."""
    order = list(range(players))
    for start in (0, 1) * LAPS:
        places = range(start, players - 1, 2)
        for place, played in zip(places, (yield [(order[place], order[place + 1]) for place in places]), strict=True):
            if played.verdict.outcome is Outcome.SECOND:
                order[place : place + 2] = played.second, played.first
    return Standings(tuple(order), tuple(float(players - 1 - order.index(player)) for player in range(players)))


ladder.most_matches = lambda players: LAPS * (players - 1)  # type: ignore[attr-defined]


class KingOfTheHill:
    """The first in the draw holds the hill; the others challenge in turn. Who falls later is placed higher."""

    name = "king_of_the_hill"

    def __init__(self, draw: Sequence[int]) -> None:
        self.king, *self.challengers = draw
        self.most_matches = len(self.challengers)
        self.fallen: list[int] = []

    def start(self) -> Sequence[Match]:
        number = len(self.fallen) + 1
        return [Match(number, number, self.king, challenger) for challenger in self.challengers[:1]]

    def record(self, match: Match, verdict: Verdict) -> Sequence[Match]:
        self.challengers.remove(match.second)
        # Where the votes leave a match open, the hill is not taken.
        stays = verdict.outcome is not Outcome.SECOND
        self.king = match.first if stays else match.second
        self.fallen.append(match.second if stays else match.first)
        return self.start()

    @property
    def standings(self) -> Standings | None:
        if self.challengers:
            return None
        order = (self.king, *reversed(self.fallen))
        return Standings(order, tuple(-float(order.index(answer)) for answer in range(len(order))))


def show(ranking: Ranking) -> None:
    """Who met whom, and who is best."""
    for match in ranking.matches:
        print(f"round {match.round}: {match.first} against {match.second} -> {match.winner}")
    print(f"{ranking.strategy}: {ANSWERS[ranking.best]}")


def main() -> None:
    """Rank in both ways."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model")
    parser.add_argument("--engine")
    options = parser.parse_args()
    with Judge(options.model, engine=options.engine, votes=3) as judge:
        show(judge.rank(QUERY, ANSWERS, strategy=ladder))
        show(judge.rank(QUERY, ANSWERS, strategy=KingOfTheHill))


if __name__ == "__main__":
    main()
