"""Scores from a reward model: of whole responses, or of each step of a solution.

    python examples/reward_model.py --model Skywork/Skywork-Reward-V2-Qwen3-0.6B
    python examples/reward_model.py --model Qwen/Qwen2.5-Math-PRM-7B
    python examples/reward_model.py --model ./my-reward-model --engine transformers
    python examples/reward_model.py --model Skywork/Skywork-Reward-V2-Qwen3-0.6B --base-url http://localhost:8000

What kind of model it is stands in its configuration: one that scores conversations gives a raw logit each, one that
scores steps the probability that each is right. The default engine is vLLM where it is installed, else transformers.
How to start a server, and which families are known, is in docs/rewards.md.
"""

import argparse

from rrm import RRMError
from rrm.rewards import OutcomeReward, ProcessReward, load_reward

QUESTION = "A pencil costs 2 euros and a pen 3 euros more. What do 4 pencils and a pen cost?"
SOLUTIONS = [
    "A pen costs 2 + 3 = 5 euros.\n\nFour pencils cost 4 x 2 = 8 euros.\n\nTogether that is 8 + 5 = 13 euros.",
    "A pen costs 3 euros.\n\nFour pencils cost 4 x 2 = 8 euros.\n\nTogether that is 8 + 3 = 11 euros.",
]


def show_outcomes(reward: OutcomeReward) -> None:
    """All solutions are scored at once; `details` says how a score came about."""
    conversations = [
        [{"role": "user", "content": QUESTION}, {"role": "assistant", "content": solution}] for solution in SOLUTIONS
    ]
    for details, solution in zip(reward.details(conversations), SOLUTIONS, strict=True):
        print(f"score {details.score:.3f}, {details.tokens} tokens: {solution!r}")


def show_steps(reward: ProcessReward) -> None:
    """One pass for each solution, however many steps it has."""
    for scores in reward.score_steps_many([(QUESTION, solution) for solution in SOLUTIONS]):
        for probability, step in zip(scores.probabilities, scores.steps, strict=True):
            print(f"  {probability:.3f}  {step!r}")
        print(f"least {scores.aggregate('min'):.3f}, product {scores.aggregate('prod'):.3f}, {scores.tokens} tokens")


def main() -> None:
    """Score two solutions, one of which is right."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="a folder or a hub name")
    parser.add_argument("--engine", help="vllm, transformers or server")
    parser.add_argument("--base-url", action="append")
    options = parser.parse_args()
    try:
        with load_reward(options.model, engine=options.engine, base_url=options.base_url) as reward:
            info = reward.open()
            print(f"{info.model}: {info.kind}, {info.family}, on {info.engine}")
            if isinstance(reward, ProcessReward):
                show_steps(reward)
            else:
                show_outcomes(reward)
    except RRMError as error:
        raise SystemExit(f"error: {error}") from error


# vLLM starts processes that import this file again: without the guard they would score, too.
if __name__ == "__main__":
    main()
