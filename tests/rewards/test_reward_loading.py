"""From what a user says to a reward: kinds and families found, engines chosen, and what is refused before anything is loaded."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import huggingface_hub.constants
import pytest

from rrm.engines.scorers.base import Pass, Readout
from rrm.engines.scorers.transformers import TransformersScorer
from rrm.errors import (
    EngineDeniedError,
    EngineUnreachableError,
    InputError,
    MissingExtraError,
    ModelError,
    UnknownNameError,
)
from rrm.rewards import OutcomeReward, ProcessReward, choosing, load_reward
from rrm.rewards.families import FAMILIES
from tests.ledger.working import ended, program
from tests.rewards.scoring import FakeScorer
from tests.wire import Fault, WireServer


@pytest.fixture(autouse=True)
def _no_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty cache, and nobody to ask."""
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    for name in ("OPENAI_BASE_URL", "OPENAI_API_KEY", "RRM_MODEL"):
        monkeypatch.delenv(name, raising=False)


def a_model(folder: Path, architecture: str, **settings: object) -> str:
    """A folder that looks complete; nothing in it can be loaded."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"architectures": [architecture], **settings}))
    for file in ("model.safetensors", "tokenizer.json"):
        (folder / file).write_text("{}")
    return str(folder)


@pytest.mark.parametrize(
    ("architecture", "kind", "family"),
    [
        ("Qwen3ForSequenceClassification", OutcomeReward, "sequence_classifier"),
        ("LlamaForSequenceClassification", OutcomeReward, "sequence_classifier"),
        ("Qwen2ForProcessRewardModel", ProcessReward, "qwen2.5_math_prm"),
        ("Qwen2ForPrmModel", ProcessReward, "skywork_o1_prm"),
    ],
)
def test_the_configuration_says_what_it_is(architecture, kind, family, tmp_path):
    with load_reward(a_model(tmp_path / "mine", architecture), engine="transformers") as reward:
        assert type(reward) is kind
        assert (reward.kind, reward.settings["family"]) == (FAMILIES[family].kind, family)


@pytest.mark.parametrize(
    ("architecture", "family"),
    [
        ("Qwen2ForRewardModel", "qwen2.5_math_rm"),
        ("InternLM2ForRewardModel", "internlm2_reward"),
        ("Qwen2ForProcessRewardModel", "qwen2.5_math_prm"),
        ("Qwen2ForTokenClassification", "trl_prm"),
        ("LlamaForRewardModelWithGating", "armorm"),
        ("MistralForCausalLM", "math_shepherd"),
    ],
)
def test_a_folder_of_any_name_is_what_the_caller_says(architecture, family, tmp_path):
    folder = a_model(tmp_path / "run-7", architecture)
    with load_reward(folder, engine="transformers", family=family) as reward:
        assert (reward.kind, reward.settings["family"]) == (FAMILIES[family].kind, family)


def test_an_architecture_that_does_not_tell_wants_a_word_of_the_caller(tmp_path):
    folder = a_model(tmp_path / "Universal-PRM-7B", "Qwen2ForRewardModel")
    with pytest.raises(ModelError, match="as of qwen2.5_math_rm, skywork_o1_prm, does not tell: say kind="):
        load_reward(folder, engine="transformers")
    with load_reward(folder, engine="transformers", kind="process") as reward:
        assert reward.settings["family"] == "trl_prm"


def test_a_folders_name_says_it_too(tmp_path):
    folder = a_model(tmp_path / "Skywork-Reward-V2-Qwen3-0.6B", "Qwen3ForSequenceClassification")
    with load_reward(Path(folder), engine="transformers") as reward:
        assert reward.settings["family"] == "skywork_reward_v2"
        assert reward.settings["reward"] == folder


def test_the_caller_knows_better(tmp_path):
    folder = a_model(tmp_path / "mine", "Qwen2ForTokenClassification")
    with load_reward(folder, kind="process", engine="transformers") as reward:
        assert reward.settings["family"] == "trl_prm"
    with load_reward(folder, family="math_shepherd", engine="transformers") as reward:
        assert (reward.kind, reward.settings["family"]) == ("process", "math_shepherd")


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"engine": "openai"}, UnknownNameError, "unknown engine of rewards 'openai'.* Valid: server, transformers, vllm"),
        ({"engine": 7}, InputError, "engine must be one of vllm, transformers, server, or a Scorer, not 7"),
        ({"base_url": "http://host", "engine": "vllm"}, InputError, "a base URL is for the engine 'server', not for 'vllm'"),
        ({"kind": "outcom"}, UnknownNameError, "unknown kind of reward 'outcom'. Did you mean 'outcome'"),
        ({"family": "qwen"}, UnknownNameError, "unknown reward family 'qwen'"),
        ({"family": "math_shepherd", "kind": "outcome"}, InputError, "'math_shepherd' is of the kind 'process', not 'outcome'"),
        ({"truncation": "middle"}, UnknownNameError, "unknown truncation 'middle'"),
        ({"aggregate": "median"}, UnknownNameError, "unknown aggregate 'median'"),
        ({"aggregate": "mean"}, InputError, "aggregate is for process rewards, and this one is of the kind 'outcome'"),
        ({"output": -1}, InputError, "output must be a whole number of at least 0, not -1"),
        ({"output": 1}, InputError, "output=1: the model mine has 1 outputs"),
        ({"max_context": 0}, InputError, "max_context must be a whole number of at least 1"),
        ({"labels": "yes"}, InputError, "labels must be a list of tokens"),
        ({"labels": ["yes", "yes"]}, InputError, "labels must be a list of different tokens"),
        ({"aggregate": "min"}, InputError, "aggregate is for process rewards, and this one is of the kind 'outcome'"),
        ({"step_delimiter": "\n"}, InputError, "step_delimiter is for process rewards, and this one is of the kind"),
        ({"step_delimiter": 3}, InputError, "step_delimiter must be a text that stands between steps, .* not 3"),
        ({"labels": ["yes"]}, InputError, "labels need at least two tokens"),
        ({"labels": ["yes", "no"], "family": "fsfairx"}, InputError, "labels= make a family of their own"),
        ({"ledger": 7}, InputError, "ledger must be a path or a Ledger, not 7"),
        ({"engine_args": {"batch_tokens": "many"}}, InputError, "batch_tokens of the engine 'transformers': Expected `int"),
        ({"engine_args": {"readout": "x"}}, InputError, "'readout' has a setting of its own"),
        ({"family": "armorm", "engine": "vllm"}, InputError,
         "models of the family 'armorm' can be read with the engine transformers, not with 'vllm'"),
    ],
)  # fmt: skip
def test_what_is_refused_before_anything_is_loaded(options, error, said, tmp_path):
    folder = a_model(tmp_path / "mine", "LlamaForSequenceClassification", id2label={"0": "LABEL_0"})
    with pytest.raises(error, match=said):
        load_reward(folder, **{"engine": "transformers", **options})


@pytest.mark.parametrize(
    ("architecture", "said"),
    [
        ("Qwen2ForCausalLM", "is a generative model without a head that scores: name the labels to read"),
        ("BertModel", "it has no head that scores"),
        ("SomethingElse", "is of no known family of reward models: say kind="),
    ],
)
def test_a_model_that_is_no_reward_model(architecture, said, tmp_path):
    with pytest.raises(ModelError, match=f"the model mine .{architecture}. .*{said}"):
        load_reward(a_model(tmp_path / "mine", architecture), engine="transformers")


def test_a_generative_model_with_labels(tmp_path):
    folder = a_model(tmp_path / "mine", "Qwen2ForCausalLM")
    with load_reward(folder, labels=["yes", "no"], engine="transformers") as reward:
        assert (reward.kind, reward.settings["family"]) == ("outcome", "labelled")
    with load_reward(folder, labels=["+", "-"], kind="process", engine="transformers") as reward:
        assert (reward.kind, reward.settings["labels"]) == ("process", ["+", "-"])


@pytest.mark.parametrize(
    ("content", "said"),
    [("{", r"config.json can't be read \("), ("[]", "config.json holds no settings of a model, but a list")],
)
def test_a_broken_configuration(content, said, tmp_path):
    folder = Path(a_model(tmp_path / "mine", "X"))
    (folder / "config.json").write_text(content)
    with pytest.raises(ModelError, match=said):
        load_reward(str(folder), engine="transformers")


def test_references_that_lead_nowhere(tmp_path):
    (tmp_path / "model.gguf").write_text("x")
    (tmp_path / "empty").mkdir()
    for reference, said in [
        (str(tmp_path / "empty"), "holds no complete model: missing config.json"),
        (str(tmp_path / "model.gguf"), "model.gguf is a file: a reward model is a folder or a hub name"),
        ("nonesuch", "no model 'nonesuch'"),
        ("none/such", "the model none/such is in no local folder or cache, and the model hub can't be asked"),
    ]:
        with pytest.raises(ModelError, match=said):
            load_reward(reference, engine="transformers")
    with pytest.raises(InputError, match="name a reward model: a folder, a hub name, or the base URL of a server"):
        load_reward(engine="transformers")


# The hub


def in_the_cache(hub: Path, name: str, **config: object) -> None:
    """As a download leaves it."""
    repository = hub / f"models--{name.replace('/', '--')}"
    snapshot = repository / "snapshots" / "c0ffee"
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").write_text(json.dumps(config))
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("c0ffee")


def test_a_hub_name_whose_configuration_is_in_the_cache(tmp_path):
    in_the_cache(tmp_path / "hub", "somebody/prm", architectures=["Qwen2ForProcessRewardModel"])
    in_the_cache(tmp_path / "hub", "somebody/chat", architectures=["Qwen2ForCausalLM"])
    with load_reward("somebody/prm", engine="transformers") as reward:
        assert (reward.kind, reward.settings["reward"]) == ("process", "somebody/prm")
    with pytest.raises(ModelError, match="the model somebody/chat .Qwen2ForCausalLM. is a generative model"):
        load_reward("somebody/chat", engine="transformers")


def test_a_hub_name_that_says_enough():
    """Nobody is asked for what is known."""
    with load_reward("Skywork/Skywork-Reward-V2-Llama-3.1-8B", engine="transformers") as reward:
        assert reward.settings["family"] == "skywork_reward_v2"
    with load_reward("somebody/unknown", family="fsfairx", engine="transformers") as reward:
        assert reward.settings["family"] == "fsfairx"


class Hub(BaseHTTPRequestHandler):
    """A model hub that has one repository with a config.json, and one without."""

    config = json.dumps({"architectures": ["Qwen2ForProcessRewardModel"]}).encode()

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        if self.path.startswith("/api/models/there/"):
            return self._reply(200, json.dumps({"id": self.path.removeprefix("/api/models/")}).encode())
        if self.path == "/there/prm/resolve/main/config.json":
            return self._reply(200, self.config)
        kind = "EntryNotFound" if self.path.startswith("/there/") else "RepoNotFound"
        return self._reply(404, b"{}", {"X-Error-Code": kind})

    def _reply(self, code: int, content: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(code)
        known = {"Content-Length": str(len(content)), "ETag": '"e1"', "X-Repo-Commit": "c0ffee" * 6 + "abcd"}
        for name, value in {**known, **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def a_hub(monkeypatch) -> Iterator[None]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_address[1]}")
        try:
            yield
        finally:
            server.shutdown()


def test_a_hub_name_whose_configuration_is_fetched(monkeypatch):
    with a_hub(monkeypatch):
        with load_reward("there/prm", engine="transformers") as reward:
            assert reward.kind == "process"
        with pytest.raises(ModelError, match="the model hub shows no model 'none/such'"):
            load_reward("none/such", engine="transformers")
        with pytest.raises(ModelError, match="the repository there/empty has no config.json"):
            load_reward("there/empty", engine="transformers")


def test_a_hub_name_without_the_hubs_package(monkeypatch):
    monkeypatch.setattr("rrm.rewards.configuration.find_spec", lambda _: None)
    monkeypatch.setattr("rrm.models.find_spec", lambda _: None)
    with pytest.raises(ModelError, match="can't be found out without the package huggingface_hub: .* say which family"):
        load_reward("somebody/unknown", engine="transformers")


# Servers


def listing(*entries: dict[str, object]) -> Fault:
    return Fault.reply({"object": "list", "data": [{"object": "model", **entry} for entry in entries]})


def on(server: WireServer, **options):
    return load_reward(options.pop("reference", None), base_url=server.url, **options)


def test_a_server_says_where_its_weights_are(tmp_path):
    folder = a_model(tmp_path / "mine", "Qwen2ForProcessRewardModel")
    with WireServer(model_faults=[listing({"id": "rm", "root": folder})]) as server, on(server) as reward:
        assert (reward.kind, reward.settings["engine"]) == ("process", None)
        assert server.probes == 1


@pytest.mark.parametrize(
    "entry",
    [
        {"id": "rm", "root": "Qwen/Qwen2.5-Math-PRM-7B"},
        {"id": "Qwen/Qwen2.5-Math-PRM-7B", "root": "/on/the/server"},
        {"id": "rm", "root": "/models/Qwen2.5-Math-PRM-7B"},
    ],
)
def test_a_server_says_a_name_that_is_known(entry):
    with WireServer(model_faults=[listing(entry)]) as server, on(server) as reward:
        assert reward.settings["family"] == "qwen2.5_math_prm"


def test_the_model_that_is_meant(tmp_path):
    entries = [{"id": "a", "root": "sfairXC/FsfairX-LLaMA3-RM-v0.1"}, {"id": "b", "root": "Qwen/Qwen2.5-Math-PRM-7B"}]
    with WireServer(model_faults=[listing(*entries)] * 2) as server:
        with on(server) as reward:
            assert reward.settings["family"] == "fsfairx"
        with on(server, reference="b") as reward:
            assert reward.settings["family"] == "qwen2.5_math_prm"


def test_a_server_whose_model_nobody_knows():
    with WireServer(model_faults=[listing({"id": "rm", "root": "/w/x"})] * 2) as server:
        with pytest.raises(ModelError) as refusal:
            on(server)
        with on(server, kind="outcome") as reward:
            assert reward.settings["family"] == "sequence_classifier"
    said = str(refusal.value)
    assert said.startswith(f"the server {server.url.removesuffix('/v1')} serves 'rm' (which is '/w/x'), and neither is")
    assert "say kind='outcome' or kind='process'" in said
    assert "internlm2_reward" in said


def test_a_server_is_not_asked_for_what_is_said():
    with WireServer() as server:
        for options in ({"family": "math_shepherd"}, {"reference": "Qwen/Qwen2.5-Math-PRM-7B"}, {"labels": ["+", "-"]}):
            on(server, **options).close()
        assert server.probes == 0


def test_a_server_that_is_not_there():
    with WireServer() as server:
        url = server.url
    with pytest.raises(EngineUnreachableError, match="Is the server running"):
        load_reward(base_url=url)
    with pytest.raises(InputError, match="the engine 'server' needs a base URL"):
        load_reward(engine="server")


def test_one_of_several_servers_is_enough(tmp_path):
    with WireServer() as gone:
        dead = gone.url
    alive = WireServer(model_faults=[listing({"id": "Qwen/Qwen2.5-Math-PRM-7B"})])
    with alive as server, load_reward(base_url=[dead, server.url]) as reward:
        assert reward.kind == "process"


def test_a_server_that_wants_a_key(monkeypatch):
    with WireServer(require_key="secret", models=("Qwen/Qwen2.5-Math-PRM-7B",)) as server:
        with pytest.raises(EngineDeniedError, match=r"answers 401, .* the key \(MY_KEY\)"):
            on(server, api_key_env="MY_KEY")
        monkeypatch.setenv("MY_KEY", "secret")
        with on(server, api_key_env="MY_KEY") as reward:
            assert reward.kind == "process"


# Engines


@pytest.mark.parametrize(
    ("installed", "family", "chosen"),
    [
        ({"vllm", "transformers"}, "fsfairx", "vllm"),
        ({"vllm", "transformers"}, "armorm", "transformers"),
        ({"transformers"}, "fsfairx", "transformers"),
    ],
)
def test_the_engine_where_nobody_says(installed, family, chosen, monkeypatch, tmp_path):
    made = []
    monkeypatch.setattr(choosing, "find_spec", lambda name: name in installed or None)
    monkeypatch.setattr(choosing, "_maker", lambda name: lambda *_, **__: made.append(name) or FakeScorer())
    with load_reward(a_model(tmp_path / "mine", "X"), family=family) as reward:
        assert made == []
        reward.open()
    assert made == [chosen]


def test_no_engine_at_all(monkeypatch, tmp_path):
    monkeypatch.setattr(choosing, "find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match="running a reward model in this process needs an extra"):
        load_reward(a_model(tmp_path / "mine", "LlamaForSequenceClassification"))


def test_the_scorer_is_made_of_what_was_said(monkeypatch, tmp_path):
    """With the model's folder and its name for reports; the ledger's revision follows from its files and their use."""
    made, scorers = [], []

    def maker(model, readout, *, name=None, max_context=None, **model_args):
        made.append((model, readout, name, max_context, model_args))
        scorers.append(FakeScorer(revision=None, name=name))
        return scorers[-1]

    monkeypatch.setattr(choosing, "_maker", lambda _: maker)
    folder = a_model(tmp_path / "mine", "LlamaForSequenceClassification")
    for options in ({}, {"engine_args": {"dtype": "float16"}}, {}):
        with load_reward(
            folder, engine="transformers", max_context=99, ledger=tmp_path / "ledger", **options
        ) as reward:
            reward.score([[{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]])
            assert reward.info.model == "mine"
            assert reward.settings["engine_args"] == options.get("engine_args", {})
    assert made[0] == (folder, Readout("classify"), "mine", 99, {})
    assert made[1][-1] == {"dtype": "float16"}
    assert [len(scorer.asked) for scorer in scorers] == [1, 1, 0]


def test_a_scorer_of_ones_own_is_closed_with_the_reward():
    scorer = FakeScorer()
    with load_reward("mine", engine=scorer, kind="outcome", family="token_classifier") as reward:
        reward.open()
        assert reward.settings["reward"] == "mine"
    assert scorer.closed == 1
    with pytest.raises(ModelError, match="is of no known family"):
        load_reward(engine=FakeScorer())
    with pytest.raises(InputError, match="engine_args are for an engine that is named"):
        load_reward(engine=FakeScorer(), family="fsfairx", engine_args={"dtype": "float32"})


def test_nothing_heavy_is_imported_for_a_reward_that_is_not_used(tmp_path):
    folder = a_model(tmp_path / "mine", "LlamaForSequenceClassification")
    text = "import sys; from rrm.rewards import load_reward; load_reward(sys.argv[1], engine='transformers'); "
    text += "print([name for name in ('torch', 'vllm', 'transformers') if name in sys.modules])"
    assert ended(program(text, folder)) == (0, "[]\n", "")


async def test_a_real_scorer_is_a_scorer():
    assert isinstance(FakeScorer(), choosing.Scorer)
    assert issubclass(TransformersScorer, choosing.Scorer)
    assert (await FakeScorer().score(Pass((1, 2)))).prompt_tokens == 2


def test_several_outputs_and_nobody_says_which_is_found_before_anything_is_loaded(tmp_path):
    labels = {str(number): f"LABEL_{number}" for number in range(5)}
    folder = a_model(tmp_path / "mine", "LlamaForSequenceClassification", id2label=labels)
    with pytest.raises(InputError, match=r"5 outputs .* choose one from 0 to 4 \(output=, --output-index\)"):
        load_reward(folder, engine="transformers")
    assert isinstance(load_reward(folder, engine="transformers", output=4), OutcomeReward)
