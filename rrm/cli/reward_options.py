"""The options of reward models, from flags and config file to rewards.

`rrm score` has them as they are (`--kind`); a command that has a judge too has them with `--reward-` before. What knows
rewards is imported when one is asked for, so that commands without one start as fast as ever.
"""

from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from rrm.cli.options import Settings
from rrm.errors import InputError

if TYPE_CHECKING:
    from rrm.rewards import ManagedReward

__all__ = ["PREFIX", "load", "model_arguments", "model_options", "model_settings", "model_types"]

F = TypeVar("F", bound=Callable[..., Any])

PREFIX = "reward_"
"""What the options are called by beside a judge's, which have some of the same names."""

_OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "kind": {"metavar": "outcome|process", "help": "What kind of reward it is. Default: as its configuration says."},
    "family": {"metavar": "NAME", "help": "Whose prompts, markers and outputs it has (docs/rewards.md). Default: found by its name and configuration."},
    "engine": {"metavar": "vllm|transformers|server", "help": "Where it runs. Default: vLLM in this process where that is installed, else transformers."},
    "base_url": {"multiple": True, "help": "vLLM server that serves it, such as http://host:8000. Repeat it for several."},
    "api_key_env": {"help": "Environment variable with that server's API key. Default: OPENAI_API_KEY."},
    "engine_arg": {"multiple": True, "metavar": "KEY=VALUE", "help": "Passed to its engine, such as dtype=float32."},
    "aggregate": {"metavar": "min|prod|last|mean", "help": "How the steps of a process reward become one score. Default: min."},
    "step_delimiter": {"metavar": "TEXT", "help": r"What stands between the steps of a process reward, \n for a new line. Default: the model's own."},
    "normalise": {"is_flag": True, "default": None, "help": "Scores of an outcome reward from 0 to 1 (logistic function)."},
    "labels": {"metavar": "GOOD,BAD", "help": "Tokens of a generative model without a head whose logits are read, the good one first."},
    "truncation": {"metavar": "error|left|right", "help": "What becomes of a conversation longer than the context: it fails, or that end is left out. Default: error."},
    "max_context": {"type": int, "metavar": "TOKENS", "help": "Longest conversation. Default: the model's own limit."},
    "output_index": {"type": int, "metavar": "NUMBER", "help": "Which output of several is the score, counted from 0."},
}  # fmt: skip
_TYPES: Mapping[str, str] = {
    **dict.fromkeys(("kind", "family", "engine", "api_key_env", "aggregate", "step_delimiter", "truncation"), "a text"),
    **dict.fromkeys(("base_url", "labels"), "a text or a list of texts"),
    "engine_arg": "KEY=VALUE, a list of such, or a mapping",
    "normalise": "true or false",
    **dict.fromkeys(("max_context", "output_index"), "a whole number"),
}
_PLAIN = ("kind", "family", "engine", "api_key_env", "aggregate", "normalise", "truncation", "max_context")
"""What goes to `load_reward` as it is."""


def model_options(command: F, prefix: str = "") -> F:
    """Add the options of reward models to a command."""
    for name, details in reversed(list(_OPTIONS.items())):
        command = click.option(f"--{prefix}{name}".replace("_", "-"), **details)(command)
    return command


def model_settings(prefix: str = "") -> tuple[str, ...]:
    """The names of these options in a config file."""
    return tuple(prefix + name for name in _OPTIONS)


def model_types(prefix: str = "") -> dict[str, str]:
    """What values they take there."""
    return {prefix + name: kind for name, kind in _TYPES.items()}


def model_arguments(settings: Settings, prefix: str = "") -> dict[str, Any]:
    """What `load_reward` is to be called with, besides the model and the ledger; only what was said."""
    plain = {name: settings.get(prefix + name) for name in _PLAIN}
    delimiter = settings.get(prefix + "step_delimiter")
    more = {
        "step_delimiter": delimiter.replace(r"\n", "\n") if isinstance(delimiter, str) else delimiter,
        "base_url": settings.texts(prefix + "base_url") or None,
        "engine_args": settings.arguments(prefix + "engine_arg") or None,
        "labels": _labels(settings, prefix + "labels") or None,
        "output": settings.get(prefix + "output_index"),
    }
    return {name: value for name, value in (plain | more).items() if value is not None}


def load(stack: ExitStack, reference: str | None, ledger: Path | None, arguments: Mapping[str, Any]) -> "ManagedReward":
    """The reward that a reference means, with a ledger; closed at the stack's end. Raises RRMError."""
    from rrm.rewards import resolve_reward

    return stack.enter_context(closing(resolve_reward(reference, ledger=ledger, **arguments)))


def _labels(settings: Settings, name: str) -> list[str]:
    given = settings.get(name)
    labels = given.split(",") if isinstance(given, str) else settings.texts(name)
    if not all(labels):
        raise InputError(f"--{name.replace('_', '-')} takes tokens with commas between them, not {given!r}")
    return labels
