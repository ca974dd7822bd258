"""Which of several servers are there, and what each lists of its models: what is found out before anything is asked.

A server that fails at it is left out for a while, with a warning, as long as another answers. Knows no engine.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from rrm.engines.addresses import Listed, models_in
from rrm.engines.http import FailedError, RefusedError, Server, Servers
from rrm.errors import EngineUnreachableError

__all__ = ["listing", "of_the_live"]

Result = TypeVar("Result")

_log = logging.getLogger("rrm")

_RATE_LIMITED = 429


async def of_the_live(
    servers: Servers, asked: Sequence[Server], look: Callable[[Server], Awaitable[Result]]
) -> dict[Server, Result]:
    """What a look at each server gave; who fails is left out. Raises what else a look raises.

    And EngineUnreachableError where none is alive.
    """
    found = await asyncio.gather(*map(look, asked), return_exceptions=True)
    dead: list[str] = []
    live: dict[Server, Result] = {}
    for server, outcome in zip(asked, found, strict=True):
        if isinstance(outcome, FailedError):
            servers.leave_out(server)
            dead.append(f"{server.url}: {outcome}")
        elif isinstance(outcome, BaseException):
            raise outcome
        else:
            live[server] = outcome
    if not live:
        raise EngineUnreachableError(f"{'; '.join(dead)}. Is the server running, and is the address right?")
    for reason in dead:
        _log.warning("left out, because it does not answer: %s", reason)
    return live


async def listing(
    servers: Servers, server: Server, path: str, seconds: float, explained: Callable[[RefusedError], Exception]
) -> dict[str, Listed]:
    """The models of a live server; none where it does not tell. `explained` says what a refusal of the caller means."""
    try:
        return models_in(await servers.probe(server, path, seconds))
    except FailedError as failure:
        if failure.status == _RATE_LIMITED:
            return {}
        raise
    except RefusedError as refusal:
        if refusal.status in (401, 403) or refusal.status < 400:
            raise explained(refusal) from None
        return {}
