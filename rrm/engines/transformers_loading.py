"""What the engine and the scorer of transformers share: its imports, its arguments, and plain words where it fails.

Settings that the user made as arguments are never overridden. Knows no requests, and nothing of what is loaded.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

from rrm.errors import EngineError, MissingExtraError, ModelError, RRMError, UnknownNameError

__all__ = [
    "accelerator",
    "context_of",
    "explained",
    "failure",
    "imported",
    "in_thread",
    "placed",
    "precision",
    "shared",
]

Result = TypeVar("Result")

_SHARED = ("revision", "trust_remote_code", "token", "cache_dir", "local_files_only", "subfolder")
"""Arguments that say where the model is, which the tokenizer needs as well."""


def imported(what: str = "the transformers engine") -> tuple[Any, Any]:
    """Transformers and torch. Raises MissingExtraError, for `what`."""
    try:
        import torch
        import transformers
    except ModuleNotFoundError as error:
        raise MissingExtraError(what, "transformers") from error
    return transformers, torch


def shared(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the arguments that the tokenizer needs as well."""
    return {key: value for key, value in arguments.items() if key in _SHARED}


def precision(torch: Any, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments, with a precision that fits the machine where none is among them."""
    dtype = torch.float32 if accelerator(torch) is None else torch.bfloat16
    return ({} if "torch_dtype" in arguments else {"dtype": dtype}) | dict(arguments)


def placed(torch: Any, model: Any, arguments: Mapping[str, Any]) -> Any:
    """The model on the accelerator, where there is one and the arguments don't say where it is to be."""
    place = accelerator(torch)
    return model if place is None or "device_map" in arguments else model.to(place)


def accelerator(torch: Any) -> str | None:
    """The kind of accelerator that torch can use here."""
    for name in ("cuda", "xpu", "mps"):
        if (backend := getattr(torch, name, None)) is not None and backend.is_available():
            return name
    return None


def context_of(config: Any, *limits: int | None) -> int | None:
    """Tokens that fit a model with this configuration, and all of the limits; None where nothing says it."""
    own = getattr(config.get_text_config(), "max_position_embeddings", None)
    return min((limit for limit in (own, *limits) if limit), default=None)


@contextmanager
def explained(transformers: Any, name: str, arguments: Mapping[str, Any]) -> Iterator[None]:
    """Load something without progress bars, and with its failures in plain words.

    Raises UnknownNameError for an argument that the model does not know, ModelError for what can't be loaded,
    EngineError otherwise.
    """
    bars = transformers.utils.logging.is_progress_bar_enabled()
    transformers.utils.logging.disable_progress_bar()
    try:
        yield
    except RRMError:
        raise
    except TypeError as error:
        raise _unknown_argument(error, arguments) from error
    except (OSError, ValueError) as error:
        raise ModelError(f"transformers can't load {name}: {error}") from error
    except Exception as error:
        raise failure(error, "batch_size") from error
    finally:
        if bars:
            transformers.utils.logging.enable_progress_bar()


def failure(error: Exception, size: str) -> EngineError:
    """What went wrong in a model; `size` is the setting that makes batches smaller."""
    if "out of memory" in str(error).lower() or isinstance(error, MemoryError):
        return EngineError(f"out of memory: use a smaller {size}, max_context or model ({error})")
    return EngineError(f"transformers failed: {type(error).__name__}: {error}")


async def in_thread(thread: ThreadPoolExecutor, work: Callable[..., Result], *arguments: Any) -> Result:
    """Do the work in the thread."""
    return await asyncio.get_running_loop().run_in_executor(thread, work, *arguments)


def _unknown_argument(error: TypeError, arguments: Mapping[str, Any]) -> Exception:
    named = next((name for name in arguments if f"'{name}'" in str(error)), None)
    if named is None:
        return EngineError(f"transformers can't load the model with {sorted(arguments)}: {error}")
    return UnknownNameError(
        "transformers model argument", named, ("dtype", "device_map", "attn_implementation", *_SHARED)
    )
