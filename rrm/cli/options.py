"""The options that commands with a judge share, from flags and config file to a `Judge`.

A flag wins over the config file, which has the same names; what neither says is left to `Judge`.
"""

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click
import yaml

from rrm.backends import ENGINES
from rrm.config import read_calibration, read_config
from rrm.errors import InputError, UnknownNameError
from rrm.judge import Judge
from rrm.judging.asking import READOUTS
from rrm.judging.voting import ORDERS, STOPS, WAVES
from rrm.plans import STRATEGY_NAMES, plan_for, strategy_name
from rrm.promptfiles import DEFAULT_PROMPT, load_prompt
from rrm.settings import AUTO_VOTES

__all__ = [
    "Settings",
    "judge_options",
    "judge_options_without",
    "options_named",
    "output_options",
    "strategy_option",
]

F = TypeVar("F", bound=Callable[..., Any])


def _votes(value: str) -> int | str:
    """A whole number, or auto."""
    try:
        return value if value == AUTO_VOTES else int(value)
    except ValueError:
        raise click.BadParameter(f"{value!r} is neither a whole number nor {AUTO_VOTES}") from None


_OPTIONS: Mapping[str, Callable[[Any], Any]] = {
    "model": click.option("--model", help="Alias (rrm-7b, rrm-32b, embedded), folder, GGUF file, hub name, or a server's name for it."),
    "engine": click.option("--engine", metavar="|".join(ENGINES), help="Where the judge runs. Default: vLLM in this process."),
    "base_url": click.option("--base-url", multiple=True, help="OpenAI-compatible server, such as http://host:8000/v1. Repeat it for several."),
    "api_key_env": click.option("--api-key-env", help="Environment variable with the server's API key. Default: OPENAI_API_KEY."),
    "prompt": click.option("--prompt", help="Prompt file: a shipped one by name, or a path. Default: skywork_pairwise."),
    "prompt_arg": click.option("--prompt-arg", multiple=True, metavar="KEY=VALUE", help="A parameter of the prompt file, such as rubric=..."),
    "votes": click.option("--votes", type=_votes, metavar="N|auto", help="Samples per match, or auto; fewer are taken where they can't change the majority. Default: 1."),
    "budget": click.option("--budget", type=int, metavar="CALLS", help="Samples a row may cost, for the strategies that can use any number."),
    "order": click.option("--order", metavar="|".join(ORDERS), help="Which answer is shown first. Default: balanced."),
    "seed": click.option("--seed", type=int, help="Everything random derives from it. Default: 0."),
    "max_tokens": click.option("--max-tokens", type=int, help="Longest sample. Default: what the prompt file recommends."),
    "temperature": click.option("--temperature", type=float, help="Default: what the prompt file recommends."),
    "top_p": click.option("--top-p", type=float, help="Default: what the prompt file recommends."),
    "concurrency": click.option("--concurrency", type=int, help="Samples (or requests to a server) at once. Default: the engine's own."),
    "force_verdict": click.option("--force-verdict/--no-force-verdict", default=None, help="Make samples without a verdict choose one."),
    "strip_reasoning": click.option("--strip-reasoning", is_flag=True, default=None, help="Judge or score responses without their <think> part."),
    "resamples": click.option("--resamples", type=int, help="How often an undecided match is asked again (its lost votes, where a strategy pools all votes). Default: 2."),
    "stop": click.option("--stop", metavar="|".join(STOPS), help="When a match has votes enough. Default: majority."),
    "threshold": click.option("--threshold", type=float, help="How sure of the winner --stop beta must be. Default: 0.9."),
    "waves": click.option("--waves", metavar="|".join(WAVES), help="load: more votes at once where the engine is idle. Default: fixed."),
    "readout": click.option("--readout", metavar="|".join(READOUTS), help="What is read of a sample: its label, or how likely each was. Default: vote."),
    "calibration": click.option("--calibration", type=click.Path(), help="JSON with slope and offset, which make --readout probability honest."),
    "think_budget": click.option("--think-budget", type=int, metavar="TOKENS", help="Close reasoning that is longer, and ask for the verdict."),
    "think_more": click.option("--think-more", type=int, metavar="TIMES", help="Make each sample think again so many times."),
    "engine_arg": click.option("--engine-arg", multiple=True, metavar="KEY=VALUE", help="Passed to the engine, such as tensor_parallel_size=2."),
    "ledger": click.option("--ledger", metavar="PATH|none", help="File that remembers every sample and score. Default: OUTPUT-ledger; none where there is no --output."),
    "config": click.option("--config", type=click.Path(), help="YAML with the same names as these options; flags win."),
    "quiet": click.option("--quiet", is_flag=True, default=None, help="No progress bar and no notes on stderr."),
}  # fmt: skip

