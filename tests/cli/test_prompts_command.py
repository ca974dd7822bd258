"""`rrm prompts`: list, show, check."""

from rrm.promptfiles import load_prompt, prompt_names
from tests.cli.running import run, write
from tests.cli.test_parse_command import OWN


def test_list():
    """Every shipped prompt is listed with what it is."""
    result = run("prompts", "list")
    assert result.code == 0
    assert [line.split()[0] for line in result.out.splitlines()] == list(prompt_names())
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
    """Every shipped prompt can be shown, conversations and references included."""
    for name in prompt_names():
        result = run("prompts", "show", name)
        assert (result.code, "{first}" in result.out) == (0, True), name


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
    assert "question" in result.out
    assert "skywork_pairwise: ok\n" in result.out
    assert "unknown prompt 'nowhere'" in result.out
