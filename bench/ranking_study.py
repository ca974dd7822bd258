"""The ranking study: what strategies find out for how many calls. Makes the figures, tables and pictures of its page.

    python bench/ranking_study.py --data FOLDER --output docs [--trials N] [--quick] [--only PART ...] [--from-json]

grid       every strategy of pairs at several costs, for 4, 8, 16 and 32 responses, before three simulated judges.
bounds     what nobody can do better at as many calls, and what nobody can read better from the same votes.
prompts    prompts and rounds that the strategies ask for, which turns calls into tokens.
recorded   strategies on recorded verdicts (as recorded_votes.py; needs --data, and is left out without it).

All figures go to OUTPUT/ranking-study.json; a part that is not asked for is kept as it stands there. From that file
alone come the tables, written between the markers of OUTPUT/ranking-study.md where there is such a page, and the
pictures in OUTPUT/ranking-study/ (with the extra `plots`). --from-json makes these again and simulates nothing: so the
page follows a change of what "auto" and "auto-best" choose, as long as they choose what was played.

Exit code 1 where a bound is missed. Two idle cores: about a quarter of an hour.
"""

import argparse
import importlib.util
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

# Before numpy is loaded: the matrices are small, and the processes are as many as the cores.
for _library in ("OMP", "OPENBLAS", "MKL"):
    os.environ[f"{_library}_NUM_THREADS"] = "1"

import ranking_study_grid as grid  # noqa: E402
from ranking_study_bounds import bounds, readings  # noqa: E402
from ranking_study_plots import draw  # noqa: E402
from ranking_study_recorded import recorded  # noqa: E402
from ranking_study_tables import figures, rewrite  # noqa: E402
from ranking_study_tokens import Tokens, asked  # noqa: E402
from report import show  # noqa: E402

from rrm.simulation import SimulatedJudge  # noqa: E402

PARTS = ("grid", "bounds", "prompts", "recorded")
NAME = "ranking-study"

GENIE = {4: (8, 12, 20), 8: (16, 24, 40), 16: (15, 32, 48, 80), 32: (64, 96, 160)}
"""Calls at which the bound is computed, by the number of responses."""

READ = ("sequential-halving 48", "active-best 48", "sequential-halving 80", "active-best 80", "swiss 80")
"""Whose votes are read anew."""

Data = dict[str, Any]
Save = Callable[[], None]


def fill(data: Data, arguments: argparse.Namespace, save: Save) -> None:
    """Compute the parts that are asked for."""
    sizes = arguments.responses
    if "grid" in arguments.only:
        _fill_grid(data, arguments, save)
    if "bounds" in arguments.only:
        judges = {name: grid.JUDGES[name] for name in arguments.judges}
        data["genie"] = {}
        for judge, key, limit in bounds(judges, {size: GENIE[size] for size in sizes}):
            data["genie"].setdefault(judge, {})[key] = limit
        if 16 in sizes:
            arms = {name: grid.arms(16)[name] for name in READ}
            data["readings"] = readings(arms, SimulatedJudge(), 16, max(2, arguments.trials // 4), arguments.seed)
        save()
        _say("bounds")
    if "prompts" in arguments.only and 16 in sizes:
        data["prompts"] = asked(grid.arms(16), SimulatedJudge(), 16, max(2, arguments.trials // 20), arguments.seed)
        save()
        _say("prompts")
    if "recorded" in arguments.only and arguments.data is not None:
        data["recorded"] = recorded(arguments.data, max(1, arguments.trials // 500), arguments.seed, _say)


def _fill_grid(data: Data, arguments: argparse.Namespace, save: Save) -> None:
    for judge, size in grid.blocks():
        if judge in arguments.judges and size in arguments.responses:
            trials = grid.trials_of(judge, size, arguments.trials)
            cells = grid.block(judge, size, trials, arguments.seed, _say)
            data["grid"].setdefault(judge, {})[str(size)] = cells
            data["trials"].setdefault(judge, {})[str(size)] = trials
            save()


_START = time.monotonic()


def _say(what: str) -> None:
    print(f"{time.monotonic() - _START:6.0f} s  {what}", file=sys.stderr, flush=True)


def dumped(value: Any, depth: int = 4) -> str:
    """JSON with a line for each cell, sorted, so that what has changed can be seen."""
    if not isinstance(value, Mapping) or depth == 0 or not any(isinstance(inner, Mapping) for inner in value.values()):
        return json.dumps(value, sort_keys=True)
    inner = (f"{json.dumps(key)}: {dumped(value[key], depth - 1)}" for key in sorted(value, key=_rank))
    return "{\n" + ",\n".join(inner) + "\n}"


def _rank(key: str) -> tuple[float, str]:
    return (float(key), "") if key.isdecimal() else (float("inf"), key)


def make(data: Data, output: Path) -> None:
    """The tables and the pictures."""
    page = output / f"{NAME}.md"
    if page.exists() and (left_out := rewrite(page, data)):
        print(f"no figures for these tables, which are left as they are: {', '.join(left_out)}", file=sys.stderr)
    if importlib.util.find_spec("matplotlib") is None:
        print("no pictures without matplotlib: install the extra `plots`", file=sys.stderr)
    else:
        draw(data, output / NAME)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="with the recorded verdicts")
    parser.add_argument("--output", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--trials", type=int, help="of 16 responses; others have a share of it. Default: 2000")
    parser.add_argument("--quick", action="store_true", help="40 trials, to see that everything runs")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, metavar="PART")
    parser.add_argument("--responses", nargs="+", type=int, choices=grid.SIZES, default=grid.SIZES, metavar="N")
    parser.add_argument("--judges", nargs="+", choices=tuple(grid.JUDGES), default=tuple(grid.JUDGES), metavar="JUDGE")
    parser.add_argument("--from-json", action="store_true", help="simulate nothing")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--completion-tokens", type=int, default=Tokens().completion, help="of a verdict")
    parser.add_argument("--answer-tokens", type=int, default=Tokens().answer, help="of a response")
    arguments = parser.parse_args()
    arguments.trials = arguments.trials or (40 if arguments.quick else 2000)
    return arguments


def _read(path: Path) -> Data:
    found: Data = json.loads(path.read_text("utf-8")) if path.exists() else {}
    return {"grid": {}, "trials": {}, "genie": {}, **found}


def main() -> int:
    """Make all, print the bounds, and return the exit code."""
    arguments = _arguments()
    arguments.output.mkdir(parents=True, exist_ok=True)
    path = arguments.output / f"{NAME}.json"
    data = _read(path)

    def save() -> None:
        path.write_text(dumped(data) + "\n", "utf-8")

    if not arguments.from_json:
        data["tokens"] = {"completion": arguments.completion_tokens, "answer": arguments.answer_tokens}
        fill(data, arguments, save)
        save()
        data = _read(path)
    make(data, arguments.output)
    return show(figures(data))


if __name__ == "__main__":
    sys.exit(main())
