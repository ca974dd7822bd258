"""A `WireServer` that reads models as vLLM does: /pooling, /classify, /tokenize beside /v1, prompt_logprobs within.

A token is a character, and 1 begins a sequence where special tokens are wanted. Its model is `vectors_of`: numbers that
depend on all tokens up to their position, kept as 32-bit floats. Tokens above `VOCABULARY` are refused with a 400, CRASH
is answered with a 500, and NOT_A_NUMBER makes what stands at it and behind it NaN.
"""

import asyncio
import base64
import json
import math
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tests.token_wire import tokens_of
from tests.wire import Body, Fault, Refusal, WireServer

__all__ = ["CRASH", "NOT_A_NUMBER", "VOCABULARY", "RewardServer", "likelihoods_of", "rendered", "vectors_of"]

VOCABULARY = 70_000
CRASH = 66_666
NOT_A_NUMBER = 66_667


def vectors_of(tokens: Sequence[int], outputs: int) -> list[list[float]]:
    """A vector for each position."""
    found, state = [], 1
    for token in tokens:
        state = -1 if token == NOT_A_NUMBER or state < 0 else (31 * state + token) % 9973
        numbers = [math.nan if state < 0 else 5 * math.sin(state + place) for place in range(outputs)]
        found.append(list(struct.unpack(f"<{outputs}f", struct.pack(f"<{outputs}f", *numbers))))
    return found


def likelihoods_of(tokens: Sequence[int]) -> list[float]:
    """The log-probability of each token, that of the first being meaningless."""
    return [vector[0] - 6 for vector in vectors_of(tokens, 1)]


def rendered(messages: Sequence[Mapping[str, str]], *, add_generation_prompt: bool) -> str:
    turns = "".join(f"<{turn['role']}>{turn['content']}</>" for turn in messages)
    return turns + ("<assistant>" if add_generation_prompt else "")


