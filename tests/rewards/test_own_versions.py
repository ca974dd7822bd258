"""The user's own code with a ledger: its scores belong to the version of it that was imported."""

import sys
from pathlib import Path
from types import ModuleType

import pytest

from rrm.errors import InputError
from rrm.rewards import cached, resolve_reward
from tests.ledger.working import ended, program
from tests.rewards.own_rewards import by_length
from tests.rewards.scoring import conversation

CONVERSATIONS = [conversation(text) for text in ("a", "bbb", "cc")]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger"


def test_own_code_under_its_reference(tmp_path: Path):
    """Another version of its file asks anew."""
    text = """
import sys
from rrm.rewards import resolve_reward
with resolve_reward("mine:score", ledger="ledger") as reward:
    scores = reward.score([[{"role": "assistant", "content": "abc"}]])
    print(scores, reward.spent.samples, reward.reused.samples)
"""
    root = str(Path(__file__).parents[2])
    for number, said in [(1, "[1.0] 1 0"), (1, "[1.0] 0 1"), (2, "[2.0] 1 0"), (1, "[1.0] 0 1")]:
        (tmp_path / "mine.py").write_text(f"score = lambda conversations: [{number} for _ in conversations]")
        start = f"import sys; sys.dont_write_bytecode = True; sys.path.append({root!r})\n"
        assert ended(program(start + text, cwd=tmp_path)) == (0, f"{said}\n", "")


VERSIONS = """
import importlib, pathlib, sys
from rrm.errors import InputError
from rrm.rewards import resolve_reward
file = pathlib.Path("mine.py")
def write(number):
    file.write_text(f"score = lambda conversations: [{number} for _ in conversations]  #" + "." * number)
def say():
    try:
        with resolve_reward("mine:score", ledger="ledger") as reward:
            print(reward.score([[{"role": "assistant", "content": "abc"}]]), reward.spent.samples, reward.reused.samples)
    except InputError as error:
        print(str(error).partition(", because")[0], "changed after this program began" in str(error))
"""


def in_folder(folder: Path, text: str) -> str:
    root = str(Path(__file__).parents[2])
    start = f"import sys; sys.dont_write_bytecode = True; sys.path.append({root!r})\n"
    code, said, wrong = ended(program(start + VERSIONS + text, cwd=folder))
    assert (code, wrong) == (0, "")
    return said


def test_own_code_under_the_version_that_was_imported(tmp_path: Path):
    """A file that is edited later is another version than the one that runs on."""
    assert in_folder(tmp_path, "write(1); say(); write(2); say()") == "[1.0] 1 0\n[1.0] 0 1\n"
    assert in_folder(tmp_path, "say()") == "[2.0] 1 0\n"
    assert in_folder(tmp_path, "write(1); say(); write(2); del sys.modules['mine']; say()") == "[1.0] 0 1\n[2.0] 0 1\n"


def test_own_code_that_was_imported_by_somebody_else(tmp_path: Path):
    """It is known while its file is older than the program."""
    assert in_folder(tmp_path, "write(1)") == ""
    assert in_folder(tmp_path, "sys.path.insert(0, ''); import mine; say()") == "[1.0] 1 0\n"
    refused = "the scores of 'mine:score' can't be kept in a ledger True\n"
    assert in_folder(tmp_path, "sys.path.insert(0, ''); import mine; write(2); say()") == refused
    again = "say(); write(3); importlib.reload(sys.modules['mine']); say()"
    assert in_folder(tmp_path, again) == f"[2.0] 1 0\n{refused}"


def test_own_code_without_a_file(path: Path, monkeypatch: pytest.MonkeyPatch):
    module = ModuleType("of_no_file")
    module.score = by_length  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "of_no_file", module)
    with pytest.raises(InputError, match="which version of its code is loaded can't be known: its module has no file"):
        resolve_reward("of_no_file:score", ledger=path)
    with resolve_reward("of_no_file:score") as scoring:
        assert scoring.score(CONVERSATIONS) == [1.0, 3.0, 2.0]


def test_own_code_that_is_cached_already(path: Path, monkeypatch: pytest.MonkeyPatch):
    """It has a ledger of its own."""
    with cached(by_length, path, name="length") as scoring:
        monkeypatch.setattr("tests.rewards.own_rewards.ready", scoring)
        assert resolve_reward("tests.rewards.own_rewards:ready", ledger=path.with_name("other")) is scoring
