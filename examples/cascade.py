"""A cheap reward cuts many responses to a few, and the judge ranks those: two rankers that are one.

    python examples/cascade.py                                      # no model: a script judges
    python examples/cascade.py --model Reward-Reasoning/RRM-7B --reward Skywork/Skywork-Reward-V2-Qwen3-0.6B

Without --reward the filter is a function below, which counts what a response says of the cause. It can't tell a right
cause from a wrong one; that is left to the judge, which sees half of the responses and needs less than half of the
calls. A Cascade is a ranker as a judge is one, so `best_of_n` takes it, too; see docs/rewards.md.
"""

import argparse
from contextlib import nullcontext

from rrm import Judge, SampleRequest, ScriptedEngine, Vote, best_of_n
from rrm.engines.scripted import answering
from rrm.rankers import Cascade
from rrm.rewards import load_reward

QUERY = "Why is the sky blue?"
ANSWERS = [
    "It just is.",
    "Because it reflects the sea, which is blue, because it reflects the sky.",
    "Because air scatters short wavelengths far more than long ones, so blue light reaches us from everywhere.",
    "Because of physics.",
    "No idea.",
    "Because blue is the colour of the ozone, of which there is much up there.",
    "Ask someone else.",
    "Because air scatters sunlight, the blue part of it most.",
]


def says_why(conversations: list[list[dict[str, str]]]) -> list[float]:
    """How many words stand behind the first "because": 0 where nothing is explained."""
    answers = [conversation[-1]["content"].lower() for conversation in conversations]
    return [float(len(answer.partition("because")[2].split())) for answer in answers]


def knows_physics(request: SampleRequest, _: int) -> Vote:
    """A judge that knows what scatters the light, and of two that do likes the one that says more."""
    first, second = (("scatters" in text, len(text)) for text in (request.case.first, request.case.second))
    return Vote.FIRST if first > second else Vote.SECOND


def main() -> None:
    """Rank by the judge alone, then behind the filter."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model")
    parser.add_argument("--reward", metavar="MODEL")
    options = parser.parse_args()
    engine = None if options.model else ScriptedEngine(answering(knows_physics))
    with (
        Judge(options.model, engine=engine) as judge,
        load_reward(options.reward) if options.reward else nullcontext(says_why) as reward,
    ):
        cascade = Cascade(filter=reward, keep=4, judge=judge)
        for name, ranker in (("judge alone", judge), ("cascade", cascade)):
            ranking = ranker.rank(QUERY, ANSWERS, strategy="elo")
            print(f"{name}: {len(ranking.matches)} matches, best: {ANSWERS[ranking.best]}")
        left = sorted({index for match in ranking.matches for index in (match.first, match.second)})
        print(f"the judge saw {left}; the order is {ranking.order}")
        print("best of 8:", best_of_n(QUERY, ANSWERS, judge=cascade).best)


if __name__ == "__main__":
    main()
