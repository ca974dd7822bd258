"""The config file: YAML with the names of the command line's options, without the dashes in front.

It is found by `--config`, else by the environment's RRM_CONFIG. Who reads a setting decides what it means.
"""

import json
import os
import sys
from pathlib import Path
from typing import TypeGuard

import yaml

from rrm.errors import InputError
from rrm.judging.calibration import Calibration

__all__ = ["read_calibration", "read_config"]


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


def read_calibration(path: str | Path) -> Calibration:
    """The calibration in a JSON file: {"slope": number, "offset": number}, as a benchmark's report has it.

    Raises InputError for a file that can't be read or holds something else.
    """
    try:
        found = json.loads(Path(path).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"calibration file {path} can't be read: {_reason(error)}") from error
    slope, offset = (found.get(name) for name in ("slope", "offset")) if isinstance(found, dict) else (None, None)
    if not _is_finite(slope) or not _is_finite(offset):
        raise InputError(f'calibration file {path} must hold {{"slope": number, "offset": number}}')
    return Calibration(float(slope), float(offset))


def _is_finite(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def _reason(error: Exception) -> str:
    """What went wrong, in one line."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark:
        mark = error.problem_mark
        return f"line {mark.line + 1}, column {mark.column + 1}: {error.problem}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return " ".join(str(error).split())
