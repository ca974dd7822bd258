"""What vLLM's failures mean in rrm's terms, and how its engine is ended without taking that for one."""

import asyncio
from typing import Any

from rrm.errors import EngineDiedError, EngineError, EngineRefusedError

__all__ = ["failure", "silence"]


def failure(error: Exception) -> EngineError:
    """What a failed request means."""
    from vllm.v1.engine.exceptions import EngineDeadError

    if isinstance(error, EngineDeadError):
        return EngineDiedError("vLLM's engine process ended in the middle of its work; its messages are above")
    if isinstance(error, ValueError):
        return EngineRefusedError(f"vLLM refuses the request: {error}")
    return EngineError(f"vLLM failed on a request: {error.__cause__ or error}")


async def silence(engine: Any) -> None:
    """Stop what reads the engine's output, which else takes the shutdown for a death and logs it."""
    if (handler := getattr(engine, "output_handler", None)) is not None:
        handler.cancel()
        await asyncio.gather(handler, return_exceptions=True)
