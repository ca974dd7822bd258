"""A model of transformers made ready to be read: which part of it is loaded, and with which head.

Invariants: a head is the checkpoint's own or an error, never a fresh one; code from a checkpoint is run only where the
architecture is not in transformers and the caller said so. Blocks: seconds for the imports, more for the weights.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from rrm.engines.scorers import internlm2
from rrm.engines.scorers.base import Readout
from rrm.engines.scorers.heads import head_of
from rrm.engines.scorers.readers import Backbone, Headed, Likelihood, Reader, Vocabulary, Whole
from rrm.engines.scorers.tokenising import LocalTokens
from rrm.engines.scorers.weights import Checkpoint
from rrm.engines.transformers_loading import context_of, explained, imported, placed, precision, shared
from rrm.errors import ModelError

__all__ = ["Loaded", "load"]

_WHOLE = {
    "classify": ("ForSequenceClassification", "AutoModelForSequenceClassification"),
    "token_classify": ("ForTokenClassification", "AutoModelForTokenClassification"),
}
"""Architectures that are read by their own forward where they have no head of a known form, and what loads them."""

_GENERATIVE = ("ForCausalLM", "LMHeadModel", "ForConditionalGeneration")

_PROBED = (1, 2, 3, 4)
"""Tokens on which our logits are compared with the model's own, and what is later with what is earlier."""

_EXACT = 4
"""Bytes of a number from which on rounding is not seen."""

_SANE = 1 << 24
"""Tokens. Tokenizers that know no limit say 10^30."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model that can be read."""

    tokens: LocalTokens
    reader: Reader
    outputs: int
    context: int | None
    vocabulary: int
    is_on_cpu: bool
    dtype: str
    """What it computes in, such as "bfloat16"; heads are in float32 always."""


def load(location: str, name: str, readout: Readout, max_context: int | None, arguments: Mapping[str, Any]) -> Loaded:
    """Load the model at `location`, that reports call `name`, so that `readout` can be read.

    Raises MissingExtraError, UnknownNameError for an argument that transformers does not know, ModelError for what can't
    be loaded or has not what is to be read.
    """
    transformers, torch = imported("scoring with transformers")
    with explained(transformers, location, arguments), _quiet(transformers), torch.inference_mode():
        config, _ = transformers.PretrainedConfig.get_config_dict(location, **_trusting(arguments))
        # unless told not to run foreign code, transformers asks at the terminal whether it may
        tokenizer = transformers.AutoTokenizer.from_pretrained(
            location, **{"trust_remote_code": False} | shared(arguments)
        )
        tokens = LocalTokens(tokenizer, name)
        source = _Source(transformers, torch, location, name, config, arguments)
        model, reader, outputs = source.part(readout, tokens)
    limits = [max_context]
    if isinstance(reader, Whole) and tokenizer.model_max_length < _SANE:
        limits.append(tokenizer.model_max_length)  # encoders lose some positions to their padding
    return Loaded(
        tokens,
        reader,
        outputs,
        context_of(model.config, *limits),
        model.get_input_embeddings().weight.shape[0],
        model.device.type == "cpu",
        str(model.dtype).removeprefix("torch."),
    )


