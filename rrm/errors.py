"""Every error that rrm raises on purpose, in one tree.

    RRMError
    ├── InputError (ValueError)              the caller's data or arguments: fix and call again
    │   ├── UnknownNameError (LookupError)   no strategy, prompt, option ... of that name
    │   ├── PromptError                      a prompt file that can't be found, read or rendered
    │   └── ContestError                     one contest that can't be judged; others can
    │       └── PromptTooLongError           its prompt does not fit the model's context
    ├── IllegalRecordError (ValueError)      a tournament was told of a match it did not ask for
    ├── LedgerError (OSError)                a ledger file that can't be used, or not any more
    ├── ModelError (OSError)                 a model reference that leads to no usable weights
    ├── MissingExtraError (ImportError)      an optional dependency is not installed
    └── EngineError (RuntimeError)           the judge model can't be asked
        ├── EngineUnreachableError (ConnectionError)   nobody answers, or only with failures
        ├── EngineRefusedError               it answered, and repeating can't help (a bad request)
        │   └── EngineDeniedError            whatever is asked (a wrong key, address or model)
        ├── EngineDiedError                  it stopped in the middle of its work
        ├── EngineClosedError                it was closed by its owner
        └── EngineStoppedError               it was told to take no more requests

A message says what happened, which value it was about and what to do. Each class is also the fitting
standard type, so that callers who know nothing of rrm can catch it. Any other exception is a bug.
"""

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = [
    "ContestError",
    "EngineClosedError",
    "EngineDeniedError",
    "EngineDiedError",
    "EngineError",
    "EngineRefusedError",
    "EngineStoppedError",
    "EngineUnreachableError",
    "IllegalRecordError",
    "InputError",
    "LedgerError",
    "MissingExtraError",
    "ModelError",
    "PromptError",
    "PromptTooLongError",
    "RRMError",
    "UnknownNameError",
]


_MOST_NAMES = 30


class RRMError(Exception):
    """Parent of every error that rrm raises on purpose."""


class InputError(RRMError, ValueError):
    """What the caller handed over can't be used: fix it and call again."""


class UnknownNameError(InputError, LookupError):
    """There is no such strategy, prompt, engine or option; the message has the nearest valid name."""

    def __init__(self, kind: str, name: str, valid: Iterable[str]) -> None:
        super().__init__(kind, name, tuple(valid))

    def __str__(self) -> str:
        kind, name, valid = self.args
        near = get_close_matches(name, valid, n=5, cutoff=0.5)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        # Of an engine's 150 arguments only the near ones help.
        shown = sorted(valid) if len(valid) <= _MOST_NAMES else near if len(near) > 1 else []
        return f"unknown {kind} {name!r}.{hint}" + (f" Valid: {', '.join(shown)}." if shown else "")


class PromptError(InputError):
    """A prompt file can't be found, read, or rendered."""


class ContestError(InputError):
    """One contest can't be judged. Other contests are not touched."""


class PromptTooLongError(ContestError):
    """A rendered prompt does not fit the model's context; both numbers are tokens.

    `contest` is the contest's id; `place` says which of several prompts it was, such as "conversation 3".
    """

    def __init__(
        self, length: int | None, limit: int | None, contest: str | int | None = None, place: str = ""
    ) -> None:
        super().__init__(length, limit, *(() if contest is None and not place else (contest, place)))

    def of_contest(self, contest: str | int | None) -> "PromptTooLongError":
        """The same error, of a contest that is named."""
        length, limit = self.args[:2]
        return PromptTooLongError(length, limit, contest)

    def at_place(self, place: str) -> "PromptTooLongError":
        """The same error, of one of several prompts, which is named."""
        length, limit = self.args[:2]
        return PromptTooLongError(length, limit, None, place)

    def __str__(self) -> str:
        length, limit, contest, place = (*self.args, None, "")[:4]
        where = place if contest is None else f"contest {contest!r}"
        return (
            f"{where and where + ': '}the prompt has {length or 'too many'} tokens and the model's context holds "
            f"{limit or 'fewer'}: shorten the query or the responses, or use a model with a longer context"
        )


class IllegalRecordError(RRMError, ValueError):
    """A tournament was told of a match that it did not ask for, or was told twice. Its state is unchanged."""


class LedgerError(RRMError, OSError):
    """A ledger file is foreign, damaged, too new, can't be written, or its disk is full. What it holds is kept."""


class ModelError(RRMError, OSError):
    """A model reference (alias, folder, hub name, GGUF file) leads to no usable weights."""


class MissingExtraError(RRMError, ImportError):
    """An optional dependency is not installed; the message has the command that installs it."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(what, extra)

    def __str__(self) -> str:
        what, extra = self.args
        return f"{what} needs an extra that is not installed: pip install 'rrm-judge[{extra}]'"


class EngineError(RRMError, RuntimeError):
    """The judge model can't be asked."""


class EngineUnreachableError(EngineError, ConnectionError):
    """Nobody answers at the engine's address, or only with failures that did not go away."""


class EngineRefusedError(EngineError):
    """The engine answered, and asking the same again can't help; other requests may be taken."""


class EngineDeniedError(EngineRefusedError):
    """The engine answered, and takes no request as things are: a wrong key, address or model."""


class EngineDiedError(EngineError):
    """The engine stopped in the middle of its work."""


class EngineClosedError(EngineError):
    """The engine was closed by its owner and takes no more requests."""


class EngineStoppedError(EngineError):
    """The engine was told to take no more requests (`Judge.drain`), as when a limit on spending is reached."""
