"""Best of N: keep the answer that a judge prefers, for many questions at once.

    python examples/best_of_n.py
    python examples/best_of_n.py --engine scripted        # no model: the longest answer wins

`best_of_n` is for one question. For many, `rank_many` keeps the engine full: it reads contests as it
needs them, judges them together, and yields in input order; a contest that fails stops no other.
"""

import argparse
from collections.abc import Iterator

from rrm import Contest, Judge, best_of_n

CANDIDATES = {
    "What is 17 x 3?": ["51", "17 x 3 = 10 x 3 + 7 x 3 = 51", "41, I think", "54"],
    "Name a prime above 10.": ["11", "21 is one", "13 is prime: no whole number from 2 to 12 divides it", "15"],
    "What does `len([])` return?": ["0, since the list has no elements", "None", "It raises", "1"],
}


def contests() -> Iterator[Contest]:
    """One contest a question; a real program would sample the candidates here."""
    for question, candidates in CANDIDATES.items():
        yield Contest(question, candidates, id=question)


def main() -> None:
    """One question, then all of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model")
    parser.add_argument("--engine")
    options = parser.parse_args()
    with Judge(options.model, engine=options.engine, votes=3) as judge:
        question, candidates = next(iter(CANDIDATES.items()))
        best, ranking = best_of_n(question, candidates, judge=judge)
        print(f"one question: {best!r}, after {len(ranking.matches)} matches")
        for ranking in judge.rank_many(contests()):
            chosen = CANDIDATES[str(ranking.id)][ranking.best] if ranking.status == "ok" else ranking.error
            print(f"{ranking.id} -> {chosen}")


if __name__ == "__main__":
    main()
