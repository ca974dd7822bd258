"""Rank by a tournament of your own: any class that says who plays whom next can be passed as `strategy`.

    python examples/own_strategy.py
    python examples/own_strategy.py --engine scripted        # no model: the longest answer wins

A king of the hill: whoever holds the hill meets the next challenger. It needs as few matches as a knockout,
and can take challengers one by one; but each match waits for the one before. rrm does the rest: drawing,
showing the answers in both orders, voting, and playing many contests at once, which fills the waits.
"""

import argparse
from collections.abc import Sequence

from rrm import Judge, Match, Outcome, Standings, Verdict

QUERY = "Give me a reason to get up early."
ANSWERS = ["Trains.", "The quiet: nobody wants anything of you yet.", "You are paid to.", "Sunrises, if you like them."]


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


def main() -> None:
    """Rank, and show who held the hill."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model")
    parser.add_argument("--engine")
    options = parser.parse_args()
    with Judge(options.model, engine=options.engine, votes=3) as judge:
        ranking = judge.rank(QUERY, ANSWERS, strategy=KingOfTheHill)
    for match in ranking.matches:
        print(f"match {match.number}: {match.first} holds the hill, {match.second} challenges -> {match.winner}")
    print(f"{ranking.strategy}: {ANSWERS[ranking.best]}")


if __name__ == "__main__":
    main()
