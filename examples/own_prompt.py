"""Judge by a prompt of your own: examples/own_prompt.jinja, which has its verdict grammar in its front matter.

    python examples/own_prompt.py
    python examples/own_prompt.py --engine scripted        # no model: the longer message wins
    rrm prompts check examples/own_prompt.jinja            # do its example answers parse to the stated votes?

The judge answers in words of its own and ends with <winner>A</winner> or <winner>B</winner>. No Python is
needed for that: which text opens and closes a verdict, and which label means whom, stands in the file.
"""

import argparse
from pathlib import Path

from rrm import Judge

PROMPT = Path(__file__).with_suffix(".jinja")
CHANGE = "The retry loop now waits between attempts."
FIRST = "Fix stuff"
SECOND = "Retry: back off between attempts, so that a busy server can recover"


def main() -> None:
    """Compare two commit messages."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model")
    parser.add_argument("--engine")
    options = parser.parse_args()
    with Judge(options.model, engine=options.engine, prompt=PROMPT, votes=3) as judge:
        verdict = judge.compare(CHANGE, FIRST, SECOND)
    for said in verdict.transcripts:
        shown = "second message first" if said.is_swapped else "first message first"
        print(f"{shown}: {said.text!r} -> {said.vote}")
    print(f"{verdict.outcome}, with probability {verdict.probability:.2f} of the first being better")


if __name__ == "__main__":
    main()
