"""Anything that scores becomes a reward: what users hand over, and what they name."""

import hashlib
import importlib
import inspect
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from rrm.errors import InputError, UnknownNameError
from rrm.ledger import Ledger
from rrm.rewards.cached import cached
from rrm.rewards.custom import CustomReward
from rrm.rewards.judged import JudgeReward, PointwiseJudge
from rrm.rewards.loading import load_reward
from rrm.rewards.managed import ManagedReward

__all__ = ["as_reward", "names_own_code", "resolve_reward"]

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


def resolve_reward(reference: object, *, ledger: str | Path | Ledger | None = None, **options: Any) -> ManagedReward:
    """The reward that a reference means: "module:attribute", or a folder or hub name; objects are as for `as_reward`.

    Modules in the current folder are found too. `options` are those of `load_reward`, for folders and hub names. With `ledger` results are kept. Those of the user's own code are kept under the reference and the content of the
    module's file, so that another version of it asks anew. Raises InputError where nothing is found, or where an option is
    given that is for reward models only.
    """
    if isinstance(reference, Path | None) or (isinstance(reference, str) and not names_own_code(reference)):
        return load_reward(reference, ledger=ledger, **options)
    _refuse_options(reference, options)
    if not isinstance(reference, str):
        reward = as_reward(reference)
        return reward if ledger is None else cached(reward, ledger, name=reward.info.model)
    found = as_reward(_imported(reference), name=reference)
    return found if ledger is None else cached(found, ledger, name=reference, revision=_revision(reference))


def names_own_code(text: str) -> bool:
    """Whether a reference is "module:attribute", and not the name of a reward model."""
    return _ATTRIBUTE.fullmatch(text) is not None and not Path(text).exists()


def _refuse_options(reference: object, options: Mapping[str, object]) -> None:
    known = inspect.signature(load_reward).parameters
    for name, value in options.items():
        if name not in known:
            raise UnknownNameError("option of rewards", name, known)
        if value != known[name].default and value not in ((), {}):
            raise InputError(f"{name} is for reward models, and {reference!r} is a reward of your own")


def _imported(reference: str) -> object:
    """What "module:attribute" names. Raises InputError, with what went wrong in the module where something did."""
    module, _, path = reference.partition(":")
    found: object = _module(module, reference)
    for name in path.split("."):
        if not hasattr(found, name):
            public = [known for known in vars(found) if not known.startswith("_")] if hasattr(found, "__dict__") else []
            raise UnknownNameError(f"reward {reference!r}: attribute", name, public)
        found = getattr(found, name)
    return found


def _module(name: str, reference: str) -> object:
    here = os.getcwd()  # noqa: PTH109 - as sys.path has it
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        return importlib.import_module(name)
    except Exception as error:  # the module is the user's, and may raise what it likes
        said = f"{type(error).__name__}: {error}"
        raise InputError(
            f"the reward {reference!r} can't be imported ({said}): the module must be installed, or stand in {here}"
        ) from error


def _revision(reference: str) -> str:
    """The content of the module's file, as a short text; "" where it has none."""
    file = getattr(sys.modules.get(reference.partition(":")[0]), "__file__", None)
    if not file or not Path(file).is_file():
        return ""
    return hashlib.blake2b(Path(file).read_bytes(), digest_size=8).hexdigest()


def _made(kind: type) -> object:
    try:
        return kind()
    except TypeError as error:
        raise InputError(
            f"the reward class {kind.__qualname__} can't be made without arguments ({error}): make an object of it"
        ) from error
