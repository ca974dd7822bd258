"""The README is run: its Python as it stands, and every `rrm` command that needs no model of one's own."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = next(folder for folder in Path(__file__).resolve().parents if (folder / "pyproject.toml").exists())
README = ROOT / "README.md"

pytestmark = pytest.mark.skipif(not README.exists(), reason="the wheel is tested without the source tree")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README.read_text("utf-8"), re.DOTALL)


def run(*arguments):
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_first_commands_are_the_demo_and_the_tests():
    """A newcomer is told exactly these two first, and both are there and can be run."""
    commands = [line.split("#")[0].strip() for line in blocks("sh")[0].splitlines()]
    assert commands == ["scripts/demo", "scripts/test"]
    assert all(os.access(ROOT / command, os.X_OK) for command in commands)


def test_python_blocks_run():
    """And print a ranking."""
    found = blocks("python")
    assert found
    for block in found:
        assert "1 (1, 0, 2)" in run("-W", "error", "-c", block)


def test_commands_run():
    """Those on the scripted engine as they stand; of the others, each option and subcommand exists."""
    lines = [
        line.split("  #")[0].strip() for block in blocks("sh") for line in block.splitlines() if line.startswith("rrm ")
    ]
    assert len(lines) >= 7
    for line in lines:
        words = line.split()
        if "scripted" in words:
            run("-m", *words)
        else:
            help_text = run("-m", *words[:2], "--help")
            assert all(word in help_text for word in words if word.startswith("--"))


def test_exit_codes_are_as_documented():
    """The table has every code that a command can end with."""
    from rrm.cli.exits import Exit

    table = re.findall(r"^\| (\d+) \|", README.read_text("utf-8"), re.MULTILINE)
    assert {int(code) for code in table} == {code.value for code in Exit if code is not Exit.INTERRUPTED}


def test_strategies_are_named():
    """Each of them; docs/strategies.md has what they cost."""
    from rrm.tournaments import STRATEGIES

    for name in STRATEGIES:
        assert f"`{name}`" in README.read_text("utf-8")
