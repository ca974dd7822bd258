"""What rrm adds to any vLLM that is started where it is installed, served or in process: models that vLLM has not.

vLLM finds `register` by the entry point `vllm.general_plugins` and calls it in each of its processes. Importing this is
cheap; the models are imported by vLLM when one is loaded.
"""

__all__ = ["register"]

_MODELS = {"Qwen2ForPrmModel": "rrm.engines.scorers.skywork_prm:Qwen2ForPrmModel"}
"""Architectures as config.json has them, and the classes."""


def register() -> None:
    """Make the models known to this process. Calling it again is harmless; an architecture that vLLM has stays its own."""
    from vllm import ModelRegistry

    known = ModelRegistry.get_supported_archs()
    for architecture, place in _MODELS.items():
        if architecture not in known:
            ModelRegistry.register_model(architecture, place)
