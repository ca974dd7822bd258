"""A `WireServer` that tells its tokens, as vLLM does: /tokenize and /detokenize beside /v1, /v1/completions in it.

A token is a character, and 1 is the beginning of a sequence, which is added unless it is refused. The chat template
strips reasoning from assistant turns, and ends a prompt with `opening`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tests.wire import Body, Fault, Refusal, WireServer

__all__ = ["TokenServer", "tokens_of"]

Finish = Callable[[Body, str], Sequence[str]]
"""From a request to /v1/completions and its prompt as text to the texts of its samples."""


def tokens_of(text: str) -> list[int]:
    return [ord(character) for character in text]


class TokenServer(WireServer):
    """`mishaps` are the faults of each path, the next of them for each request. `finish` answers /v1/completions.

    Recorded: `asked` (path and body of all that is no chat), `prompts` (of the completions, as text).
    """

    def __init__(
        self,
        finish: Finish | None = None,
        *,
        opening: str = "<assistant><think>\n",
        mishaps: Mapping[str, Sequence[Fault]] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.finish = finish or (lambda body, _: ["so"] * body.get("n", 1))
        self.opening = opening
        self.mishaps = {path: list(faults) for path, faults in (mishaps or {}).items()}
        self.asked: list[tuple[str, Body]] = []
        self.prompts: list[str] = []

    def completions(self) -> list[Body]:
        return [body for path, body in self.asked if path == "/v1/completions"]

    def rendered(self, messages: Sequence[Mapping[str, str]]) -> str:
        turns = (f"<{turn['role']}>{turn['content'].rpartition('</think>')[2]}" for turn in messages)
        return "".join(turns) + self.opening

    def elsewhere(self, path: str, body: Body) -> Body:
        answer = {"/tokenize": self._tokenize, "/detokenize": self._detokenize, "/v1/completions": self._finished}
        if path not in answer:
            return super().elsewhere(path, body)
        self.asked.append((path, body))
        if faults := self.mishaps.get(path):
            raise Refusal(faults.pop(0))
        return answer[path](body)

    def _tokenize(self, body: Body) -> Body:
        text = body["prompt"] if "prompt" in body else self.rendered(body["messages"])
        if "messages" in body:
            assert body["add_generation_prompt"] is True
        tokens = [1] * body.get("add_special_tokens", "prompt" in body) + tokens_of(text)
        return {"count": len(tokens), "max_model_len": 4096, "tokens": tokens}

    def _detokenize(self, body: Body) -> Body:
        return {"prompt": "".join(map(chr, body["tokens"]))}

    def _finished(self, body: Body) -> Body:
        prompt = "".join(map(chr, body["prompt"]))
        self.prompts.append(prompt)
        self._refuse_parameters(body)
        self._refuse_long_prompts(len(body["prompt"]))
        texts = self.finish(body, prompt)
        choices = [_choice(body, index, text) for index, text in enumerate(texts)]
        usage = {"prompt_tokens": len(prompt), "completion_tokens": sum(map(len, texts))}
        return {"object": "text_completion", "model": body["model"], "choices": choices, "usage": usage}


def _choice(body: Body, index: int, text: str) -> Body:
    is_cut = len(text) > body["max_tokens"]
    text = text[: body["max_tokens"]]
    logprobs = None
    if "logprobs" in body:
        alternatives = {text[0]: -0.25, "other": -1.5} if body["logprobs"] else {text[0]: -0.25}
        logprobs = {"tokens": [text[0]], "token_logprobs": [-0.25], "top_logprobs": [alternatives], "text_offset": [0]}
    return {"index": index, "text": text, "logprobs": logprobs, "finish_reason": "length" if is_cut else "stop"}
