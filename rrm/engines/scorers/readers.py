"""One batch of passes through a model in torch, and what is read of it: with a head of ours, or by the model's own forward.

Invariants: padding is on the right, where a causal model does not see it and others have it masked, and positions are
the caller's, so that nothing depends on the rest of the batch (but for rounding); heads work
in float32. Runs in one worker thread.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from rrm.engines.scorers.base import Pass, Task
from rrm.engines.scorers.heads import Head
from rrm.engines.scorers.passes import end_of

__all__ = ["Backbone", "Headed", "Likelihood", "Reader", "Values", "Vocabulary", "Whole"]

Values = tuple[tuple[float, ...], ...]

_CHUNK = 1 << 26
"""Float32 numbers that are made at once of a vocabulary's logits."""


class Reader(Protocol):
    """A loaded model."""

    def read(self, passes: Sequence[Pass]) -> list[Values]:
        """What was read of each pass. Raises whatever torch raises."""
        ...


@dataclass(frozen=True, slots=True)
class Backbone:
    """A model without its head. A causal one needs no mask, which would cost memory and half of its attention's speed."""

    model: Any
    is_causal: bool

    @property
    def device(self) -> Any:
        return self.model.device

    def hidden(self, passes: Sequence[Pass]) -> Any:
        """Hidden states after the last norm, of shape (passes, longest, hidden)."""
        batch = _batch(passes, self.device, is_masked=not self.is_causal)
        return self.model(**batch, use_cache=False).last_hidden_state


@dataclass(frozen=True, slots=True)
class Headed:
    """A model without its head, and a head: at the positions, or at the last one."""

    backbone: Backbone
    head: Head
    task: Task
    padding: int | None = None
    """The token that a classifier does not read at the end of a sequence."""

    def read(self, passes: Sequence[Pass]) -> list[Values]:
        places = [asked.at if self.task != "classify" else (self._end(asked),) for asked in passes]
        hidden = _picked(self.backbone.hidden(passes), places)
        return _split(self.head(hidden.float().to(self.backbone.device)).tolist(), places)

    def _end(self, asked: Pass) -> int:
        return end_of(asked.tokens, self.padding) - 1


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The head of a generative model, or some rows of it, in float32: `weight` has the shape (tokens, hidden)."""

    weight: Any
    bias: Any
    scale: float = 1.0
    cap: float | None = None
    """Logits are squeezed to lie between this and its negative."""

    def __call__(self, hidden: Any) -> Any:
        from torch.nn.functional import linear

        logits = linear(hidden, self.weight, self.bias) * self.scale
        return logits if self.cap is None else (logits / self.cap).tanh() * self.cap


@dataclass(frozen=True, slots=True)
class Likelihood:
    """A generative model: the log-probability of the token at each position, given those before."""

    backbone: Backbone
    head: Vocabulary

    def read(self, passes: Sequence[Pass]) -> list[Values]:
        import torch

        hidden = _picked(self.backbone.hidden(passes), [[place - 1 for place in asked.at] for asked in passes])
        targets = torch.tensor([asked.tokens[place] for asked in passes for place in asked.at], dtype=torch.long)
        step = max(1, _CHUNK // len(self.head.weight))
        chunks = zip(hidden.split(step), targets.to(self.backbone.device).split(step), strict=True)
        values = [value for chunk, wanted in chunks for value in self._logprobs(chunk, wanted)]
        return _split([[value] for value in values], [asked.at for asked in passes])

    def _logprobs(self, hidden: Any, wanted: Any) -> list[float]:
        logits = self.head(hidden.float().to(self.backbone.device))
        found: list[float] = (logits.gather(-1, wanted[:, None])[:, 0] - logits.logsumexp(-1)).tolist()
        return found


@dataclass(frozen=True, slots=True)
class Whole:
    """A classifier by its own forward: encoders, whose heads have forms of their own."""

    model: Any
    task: Task

    def read(self, passes: Sequence[Pass]) -> list[Values]:
        padding = self.model.config.pad_token_id or 0  # some place their positions by it
        logits = self.model(**_batch(passes, self.model.device, padding=padding)).logits.float()
        if self.task == "classify":
            return [(tuple(vector),) for vector in logits.tolist()]
        places = [asked.at for asked in passes]
        return _split(_picked(logits, places).tolist(), places)


def _batch(passes: Sequence[Pass], device: Any, *, padding: int = 0, is_masked: bool = True) -> dict[str, Any]:
    import torch

    longest = max(len(asked.tokens) for asked in passes)
    gaps = [longest - len(asked.tokens) for asked in passes]
    tokens = [[*asked.tokens, *[padding] * gap] for asked, gap in zip(passes, gaps, strict=True)]
    mask = [[1] * (longest - gap) + [0] * gap for gap in gaps]
    return {
        "input_ids": torch.tensor(tokens, device=device),
        "attention_mask": torch.tensor(mask, device=device) if is_masked and any(gaps) else None,
    }


def _picked(states: Any, places: Sequence[Sequence[int]]) -> Any:
    """The states at all places, one after another."""
    rows = [row for row, at in enumerate(places) for _ in at]
    columns = [place for at in places for place in at]
    return states[rows, columns]


def _split(vectors: Sequence[Sequence[float]], places: Sequence[Sequence[int]]) -> list[Values]:
    rest = iter(vectors)
    return [tuple(tuple(next(rest)) for _ in at) for at in places]
