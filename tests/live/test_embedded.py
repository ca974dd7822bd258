"""The embedded model's conversion for real: two processes at once, once, quietly, and offline afterwards."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.live

RESOLVE = "from rrm.models import resolve; print(resolve('embedded').location)"


def start(cache: Path, **environment: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", RESOLVE],
        env=os.environ | {"RRM_CACHE": str(cache)} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_two_processes_at_once_make_one_model(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    results = [process.communicate(timeout=300) for process in [start(tmp_path), start(tmp_path)]]
    (folder,) = {location.strip() for location, _ in results}
    assert all(noise.startswith("rrm: preparing") and noise.count("\n") == 1 for _, noise in results)
    assert {"config.json", "chat_template.jinja", "model.safetensors", "tokenizer.json"} <= {
        file.name for file in Path(folder).iterdir()
    }
    assert sorted(file.suffix for file in Path(folder).parent.iterdir()) == ["", ".lock"]

    offline = start(tmp_path, PIP_NO_INDEX="1", PIP_FIND_LINKS="", HF_HUB_OFFLINE="1")
    assert offline.communicate(timeout=30) == (f"{folder}\n", "")
