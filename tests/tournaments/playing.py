"""Plays a tournament to its end, for the tests of single strategies."""

from random import Random

from rrm.types import Outcome, Tally, Verdict


def run(tournament, judge, arrival=None):
    """The (match, outcome) pairs in the order of their numbers; `arrival` shuffles the order in which they arrive."""
    arrival = arrival or Random(0)
    ready, played = list(tournament.start()), []
    while ready:
        match = ready.pop(arrival.randrange(len(ready)))
        outcome = judge(match)
        played.append((match, outcome))
        ready += tournament.record(match, Verdict(outcome, Tally()))
    return sorted(played, key=lambda pair: pair[0].number)


def better(skill):
    """A judge that knows the skill of each."""
    return lambda match: Outcome.FIRST if skill[match.first] > skill[match.second] else Outcome.SECOND


def anyhow(seed):
    """A judge without any sense, who has not lost a match yet."""
    return lambda match: Random(f"{seed}-{match.number}").choice([Outcome.FIRST, Outcome.SECOND])


def pairs(played):
    """Who met, each pair as a set, in the order of the matches."""
    return [frozenset((match.first, match.second)) for match, _ in played]
