"""Options and the config file: what is refused, in which words, and who wins."""

import re
from pathlib import Path

import pytest

import rrm.cli.options
from tests.cli.running import PAIR, SCRIPTED, run, write


@pytest.fixture
def pair(tmp_path):
    return write(tmp_path, PAIR)


def refused(pair, *options):
    """The message of a run that is refused as bad usage."""
    result = run("rank", pair, *options)
    assert (result.code, result.out) == (2, "")
    assert "Traceback" not in result.err
    return result.err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            ("--strategy", "knokout"),
            "unknown strategy 'knokout'. Did you mean 'knockout'? Valid: active, active-best, anchor, ",
        ),
        (("--prompt", "skywork_pairwize"), "unknown prompt 'skywork_pairwize'. Did you mean 'skywork_pairwise'?"),
        (("--prompt", "none/own.jinja"), "prompt file none/own.jinja can't be read: No such file or directory"),
        (("--engine", "scriptd"), "unknown engine 'scriptd'. Did you mean 'scripted'?"),
        (("--order", "ballanced"), "unknown order 'ballanced'. Did you mean 'balanced'?"),
        (("--format", "jason"), "unknown format 'jason'. Did you mean 'json'? Valid: json, table."),
        (("--ordr", "both"), "No such option '--ordr'. (Did you mean one of: '--model', '--order'?)"),
        (("--votes", 0), "votes must be a whole number of at least 1, not 0"),
        (("--votes", -1), "votes must be a whole number of at least 1, not -1"),
        (("--votes", "many"), "Invalid value for '--votes': 'many' is neither a whole number nor auto"),
        (("--temperature", -0.1), "temperature must be 0 or more, not -0.1"),
        (("--temperature", "nan"), "temperature must be 0 or more, not nan"),
        (("--temperature", "inf"), "temperature must be 0 or more, not inf"),
        (("--top-p", 0), "top_p must be above 0 and at most 1, not 0.0"),
        (("--top-p", 1.5), "top_p must be above 0 and at most 1, not 1.5"),
        (("--max-tokens", 0), "max_tokens must be a whole number of at least 1, not 0"),
        (("--concurrency", 0), "concurrency must be a whole number of at least 1, not 0"),
        (("--resamples", -1), "resamples must be a whole number of at least 0, not -1"),
        (("--engine-arg", "slots"), "--engine-arg takes KEY=VALUE, not 'slots'"),
        (("--engine-arg", "=3"), "--engine-arg takes KEY=VALUE, not '=3'"),
        (("--engine-arg", "slot=3"), "unknown scripted engine argument 'slot'. Did you mean 'slots'?"),
        (("--engine-arg", "slots=0"), "slots must be at least 1, not 0"),
        (("--engine-arg", "slots=few"), "slots of the engine 'scripted': Expected `int`, got `str`"),
        (("--engine-arg", "accuracy=2"), "accuracy of the engine 'scripted': Expected `float` <= 1.0"),
        (("--engine-arg", "prefer=longst"), "unknown scripted judge 'longst'. Did you mean 'longest'?"),
        (("--engine-arg", "prefer=[1"), "unknown scripted judge '[1'."),
        (("--base-url", "http://host/v1"), "a base URL is for the engine 'openai', not for 'scripted'"),
    ],
)
def test_refused_values(pair, options, said):
    """A value that can't be used is named, with the nearest valid name or the range; the code is 2."""
    assert said in refused(pair, *SCRIPTED, *options)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "Commands:"),
        (("rnak",), "No such command 'rnak'. Did you mean 'rank'?"),
        (("rank",), "Missing argument 'FILE'."),
        (("rank", "a", "b"), "Got unexpected extra argument (b)"),
    ],
)
def test_usage(arguments, said):
    """What click finds wrong ends in 2 as well, on stderr."""
    result = run(*arguments)
    assert result.code == 2
    assert said in result.err
    assert result.out == ""


@pytest.mark.parametrize("command", [(), ("rank",), ("compare",), ("parse",), ("prompts",), ("doctor",)])
def test_help(command):
    """Every command explains itself."""
    result = run(*command, "--help")
    assert (result.code, result.err) == (0, "")
    assert "Usage: rrm" in result.out


def test_help_names_every_option():
    """The contract's options are all there."""
    said = run("rank", "--help").out
    for name in (*rrm.cli.options._JUDGE, "base_url", "engine_arg", "format", "output", "config", "quiet", "strategy"):
        assert f"--{name.replace('_', '-')} " in said, name


