"""docs/benchmarks.md is run where it needs no judge, and its tables are held against the benchmarks themselves."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from rrm.benchmarks import BENCHMARKS
from rrm.benchmarks.table import Table

ROOT = next(folder for folder in Path(__file__).resolve().parents if (folder / "pyproject.toml").exists())
PAGES = [ROOT / "docs" / "benchmarks.md", ROOT / "docs" / "results.md"]

pytestmark = pytest.mark.skipif(not PAGES[0].exists(), reason="the wheel is tested without the source tree")


def blocks(language, page=PAGES[0]):
    found = re.findall(r"^```(\w*)\n(.*?)^```$", page.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    return [text for own, text in found if own == language]


def run(command, folder):
    words = shlex.split(command)
    assert words[0] == "rrm"
    done = subprocess.run(
        [sys.executable, "-m", *words], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def tables():
    """Of each benchmark, its rows in the page's tables."""
    rows = re.findall(r"^\| `([\w-]+)` \| (.+) \|$", PAGES[0].read_text("utf-8"), re.MULTILINE)
    return {name: [cells.split(" | ") for own, cells in rows if own == name] for name in BENCHMARKS}


def outermost(text):
    """The keys of an object that is written as the page writes them, those of objects inside it left out."""
    depth, keys = 0, []
    for found in re.finditer(r'[{}\[\]]|"(\w+)"', text):
        depth += {"{": 1, "[": 1, "}": -1, "]": -1}.get(found[0], 0)
        if found[1] and depth == 1:
            keys.append(found[1])
    return keys


def scored(folder):
    for name, text in zip(("rows.jsonl", "said.jsonl"), blocks("json"), strict=True):
        (folder / name).write_text(text, "utf-8")
    (block,) = blocks("console")
    command, _, output = block.removeprefix("$ ").partition("\n")
    return run(command, folder), output


def test_the_recorded_verdicts_give_the_figures_that_the_page_shows(tmp_path):
    """The command as it stands, on the files that the page has."""
    printed, output = scored(tmp_path)
    assert printed == output


def test_report_json_has_the_keys_that_the_page_lists(tmp_path):
    """All of them, and no other."""
    scored(tmp_path)
    report = json.loads((tmp_path / "scored" / "report.json").read_text("utf-8"))
    (listed,) = (block for block in blocks("") if block.startswith('{"benchmark"'))
    assert outermost(listed) == list(report)
    inner = {name for values in ("failures", "position", "length", "usage", "policy") for name in report[values]}
    assert inner | set(report["completion_tokens"]) <= set(re.findall(r'"(\w+)"', listed))


@pytest.mark.parametrize("name", BENCHMARKS)
def test_the_tables_say_what_the_benchmark_says(name):
    """Where its rows are by default, in which order the official protocol asks, and which figure comes first."""
    benchmark = BENCHMARKS[name]
    data, protocol = tables()[name]
    here = benchmark.hub.repository.replace("MMLU-Pro", "*") if benchmark.hub else "–"
    assert data[0].startswith(here)
    order = "both" if benchmark.both_orders else "random" if benchmark.random_order else "given"
    assert protocol[0] == order
    assert re.findall(r"`(\w+)`", protocol[3])[0] == next(iter(benchmark.metrics(Table.of([]))))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_commands_have_options_that_exist(page):
    """Names, options and subsets of every `rrm bench` in the pages."""
    options = run("rrm bench --help", ROOT)
    lines = [line.partition("  #")[0] for block in blocks("sh", page) for line in block.splitlines()]
    commands = [shlex.split(line) for line in lines if line.startswith("rrm bench ")]
    assert len(commands) >= 3
    for words in commands:
        assert words[2] in BENCHMARKS or words[2] == "--list"
        assert all(word in options for word in words if word.startswith("--"))
        subsets = [words[place + 1] for place, word in enumerate(words) if word == "--subset"]
        assert all(subset in BENCHMARKS[words[2]].subsets for subset in subsets)
