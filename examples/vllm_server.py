"""Judge with a vLLM server, or any other server with the OpenAI interface.

Start one with

    vllm serve Reward-Reasoning/RRM-7B --port 8000 --enable-prefix-caching

on the machine with the GPUs (its CPU build: `python -m vllm.entrypoints.openai.api_server --model ...`), then

    python examples/vllm_server.py --base-url http://host:8000/v1

Give --base-url several times to share the work out by load. A key, if the server wants one, is read from
OPENAI_API_KEY. Without --model the server's own is used. Nothing heavier than an HTTP client is needed here.
"""

import argparse

from rrm import Contest, Judge, RRMError

CONTESTS = [
    Contest("How do I detail a car?", ["Wash it.", "Wash, dry, clay, polish, wax; then clean the inside."], id="car"),
    Contest("How do I boil an egg?", ["Boil it for 8 minutes, then cool it in cold water.", "Boil it."], id="egg"),
    Contest("How do I sharpen a knife?", ["On a whetstone at 20 degrees, then hone it.", "Buy another."], id="knife"),
]


def main() -> None:
    """Rank some contests on the servers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base-url", action="append", help="default: http://localhost:8000/v1")
    parser.add_argument("--model")
    options = parser.parse_args()
    urls = options.base_url or ["http://localhost:8000/v1"]
    try:
        with Judge(options.model, base_url=urls, votes=3, concurrency=64) as judge:
            print(f"judge: {judge.open().model}")
            for ranking in judge.rank_many(CONTESTS, strategy="elo"):
                print(f"{ranking.id}: {ranking.error or ranking.order}, {ranking.usage.requests} requests")
    except RRMError as error:
        raise SystemExit(f"error: {error}") from error


if __name__ == "__main__":
    main()
