"""JSON over HTTP to one of several equal servers: who is asked, how often, and when to give up.

Invariants: a try that failed in a way that may pass is repeated, on another server where there is one,
until the attempts are used up; a refusal is never repeated; a key appears in no message and no log. It
knows addresses, statuses and waiting. It does not know what is asked or answered.
"""

import asyncio
import json
import math
import random
import re
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from itertools import count, cycle
from ssl import SSLContext
from typing import Any, ParamSpec, TypeVar

import httpx
import stamina
from stamina.instrumentation import RetryDetails, get_on_retry_hooks, set_on_retry_hooks
from stamina.typing import RetryHook

from rrm.errors import EngineUnreachableError

__all__ = ["FailedError", "Patience", "RefusedError", "Server", "Servers"]

Json = dict[str, Any]
Result = TypeVar("Result")
P = ParamSpec("P")

_PASSING = frozenset({408, 409, 425, 429})
"""Client errors that go away by themselves; so do all of 500 and above."""

_LONGEST_RETRY_AFTER = 120.0
"""Seconds. A server that asks for more (some say hours) is tried again after these."""

_PROBES = 3

_LONGEST_REST = 60.0
"""Seconds after which a server that keeps failing is tried again."""

_KEEPALIVE = 3.0
"""Seconds. Less than the 5 s after which uvicorn closes idle connections, so that no request meets a closing one."""

_CONNECTIONS_PER_CLIENT = 16
"""httpx looks at every connection of a client at each step of a request: with hundreds, at little else."""

_HERE = ("localhost", "127.0.0.1", "[::1]")