_OUTPUT_OPTIONS = (
    click.option("--format", "output_format", metavar="table|json", help="Default: table; json where --output is given."),
    click.option("--output", type=click.Path(), help="Write to this file instead of stdout."),
)  # fmt: skip

_STRATEGY = click.option(
    "--strategy",
    metavar="NAME",
    help=f"Who plays whom: {', '.join(STRATEGY_NAMES)} (docs/strategies.md), or a package's own. "
    "Default: knockout; auto with --budget; score with --reward; or what fits the prompt's kind.",
)

_JUDGE = (
    "model", "engine", "api_key_env", "prompt", "votes", "order", "seed", "max_tokens", "temperature", "top_p",
    "concurrency", "force_verdict", "strip_reasoning", "resamples", "budget", "stop", "threshold", "waves", "readout",
    "think_budget", "think_more",
)  # fmt: skip
_KINDS: Mapping[str, Callable[[object], bool]] = {
    "a whole number": lambda value: isinstance(value, int) and not isinstance(value, bool),
    f"a whole number or {AUTO_VOTES}": lambda value: (
        value == AUTO_VOTES or (isinstance(value, int) and not isinstance(value, bool))
    ),
    "a number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "true or false": lambda value: isinstance(value, bool),
    "a text": lambda value: isinstance(value, str),
    "a whole number, or several with commas between them": lambda value: (
        isinstance(value, str | int) or (isinstance(value, list) and all(isinstance(item, int) for item in value))
    ),
    "a text or a list of texts": lambda value: isinstance(value, str) or _is_texts(value),
    "KEY=VALUE, a list of such, or a mapping": lambda value: isinstance(value, str | Mapping) or _is_texts(value),
}
_TYPES: Mapping[str, str] = {
    **dict.fromkeys(("actors", "shard_rows", "max_pairs", "max_total_tokens"), "a whole number"),
    **dict.fromkeys(("gpus_per_actor", "min_margin", "max_minutes", "max_lost", "threshold"), "a number"),
    **dict.fromkeys(("budget", "think_budget", "think_more"), "a whole number"),
    **dict.fromkeys(("stop", "waves", "readout", "calibration"), "a text"),
    "votes": f"a whole number or {AUTO_VOTES}",
    **dict.fromkeys(("seed", "max_tokens", "concurrency", "resamples", "n"), "a whole number"),
    **dict.fromkeys(("temperature", "top_p"), "a number"),
    **dict.fromkeys(("force_verdict", "strip_reasoning", "quiet", "overwrite"), "true or false"),
    **dict.fromkeys(
        (
            "model",
            "engine",
            "api_key_env",
            "prompt",
            "order",
            "strategy",
            "format",
            "output",
            "ledger",
            "generate",
            "pairs",
            "rankings",
        ),
        "a text",
    ),
    **dict.fromkeys(("base_url", "subset"), "a text or a list of texts"),
    "limit": "a whole number",
    "engine_arg": "KEY=VALUE, a list of such, or a mapping",
    "prompt_arg": "KEY=VALUE, a list of such, or a mapping",
}
_LISTS = ("base_url", "engine_arg", "prompt_arg")
_FORMATS = ("table", "json")


def judge_options(command: F) -> F:
    """Add the options of a judge to a command."""
    return judge_options_without()(command)


def judge_options_without(*names: str) -> Callable[[F], F]:
    """The same without some, for a command that has options of its own by these names."""
    return options_named(*(name for name in _OPTIONS if name not in names))


def options_named(*names: str) -> Callable[[F], F]:
    """Some of them, for a command that asks no judge."""

    def add(command: F) -> F:
        for option in reversed([_OPTIONS[name] for name in names]):
            command = option(command)
        return command

    return add


def strategy_option(command: F) -> F:
    """Add `--strategy` to a command that ranks."""
    return _STRATEGY(command)


def output_options(command: F) -> F:
    """Add `--format` and `--output` to a command that writes a line or a table for each row."""
    for option in reversed(_OUTPUT_OPTIONS):
        command = option(command)
    return command