@dataclass(frozen=True, slots=True)
class _Source:
    """Where the parts of a model come from. `config` is its config.json."""

    transformers: Any
    torch: Any
    location: str
    name: str
    config: Mapping[str, Any]
    arguments: Mapping[str, Any]

    @property
    def architecture(self) -> str:
        return str((self.config.get("architectures") or [self.config.get("model_type", "model")])[0])

    def part(self, readout: Readout, tokens: LocalTokens) -> tuple[Any, Reader, int]:
        """The model, what reads it, and how long a vector is."""
        if readout.labels or readout.task == "likelihood":
            return self._generative(readout, tokens)
        checkpoint = Checkpoint(self.location, shared(self.arguments))
        head = head_of(checkpoint, self.config)
        if head is not None:
            model = self._backbone(checkpoint)
            head = head.to(model.device)
            size = model.get_input_embeddings().weight.shape[1]
            outputs = head(self.torch.zeros(1, size, device=model.device)).shape[-1]
            return model, Headed(self._probed(model), head, readout.task, self.config.get("pad_token_id")), outputs
        ending, loader = _WHOLE[readout.task]
        if not self.architecture.endswith(ending):
            raise self._headless(readout)
        model = self._loaded(loader, {"dtype": self.torch.float32} | dict(self.arguments))
        return model, Whole(model, readout.task), model.config.num_labels

    def _generative(self, readout: Readout, tokens: LocalTokens) -> tuple[Any, Reader, int]:
        if not self.architecture.endswith(_GENERATIVE):
            raise ModelError(
                f"{self.name} is a {self.architecture}, which predicts no tokens: "
                "labels and likelihoods are read of generative models (...ForCausalLM)"
            )
        model = self._loaded("AutoModelForCausalLM", precision(self.torch, self.arguments))
        head = _vocabulary(model)
        self._compare(model, head)
        backbone = self._probed(model.base_model)
        if not readout.labels:
            return backbone.model, Likelihood(backbone, head), 1
        rows = list(tokens.label_ids(readout.labels))
        bias = None if head.bias is None else head.bias[rows]
        labels = Vocabulary(head.weight[rows], bias, head.scale, head.cap)
        return backbone.model, Headed(backbone, labels, readout.task), len(rows)

    def _backbone(self, checkpoint: Checkpoint) -> Any:
        options = precision(self.torch, self.arguments)
        if self.config.get("model_type") != "internlm2":
            return self._loaded("AutoModel", options)
        try:
            dtype = getattr(self.torch, options["dtype"]) if isinstance(options["dtype"], str) else options["dtype"]
            model = internlm2.backbone(self.transformers, checkpoint, dict(self.config), dtype).eval()
        except (KeyError, RuntimeError) as error:
            raise ModelError(
                f"the weights of {self.name} are not InternLM2's as known here ({error}): use the engine vllm"
            ) from error
        return placed(self.torch, model, self.arguments)

    def _loaded(self, loader: str, options: Mapping[str, Any]) -> Any:
        """A model by one of transformers' loaders; all of its weights must be in the checkpoint."""
        kind = self.config.get("model_type")
        if kind in self.transformers.CONFIG_MAPPING:
            options = _trusting(options)  # a checkpoint's own code would bring a head of its own
        elif not self.arguments.get("trust_remote_code"):
            raise ModelError(
                f"{self.name} is a {self.architecture} of the type {kind!r}, which transformers does not have: "
                "use the engine vllm, or trust_remote_code=True where you trust the checkpoint's code"
            )
        if self.config.get("attn_logit_softcapping"):  # which all kinds of attention but this one leave out
            options = {"attn_implementation": "eager"} | dict(options)
        found = getattr(self.transformers, loader).from_pretrained(self.location, output_loading_info=True, **options)
        model, info = found
        if missing := sorted(info["missing_keys"]):
            raise ModelError(
                f"the checkpoint of {self.name} ({self.architecture}) lacks weights, which would be random: "
                f"{_some(missing)}. Use a checkpoint that was saved with its head"
            )
        return placed(self.torch, model.eval(), self.arguments)

    def _probed(self, model: Any) -> Backbone:
        """The model, with whether what comes later changes nothing before it."""
        tokens = self.torch.tensor([_PROBED], device=model.device)
        longer, shorter = (model(input_ids=one, use_cache=False).last_hidden_state for one in (tokens, tokens[:, :-1]))
        close = 0.05 if model.dtype.itemsize < _EXACT else 1e-3
        return Backbone(model, self.torch.allclose(longer[:, :-1], shorter, rtol=close, atol=close))

    def _headless(self, readout: Readout) -> ModelError:
        asked = "a whole sequence" if readout.task == "classify" else "single tokens"
        return ModelError(
            f"{self.name} is a {self.architecture}, and its checkpoint has no head that scores {asked} "
            "(no score, v_head or regression_layer weights; a fresh one would be random): use a reward model, or read the "
            "logits of labels where the model generates its verdicts"
        )

    def _compare(self, model: Any, head: Vocabulary) -> None:
        """Raise ModelError where the model does something with its logits that `Vocabulary` does not know."""
        tokens = self.torch.tensor([_PROBED], device=model.device)
        hidden = model.base_model(input_ids=tokens, use_cache=False).last_hidden_state
        ours, own = head(hidden.float().to(head.weight.device)), model(input_ids=tokens, use_cache=False).logits.float()
        rough = model.dtype.itemsize < _EXACT  # its own head rounds as the model does
        if not self.torch.allclose(
            ours, own.to(ours.device), rtol=0.05 if rough else 1e-3, atol=0.1 if rough else 1e-3
        ):
            raise ModelError(
                f"{self.name} ({self.architecture}) makes its logits in a way that is not known here: use the engine vllm"
            )


def _vocabulary(model: Any) -> Vocabulary:
    """The head that predicts tokens, with what some architectures do to its logits."""
    layer, config = model.get_output_embeddings(), model.config.get_text_config()
    scale = getattr(config, "logit_scale", None) or getattr(config, "lm_head_multiplier", None) or 1.0
    scale /= getattr(config, "logits_scaling", None) or 1.0
    bias = None if getattr(layer, "bias", None) is None else layer.bias.float()
    return Vocabulary(layer.weight.float(), bias, scale, getattr(config, "final_logit_softcapping", None))


def _trusting(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments without leave to run a checkpoint's code."""
    return {key: value for key, value in arguments.items() if key != "trust_remote_code"}


def _some(names: Sequence[str], most: int = 3) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


@contextmanager
def _quiet(transformers: Any) -> Iterator[None]:
    """Without warnings of weights that are not used: a head is loaded apart."""
    logging = transformers.utils.logging
    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