class RewardServer(WireServer):
    """The server; what `WireServer` has on chats does not concern it.

    task            what /pooling and /classify read: "classify", "token_classify", "embed"; "generate" has neither
    outputs         length of a vector
    step_tag        with "token_classify": vectors at this token only
    paths           those that are there
    mishaps         faults of a path, the next of them for each request; Fault.none() lets one pass
    encodings       what `encoding_format` is understood; others are taken for "float"
    root            what the listing says of the model's weights
    likelihoods     whether prompt_logprobs are understood
    template        whether there is a chat template

    Recorded: `asked` (path and body of all that came but the listings).
    """

    def __init__(
        self,
        task: str = "classify",
        *,
        outputs: int = 1,
        step_tag: int | None = None,
        paths: Sequence[str] = ("/pooling", "/classify", "/tokenize", "/v1/completions"),
        mishaps: Mapping[str, Sequence[Fault]] | None = None,
        encodings: Sequence[str] = ("float", "base64"),
        root: str | None = None,
        likelihoods: bool = True,
        template: bool = True,
        **options: Any,
    ) -> None:
        super().__init__(models=options.pop("models", ("reward",)), **options)
        self.task, self.outputs, self.step_tag, self.paths = task, outputs, step_tag, set(paths)
        self.mishaps = {path: list(faults) for path, faults in (mishaps or {}).items()}
        self.encodings, self.root, self.likelihoods, self.template = encodings, root, likelihoods, template
        self.asked: list[tuple[str, Body]] = []
        if task == "generate":
            self.paths -= {"/pooling", "/classify"}
        else:
            self.paths -= {"/v1/completions"}

    def bodies(self, path: str = "/pooling") -> list[Body]:
        """What was asked at a path, but for the probe, which is the first."""
        return [body for asked, body in self.asked if asked == path][1:]

    def sizes(self, path: str = "/pooling") -> list[int]:
        """How many passes travelled in each request."""
        return [len(body.get("input", body.get("prompt"))) for body in self.bodies(path)]

    def _list_models(self, headers: Mapping[str, str]) -> Body:
        listing = super()._list_models(headers)
        for entry in listing["data"]:
            entry |= {} if self.root is None else {"root": self.root}
        return listing

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        line, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (entry.partition(":") for entry in lines)}
        content = await reader.readexactly(int(headers.get("content-length", 0)))
        _, path, _ = line.split(" ")
        if path == "/v1/models":
            self.probes += 1
            return await self._handle(reader, writer, self.model_faults, lambda: self._list_models(headers))
        return await self._post(reader, writer, path, headers, json.loads(content))

    async def _post(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        path: str,
        headers: Mapping[str, str],
        body: Body,
    ) -> bool:
        self.asked.append((path, body))
        self.in_flight += 1
        self.peak = max(self.peak, self.in_flight)
        try:
            return await self._handle(
                reader, writer, self.mishaps.get(path, []), lambda: self._answered(path, headers, body)
            )
        finally:
            self.in_flight -= 1

    def _answered(self, path: str, headers: Mapping[str, str], body: Body) -> Body:
        if path not in self.paths:
            raise Refusal(Fault.reply({"detail": "Not Found"}, 404))
        self._refuse_strangers(headers)
        answers: dict[str, Callable[[Body], Body]] = {
            "/pooling": self._pool,
            "/classify": self._classify,
            "/tokenize": self._tokenize,
            "/v1/completions": self._complete_prompts,
        }
        return answers[path](body)

    def _pool(self, body: Body) -> Body:
        if body["task"] != self.task:
            raise Refusal(Fault.status(400, f"Unsupported task: {body['task']!r}", param="task"))
        return self._read(body, lambda tokens: {"data": self._encoded(self._pooled(tokens), body)})

    def _classify(self, body: Body) -> Body:
        if self.task != "classify":
            raise Refusal(Fault.status(501, "The model does not support Classification API"))
        return self._read(body, lambda tokens: {"probs": vectors_of(tokens, self.outputs)[-1], "label": None})

    def _read(self, body: Body, read: Callable[[Sequence[int]], Body]) -> Body:
        assert body["use_activation"] is False
        self._refuse_tokens(body["input"], 0)
        items = [{"index": index, **read(tokens)} for index, tokens in enumerate(body["input"])]
        return {"object": "list", "model": body["model"], "data": items[::-1], "usage": {"prompt_tokens": 0}}

    def _refuse_tokens(self, prompts: Sequence[Sequence[int]], more: int) -> None:
        for tokens in prompts:
            if max(tokens) > VOCABULARY:
                raise Refusal(Fault.status(400, f"Token id {max(tokens)} is out of vocabulary"))
            if CRASH in tokens:
                raise Refusal(Fault.status(500, "internal error"))
            if self.max_model_len is not None and len(tokens) + more > self.max_model_len:
                self._refuse_long_prompts(max(len(tokens), self.max_model_len))

    def _pooled(self, tokens: Sequence[int]) -> list[list[float]] | list[float]:
        vectors = vectors_of(tokens, self.outputs)
        if self.task != "token_classify":
            return vectors[-1]
        return [vector for vector, token in zip(vectors, tokens, strict=True) if self.step_tag in (None, token)]

    def _encoded(self, data: list[list[float]] | list[float], body: Body) -> object:
        if body["encoding_format"] not in self.encodings or body["encoding_format"] == "float":
            return _as_json(data)
        assert (body["embed_dtype"], body["endianness"]) == ("float32", "little")
        numbers = [number for row in data for number in (row if isinstance(row, list) else [row])]
        return base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode()

    def _tokenize(self, body: Body) -> Body:
        if "messages" in body and not self.template:
            raise Refusal(Fault.status(400, "As of transformers v4.44, default chat template is no longer allowed, so you must provide a chat template if the tokenizer does not define one."))  # fmt: skip
        text = (
            rendered(body["messages"], add_generation_prompt=body["add_generation_prompt"])
            if "messages" in body
            else body["prompt"]
        )
        tokens = [1] * body["add_special_tokens"] + tokens_of(text)
        return {"count": len(tokens), "max_model_len": self.max_model_len, "tokens": tokens}

    def _complete_prompts(self, body: Body) -> Body:
        self._refuse_tokens(body["prompt"], body["max_tokens"])
        choices = [self._completed(index, tokens) for index, tokens in enumerate(body["prompt"])]
        return {"object": "text_completion", "choices": choices[::-1], "usage": {}}

    def _completed(self, index: int, tokens: Sequence[int]) -> Body:
        choice: Body = {"index": index, "text": "x", "finish_reason": "length", "logprobs": None}
        if not self.likelihoods:
            return choice
        entries = [
            {str(token): {"logprob": max(chance, -9999.0), "rank": 1, "decoded_token": chr(token)}}
            for token, chance in zip(tokens, likelihoods_of(tokens), strict=True)
        ]
        return choice | {"prompt_logprobs": [None, *entries[1:]]}


def _as_json(data: object) -> object:
    """As JSON spells numbers: it has none for NaN."""
    if isinstance(data, list):
        return [_as_json(part) for part in data]
    return None if isinstance(data, float) and math.isnan(data) else data
