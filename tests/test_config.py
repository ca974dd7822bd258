"""The config file: found, read, or refused in one line."""

import pytest

from rrm.config import read_config
from rrm.errors import InputError


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch):
    monkeypatch.delenv("RRM_CONFIG", raising=False)


def config(folder, text):
    file = folder / "rrm.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def test_values_and_names(tmp_path):
    """Values are YAML's, and dashes in names are underscores."""
    file = config(tmp_path, "max-tokens: 5\ntop_p: 0.5\nengine-arg: {a-b: 1}\nprompt: é\n")
    assert read_config(file) == {"max_tokens": 5, "top_p": 0.5, "engine_arg": {"a-b": 1}, "prompt": "é"}


@pytest.mark.parametrize("text", ["", "\n", "# nothing\n", "---\n"])
def test_empty(tmp_path, text):
    """An empty file sets nothing."""
    assert read_config(config(tmp_path, text)) == {}


def test_where_it_is(tmp_path, monkeypatch):
    """The argument wins over RRM_CONFIG; without either there are no settings."""
    assert read_config() == {}
    monkeypatch.setenv("RRM_CONFIG", str(config(tmp_path, "votes: 3")))
    assert read_config() == {"votes": 3}
    other = tmp_path / "other.yaml"
    other.write_text("votes: 5")
    assert read_config(str(other)) == {"votes": 5}
    monkeypatch.setenv("RRM_CONFIG", "")
    assert read_config() == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- a\n", "must hold option names with values, not a list"),
        ("3", "must hold option names with values, not a int"),
        ("1: 2\n", "the option name 1 is no text"),
        ("a: [\n", "can't be read: line 2, column 1: "),
        ("a: b: c\n", "can't be read: line 1, column 5: mapping values are not allowed here"),
        ("!!python/object:os.system {}\n", "can't be read: line 1, column 1: could not determine a constructor"),
        (b"a: \xff\n", "can't be read: 'utf-8' codec"),
        ("a: \x07\n", "can't be read: .*special characters are not allowed"),
    ],
)
def test_refused(tmp_path, text, said):
    """What is no mapping of names, or no YAML, is refused with the file, the place and the reason, on one line."""
    file = config(tmp_path, text)
    with pytest.raises(InputError, match=said) as caught:
        read_config(file)
    assert str(caught.value).startswith(f"config file {file}")
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there(tmp_path):
    """A named file must exist."""
    with pytest.raises(InputError, match="none.yaml can't be read: No such file or directory"):
        read_config(tmp_path / "none.yaml")