class Settings:
    """What flags and config file say together."""

    def __init__(
        self,
        flags: Mapping[str, object],
        extra: tuple[str, ...] = (),
        types: Mapping[str, str] | None = None,
        *,
        has_judge: bool = True,
    ) -> None:
        """`types` are those of options that mean something else in one command than in the others, or are its own."""
        self._types = {**_TYPES, **(types or {})}
        path = flags.get("config")
        configured = read_config(str(path) if path else None)
        of_judge = (*_JUDGE, *_LISTS, "calibration") if has_judge else ()
        known = {*of_judge, *extra, "format", "output", "ledger", "quiet"}
        for name in configured:
            if name not in known:
                raise UnknownNameError("option in the config file", name, known)
        given = {name: value for name, value in flags.items() if value is not None and value != ()}
        if "output_format" in given:
            given["format"] = given.pop("output_format")
        self._values: dict[str, Any] = configured | given
        self._check_types()
        if self.get("quiet"):
            logging.getLogger("rrm").setLevel(logging.ERROR)

    def get(self, name: str, default: object = None) -> Any:
        return self._values.get(name, default)

    @property
    def format(self) -> str:
        chosen = str(self.get("format", "json" if self.get("output") else "table"))
        if chosen not in _FORMATS:
            raise UnknownNameError("format", chosen, _FORMATS)
        return chosen

    @property
    def ledger(self) -> Path | None:
        """The ledger's file: the one that is named, else the one beside the output; None where there is neither."""
        named = self.get("ledger", self._ledger_beside())
        return None if named == "none" else Path(str(named))

    @property
    def strategy(self) -> str:
        """What contests are ranked by. Raises InputError where that does not fit the kind of the prompt."""
        prompt = load_prompt(self.get("prompt", DEFAULT_PROMPT))
        given = self.get("strategy")
        plan = plan_for(given, prompt, self.get("budget"))
        return strategy_name(plan) if given is None else str(given)

    @property
    def judge_arguments(self) -> dict[str, Any]:
        """What `Judge` is to be called with, besides its ledger and its progress bar; only what was said."""
        given = {name: self._values[name] for name in _JUDGE if name in self._values}
        more = {
            "base_url": self.texts("base_url"),
            "engine_args": self.arguments("engine_arg"),
            "prompt_args": self.text_arguments("prompt_arg"),
            "calibration": read_calibration(str(self.get("calibration"))) if self.get("calibration") else None,
        }
        return given | {name: value for name, value in more.items() if value}

    def judge(self) -> Judge:
        """The judge that the settings describe, not opened. Raises InputError."""
        return Judge(**self.judge_arguments, ledger=self.ledger, progress=not self.get("quiet"))

    def _ledger_beside(self) -> str:
        output = Path(str(self.get("output") or ""))
        is_file = bool(self.get("output")) and (output.is_file() or not output.exists())
        return f"{output}-ledger" if is_file else "none"

    def arguments(self, name: str) -> dict[str, object]:
        """What an option that takes KEY=VALUE was given."""
        values = self._values.get(name, ())
        return dict(values) if isinstance(values, Mapping) else dict(_pair(name, text) for text in self.texts(name))

    def text_arguments(self, name: str) -> dict[str, str]:
        """The same for values that are texts, as they were given: `Tone: 2` is no mapping there."""
        values = self._values.get(name, ())
        pairs = values.items() if isinstance(values, Mapping) else (_split(name, text) for text in self.texts(name))
        return {key: str(value) for key, value in pairs}

    def texts(self, name: str) -> list[str]:
        """What an option that may be repeated was given."""
        values = self._values.get(name, ())
        return [values] if isinstance(values, str) else list(values)

    def _check_types(self) -> None:
        for name, value in self._values.items():
            wanted = self._types.get(name.removeprefix("generate_"))  # the generator's options are of the judge's types
            if wanted and not _KINDS[wanted](value):
                raise InputError(f"{name} must be {wanted}, not {value!r}")


def _is_texts(value: object) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(item, str) for item in value)


def _pair(name: str, text: str) -> tuple[str, object]:
    key, value = _split(name, text)
    try:
        return key, yaml.safe_load(value) if value else ""
    except yaml.YAMLError:
        return key, value


def _split(name: str, text: str) -> tuple[str, str]:
    key, separator, value = text.partition("=")
    if not separator or not key:
        raise InputError(f"--{name.replace('_', '-')} takes KEY=VALUE, not {text!r}")
    return key.strip(), value
