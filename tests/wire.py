"""A real HTTP server on 127.0.0.1 that behaves like an OpenAI-compatible one, well or badly, on demand.

    with WireServer(faults=[Fault.status(500)]) as server:
        rank(query, responses, judge=Judge("judge", base_url=server.url))
    assert len(server.requests) == ...

It runs on an event loop in its own thread, so that both sync and async tests, and other processes, can
talk to it. It knows the wire and nothing of rrm. Each POST /v1/chat/completions takes the next of
`faults`; when none is left the `judge` answers: a function from the request's JSON body to one text for
each sample asked for. The default judge prefers the longer of the two answers in a Skywork (RRM) prompt.
Tokens are counted as one for each four characters. What came in stays readable after the server stopped.
"""

import asyncio
import json
import threading
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self, TypeVar

__all__ = ["Body", "Fault", "Judge", "Refusal", "WireServer", "longer_answer"]

Body = dict[str, Any]
Result = TypeVar("Result")
Judge = Callable[[Body], Sequence[str | Mapping[str, Any]]]
"""From a request's body to its answers: texts, or whole assistant messages (`content`, `reasoning` ...)."""


@dataclass(frozen=True)
class Fault:
    """How one request is mishandled."""

    kind: str
    code: int = 200
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    count: int = 0

    @classmethod
    def status(
        cls, code: int, message: str = "scripted failure", *, param: str | None = None, retry_after: str | None = None
    ) -> Self:
        """An error in OpenAI's shape; `param` is the parameter it complains of, `retry_after` the header's value."""
        headers = {} if retry_after is None else {"Retry-After": retry_after}
        error = {"message": message, "type": "scripted", "param": param, "code": code}
        return cls("reply", code, json.dumps({"error": error}), headers)

    @classmethod
    def reply(cls, body: object, code: int = 200) -> Self:
        """Any other JSON."""
        return cls("reply", code, json.dumps(body))

    @classmethod
    def html(cls, code: int = 200) -> Self:
        """A proxy's web page."""
        return cls("reply", code, "<html><title>Bad gateway</title></html>", {"Content-Type": "text/html"})

    @classmethod
    def cut_json(cls) -> Self:
        """A complete HTTP response whose JSON stops in the middle."""
        return cls("reply", 200, '{"choices": [{"index": 0, "mess')

    @classmethod
    def hang(cls) -> Self:
        """No answer at all until the client goes away; it is counted in `disconnects`."""
        return cls("hang")

    @classmethod
    def drop(cls) -> Self:
        """The connection is closed without an answer."""
        return cls("drop")

    @classmethod
    def drop_mid_body(cls) -> Self:
        """The connection is closed after the headers and a piece of the body."""
        return cls("drop_mid_body", 200, '{"choices": [')

    @classmethod
    def fewer(cls, count: int) -> Self:
        """A good answer with `count` choices, however many were asked for."""
        return cls("fewer", count=count)

    @classmethod
    def none(cls) -> Self:
        """No fault: for the requests before one that fails."""
        return cls("none")