class FailedError(Exception):
    """A try that failed where another may not.

    `status` is that of an answer, if there was one; `retry_after` is what the server asked for, in seconds.
    """

    def __init__(self, reason: str, status: int | None = None, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.status, self.retry_after = status, retry_after


class RefusedError(Exception):
    """The server answered, and the same request can't succeed."""

    def __init__(self, url: str, status: int, message: str, param: str | None = None) -> None:
        super().__init__(url, status, message, param)
        self.url, self.status, self.message, self.param = url, status, message, param


@dataclass(frozen=True, slots=True)
class Patience:
    """How long and how often to try; all times in seconds."""

    attempts: int
    timeout: float
    """One request, from its first byte out to its last byte in."""
    connect_timeout: float
    wait_initial: float
    wait_max: float


@dataclass(eq=False, slots=True)
class Server:
    """One address, and how it has been doing."""

    url: str
    load: int = 0
    """Samples being asked of it."""
    failures: int = 0
    """In a row."""
    rests_until: float = 0.0
    """On the monotonic clock."""
    last_turn: int = 0
    models: tuple[str, ...] = field(default=())
    """What it lists; empty where it lists nothing."""

    @property
    def is_awake(self) -> bool:
        return self.rests_until <= time.monotonic()

    def rest(self, seconds: float) -> None:
        self.failures += 1
        self.rests_until = time.monotonic() + seconds

    def recover(self) -> None:
        self.failures, self.rests_until = 0, 0.0


class Servers:
    """A client for servers that can stand in for each other. Must be closed; belongs to one event loop.

    `in_flight` is how many requests at once to be ready for.
    """

    def __init__(self, urls: Sequence[str], api_key: str | None, patience: Patience, in_flight: int = 1) -> None:
        _quieten_stamina()
        self.all = [Server(url) for url in urls]
        self._patience = patience
        self._key = api_key
        self._turns = count(1)
        clients = -(-in_flight // _CONNECTIONS_PER_CLIENT)
        certificates = httpx.create_ssl_context()  # slow to load, and the same for all
        self._clients = [self._client(certificates) for _ in range(clients)]
        self._next_client = cycle(self._clients)

    def _client(self, certificates: SSLContext) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            verify=certificates,
            headers={"Authorization": f"Bearer {self._key}"} if self._key else {},
            # The engine bounds what is in flight; a second bound here would only hide it.
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=None, keepalive_expiry=_KEEPALIVE),
            timeout=httpx.Timeout(None, connect=self._patience.connect_timeout),
            # A proxy from the environment can't reach this machine's own servers.
            mounts={f"all://{host}": None for host in _HERE},
        )

    async def aclose(self) -> None:
        for client in self._clients:
            await client.aclose()

    async def ask(self, work: Callable[[Server], Awaitable[Result]], weight: int = 1) -> Result:
        """Do `work` with the best server, and again with another while it raises FailedError.

        `weight` is the number of samples asked for. Raises EngineUnreachableError when the attempts are used
        up, and whatever else `work` raises.
        """
        tried: list[Server] = []

        @self._repeated(self._patience.attempts, self._pause_after)
        async def once() -> Result:
            server = self._best(tried[-1] if tried else None)
            tried.append(server)
            with self._carrying(server, weight):
                return await work(server)

        try:
            return await once()
        except FailedError as failure:
            raise EngineUnreachableError(_given_up(tried, failure)) from None

    async def probe(self, server: Server, path: str, seconds: float, content: bytes | None = None) -> Json:
        """Like `exchange` with this server, quickly tried a few times. Raises FailedError or RefusedError."""

        @self._repeated(_PROBES, lambda error: isinstance(error, FailedError))
        async def once() -> Json:
            return await self.exchange(server, path, content)

        try:
            async with asyncio.timeout(seconds):
                return await once()
        except TimeoutError:
            raise FailedError(f"no answer within {seconds:g} s") from None

    def leave_out(self, server: Server) -> None:
        """Ask the server nothing for as long as a server may rest at most."""
        server.rest(_LONGEST_REST)

    async def exchange(self, server: Server, path: str, content: bytes | None = None) -> Json:
        """One request, without repeating it: a GET, or a POST of JSON. Raises FailedError or RefusedError."""
        method, headers = ("GET", {}) if content is None else ("POST", {"Content-Type": "application/json"})
        try:
            async with asyncio.timeout(self._patience.timeout):
                client = next(self._next_client)
                response = await client.request(method, server.url + path, content=content, headers=headers)
        except TimeoutError:
            raise FailedError(f"no answer within {self._patience.timeout:g} s") from None
        except httpx.RequestError as error:
            raise FailedError(self.redacted(_described(error))) from None
        return self._json_of(response)

    def redacted(self, text: str) -> str:
        """The text without the key: some servers quote it back."""
        return text.replace(self._key, "***") if self._key else text

    def _json_of(self, response: httpx.Response) -> Json:
        reply = _parsed(response)
        if response.is_success and isinstance(reply, dict):
            return reply
        message, param, code = _complaint(reply, response)
        message = self.redacted(message)
        if response.is_success:
            raise FailedError(f"status {response.status_code}, but not with JSON: {message}")
        if _may_pass(response.status_code) and code != "insufficient_quota":
            raise FailedError(
                f"status {response.status_code}: {message}", response.status_code, _retry_after(response.headers)
            )
        raise RefusedError(str(response.url), response.status_code, message, param)

    def _repeated(
        self, attempts: int, pause_after: Callable[[Exception], bool | float]
    ) -> Callable[[Callable[P, Result]], Callable[P, Result]]:
        """A decorator for coroutine functions without arguments: nothing of a request is to reach stamina's hooks."""
        first = self._patience.wait_initial
        return stamina.retry(
            on=pause_after,
            attempts=attempts,
            timeout=None,
            wait_initial=first,
            wait_max=self._patience.wait_max,
            wait_jitter=first,
        )

    def _best(self, just_failed: Server | None) -> Server:
        """The least loaded of those awake, not the one that just failed where there is another; ties take turns."""
        awake = [server for server in self.all if server.is_awake]
        if not awake:
            return min(self.all, key=lambda server: server.rests_until)
        others = [server for server in awake if server is not just_failed] or awake
        best = min(others, key=lambda server: (server.load, server.last_turn))
        best.last_turn = next(self._turns)
        return best

    @contextmanager
    def _carrying(self, server: Server, weight: int) -> Iterator[None]:
        server.load += weight
        try:
            yield
        except FailedError as failure:
            server.rest(self._rest_after(failure, server.failures))
            raise
        else:
            server.recover()
        finally:
            server.load -= weight

    def _rest_after(self, failure: FailedError, failures_before: int) -> float:
        if failure.retry_after is not None:
            return failure.retry_after
        return min(_LONGEST_REST, self._patience.wait_initial * 2.0 ** min(failures_before, 30))

    def _pause_after(self, error: BaseException) -> bool | float:
        """Whether to try again; a number is the wait in seconds in place of the exponential one."""
        if not isinstance(error, FailedError):
            return False
        if any(server.is_awake for server in self.all):
            return 0.0  # another server takes over at once, or this one said Retry-After: 0
        if error.retry_after is None:
            return True
        # All that wait were told the same moment: spread them a little behind it.
        return error.retry_after + random.uniform(0.0, min(1.0, error.retry_after / 10))


