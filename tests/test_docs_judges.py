"""docs/judges.md is run: its walk from a card to a file as it stands, and every verdict that it shows is read so."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from rrm.judging.checking import problems
from rrm.judging.prompts import parse_prompt

ROOT = next(folder for folder in Path(__file__).resolve().parents if (folder / "pyproject.toml").exists())
PAGE = ROOT / "docs" / "judges.md"

pytestmark = pytest.mark.skipif(not PAGE.exists(), reason="the wheel is tested without the source tree")

TEMPLATES = {
    "pairwise": "{% block user %}{{ query }} {{ first }} {{ second }}{% endblock %}",
    "pointwise": "{% block user %}{{ query }} {{ response }}{% endblock %}",
    "listwise": "{% block user %}{{ query }} {{ responses | join(' ') }}{% endblock %}",
}
SHOWN = re.compile(r"^\$ (.*)\n((?:[^$].*\n)*)", re.MULTILINE)
FIELDS = {"name": "shown", "description": "", "source": "", "licence": "", "roles": ["user"]}


def blocks(language):
    page = PAGE.read_text("utf-8") if PAGE.exists() else ""
    return re.findall(rf"^```{language}\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)


def formats():
    return [block for block in blocks("yaml") if block.startswith("kind:")]


def run(command, folder):
    words = shlex.split(command)
    assert words[0] == "rrm"
    done = subprocess.run(
        [sys.executable, "-m", *words], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_walk_prints_what_the_page_shows(tmp_path):
    """Each command in a folder with the files that the page names; the two changes are made where it says."""
    form, *_ = blocks("jinja")
    texts, pair = blocks("json")
    verdict, example = (block for block in blocks("yaml") if not block.startswith("kind:"))
    file = tmp_path / "helpful.jinja"
    file.write_text(form, "utf-8")
    (tmp_path / "texts.jsonl").write_text(texts, "utf-8")
    (tmp_path / "pair.json").write_text(pair, "utf-8")
    shown = [found for block in blocks("console") for found in SHOWN.findall(block)]
    assert len(shown) == 5
    for number, (command, output) in enumerate(shown):
        if number == 2:
            changed = form.replace("  match: exact\n", "  match: exact\n" + verdict)
            file.write_text(changed.replace("examples:\n", "examples:\n" + example), "utf-8")
        assert run(command, tmp_path) == output


def test_the_files_to_start_from_are_sound(tmp_path):
    """Those of the page's first commands."""
    commands = [line.partition("  #")[0].strip() for line in blocks("sh")[0].splitlines()]
    assert len(commands) == 4
    for command in commands:
        run(command, tmp_path)
        assert run(f"rrm prompts check {command.split()[3]}.jinja", tmp_path).splitlines()[0].endswith(": ok")


@pytest.mark.parametrize("block", formats(), ids=range(len(formats())))
def test_every_verdict_is_read_as_shown(block):
    """What `rrm prompts check` finds wrong with examples; that there are too few of them is no matter here."""
    fields = FIELDS | {"sampling": {"max_tokens": 64, "temperature": 0.6}} | yaml.safe_load(block)
    source = f"---\n{yaml.safe_dump(fields, allow_unicode=True)}---\n{TEMPLATES[fields['kind']]}\n"
    if used := " ".join("{{ " + name + " }}" for name in fields.get("parameters", ())):
        source = source.replace("{% endblock %}", f"{used}{{% endblock %}}")
    prompt = parse_prompt("shown", source.encode())
    assert len(prompt.front.examples) >= 2
    assert [problem for problem in problems(prompt) if not problem.startswith("there ")] == []
