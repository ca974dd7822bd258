"""docs/strategies.md names every strategy, and so does the help of the commands that rank."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from rrm.cli import commands
from rrm.plans import STRATEGY_NAMES
from rrm.tournaments import STRATEGIES

PAGE = Path(__file__).parent.parent / "docs" / "strategies.md"


@pytest.mark.skipif(not PAGE.exists(), reason="the documentation is in the source tree only")
def test_the_table_has_every_strategy_and_no_other():
    """Each name stands in the first column of the table, with its matches, its order and when to use it."""
    rows = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| `") and line.count("|") == 5]
    named = [name for row in rows for name in re.findall("`([a-z-]+)`", row.split("|")[1])]
    assert sorted(named) == sorted(STRATEGY_NAMES)
    assert all(cell.strip() for row in rows for cell in row.split("|")[1:-1])


@pytest.mark.parametrize("command", ["rank", "prefer", "best-of-n", "plan"])
def test_the_help_has_every_strategy(command):
    """`--strategy` lists what it takes."""
    text = "".join(CliRunner().invoke(commands, [command, "--help"]).output.split())
    assert all(name in text for name in STRATEGIES)
