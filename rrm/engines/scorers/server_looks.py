"""Finding out who serves a model, how he answers, and that he serves what is to be read.

Invariants: each server is looked at once, those away at the beginning when they are first asked; who serves
something else is an error, whatever the others serve. What is asked and answered looks as `formats` says.
"""

import asyncio
import hashlib
import logging
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from rrm.engines.addresses import Listed, first_model, reported
from rrm.engines.attendance import listing, of_the_live
from rrm.engines.http import FailedError, RefusedError, Server, Servers
from rrm.engines.scorers.base import Readout
from rrm.engines.scorers.formats import (
    PATHS,
    PROBES,
    MalformedReplyError,
    Manner,
    NoVectorsError,
    body_of,
    manner_of,
)
from rrm.engines.scorers.refusals import Advice, is_missing

__all__ = ["Looks"]

_log = logging.getLogger("rrm")

Json = dict[str, Any]
Result = TypeVar("Result")

_NOT_IMPLEMENTED = 501


class Looks:
    """What the `servers` of a model tell of themselves; `seconds` bound each look. `model`: None for the first listed.

    `advice` has neither `listed` models nor `weights` before `find`, which must come first.
    """

    def __init__(self, servers: Servers, readout: Readout, model: str | None, seconds: float, advice: Advice) -> None:
        self._servers, self._readout, self._seconds = servers, readout, seconds
        self._wanted_model = model
        self._manners: dict[Server, Manner] = {}
        self._looking: dict[Server, asyncio.Lock] = {}
        self.advice = advice
        self.context: int | None = None
        """Tokens of the smallest context; None where no server tells."""

    @property
    def model(self) -> str:
        return self.advice.model

    @property
    def outputs(self) -> int | None:
        """Length of a vector; None where it does not show before a pass."""
        return next((manner.outputs for manner in self._manners.values() if manner.outputs), None)

    @property
    def revision(self) -> str | None:
        """What tells weights apart that are reported by the same name: a hash of the folder they lie in; None of a hub name."""
        weights = self.advice.weights
        if reported(weights) == weights:
            return None
        return hashlib.blake2b(weights.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()

    async def find(self) -> None:
        """Look at all servers. Raises EngineDeniedError, InputError, and EngineUnreachableError where none is alive."""
        listings = await of_the_live(self._servers, self._servers.all, self._listing)
        model = self._wanted_model or first_model({server.url: found for server, found in listings.items()})
        self.advice = self.advice.of_model(model, *_told(listings, model))
        for server, models in listings.items():
            if models and model not in models:
                raise self.advice.not_listed(server.url)
        contexts = [models[model].context for models in listings.values() if models]
        self.context = min(filter(None, contexts), default=None)
        self._manners.update(await of_the_live(self._servers, list(listings), self._manner))

    async def manner_of(self, server: Server) -> Manner:
        """How a server answers. Raises FailedError, and EngineDeniedError where it serves something else."""
        async with self._looking.setdefault(server, asyncio.Lock()):
            if server not in self._manners:
                self._manners[server] = await self._manner(server)
            return self._manners[server]

    async def _listing(self, server: Server) -> dict[str, Listed]:
        return await listing(self._servers, server, "/v1/models", self._seconds, self.advice.refused)

    async def _manner(self, server: Server) -> Manner:
        paths = PATHS[self._readout.task]
        for path in paths:
            reply = await self._probe(server, path)
            if reply is not None:
                return self._fitting(server.url + path, path, reply)
        raise self.advice.nothing_there(server.url, paths)

    async def _probe(self, server: Server, path: str) -> Json | None:
        """The reply to the probe; None where the server has no such path."""
        task = self._readout.task
        # With vectors of some length, so that base64 is asked for, in which the answer shows how long they are.
        content = body_of([PROBES[task]], self.model, task, Manner(path, 1))
        try:
            return await self._servers.probe(server, path, self._seconds, content)
        except RefusedError as refusal:
            if not is_missing(refusal, self.model):
                raise self.advice.refused(refusal) from None
        except FailedError as failure:
            if failure.status != _NOT_IMPLEMENTED:
                raise
        return None

    def _fitting(self, url: str, path: str, reply: Json) -> Manner:
        """How a server answers that gave this reply to the probe, where that fits what is to be read."""
        try:
            manner = manner_of(reply, self._readout.task, path)
        except NoVectorsError as error:
            raise self.advice.unread(url, str(error)) from None
        except MalformedReplyError as error:
            raise FailedError(str(error)) from None
        if manner.outputs is not None and (misfit := self.advice.misfit(url, manner.outputs)):
            raise misfit
        return manner


def _told(listings: Mapping[Server, Mapping[str, Listed]], model: str) -> tuple[str, tuple[str, ...]]:
    """What the weights of a model are called, and all models that the servers list."""
    roots: Iterable[str | None] = (models[model].root for models in listings.values() if model in models)
    names = dict.fromkeys(name for models in listings.values() for name in models)
    return next(filter(None, roots), model), tuple(names)
