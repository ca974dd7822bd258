"""Which scorer for which arguments: from what a user says to a scorer that is not opened yet.

Scorers and their packages are imported here and only when they are chosen.
"""

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from rrm import models
from rrm.engines.arguments import altering, checked
from rrm.engines.scorers.base import Readout, Scorer
from rrm.errors import InputError, MissingExtraError, UnknownNameError
from rrm.rewards.reading import Made, Source

__all__ = ["ENGINES", "ScorerChoice"]

_log = logging.getLogger("rrm")

ENGINES = ("vllm", "transformers", "server")
"""The engines that `engine="..."` and `--engine` know."""


@dataclass(frozen=True, slots=True)
class ScorerChoice:
    """What a user says of where a model is read; see `load_reward` for what each field means."""

    reference: str | None
    engine: str | Scorer | None = None
    base_url: str | Sequence[str] | None = None
    api_key_env: str = "OPENAI_API_KEY"
    max_context: int | None = None
    arguments: Mapping[str, object] | None = None

    def check(self) -> None:
        """Find what is wrong without loading anything. Raises InputError."""
        if isinstance(self.engine, str):
            if self.engine not in ENGINES:
                raise UnknownNameError("engine of rewards", self.engine, ENGINES)
        elif self.engine is not None and not isinstance(self.engine, Scorer):
            raise InputError(f"engine must be one of {', '.join(ENGINES)}, or a Scorer, not {self.engine!r}")
        if self.base_url is not None and self.engine not in (None, "server"):
            raise InputError(f"a base URL is for the engine 'server', not for {self._engine_name!r}")
        if isinstance(self.engine, Scorer) and self.arguments:
            raise InputError("engine_args are for an engine that is named, and this one is made already")
        if self.reference is None and not self.is_remote and not isinstance(self.engine, Scorer):
            raise InputError("name a reward model: a folder, a hub name, or the base URL of a server that serves one")

    @property
    def is_remote(self) -> bool:
        """Whether the model runs on a server."""
        return self.engine == "server" or (self.engine is None and self.base_url is not None)

    @property
    def urls(self) -> str | Sequence[str]:
        """Where it runs. Raises InputError where nobody says."""
        url = self.base_url or os.environ.get("OPENAI_BASE_URL")
        if not url:
            raise InputError(
                "the engine 'server' needs a base URL (--base-url, or OPENAI_BASE_URL), such as http://host:8000"
            )
        return url

    @property
    def api_key(self) -> str | None:
        return os.environ.get(self.api_key_env)

    def settings(self) -> dict[str, object]:
        """What decides which model is read, as plain values: not where it runs, nor how fast."""
        return {"reward": self.reference, "engine": self._engine_name, "engine_args": _plain(altering(self._options))}

    def source(self, readout: Readout, family: str, engines: Sequence[str]) -> Source:
        """How the scorer is made; `engines` are those that can read models of the family.

        Raises InputError for arguments that the engine does not take, MissingExtraError.
        """
        if isinstance(self.engine, Scorer):
            ready = self.engine
            return lambda: Made(ready)
        name = self._chosen(family, engines)
        if name == "server":
            return self._server(readout)
        return self._local(name, _maker(name), readout)

    @property
    def _engine_name(self) -> str | None:
        return self.engine if self.engine is None or isinstance(self.engine, str) else type(self.engine).__name__

    @property
    def _options(self) -> dict[str, object]:
        return {name.replace("-", "_"): value for name, value in (self.arguments or {}).items()}

    def _chosen(self, family: str, engines: Sequence[str]) -> str:
        name = "server" if self.is_remote else self.engine
        if name is None:
            name = next((each for each in ("vllm", "transformers") if each in engines and find_spec(each)), None)
        if name is None:
            best = "vllm" if models.has_accelerator() and "vllm" in engines else "transformers"
            raise MissingExtraError("running a reward model in this process", best)
        if name not in engines:
            raise InputError(
                f"models of the family {family!r} can be read with the engine {' or '.join(engines)}, not with {name!r}"
            )
        return str(name)

    def _local(self, engine: str, maker: Callable[..., Scorer], readout: Readout) -> Source:
        options = checked(maker, self._options, engine)
        altered, asked = altering(options), options.get("revision")

        def make() -> Made:
            model = models.resolve(self.reference, notify=_log.warning)
            given = {"name": model.name, "max_context": self.max_context} | options
            return Made(maker(model.location, readout, **given), lambda: _revision(model.location, asked, altered))

        return make

    def _server(self, readout: Readout) -> Source:
        maker = _maker("server")
        options = checked(maker, self._options, "server")
        keys = {"api_key": self.api_key, "api_key_env": self.api_key_env}
        urls, model = self.urls, self.reference
        return lambda: Made(maker(urls, readout, **({"model": model} | keys | options)))


def _plain(value: object) -> object:
    """As JSON has it: objects of an engine's own, such as a dtype, by what they say of themselves."""
    if isinstance(value, Mapping):
        return {str(name): _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return value if isinstance(value, str | int | float | None) else repr(value)


def _revision(location: str, asked: object, altered: Mapping[str, object]) -> str:
    return models.revision_of(location, str(asked) if asked else None) + (repr(dict(altered)) if altered else "")


def _maker(engine: str) -> Callable[..., Any]:
    if engine == "vllm":
        from rrm.engines.scorers.vllm import VLLMScorer

        return VLLMScorer
    if engine == "server":
        from rrm.engines.scorers.server import ServerScorer

        return ServerScorer
    if engine == "transformers":
        from rrm.engines.scorers.transformers import TransformersScorer

        return TransformersScorer
    raise UnknownNameError("engine of rewards", engine, ENGINES)
