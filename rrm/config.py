"""The config file: YAML with the names of the command line's options, without the dashes in front.

It is found by `--config`, else by the environment's RRM_CONFIG. Who reads a setting decides what it means.
"""

import os
from pathlib import Path

import yaml

from rrm.errors import InputError

__all__ = ["read_config"]


def read_config(path: str | Path | None = None) -> dict[str, object]:
    """The settings of the config file, with dashes in names as underscores; {} where no file is named.

    Raises InputError for a file that can't be read or holds no mapping.
    """
    named = path or os.environ.get("RRM_CONFIG")
    if not named:
        return {}
    try:
        settings = yaml.safe_load(Path(named).read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"config file {named} can't be read: {error}") from error
    if settings is None:
        return {}
    if not isinstance(settings, dict) or not all(isinstance(name, str) for name in settings):
        raise InputError(f"config file {named} must hold option names with values, not {type(settings).__name__}")
    return {name.replace("-", "_"): value for name, value in settings.items()}
