"""One sample as a row of a batch that transformers' `generate` works on: how its tokens are chosen.

Invariants: a row's tokens depend on its own logits and its own generator, so on no other row (but for
rounding); a row that is done or cancelled takes no more tokens, whatever the batch still does. Rows are
filled in a worker thread, and only `is_cancelled` is set from outside. Knows no event loop.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from rrm.engines.logprobs import KEPT, kept
from rrm.engines.tokens import Tokens, choosing
from rrm.types import Completion, FinishReason, SampleRequest, TokenLogprob

__all__ = ["Row", "Steps", "batch_of"]


@dataclass(eq=False)
class Row:
    """Sample `first_index + offset` of a request, whose prompt is tokenised; at most `limit` tokens long."""

    request: SampleRequest
    offset: int
    prompt: list[int]
    limit: int
    options: dict[Tokens, str]
    tell: Callable[[Completion], object]
    """Called in the worker thread, with the completion, as soon as it is known."""
    is_cancelled: bool = False
    is_done: bool = False
    taken: list[int] = field(default_factory=list)
    sampled: int = 0
    logprobs: list[TokenLogprob] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._choosing = choosing(list(self.options)) if self.options else None
        self._shared: Tokens = ()
        self._following: list[int] = []
        self._generator: Any = None

    def start(self, device: Any) -> None:
        """Seed the row, and put what all its choices have in common behind the prompt."""
        import torch

        self._generator = torch.Generator(device=device).manual_seed(self.request.sample_seed + self.offset)
        if self._choosing is not None:
            try:
                self._shared, self._following = next(self._choosing)
            except StopIteration as chosen:
                self._end(self._option(chosen.value), "stop")
            self.taken = list(self._shared)
            self.prompt = [*self.prompt, *self._shared]

    def take(self, logits: Any, ends: frozenset[int], decode: Callable[[Sequence[int]], str]) -> int:
        """The next token, from its raw logits. `ends` are the tokens that end a turn."""
        allowed = self._allowed()
        token = allowed[0] if len(allowed) == 1 else self._sample(logits, allowed, decode)
        self.taken.append(token)
        if self._choosing is not None:
            self._narrow(token, len(allowed))
        elif token in ends:
            self._end(decode(self.taken[:-1]), "stop")
        elif len(self.taken) == self.limit:
            self._end(decode(self.taken), "length")
        return token

    def _allowed(self) -> list[int]:
        """The tokens that may follow; empty for all."""
        if self._choosing is None:
            return []
        place = len(self.taken)
        return [self._shared[place]] if place < len(self._shared) else self._following

    def _narrow(self, token: int, alternatives: int) -> None:
        if self._choosing is not None and alternatives > 1:
            try:
                self._shared, self._following = self._choosing.send(token)
            except StopIteration as chosen:
                self._end(self._option(chosen.value), "stop")

    def _option(self, place: int) -> str:
        return list(self.options.values())[place]

    def _sample(self, logits: Any, allowed: list[int], decode: Callable[[Sequence[int]], str]) -> int:
        """The Gumbel-max trick: the largest of logits plus noise is a sample of their softmax."""
        import torch

        self.sampled += 1
        places = torch.tensor(allowed, device=logits.device) if allowed else None
        scores = logits if places is None else torch.full_like(logits, -torch.inf).index_copy(0, places, logits[places])
        if (sampling := self.request.sampling).temperature > 0:
            scores = _nucleus(scores / sampling.temperature, sampling.top_p)
            scores = scores - torch.empty_like(scores).exponential_(generator=self._generator).log()
        token = int(scores.argmax())
        if self.request.logprobs:
            self._report(_logprob(logits, token, places, self.request.logprobs, decode))
        return token

    def _report(self, logprob: TokenLogprob) -> None:
        self.logprobs.append(logprob)
        if len(self.logprobs) > 2 * KEPT:
            self.logprobs = list(kept(self.logprobs))

    def _end(self, text: str, reason: FinishReason) -> None:
        self.is_done = True
        prompt_tokens = 0 if self.offset else len(self.prompt)
        index, logprobs = self.request.first_index + self.offset, tuple(kept(self.logprobs))
        self.tell(
            Completion(self.request.case, index, text, reason, prompt_tokens, 0, self.sampled, logprobs),
        )


class Steps:
    """What `generate` calls at every step: as logits processor, and as stopping criterion."""

    def __init__(self, rows: Sequence[Row], ends: frozenset[int], decode: Callable[[Sequence[int]], str]) -> None:
        self._rows = rows
        self._ends = ends
        self._decode = decode

    def choose(self, _: Any, logits: Any) -> Any:
        """Each row's next token as its only possible one."""
        chosen = logits.clone()
        for place, row in enumerate(self._rows):
            if not (row.is_done or row.is_cancelled):
                token = row.take(logits[place], self._ends, self._decode)
                chosen[place] = -float("inf")
                chosen[place, token] = 0.0
        return chosen

    def stop(self, tokens: Any, _: Any, **__: Any) -> Any:
        """Which rows need no more tokens."""
        import torch

        return torch.tensor([row.is_done or row.is_cancelled for row in self._rows], device=tokens.device)


def batch_of(rows: Sequence[Row], padding: int, device: Any) -> dict[str, Any]:
    """Prompts padded on the left, as tokens and attention mask of shape (rows, longest prompt)."""
    import torch

    longest = max(len(row.prompt) for row in rows)
    gaps = [longest - len(row.prompt) for row in rows]
    tokens = [[padding] * gap + row.prompt for gap, row in zip(gaps, rows, strict=True)]
    mask = [[0] * gap + [1] * (longest - gap) for gap in gaps]
    return {
        "input_ids": torch.tensor(tokens, device=device),
        "attention_mask": torch.tensor(mask, device=device),
    }


def _nucleus(scores: Any, top_p: float) -> Any:
    """Drop what lies outside the smallest set of tokens with probability `top_p`; the likeliest always stays."""
    if top_p >= 1:
        return scores
    ordered, order = scores.sort(descending=True)
    probabilities = ordered.softmax(-1)
    outside = probabilities.cumsum(-1) - probabilities >= top_p
    outside[0] = False
    return scores.masked_fill(outside.scatter(0, order, outside), -float("inf"))


def _logprob(logits: Any, token: int, places: Any, top: int, decode: Callable[[Sequence[int]], str]) -> TokenLogprob:
    """Of the model's own distribution, before temperature; alternatives are among `places` where these are given."""
    logprobs = logits.float().log_softmax(-1)
    reported = logprobs if places is None else logprobs[places]
    best = reported.topk(min(top, len(reported)))
    tokens = (best.indices if places is None else places[best.indices]).tolist()
    alternatives = zip(tokens, best.values.tolist(), strict=True)
    return TokenLogprob(
        decode([token]), float(logprobs[token]), tuple((decode([other]), logprob) for other, logprob in alternatives)
    )
