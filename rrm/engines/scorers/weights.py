"""The weights of a checkpoint by name, read one by one: whether it has a head, and the head.

Invariants: no file is unpickled but as plain tensors; nothing is read but what is asked for. Knows safetensors and
PyTorch's own files, whole or in shards, in a folder or on the hub; knows no architecture.
"""

import json
from collections.abc import Mapping
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import Any

from rrm.errors import ModelError

__all__ = ["Checkpoint"]

_FILES = ("model.safetensors", "pytorch_model.bin")
_INDEX = ".index.json"


class Checkpoint:
    """The weights of `model`, a folder or hub name; `place` are arguments that say where (revision, cache_dir, ...)."""

    def __init__(self, model: str, place: Mapping[str, Any]) -> None:
        self._model = model
        self._place = {key: value for key, value in place.items() if key != "trust_remote_code"}

    @cached_property
    def names(self) -> Mapping[str, Path]:
        """Every weight's name, and the file that has it. Raises ModelError where there are no weights."""
        for name in _FILES:
            if (path := self._find(name)) is not None:
                return dict.fromkeys(_names_in(path), path)
            if (index := self._find(name + _INDEX)) is not None:
                return self._indexed(json.loads(index.read_text("utf-8"))["weight_map"])
        raise ModelError(f"{self._model} has no weights that can be read by name: it needs {' or '.join(_FILES)}")

    def get(self, name: str) -> Any:
        """One weight in float32, on the CPU; None where the checkpoint has none of this name."""
        return self.read(name).float() if name in self.names else None

    def read(self, name: str) -> Any:
        """One weight as it is stored."""
        path = self.names[name]
        if path.suffix == ".bin":
            return _unpickled(path)[name]
        from safetensors import safe_open

        with safe_open(path, "pt") as file:
            return file.get_tensor(name)

    def _indexed(self, files: Mapping[str, str]) -> dict[str, Path]:
        """Every shard is fetched: what is loaded beside the head needs them as well."""
        found = {file: self._find(file) for file in set(files.values())}
        if missing := sorted(file for file, path in found.items() if path is None):
            raise ModelError(f"{self._model} lacks {missing[0]}, which its index names: fetch the whole checkpoint")
        return {name: path for name, file in files.items() if (path := found[file]) is not None}

    def _find(self, file: str) -> Path | None:
        from transformers.utils.hub import cached_file

        path = cached_file(self._model, file, _raise_exceptions_for_missing_entries=False, **self._place)
        return None if path is None else Path(path)


def _names_in(path: Path) -> list[str]:
    if path.suffix == ".bin":
        return list(_unpickled(path))
    from safetensors import safe_open

    with ExitStack() as stack:
        return list(stack.enter_context(safe_open(path, "pt")).keys())


def _unpickled(path: Path) -> dict[str, Any]:
    import torch

    weights: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    return weights
