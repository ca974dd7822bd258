"""A reward of your own: a function or an object, from Python and on the command line.

    python examples/own_reward.py
    cd examples && rrm score detail_a_car.json --reward own_reward:plain_words
    cd examples && rrm rank detail_a_car.json --strategy score --reward own_reward:brevity

Whatever takes a list of conversations and returns a number for each is a reward: a function, or an object with `score`.
A conversation is a list of chat messages of which the last is the response. More is better. On the command line a
reward is named by its module and its name there. No model is needed.
"""

from collections.abc import Sequence

from rrm import best_of_n
from rrm.rankers import Ensemble, RewardRanker

QUERY = "Why is the sky blue?"
ANSWERS = [
    "Rayleigh scattering of electromagnetic radiation.",
    "Air throws blue light in all ways.",
    "It is so.",
    "The air above us throws the blue part of the light of the sun in all ways, and the red part far less so.",
]


def brevity(conversations: Sequence[Sequence[dict[str, str]]]) -> list[float]:
    """A function: the shorter, the better, but for what says next to nothing."""
    lengths = [len(conversation[-1]["content"].split()) for conversation in conversations]
    return [0.0 if length < 5 else 1 / length for length in lengths]


class PlainWords:
    """An object: the share of words that are short."""

    def __init__(self, longest: int) -> None:
        self.longest = longest

    def score(self, conversations: Sequence[Sequence[dict[str, str]]]) -> list[float]:
        """One number from 0 to 1 for each conversation."""
        return [self._share(conversation[-1]["content"].split()) for conversation in conversations]

    def _share(self, words: list[str]) -> float:
        return sum(len(word) <= self.longest for word in words) / max(1, len(words))


plain_words = PlainWords(longest=5)


def main() -> None:
    """Rank by each, and by both."""
    both = Ensemble([(brevity, 0.5), (plain_words, 0.5)])
    for name, ranker in (("brief", RewardRanker(brevity)), ("plain", RewardRanker(plain_words)), ("both", both)):
        best, ranking = best_of_n(QUERY, ANSWERS, judge=ranker)
        print(f"{name}:", " ".join(f"{score:.2f}" for score in ranking.scores), "->", best)


if __name__ == "__main__":
    main()
