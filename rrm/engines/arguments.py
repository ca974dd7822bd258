"""What users pass on to an engine: checked against what it takes, and which of it makes another model."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from rrm.errors import InputError, UnknownNameError

__all__ = ["altering", "checked"]

_ALTERING = (
    "chat_template", "config_format", "dtype", "enable_lora", "hf_overrides", "load_format", "lora_modules",
    "pooler_config", "quantization", "revision", "rope_parameters", "rope_scaling", "rope_theta", "subfolder",
    "tokenizer", "tokenizer_mode", "tokenizer_revision", "torch_dtype", "prefer", "accuracy",
    "quantization_config", "load_in_4bit", "load_in_8bit", "variant", "attn_implementation", "experts_implementation",
    "attention_backend", "attention_config", "convert", "model_impl", "kv_cache_dtype", "calculate_kv_scales",
    "disable_sliding_window", "override_attention_dtype", "override_pooler_config", "mamba_cache_dtype",
    "mamba_ssm_cache_dtype", "code_revision", "hf_config_path", "config", "adapter_kwargs", "gguf_file",
    "trust_remote_code", "logits_processors", "generation_config", "override_generation_config",
)  # fmt: skip


def altering(arguments: Mapping[str, object]) -> dict[str, object]:
    """The arguments that make another model of the same weights; the rest is how fast it runs."""
    return {name: arguments[name] for name in _ALTERING if name in arguments}


def checked(maker: Callable[..., object], arguments: Mapping[str, object], kind: str) -> dict[str, object]:
    """The arguments by the names that `maker`, of an engine of this kind, has for them.

    Raises UnknownNameError for one that it does not take by name, InputError for one of a wrong type.
    """
    options = {name.replace("-", "_"): value for name, value in arguments.items()}
    known = inspect.signature(maker, eval_str=True).parameters
    takes_all = any(parameter.kind is parameter.VAR_KEYWORD for parameter in known.values())
    named = {name: parameter for name, parameter in known.items() if parameter.kind is parameter.KEYWORD_ONLY}
    for name, value in options.items():
        if name in named:
            _check_type(f"{name} of the engine {kind!r}", value, named[name].annotation)
        elif name in known:
            raise InputError(f"{name!r} has a setting of its own and is no {kind} engine argument")
        elif not takes_all:
            raise UnknownNameError(f"{kind} engine argument", name, named)
    return options


def _check_type(what: str, value: object, wanted: Any) -> None:
    if wanted is inspect.Parameter.empty:
        return
    try:
        msgspec.convert(value, wanted)
    except msgspec.ValidationError as error:
        raise InputError(f"{what}: {error}") from error
    except TypeError:
        return  # a type of the engine's own, which it checks itself
