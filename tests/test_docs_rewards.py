"""docs/rewards.md is run: its Python without a model as it stands; the rest of it is held against what there is."""

import ast
import importlib
import inspect
import json
import re
import shlex
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from its_hub import AbstractLanguageModel

from rrm import Judge, ScriptedEngine
from rrm.cli import commands
from rrm.engines.scorers.base import Readout
from rrm.engines.scorers.refusals import Advice
from rrm.engines.scripted import CHOOSERS, answering
from rrm.rewards.base import AGGREGATES
from rrm.rewards.choosing import ENGINES
from rrm.rewards.families import FAMILIES

ROOT = next(folder for folder in Path(__file__).resolve().parents if (folder / "pyproject.toml").exists())
PAGE = ROOT / "docs" / "rewards.md"

pytestmark = pytest.mark.skipif(not PAGE.exists(), reason="the wheel is tested without the source tree")

NEEDS_A_MODEL = "<!-- needs a model -->\n"
RESPONSES = ["Air does.", "Please note that air scatters short wavelengths most.", "It is so.", "No idea."]


def page():
    return PAGE.read_text("utf-8") if PAGE.exists() else ""


def blocks(language):
    """Each block, and whether it stands behind the mark."""
    found = re.findall(rf"^({re.escape(NEEDS_A_MODEL)})?```{language}\n(.*?)^```$", page(), re.DOTALL | re.MULTILINE)
    return [(bool(mark), block) for mark, block in found]


def rows(first_heading):
    """The cells of a table, by rows, without its head."""
    _, _, behind = page().partition(f"\n| {first_heading} |")
    lines = behind.partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


class Policy(AbstractLanguageModel):
    """Writes the responses in turn."""

    def __init__(self):
        self.left = iter(RESPONSES * 9)

    async def agenerate_single(self, messages, stop=None, **_):
        return {"role": "assistant", "content": next(self.left)}

    async def agenerate(self, messages, stop=None, **options):
        return await self.agenerate_single(messages, stop, **options)


def test_blocks_that_need_no_model_run_in_order(tmp_path, monkeypatch, capsys):
    """As one program, with a judge, a policy, a query and responses at hand, and a reward in a module of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "rewards_of_mine.py").write_text(
        "def politeness(conversations):\n    return [0.5] * len(conversations)\n"
    )
    with Judge(engine=ScriptedEngine(answering(CHOOSERS["longest"]))) as judge:
        names = {"judge": judge, "lm": Policy(), "query": "Why is the sky blue?", "responses": RESPONSES}
        for needs_a_model, block in blocks("python"):
            if not needs_a_model:
                exec(compile(block, str(PAGE), "exec"), names)
    sys.modules.pop("rewards_of_mine")
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == f"(3, 0, 2, 1) (0.1, {1 / 54}, 0.1, {1 / 9}) ['brevity']"
    assert printed[-1] == RESPONSES[1]


def test_blocks_that_need_a_model_call_what_there_is():
    """Each name can be imported, and each call fits its function."""
    marked = [block for needs_a_model, block in blocks("python") if needs_a_model]
    assert len(marked) >= 4
    names = {}
    for block in marked:
        tree = ast.parse(block)
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom):
                module = importlib.import_module(node.module)
                names |= {alias.name: getattr(module, alias.name) for alias in node.names}
    calls = [node for block in marked for node in ast.walk(ast.parse(block)) if isinstance(node, ast.Call)]
    known = [(node, names[node.func.id]) for node in calls if getattr(node.func, "id", None) in names]
    assert len(known) >= 5
    for node, function in known:
        inspect.signature(function).bind(*node.args, **{keyword.arg: keyword.value for keyword in node.keywords})


def test_the_table_has_every_family_and_no_other():
    """With its kind, the engines that can run it, and how it was checked."""
    table = {cells[0].strip("`"): cells for cells in rows("family")}
    assert sorted(table) == sorted(FAMILIES)
    for name, (_, _, kind, _, engines, number, checked) in table.items():
        family = FAMILIES[name]
        assert kind == family.kind
        assert engines == ("all" if set(family.engines) == set(ENGINES) else ", ".join(family.engines))
        assert number
        assert checked.startswith("both engines") or name in ("armorm", "jamba_reward", "trl_prm")


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_a_family_shows_its_markers(name):
    """And where it splits steps."""
    family, (_, _, _, prompt, *_) = FAMILIES[name], next(row for row in rows("family") if row[0] == f"`{name}`")
    if family.markers:
        assert family.markers[0] in prompt.replace("\\|", "|")
    if family.delimiter:
        assert {"\n\n": "steps on blank lines", "\n": "steps on lines"}[family.delimiter] in prompt


def test_the_aggregates_and_rules_are_named():
    """All of them, and the default first."""
    named = [row[0].split()[0].strip("`") for row in rows("`aggregate`")]
    assert named == list(AGGREGATES)


def test_server_commands_are_those_of_the_errors():
    """What the page says and what a refused request says can't differ."""
    readouts = {
        "Skywork/Skywork-Reward-V2-Qwen3-0.6B": Readout("classify"),
        "Qwen/Qwen2.5-Math-PRM-7B": Readout("token_classify"),
        "Skywork/Skywork-o1-Open-PRM-Qwen-2.5-1.5B": Readout("token_classify"),
    }
    generative = "Qwen/Qwen2.5-7B-Instruct"
    expected = [command(model, readout) for model, readout in readouts.items()]
    expected += [
        command(generative, Readout("token_classify", ("yes", "no"))),
        command(generative, Readout("likelihood")),
    ]
    shown = [line for _, block in blocks("sh") for line in block.splitlines() if line.startswith("vllm serve")]
    assert [words(line) for line in shown] == [words(line) for line in expected]


def command(model, readout):
    return Advice(readout, "OPENAI_API_KEY", has_key=False).of_model(model, model, ()).start_command()


def words(line):
    """The words of a command, those in JSON as what they say."""
    return [json.loads(word) if word.startswith("{") else word for word in shlex.split(line)]


def test_commands_have_their_options():
    """Each option of each `rrm` command stands in its help."""
    lines = [line for _, block in blocks("sh") for line in block.splitlines() if line.startswith("rrm ")]
    assert len(lines) >= 5
    for line in lines:
        _, name, *given = shlex.split(line)
        shown = CliRunner().invoke(commands, [name, "--help"]).output
        assert all(word in shown for word in given if word.startswith("--")), line


def test_options_in_the_text_are_options_of_a_command():
    """Those in backticks, of rrm or of a server."""
    shown = "".join(CliRunner().invoke(commands, [name, "--help"]).output for name in ("score", "rank", "prefer"))
    named = set(re.findall(r"`(--[a-z-]*[a-z])", page()))
    assert named - {"--trust-remote-code", "--runner"} <= set(re.findall(r"--[a-z-]+", shown))