def _given_up(tried: Sequence[Server], failure: FailedError) -> str:
    urls = ", ".join(dict.fromkeys(server.url for server in tried))
    times = "attempt" if len(tried) == 1 else "attempts"
    return f"no usable answer from {urls} in {len(tried)} {times}; the last failure: {failure}"


def _may_pass(status: int) -> bool:
    return status in _PASSING or status >= 500


def _described(error: httpx.RequestError) -> str:
    kind = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(error).__name__).lower()
    return f"{kind}: {error}" if str(error) else kind


def _parsed(response: httpx.Response) -> object:
    """The JSON of a response, or None."""
    try:
        return json.loads(response.content)
    except ValueError:
        return None


def _complaint(reply: object, response: httpx.Response) -> tuple[str, str | None, object]:
    """Message, parameter and code of an error response, in OpenAI's shape, FastAPI's, or none."""
    error = reply.get("error", reply) if isinstance(reply, dict) else reply
    if isinstance(error, dict) and isinstance(error.get("detail"), list):
        return _fastapi_complaint(error["detail"])
    if isinstance(error, dict):
        message, param = error.get("message") or error.get("detail") or error, error.get("param")
        return _shortened(str(message)), param if isinstance(param, str) else None, error.get("code")
    return _shortened(str(error or response.headers.get("Location") or response.text or "an empty body")), None, None


def _fastapi_complaint(details: Sequence[Any]) -> tuple[str, str | None, object]:
    first = details[0] if details and isinstance(details[0], Mapping) else {}
    place = first.get("loc") or [None]
    return _shortened(str(first.get("msg", details))), str(place[-1]) if place[-1] is not None else None, None


def _shortened(text: str, longest: int = 500) -> str:
    text = " ".join(text.split())
    return text if len(text) <= longest else text[:longest] + " ..."


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, from seconds or an HTTP date; None where the header is absent or senseless."""
    value = headers.get("Retry-After", "").strip()
    try:
        seconds = float(value)
    except ValueError:
        seconds = _seconds_until(value)
    return min(_LONGEST_RETRY_AFTER, max(0.0, seconds)) if not math.isnan(seconds) else None


def _seconds_until(date: str) -> float:
    try:
        moment = parsedate_to_datetime(date)
    except ValueError:
        return math.nan
    return (moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC)).total_seconds()


@dataclass(frozen=True, slots=True)
class _ExceptOurs:
    """A hook of stamina's that is not called for retries made here."""

    hook: RetryHook

    def __call__(self, details: RetryDetails) -> AbstractContextManager[None] | None:
        return None if details.name.startswith(__name__) else self.hook(details)


def _quieten_stamina() -> None:
    """Keep stamina's own log hooks from reporting each retry made here; hooks of the program's own stay as they are.

    A retry is the ordinary course of things, and the hook for structlog prints to stdout.
    """
    log_hooks = ("stamina.instrumentation._logging", "stamina.instrumentation._structlog")
    hooks = get_on_retry_hooks()
    if any(hook.__module__ in log_hooks for hook in hooks):
        set_on_retry_hooks([_ExceptOurs(hook) if hook.__module__ in log_hooks else hook for hook in hooks])
