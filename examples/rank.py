"""Rank four answers with two strategies, and see what the rankings rest on.

    python examples/rank.py                                      # the default judge, in this process
    python examples/rank.py --model Reward-Reasoning/RRM-7B      # a judge of your choice
    python examples/rank.py --engine scripted                    # no model: the longest answer wins

The knockout finds the best in 3 matches; the Elo plays all 6 pairs and tells apart the others better.
"""

import argparse

from rrm import Judge

QUERY = "Why is the sky blue?"
ANSWERS = [
    "Because it reflects the sea.",
    "Air scatters short wavelengths far more than long ones, so blue light reaches us from everywhere.",
    "It just is.",
    "Because of how air scatters sunlight.",
]


def main() -> None:
    """Rank once by each strategy."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model")
    parser.add_argument("--engine")
    options = parser.parse_args()
    with Judge(options.model, engine=options.engine, votes=3, progress=True) as judge:
        for strategy in ("knockout", "elo"):
            ranking = judge.rank(QUERY, ANSWERS, strategy=strategy)
            print(f"{strategy}: {len(ranking.matches)} matches, {ranking.usage.completion_tokens} tokens")
            for place, index in enumerate(ranking.order, 1):
                print(f"  {place}. {ranking.scores[index]:7.1f}  {ANSWERS[index]}")
            for match in ranking.matches:
                votes = f"{match.votes.first}:{match.votes.second}, {match.votes.lost} lost"
                print(f"  round {match.round}: {match.first} against {match.second}, votes {votes} -> {match.winner}")


# vLLM starts processes that import this file again: without the guard they would rank, too.
if __name__ == "__main__":
    main()