@pytest.mark.parametrize("form", ["json", "table"])
def test_output_that_cant_be_written(tmp_path, pair, form):
    """A missing folder, a folder, the input itself and a place that takes no files are refused by name."""
    for target, said in (
        (tmp_path / "none" / "out", f"there is no folder {tmp_path / 'none'}"),
        (tmp_path, "it is a folder"),
        ("/proc/out", "No such file or directory"),
        ("/dev/full", "No space left on device"),
    ):
        message = refused(pair, *SCRIPTED, "--output", target, "--format", form, "--ledger", "none")
        assert message == f"rrm: error: output {target} can't be written: {said}\n"


def test_output_onto_the_input(tmp_path, pair):
    """The input file is never overwritten, by whatever name."""
    alias = tmp_path / "alias"
    alias.symlink_to(pair)
    for target in (pair, alias):
        assert f"output {target} is the input file too" in refused(pair, *SCRIPTED, "--output", target)
    assert pair.read_text() == PAIR


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("none.jsonl", "can't be read: No such file or directory\n"),
        (".", "is a folder without rows; a folder may hold "),
    ],
)
def test_input_that_cant_be_read(path, said):
    """A file that can't be read is bad input."""
    result = run("rank", path, *SCRIPTED)
    assert result.code == 2
    assert result.err.startswith(f"rrm: error: {path} {said}")


def test_a_ledger_stands_beside_an_output_that_is_a_file(tmp_path, pair):
    """Not beside stdout, nor a device; where it is named, it is there in any case."""
    assert run("rank", pair, *SCRIPTED, "--output", tmp_path / "out.jsonl").code == 0
    assert (tmp_path / "out.jsonl-ledger").exists()
    assert run("rank", pair, *SCRIPTED, "--output", "/dev/null").code == 0
    assert not Path("/dev/null-ledger").exists()
    before = set(tmp_path.iterdir())
    assert run("rank", pair, *SCRIPTED).code == 0
    assert set(tmp_path.iterdir()) == before
    assert run("rank", pair, *SCRIPTED, "--ledger", tmp_path / "named").code == 0
    assert (tmp_path / "named").exists()


def test_what_came_out_of_the_ledger_is_said(tmp_path, pair):
    """The second time nothing is sampled, and the lines are the same."""
    first = run("rank", pair, *SCRIPTED, "--output", tmp_path / "out.jsonl")
    written = (tmp_path / "out.jsonl").read_bytes()
    again = run("rank", pair, *SCRIPTED, "--output", tmp_path / "out.jsonl")
    assert first.err == ""
    assert re.fullmatch(r"rrm: 0 samples made \(0 tokens\), 1 from the ledger \(\d+ tokens\)\n", again.err)
    assert (tmp_path / "out.jsonl").read_bytes() == written


def test_model_folder_without_weights(tmp_path, pair):
    """A folder that holds no model is named with what it lacks, before anything is loaded; the code is 3."""
    result = run("rank", pair, "--engine", "transformers", "--model", tmp_path)
    assert (result.code, result.out) == (3, "")
    assert f"the folder {tmp_path} holds no complete model: missing config.json; weights" in result.err


def test_unknown_model(pair):
    """A name that is no model is refused with the nearest alias; the code is 3."""
    result = run("rank", pair, "--engine", "transformers", "--model", "rrm7b")
    assert result.code == 3
    assert "no model 'rrm7b'" in result.err
    assert "Did you mean 'rrm-7b'?" in result.err


def test_openai_needs_an_address(pair, monkeypatch):
    """The engine openai without a base URL says how to give one."""
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    assert "needs a base URL (--base-url, or OPENAI_BASE_URL)" in refused(pair, "--engine", "openai")
    assert "base_url 'host:8000' is no web address" in refused(pair, "--base-url", "host:8000")


CONFIG = """
engine: scripted
engine-arg: {prefer: shortest, slots: 3}
format: json
votes: 3
max_tokens: 500
order: both
strategy: elo
"""


def test_config_file(tmp_path, pair):
    """The config file has the options' names, with dashes or underscores, and they take effect."""
    result = run("rank", pair, "--config", write(tmp_path, CONFIG, "rrm.yaml"))
    (line,) = result.rows
    assert (line["best"], line["strategy"]) == (0, "elo")
    assert (line["judge"]["votes"], line["judge"]["order"]) == (3, "both")
    assert line["judge"]["sampling"]["max_tokens"] == 500


