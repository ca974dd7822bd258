"""Which family a reward model is of, before anything is loaded: from its name or its config.json.

Invariants: the network is asked only where neither the caller nor the name says enough, and never for weights. Knows
no engine, and no family by name.
"""

import json
import os
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from rrm import models
from rrm.errors import InputError, ModelError
from rrm.rewards.families import FAMILIES, Family, family_of, outputs_of
from rrm.rewards.families.readings import only

__all__ = ["Wanted", "cached_configuration", "configuration_in", "family_of_reference"]

Configuration = Mapping[str, object]


class Wanted:
    """What the caller says of a model: `kind` and `family`, and which `output` of its head is the score."""

    def __init__(self, kind: str | None, family: str | None, output: int | None = None) -> None:
        self.kind = kind
        self.family = family
        self._output = output

    def find(self, config: Configuration, name: str) -> Family:
        """The family of a model. Raises as `family_of`, and InputError for an output that its head has not."""
        found = family_of(config, name, kind=self.kind, family=self.family)
        outputs = outputs_of(config) if config else None
        if self._output is not None and outputs is not None and self._output >= outputs:
            raise InputError(f"output={self._output}: the model {name} has {outputs} outputs, which count from 0")
        if self._output is None and outputs is not None and outputs > 1 and found.read is only:
            raise InputError(
                f"the model {name} has {outputs} outputs and no rule which is the score: choose one from 0 to {outputs - 1} "
                "(output=, --output-index)"
            )
        return found

    def find_by_name(self, name: str) -> Family | None:
        """The family that a name alone tells of; None where it tells of none, or of one of another kind."""
        try:
            found = family_of({}, name)
        except ModelError:
            return None
        return found if self.kind in (None, found.kind) else None


def family_of_reference(reference: str, wanted: Wanted) -> Family:
    """The family of a folder or hub name. Raises ModelError for what leads to no model, or tells of no family."""
    folder = Path(reference).expanduser()
    if folder.is_dir():
        location = models.resolve(reference).location
        return wanted.find(configuration_in(Path(location)), folder.resolve().name)
    if folder.is_file():
        raise ModelError(f"{reference} is a file: a reward model is a folder or a hub name, since files hold no heads")
    name = models.ALIASES.get(reference.lower(), reference)
    if wanted.family is not None:
        return wanted.find({}, name)
    config = cached_configuration(name)
    if config is None and (known := wanted.find_by_name(name)):
        return known
    return wanted.find(_fetched_configuration(name) if config is None else config, name)


def configuration_in(folder: Path) -> Configuration:
    """A folder's config.json. Raises ModelError."""
    file = folder / "config.json"
    try:
        config = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{file} can't be read ({error}): download the model's whole repository") from error
    if not isinstance(config, dict):
        raise ModelError(f"{file} holds no settings of a model, but a {type(config).__name__}")
    return config


def cached_configuration(name: str) -> Configuration | None:
    """The config.json of a hub name that was downloaded before."""
    if name.count("/") != 1 or find_spec("huggingface_hub") is None:
        return None
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        found = try_to_load_from_cache(name, "config.json")
    except HFValidationError:
        return None
    return configuration_in(Path(found).parent) if isinstance(found, str) else None


def _fetched_configuration(name: str) -> Configuration:
    """The config.json of a hub name. Raises ModelError where there is no such model, or nobody to ask."""
    models.resolve(name)
    if find_spec("huggingface_hub") is None:
        raise ModelError(
            f"what the model {name} is can't be found out without the package huggingface_hub: install it, or say which "
            f"family it is of (family=): {', '.join(FAMILIES)}"
        )
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError

    try:
        file = hf_hub_download(name, "config.json", endpoint=os.environ.get("HF_ENDPOINT"))
        return configuration_in(Path(file).parent)
    except EntryNotFoundError as error:
        raise ModelError(f"the repository {name} has no config.json: it holds no model that can be loaded") from error
    except ModelError:
        raise
    except Exception as error:  # whichever HTTP client the hub's library uses, its failures mean the same here
        raise ModelError(
            f"config.json of {name} can't be downloaded ({type(error).__name__}: {error}): check the network, set HF_TOKEN "
            "for a gated model, or pass a folder"
        ) from error