class Refusal(Exception):
    """The request is answered with this fault."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault)
        self.fault = fault


class WireServer:
    """The server, as a context manager. `url` is the base URL for clients; all switches may be set while it runs.

    faults, model_faults   consumed one per chat request, and one per GET /v1/models
    refuse                 parameters answered with a 400 that names them in `param` ("n", "seed", "logprobs",
                           "max_tokens", "top_p", "temperature", "continue_final_message" ...)
    ignore_n               one choice, however many were asked for
    require_key            the bearer token without which every request gets a 401
    no_models              GET /v1/models is a 404
    models, max_model_len  what GET /v1/models lists; longer prompts get vLLM's 400
    latency                seconds before each answer
    cached_tokens          what usage reports of the prefix cache; None as on servers that have none

    Recorded: `requests` (chat bodies), `headers` (theirs, by lower-case name), `probes` (GETs of the models),
    `in_flight` and `peak` (chat requests at once), `disconnects` (clients that went before their answer).
    """

    def __init__(
        self,
        judge: Judge | None = None,
        *,
        faults: Sequence[Fault] = (),
        model_faults: Sequence[Fault] = (),
        refuse: Sequence[str] = (),
        ignore_n: bool = False,
        require_key: str | None = None,
        no_models: bool = False,
        models: Sequence[str] = ("judge",),
        max_model_len: int | None = None,
        latency: float = 0.0,
        cached_tokens: int | None = None,
        port: int = 0,
    ) -> None:
        self.judge = judge or longer_answer
        self.faults, self.model_faults = list(faults), list(model_faults)
        self.refuse, self.ignore_n, self.require_key, self.no_models = set(refuse), ignore_n, require_key, no_models
        self.models, self.max_model_len, self.latency, self.cached_tokens = (
            models,
            max_model_len,
            latency,
            cached_tokens,
        )
        self.port = port
        self.requests: list[Body] = []
        self.headers: list[dict[str, str]] = []
        self.probes = self.in_flight = self.peak = self.disconnects = 0
        self._talks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="wire server", daemon=True)
        self._thread.start()
        self._server = self._do(asyncio.start_server(self._talk, "127.0.0.1", self.port))
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_: object) -> None:
        self._do(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _do(self, work: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _stop(self) -> None:
        self._server.close()
        for talk in self._talks:
            talk.cancel()
        await asyncio.gather(*self._talks, return_exceptions=True)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until either side leaves."""
        talk = asyncio.current_task()
        assert talk is not None
        self._talks.add(talk)
        try:
            while await self._exchange(reader, writer):
                pass
        except (asyncio.CancelledError, asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._talks.discard(talk)
            writer.close()
            with suppress(ConnectionError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Read a request and answer it. Returns whether the connection stays open."""
        line, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (entry.partition(":") for entry in lines)}
        content = await reader.readexactly(int(headers.get("content-length", 0)))
        method, path, _ = line.split(" ")
        if (method, path) == ("GET", "/v1/models"):
            self.probes += 1
            return await self._handle(reader, writer, self.model_faults, lambda: self._list_models(headers))
        body = json.loads(content or "{}")
        if (method, path) != ("POST", "/v1/chat/completions"):
            return await _send(writer, _reply_of(lambda: self.elsewhere(path, body), 0))
        self.requests.append(body)
        self.headers.append(headers)
        self.in_flight += 1
        self.peak = max(self.peak, self.in_flight)
        try:
            return await self._handle(reader, writer, self.faults, lambda: self._complete(headers, body))
        finally:
            self.in_flight -= 1

    async def _handle(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        faults: list[Fault],
        answer: Callable[[], Body],
    ) -> bool:
        fault = faults.pop(0) if faults else Fault.none()
        if await self._client_leaves(reader, None if fault.kind == "hang" else self.latency):
            self.disconnects += 1
            return False
        if fault.kind in ("none", "fewer"):
            fault = _reply_of(answer, fault.count)
        return await _send(writer, fault)

    async def _client_leaves(self, reader: asyncio.StreamReader, seconds: float | None) -> bool:
        """Wait so long, or for ever; whether the client closed the connection meanwhile."""
        if seconds == 0:
            return False
        with suppress(TimeoutError):
            return not await asyncio.wait_for(reader.read(1), seconds)
        return False

    def elsewhere(self, path: str, body: Body) -> Body:
        """The answer at any other path."""
        raise Refusal(Fault.status(404, f"no such path: {path}"))

    def _list_models(self, headers: Mapping[str, str]) -> Body:
        self._refuse_strangers(headers)
        if self.no_models:
            raise Refusal(Fault.status(404, "no such path: /v1/models"))
        more = {} if self.max_model_len is None else {"max_model_len": self.max_model_len}
        return {"object": "list", "data": [{"id": name, "object": "model", **more} for name in self.models]}

    def _complete(self, headers: Mapping[str, str], body: Body) -> Body:
        self._refuse_strangers(headers)
        self._refuse_parameters(body)
        length = _tokens("".join(message["content"] for message in body["messages"]))
        self._refuse_long_prompts(length)
        asked = 1 if self.ignore_n else body.get("n", 1)
        choices = [_choice(body, index, text) for index, text in enumerate(self.judge(body)[:asked])]
        details = None if self.cached_tokens is None else {"cached_tokens": self.cached_tokens}
        generated = sum(_tokens(choice["message"].get("content") or "") for choice in choices)
        usage = {"prompt_tokens": length, "completion_tokens": generated, "prompt_tokens_details": details}
        return {"object": "chat.completion", "model": body["model"], "choices": choices, "usage": usage}

    def _refuse_strangers(self, headers: Mapping[str, str]) -> None:
        if self.require_key is not None and headers.get("authorization") != f"Bearer {self.require_key}":
            raise Refusal(Fault.status(401, f"wrong API key: {headers.get('authorization')}"))

    def _refuse_parameters(self, body: Body) -> None:
        for name in sorted(self.refuse & body.keys()):
            raise Refusal(Fault.status(400, f"Unsupported parameter: '{name}'", param=name))
        if body["model"] not in self.models:
            raise Refusal(Fault.status(404, f"The model `{body['model']}` does not exist."))

    def _refuse_long_prompts(self, length: int) -> None:
        if self.max_model_len is not None and length >= self.max_model_len:
            raise Refusal(
                Fault.status(
                    400,
                    f"This model's maximum context length is {self.max_model_len} tokens. However, your prompt contains "
                    f"{length} input tokens. Please reduce the length of the input prompt.",
                    param="input_tokens",
                )
            )


def longer_answer(body: Body) -> list[str]:
    """The default judge: the longer of the two answers in a Skywork prompt wins; with choices, the n-th is chosen."""
    first, second = _answers(body["messages"])
    winner = 0 if len(first) >= len(second) else 1
    choices = _choices(body)
    text = choices[winner % len(choices)] if choices else f"</think>\n\n\\boxed{{Assistant {winner + 1}}}"
    return [text] * int(body.get("n", 1))


def _answers(messages: Sequence[Mapping[str, str]]) -> tuple[str, str]:
    prompt = next((message["content"] for message in messages if "### Assistant 1\n\n" in message["content"]), "")
    _, _, answers = prompt.partition("### Assistant 1\n\n")
    first, _, rest = answers.partition("### Assistant 2\n\n")
    return first.strip(), rest.rpartition("## Analysis")[0].strip()


def _choice(body: Body, index: int, answer: str | Mapping[str, Any]) -> Body:
    message: Body = {"role": "assistant", **({"content": answer} if isinstance(answer, str) else answer)}
    text, longest = (
        message["content"] or "",
        4 * int(body.get("max_tokens") or body.get("max_completion_tokens") or 1000),
    )
    choices = _choices(body)
    if isinstance(answer, str) and choices and answer not in choices:
        message["content"] = text = choices[0]
    if is_cut := len(text) > longest:
        message["content"] = text[:longest]
    token = {"token": text[:4], "logprob": -0.25}
    alternatives = [token, {"token": "other", "logprob": -1.5}][: body.get("top_logprobs", 0)]
    logprobs = {"content": [{**token, "top_logprobs": alternatives}]} if body.get("logprobs") else None
    return {"index": index, "message": message, "logprobs": logprobs, "finish_reason": "length" if is_cut else "stop"}


def _choices(body: Body) -> list[str]:
    return list(body.get("structured_outputs", {}).get("choice", ()))


def _tokens(text: str) -> int:
    return -(-len(text) // 4)


def _reply_of(answer: Callable[[], Body], fewer: int) -> Fault:
    try:
        reply = answer()
    except Refusal as refusal:
        return refusal.fault
    if fewer:
        reply["choices"] = reply["choices"][:fewer]
    return Fault.reply(reply)


async def _send(writer: asyncio.StreamWriter, fault: Fault) -> bool:
    if fault.kind == "drop":
        return False
    content = fault.body.encode()
    missing = 100 if fault.kind == "drop_mid_body" else 0
    headers = {"Content-Type": "application/json", **fault.headers, "Content-Length": str(len(content) + missing)}
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    writer.write(f"HTTP/1.1 {fault.code} Scripted\r\n{head}\r\n".encode() + content)
    await writer.drain()
    return not missing
