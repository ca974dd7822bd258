"""What asking a reward model for many scores at once saves, and what the steps of a solution cost.

    python bench/rewards.py [--engine transformers|vllm] [--conversations 256] [--model FOLDER] [--process-model FOLDER]

score    `score` over all conversations in one call, against a loop of calls with one conversation each, on the same
         loaded model. Both take turns at going first, after one run of each that is not counted; scores must agree. At
         least 5 times as fast is asked for on transformers, for short conversations (about 20 tokens); the ratio for longer ones is beside it.
steps    the passes and tokens that a solution of 20 steps costs, as the engine counts them, against those of its text by
         the tokenizer alone: one pass, within 2 % of the text; and against a pass for each step.

By default the models are small ones with random weights, made on the spot, and torch has one thread, because more make short
passes slower wherever anything else runs: what is measured is what a pass costs besides its arithmetic. Where the
arithmetic of one conversation keeps the processor busy (long texts or a large model on few cores), batches save little:
the second ratio, --hidden, --layers and --model show it. Exit code 1 where a bound is missed.
"""

import argparse
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from engine import WORDS, _argument, hardware
from report import Figure, show
from tiny_rewards import save_classifier, save_step_classifier

from rrm.rewards import OutcomeReward, ProcessReward, load_reward
from rrm.rewards.families.outcome import QWEN_MATH_SYSTEM

FLOOR = 5.0
STEPS = 20
NEAR = 0.02
SAME = 1e-3
"""How far a score may lie apart from that of the same conversation asked alone."""

Conversation = list[dict[str, str]]


def conversations(count: int, least: int, most: int) -> list[Conversation]:
    """Questions and answers of `least` to `most` words, of which few are long."""
    chance = random.Random(0)
    return [_conversation(chance, round(least * (most / least) ** chance.random())) for _ in range(count)]


def _conversation(chance: random.Random, words: int) -> Conversation:
    answer = " ".join(chance.choices(WORDS, k=words))
    return [{"role": "user", "content": f"{chance.choice(WORDS)}?"}, {"role": "assistant", "content": answer}]


def at_once(
    reward: OutcomeReward, asked: Sequence[Conversation], repeats: int, floor: float | None
) -> Iterator[Figure]:
    """Conversations a second in one call and in a loop, in pairs."""
    ways: list[Callable[[], list[float]]] = [
        lambda: reward.score(asked),
        lambda: [reward.score([conversation])[0] for conversation in asked],
    ]
    scores = [way() for way in ways]  # not counted: they warm the engine up
    apart = max(abs(one - other) for one, other in zip(*scores, strict=True))
    seconds: list[list[float]] = [[], []]
    for number in range(repeats):
        for way in (0, 1) if number % 2 == 0 else (1, 0):
            began = time.perf_counter()
            ways[way]()
            seconds[way].append(time.perf_counter() - began)
    ratios = sorted(alone / together for together, alone in zip(*seconds, strict=True))
    tokens = [found.tokens for found in reward.details(asked)]
    together, alone = (len(asked) / median(column) for column in seconds)
    yield Figure(
        f"scores/s, {min(tokens)} to {max(tokens)} tokens",
        f"{together:,.0f}",
        f"{alone:,.0f} (ratios {ratios[0]:.2f} to {ratios[-1]:.2f})",
        median(ratios),
        floor,
    )
    yield Figure("  largest difference of a score", f"{apart:.1e}", reached=apart, ceiling=SAME)


def steps(reward: ProcessReward, folder: str) -> Iterator[Figure]:
    """Passes and tokens of one solution."""
    chance = random.Random(1)
    written = [" ".join(chance.choices(WORDS, k=20)) + "." for _ in range(STEPS)]
    question, response = "How many wheels have five cars?", reward.step_delimiter.join(written)
    reward.open()
    before = reward.spent
    found = reward.score_steps(question, response)
    passes, tokens = reward.spent.samples - before.samples, reward.spent.prompt_tokens - before.prompt_tokens
    own, each = _own_tokens(folder, question, response, written, reward.step_delimiter)
    yield Figure(
        f"probabilities for {STEPS} steps", f"{len(found.probabilities)}", reached=len(found.probabilities), floor=STEPS
    )
    yield Figure("  passes", f"{passes}", f"{STEPS} (a pass a step)", passes / STEPS, ceiling=1 / STEPS)
    yield Figure("  tokens", f"{tokens:,}", f"{own:,} (the text's own)", tokens / own, 1 - NEAR, 1 + NEAR)
    yield Figure("  tokens", f"{tokens:,}", f"{each:,} (a pass a step)", tokens / each)


def _own_tokens(folder: str, question: str, response: str, written: Sequence[str], delimiter: str) -> tuple[int, int]:
    """Of the conversation as it is written, and of it as far as each step, by the tokenizer alone."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)

    def count(text: str) -> int:
        turns = (("system", QWEN_MATH_SYSTEM), ("user", question), ("assistant", text))
        rendered = tokenizer.apply_chat_template(
            [{"role": role, "content": content} for role, content in turns], tokenize=False
        )
        return len(tokenizer.encode(rendered, add_special_tokens=False))

    return count(response), sum(count(delimiter.join(written[: end + 1])) for end in range(len(written)))


def read_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="an outcome reward model: folder or hub name (a small random one)")
    parser.add_argument(
        "--process-model", help="one laid out as Qwen2.5-Math-PRM: folder or hub name (a small random one)"
    )
    parser.add_argument("--engine", choices=("transformers", "vllm"), default="transformers")
    parser.add_argument("--engine-arg", type=_argument, action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--conversations", type=int, default=256)
    parser.add_argument("--hidden", type=int, default=64, help="width of the small models (%(default)s)")
    parser.add_argument("--layers", type=int, default=8, help="of the small models (%(default)s)")
    parser.add_argument("--threads", type=int, default=1, help="of torch, with transformers on a CPU (%(default)s)")
    parser.add_argument("--repeats", type=int, default=5, help="pairs of runs (%(default)s)")
    return parser.parse_args()


def _figures(options: argparse.Namespace, made: Path) -> Iterator[Figure]:
    sizes: dict[str, Any] = {"hidden": options.hidden, "layers": options.layers}
    loading: dict[str, Any] = {"engine": options.engine, "engine_args": dict(options.engine_arg)}
    model = options.model or str(save_classifier(made / "outcome", **sizes))
    with load_reward(model, kind="outcome", **loading) as reward:
        assert isinstance(reward, OutcomeReward)
        floor = FLOOR if options.engine == "transformers" else None
        yield from at_once(reward, conversations(options.conversations, 2, 20), options.repeats, floor)
        yield from at_once(reward, conversations(options.conversations, 10, 200), -(-options.repeats // 2), None)
    model = options.process_model or str(save_step_classifier(made / "process", **sizes))
    with load_reward(model, kind="process", **loading) as reward:
        assert isinstance(reward, ProcessReward)
        yield from steps(reward, model)


def main() -> None:
    """Make or load the models, measure, print the table, and exit."""
    options = read_options()
    print(
        f"{options.model or 'a random model'} on {options.engine}; {hardware()}; {options.conversations} conversations"
    )
    with tempfile.TemporaryDirectory() as made:
        code = show(_figures(options, Path(made)))
    raise SystemExit(code)


if __name__ == "__main__":
    main()
