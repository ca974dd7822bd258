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
        raise InputError(f"config file {named} can't be read: {_reason(error)}") from error
    if settings is None:
        return {}
    if not isinstance(settings, dict):
        raise InputError(f"config file {named} must hold option names with values, not a {type(settings).__name__}")
    if wrong := [name for name in settings if not isinstance(name, str)]:
        raise InputError(f"config file {named}: the option name {wrong[0]!r} is no text")
    return {name.replace("-", "_"): value for name, value in settings.items()}


def _reason(error: Exception) -> str:
    """What went wrong, in one line."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark:
        mark = error.problem_mark
        return f"line {mark.line + 1}, column {mark.column + 1}: {error.problem}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return " ".join(str(error).split())
