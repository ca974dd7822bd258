"""Anything that scores becomes a reward: what users hand over, and what they name."""

import inspect
import os
import re
import sys
from collections.abc import Mapping
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any, cast

from rrm.errors import InputError, ModelError, UnknownNameError
from rrm.ledger import Ledger
from rrm.rewards.cached import CachedReward, cached
from rrm.rewards.custom import CustomReward
from rrm.rewards.judged import JudgeReward, PointwiseJudge
from rrm.rewards.loading import load_reward
from rrm.rewards.managed import ManagedReward
from rrm.rewards.versions import imported, version_of

__all__ = ["as_reward", "has_module", "names_own_code", "resolve_reward"]

_ATTRIBUTE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*")


def as_reward(anything: object, *, name: str | None = None) -> ManagedReward:
    """A reward of an object with `score` or `ascore`, a function or a class, a judge that scores single responses, or a reference.

    Functions and methods take a list of conversations and return as many numbers; what is asynchronous may be so. A class
    is called without arguments. A reference is as for `resolve_reward`. `name` is what reports call it. Raises InputError
    for anything else.
    """
    if isinstance(anything, str | Path):
        return resolve_reward(anything)
    if isinstance(anything, ManagedReward):
        return anything
    if isinstance(anything, type):
        anything = _made(anything)
    kind = getattr(anything, "kind", None)
    if callable(getattr(anything, "poll_many", None)) and callable(getattr(anything, "apoll_many", None)):
        if kind != "pointwise":
            raise InputError(
                f"a judge that is {kind} gives no scores of single responses: use one with a pointwise prompt"
            )
        return JudgeReward(cast("PointwiseJudge", anything))
    return CustomReward(anything, name=name)


def resolve_reward(
    reference: object, *, ledger: str | Path | Ledger | None = None, name: str | None = None, **options: Any
) -> ManagedReward:
    """The reward that a reference means: "module:attribute", or a folder or hub name; objects are as for `as_reward`.

    Modules in the current folder are found too. `options` are those of `load_reward`, for folders and hub names; with a
    `base_url`, or an `engine` that is "server" or a Scorer, every reference is a model's name.

    With `ledger` results are kept, and nothing is opened for that here. Those of "module:attribute" are kept under the
    reference and what the module's file held when it was imported, so that another version of it asks anew: modules and files
    that it uses are not looked at. Objects need a `name`, under which theirs are kept. Raises InputError where nothing is
    found, for an object without a name, and where an option is given that is for reward models only.
    """
    if isinstance(reference, str | Path | None):
        if name is not None:
            raise InputError(f"name= is for objects, and {str(reference)!r} is a reference, which is its own name")
        if not isinstance(reference, str) or not names_own_code(reference, options):
            try:
                return load_reward(reference, ledger=ledger, **options)
            except ModelError as error:
                raise _hinted(error, str(reference)) from error
        _refuse_options(reference, options)
        return _own(reference, ledger)
    _refuse_options(reference, options)
    return _made_reward(reference, ledger, name)


def names_own_code(text: str, options: Mapping[str, object] | None = None) -> bool:
    """Whether a reference is "module:attribute", and not the name of a reward model; `options`: those of `load_reward`."""
    given = options or {}
    engine = given.get("engine")
    if given.get("base_url") or engine == "server" or not isinstance(engine, str | None):
        return False  # servers may call models what they like
    return _ATTRIBUTE.fullmatch(text) is not None and not Path(text).exists()


def _hinted(error: ModelError, reference: str) -> ModelError:
    """The error, with what a reward of one's own is called where that may have been meant."""
    module = reference.removeprefix("./").partition(":")[0].removesuffix(".py").partition(".")[0]
    if not module.isidentifier() or not Path(f"{module}.py").is_file():
        return error
    return ModelError(
        f"{error}. A reward of your own in {module}.py is called {module}:NAME, with the name that it has there"
    )


def has_module(reference: str) -> bool:
    """Whether there is a module for "module:attribute"; nothing is imported."""
    package = reference.partition(":")[0].partition(".")[0]
    return package in sys.modules or PathFinder.find_spec(package, [str(Path.cwd()), *sys.path]) is not None


def _own(reference: str, ledger: str | Path | Ledger | None) -> ManagedReward:
    """The user's own code, by its reference."""
    module, attribute = _named(reference)
    reward = as_reward(attribute, name=reference)
    if ledger is None or isinstance(reward, CachedReward):  # which has a ledger of its own
        return reward
    return cached(reward, ledger, name=reference, revision=version_of(module, reference))


def _made_reward(given: object, ledger: str | Path | Ledger | None, name: str | None) -> ManagedReward:
    """An object's, which is not opened for it."""
    if ledger is None:
        return as_reward(given, name=name)
    if isinstance(given, CachedReward) and name is None:
        return given.again(ledger)
    if name is None:
        raise InputError(
            "an object whose scores are kept in a ledger needs a name to keep them under, by which it is told from others: "
            "resolve_reward(reward, ledger=ledger, name=...), or cached(reward, ledger, name=...)"
        )
    return cached(as_reward(given, name=name), ledger, name=name)


def _refuse_options(reference: object, options: Mapping[str, object]) -> None:
    known = inspect.signature(load_reward).parameters
    for name, value in options.items():
        if name not in known:
            raise UnknownNameError("option of rewards", name, known)
        if value != known[name].default and value not in ((), {}):
            raise InputError(f"{name} is for reward models, and {reference!r} is a reward of your own")


def _named(reference: str) -> tuple[ModuleType, object]:
    """The module, and what "module:attribute" names in it. Raises InputError, with what went wrong where something did."""
    place, _, path = reference.partition(":")
    module = _module(place, reference)
    found: object = module
    for name in path.split("."):
        if not hasattr(found, name):
            public = [known for known in vars(found) if not known.startswith("_")] if hasattr(found, "__dict__") else []
            raise UnknownNameError(f"reward {reference!r}: attribute", name, public)
        found = getattr(found, name)
    return module, found


def _module(name: str, reference: str) -> ModuleType:
    here = os.getcwd()  # noqa: PTH109 - as sys.path has it
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        return imported(name)
    except Exception as error:  # the module is the user's, and may raise what it likes
        said = f"{type(error).__name__}: {error}"
        raise InputError(
            f"the reward {reference!r} can't be imported ({said}): the module must be installed, or stand in {here}"
        ) from error


def _made(kind: type) -> object:
    try:
        return kind()
    except TypeError as error:
        raise InputError(
            f"the reward class {kind.__qualname__} can't be made without arguments ({error}): make an object of it"
        ) from error