def test_flags_win(tmp_path, pair):
    """A flag wins over the config file; what it does not say stays."""
    config = write(tmp_path, CONFIG, "rrm.yaml")
    flags = ("--votes", 1, "--engine-arg", "prefer=longest", "--strategy", "knockout")
    (line,) = run("rank", pair, "--config", config, *flags).rows
    assert (line["best"], line["strategy"], line["judge"]["votes"]) == (1, "knockout", 1)
    assert line["judge"]["sampling"]["max_tokens"] == 500
    assert run("rank", pair, "--config", config, "--format", "table").out.startswith("0: elo of 2")


def test_config_by_environment(tmp_path, pair, monkeypatch):
    """RRM_CONFIG names a config file where --config does not."""
    monkeypatch.setenv("RRM_CONFIG", str(write(tmp_path, CONFIG, "rrm.yaml")))
    assert run("rank", pair).rows[0]["strategy"] == "elo"
    other = write(tmp_path, "engine: scripted\nformat: json\n", "other.yaml")
    assert run("rank", pair, "--config", other).rows[0]["strategy"] == "knockout"


@pytest.mark.parametrize("arguments", ["[prefer=shortest]", "prefer=shortest", "{prefer: shortest}"])
def test_engine_arguments_in_the_config_file(tmp_path, pair, arguments):
    """Engine arguments are a mapping, a list of KEY=VALUE, or a single one."""
    config = write(tmp_path, f"engine: scripted\nformat: json\nengine-arg: {arguments}\n", "rrm.yaml")
    assert run("rank", pair, "--config", config).rows[0]["best"] == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("vots: 3", "unknown option in the config file 'vots'. Did you mean 'votes'?"),
        ("config: x", "unknown option in the config file 'config'."),
        ("seed: abc", "seed must be a whole number, not 'abc'"),
        ("seed: 1.0", "seed must be a whole number, not 1.0"),
        ("votes: true", "votes must be a whole number or auto, not True"),
        ("votes:", "votes must be a whole number or auto, not None"),
        ("votes: 0", "votes must be a whole number of at least 1, not 0"),
        ("temperature: hot", "temperature must be a number, not 'hot'"),
        ("temperature: .nan", "temperature must be 0 or more, not nan"),
        ("quiet: 1", "quiet must be true or false, not 1"),
        ("model: 3", "model must be a text, not 3"),
        ("engine: [scripted]", "engine must be a text, not ['scripted']"),
        ("strategy: [elo]", "strategy must be a text, not ['elo']"),
        ("format: 3", "format must be a text, not 3"),
        ("output: [x]", "output must be a text, not ['x']"),
        ("base-url: 3", "base_url must be a text or a list of texts, not 3"),
        ("base_url: [3]", "base_url must be a text or a list of texts, not [3]"),
        ("engine-arg: 3", "engine_arg must be KEY=VALUE, a list of such, or a mapping, not 3"),
        ("engine_arg: [slots]", "--engine-arg takes KEY=VALUE, not 'slots'"),
        ("- votes", "must hold option names with values, not a list"),
        ("votes", "must hold option names with values, not a str"),
        ("a: [1", "rrm.yaml can't be read: line 1, column 6: expected ',' or ']', but got '<stream end>'"),
        (b"a: \xff", "rrm.yaml can't be read: 'utf-8' codec can't decode"),
    ],
)
def test_bad_config_files(tmp_path, pair, text, said):
    """A config file that can't be used is refused in one line that says what is wrong."""
    message = refused(pair, "--config", write(tmp_path, text, "rrm.yaml"))
    assert said in message
    assert message.count("\n") == 1


def test_missing_config_file(pair):
    """A config file that is not there is refused by name."""
    assert refused(pair, "--config", "none.yaml") == (
        "rrm: error: config file none.yaml can't be read: No such file or directory\n"
    )


@pytest.mark.parametrize("way", ["flag", "config"])
def test_quiet(tmp_path, pair, way):
    """--quiet, or quiet in the config file, leaves no notes on stderr; errors still are said."""
    config = write(tmp_path, "quiet: true\n" if way == "config" else "", "rrm.yaml")
    quiet = ("--config", config, *(("--quiet",) if way == "flag" else ()))
    empty = write(tmp_path, "", "empty.jsonl")
    assert run("rank", empty, *SCRIPTED).err == f"rrm: {empty} has no rows\n"
    assert run("rank", empty, *SCRIPTED, *quiet).err == ""
    assert "can't be read" in run("rank", "none.jsonl", *SCRIPTED, *quiet).err
