"""What it means that a server refused a pass, or gave something else than was asked for, and what to do about it.

Pure. Errors name the address, what it said, and the command that starts a server with what is asked for.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace

from rrm.engines.chat import overflow_of
from rrm.engines.http import RefusedError
from rrm.engines.scorers.base import Readout
from rrm.errors import EngineDeniedError, EngineRefusedError, ModelError, PromptTooLongError

__all__ = ["LARGEST_HEAD", "OF_THE_REQUEST", "Advice", "is_missing"]

OF_THE_REQUEST = (400, 413, 422)
"""Statuses that refuse this request; another may be taken."""

_NO_SUCH_PATH = (404, 405)

LARGEST_HEAD = 255
"""The largest vector that is taken for the outputs of a head: the smallest embeddings are larger."""


def is_missing(refusal: RefusedError, model: str) -> bool:
    """Whether a server has not the path that was asked: a model that it has not is refused with the same status."""
    return refusal.status in _NO_SUCH_PATH and model not in refusal.message and "model" not in refusal.message.lower()


@dataclass(frozen=True, slots=True)
class Advice:
    """Errors for a scorer that reads `readout`; `api_key_env` is the variable that the key is read from.

    The rest is known once servers have been looked at: `model` is their name for it, `weights` what it is the name of,
    `listed` are all models that they list.
    """

    readout: Readout
    api_key_env: str
    has_key: bool
    model: str = "MODEL"
    weights: str = "MODEL"
    listed: tuple[str, ...] = ()

    def of_model(self, model: str, weights: str, listed: tuple[str, ...]) -> "Advice":
        return replace(self, model=model, weights=weights, listed=listed)

    def start_command(self) -> str:
        """The command that starts a server with what is to be read."""
        if self.readout.task == "likelihood":
            return f"vllm serve {self.weights}"
        command = f"vllm serve {self.weights} --runner pooling"
        if self.readout.labels:
            labels = {"method": "no_post_processing", "classifier_from_token": list(self.readout.labels)}
            command += f" --convert classify --hf-overrides '{json.dumps(labels, ensure_ascii=False)}'"
        pooler: dict[str, str] = {"task": self.readout.task}
        if self.readout.task == "token_classify":
            pooler["tok_pooling_type"] = "ALL"
        return f"{command} --pooler-config '{json.dumps(pooler)}'"

    def refused(self, refusal: RefusedError, known_limit: int | None = None) -> Exception:
        """The error for a refused pass. `known_limit` is the context in tokens, where it is known."""
        if refusal.status in OF_THE_REQUEST and (overflow := overflow_of(refusal.message)):
            return PromptTooLongError(overflow.length, overflow.limit or known_limit)
        said = f"{refusal.url} refused the request with status {refusal.status}: {refusal.message.rstrip('.')}. "
        if refusal.status in OF_THE_REQUEST and refusal.param == "task":
            # Whether only the server was started otherwise, or the model has no such head, vLLM does not tell apart.
            return EngineDeniedError(
                f"{said}{self._other_task()}. If the model has no head for that, read what it has."
            )
        kind = EngineRefusedError if refusal.status in OF_THE_REQUEST else EngineDeniedError
        return kind(said + self._remedy(refusal.status))

    def untokenised(self, refusal: RefusedError) -> Exception:
        """The error for texts or messages that /tokenize refused."""
        if is_missing(refusal, self.model):
            return self.no_tokenizer(refusal.url)
        if refusal.status in OF_THE_REQUEST and _lacks_template(refusal.message):
            return ModelError(
                f"{refusal.url} says: {refusal.message.rstrip('.')}. The model {self.weights} has no chat template "
                "there: start the server with --chat-template FILE"
            )
        return self.refused(refusal)

    def no_tokenizer(self, url: str) -> EngineDeniedError:
        return EngineDeniedError(
            f"{url} is not there, so that nothing makes tokens of texts (a proxy hands on some paths only): give the "
            "address of the vLLM server itself, or the model's tokenizer, a folder or a hub name (tokenizer=...)"
        )

    def nothing_there(self, url: str, paths: Iterable[str]) -> EngineDeniedError:
        """The error for a server that has none of the paths of a task."""
        why = (
            "it is no server of a generative model, or a proxy hands on some paths only"
            if self.readout.task == "likelihood"
            else "it serves a generative model, or a proxy hands on some paths only"
        )
        return EngineDeniedError(f"{url} has no {' and no '.join(paths)}: {why}. {self._other_task()}")

    def unread(self, url: str, reason: str) -> EngineDeniedError:
        """The error for an answer that does not say what was to be read."""
        return EngineDeniedError(f"{url} gave {reason}. {self._other_task()}")

    def not_listed(self, url: str) -> EngineDeniedError:
        """The error for a model that a server has not: some would answer for another one without a word."""
        return EngineDeniedError(
            f"{url} does not serve the model {self.model!r}, only {', '.join(self.listed)}: name one of these (model=...)"
        )

    def misfit(self, url: str, outputs: int) -> EngineDeniedError | None:
        """The error for a server whose vectors have another length than what is to be read; None where they may fit."""
        labels = self.readout.labels
        if labels and outputs != len(labels):
            return self.unread(url, f"vectors of {outputs} for the labels {', '.join(labels)}")
        if not labels and outputs > LARGEST_HEAD:
            return self.unread(
                url, f"vectors of {outputs} numbers, as an embedding model does, where scores were expected"
            )
        return None

    def _other_task(self) -> str:
        return f"To read {self._wanted()}, start it as: {self.start_command()}"

    def _wanted(self) -> str:
        if self.readout.labels:
            return f"the logits of {', '.join(self.readout.labels)}"
        return {
            "classify": "the scores of a reward model",
            "token_classify": "the scores of steps or tokens",
            "likelihood": "the log-probabilities of a prompt's own tokens",
        }[self.readout.task]

    def _remedy(self, status: int) -> str:
        if status in (401, 403):
            fault = "The key that was sent is not accepted" if self.has_key else "No key was sent"
            return f"{fault}: put a valid one into the environment variable {self.api_key_env}, or pass api_key."
        if status == 404:
            return (
                f"The server lists these models: {', '.join(self.listed)}." if self.listed else "Is the address right?"
            )
        if status < 400:
            return "Use the address that it names as the base URL."
        return "Asking again can't help: correct the request, or the server's settings."


def _lacks_template(message: str) -> bool:
    words = message.lower()
    return "chat template" in words and any(
        clue in words for clue in ("must provide", "does not define", "no chat template")
    )
