"""`rrm prompts`: list, show, check, new."""

import pytest

from rrm.promptfiles import load_prompt, prompt_names
from tests.cli.running import run, write
from tests.cli.test_parse_command import OWN


def test_list():
    """Every shipped prompt is listed with what it is."""
    result = run("prompts", "list")
    assert result.code == 0
    listed = [line.split()[:2] for line in result.out.splitlines()]
    assert listed == [[name, load_prompt(name).kind] for name in prompt_names()]
    assert "Reward Reasoning Models" in result.out


def test_show():
    """A prompt is shown with its hash, its source, its sampling and its text, the variables in their places."""
    result = run("prompts", "show", "skywork_pairwise")
    assert result.code == 0
    assert f"sha256: {load_prompt('skywork_pairwise').sha256}" in result.out
    assert "max_tokens 8192, temperature 0.6, top_p 1.0" in result.out
    assert "[system]\nYou are a helpful assistant" in result.out
    assert "## Query\n\n{query}" in result.out
    assert "### Assistant 2\n\n{second}" in result.out


def test_show_all():
    """Every shipped prompt can be shown, whatever its kind, conversations and references included."""
    shown = {"pairwise": "{first}", "pointwise": "{response}", "listwise": "{response 1}"}
    for name in prompt_names():
        result = run("prompts", "show", name)
        assert (result.code, shown[load_prompt(name).kind] in result.out) == (0, True), name


def test_show_what_a_prompt_takes(tmp_path):
    """Its kind, how many responses at once, and its parameters with their defaults; they stand in the text by name."""
    text = OWN.replace("kind: pairwise", "kind: listwise\nwindow: 4\nparameters: {rubric: null, tone: dry}")
    text = text.replace("{{ first }} {{ second }}", "{{ responses | join(', ') }} by {{ rubric }}, {{ tone }}")
    begin, end = text.index("verdict:"), text.index("examples:")
    own = write(tmp_path, f"{text[:begin]}verdict: {{kind: index, line: last}}\n{text[end:]}", "own.jinja")
    out = run("prompts", "show", own).out
    assert "kind: listwise, at most 4 at once\n" in out
    assert "parameter rubric: must be given\nparameter tone: dry\n" in out
    assert "{query} {response 1}, {response 2}, {response 3} by {rubric}, {tone}" in out
    assert "kind: pairwise, ties: False\n" in run("prompts", "show", "skywork_pairwise").out
    assert "kind: pointwise\n" in run("prompts", "show", "mt_bench_single").out


def test_show_unknown():
    """An unknown prompt is refused with the nearest name."""
    result = run("prompts", "show", "mt_bench_pare")
    assert result.code == 2
    assert "Did you mean 'mt_bench_pair'?" in result.err


def test_check_of_the_shipped_ones():
    """All shipped prompts are sound."""
    result = run("prompts", "check")
    assert (result.code, result.out) == (0, "".join(f"{name}: ok\n" for name in prompt_names()))


def test_check_says_what_is_wrong(tmp_path):
    """A prompt that renders and lacks something is named with what it lacks; so is one that can't be read."""
    own = write(tmp_path, OWN, "own.jinja")
    broken = write(tmp_path, OWN.replace("{{ query }}", "{{ question }}"), "broken.jinja")
    result = run("prompts", "check", own, broken, "skywork_pairwise", "nowhere")
    assert result.code == 2
    assert f"{own}:\n  there is no example of the vote 'first'\n" in result.out
    assert "\n  note: there is no way to force a verdict" in result.out
    assert "question" in result.out
    assert "skywork_pairwise: ok\n" in result.out
    assert "unknown prompt 'nowhere'" in result.out


@pytest.mark.parametrize("kind", ["pairwise", "pointwise", "listwise", "rubric"])
def test_new(tmp_path, monkeypatch, kind):
    """A file to start from, for each kind and for a rubric, in the current folder; it is sound as it is, and lacks nothing."""
    monkeypatch.chdir(tmp_path)
    result = run("prompts", "new", "my_judge", "--kind", kind)
    assert (result.code, result.err) == (0, "")
    assert result.out == "my_judge.jinja: written. Change it, then: rrm prompts check my_judge.jinja\n"
    made = "pointwise" if kind == "rubric" else kind
    assert (load_prompt("my_judge.jinja").name, load_prompt("my_judge.jinja").kind) == ("my_judge", made)
    assert run("prompts", "check", "my_judge.jinja").out == "my_judge.jinja: ok\n"


@pytest.mark.parametrize("name", ["null", "123", "yes", "1e3", "naïve", "2020-01-02"])
def test_new_of_any_name(tmp_path, monkeypatch, name):
    """Of one that YAML takes for something else, too."""
    monkeypatch.chdir(tmp_path)
    assert run("prompts", "new", name).code == 0
    assert run("prompts", "check", f"{name}.jinja").out == f"{name}.jinja: ok\n"
    assert load_prompt(f"{name}.jinja").name == name


def test_new_is_pairwise_and_goes_where_it_is_told(tmp_path):
    """Another file, of another name; what to call it then is said in full."""
    file = tmp_path / "judge.txt"
    result = run("prompts", "new", "my_judge", "--output", file)
    assert (result.code, result.out.endswith(f"rrm prompts check {file}\n")) == (0, True)
    assert run("prompts", "check", file).out == f"{file}: ok\n"
    assert load_prompt(file).kind == "pairwise"


def test_new_overwrites_nothing(tmp_path):
    """A file that is there stays as it is; a folder that is not there, or a name that is none, is said."""
    file = write(tmp_path, "mine", "judge.jinja")
    result = run("prompts", "new", "judge", "--output", file)
    assert (result.code, result.out, file.read_text()) == (2, "", "mine")
    assert (
        result.err == f"rrm: error: {file} is there already and is not overwritten: name another file with --output\n"
    )
    nowhere = tmp_path / "none" / "judge.jinja"
    result = run("prompts", "new", "judge", "--output", nowhere)
    assert (result.code, result.err) == (2, f"rrm: error: {nowhere} can't be written: No such file or directory\n")
    result = run("prompts", "new", "a/b")
    assert (result.code, "'a/b' can't be the name of a prompt" in result.err) == (2, True)
