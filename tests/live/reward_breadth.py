"""Reads many tiny models with both engines and says how far they are apart: `python -m tests.live.reward_breadth FOLDER`.

Each model has a process of its own, forked when vLLM is imported already, with vLLM's engine inside: a start takes
seconds where a spawned engine takes half a minute. Everything else is the scorers' own code. The results are one file of
JSON a model in FOLDER, either differences or an error.
"""

import asyncio
import json
import os
import random
import shutil
import sys
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

AT_ONCE = 2
"""Processes, each on a CPU of its own."""

PATIENCE = 120
"""Seconds for one model."""

ARCHITECTURES = "architectures.json"
"""The file that has the classifiers of transformers for which vLLM has code of its own."""

WORDS = [
    "soap",
    "water",
    "wax",
    "rinse",
    "glass",
    "brush",
    "dry",
    "polish",
    "+",
    "-",
    "=",
    "12",
    "3",
    "сода",
    "水",
    "éponge\n",
]


class InProcess:
    """What the scorer uses of vLLM's AsyncLLM, over an engine in this process."""

    def __init__(self, engine: Any) -> None:
        self._engine, self._finished = engine, dict[str, Any]()
        self.model_config, self.vllm_config = engine.model_config, engine.vllm_config
        self.engine_core = None
        self.output_processor, self.get_tokenizer = engine.output_processor, engine.get_tokenizer

    @classmethod
    def from_engine_args(cls, arguments: Any) -> "InProcess":
        from vllm.v1.engine.llm_engine import LLMEngine

        return cls(LLMEngine.from_engine_args(arguments, enable_multiprocessing=False))

    def shutdown(self, timeout: float) -> None:
        """Nothing: the process ends."""

    async def get_supported_tasks(self) -> Sequence[str]:
        return self._engine.get_supported_tasks()  # type: ignore[no-any-return]

    async def encode(self, prompt: Any, parameters: Any, name: str) -> AsyncIterator[Any]:
        self._engine.add_request(name, prompt, parameters)
        while name not in self._finished:
            await asyncio.sleep(0)  # whatever is asked at the same time is added before a step
            if name not in self._finished:
                found = self._engine.step()
                self._finished |= {output.request_id: output for output in found if output.finished}
        yield self._finished.pop(name)

    generate = encode


def conversations(count: int = 32) -> list[list[dict[str, str]]]:
    """From two words to what nearly fills the context, some with several turns."""
    chance = random.Random(0)

    def text(words: int) -> str:
        return " ".join(chance.choices(WORDS, k=words)) + "."

    made = []
    for number in range(count):
        turns = [{"role": "user", "content": text(1 + number % 7)}]
        if number % 5 == 4:
            turns += [{"role": "assistant", "content": text(3)}, {"role": "user", "content": text(2)}]
        made.append([*turns, {"role": "assistant", "content": text(1 + (number * number) % 53)}])
    return made


def passes_of(folder: Path, task: str) -> list[Any]:
    """The conversations as rrm.rewards lays them, read at some positions where that is possible."""
    from transformers import AutoTokenizer

    from rrm.engines.scorers.base import Pass
    from rrm.engines.scorers.tokenising import LocalTokens
    from rrm.rewards.families import FAMILIES
    from rrm.types import Message

    lay = FAMILIES["sequence_classifier"].lay_outcome
    assert lay is not None
    tokens = LocalTokens(AutoTokenizer.from_pretrained(folder), "tiny")
    laid = [asyncio.run(lay(tokens, [Message(**turn) for turn in turns])).tokens for turns in conversations()]
    chance = random.Random(1)
    return [
        Pass(one, () if task == "classify" else (*sorted(chance.sample(range(1, len(one) - 1), 5)), len(one) - 1))
        for one in laid
    ]


async def differences(scorer: Any, asked: Sequence[Any], wanted: Sequence[Any]) -> dict[str, float]:
    """The largest difference of what a scorer reads: alone, all at once, and all at once in another order."""
    await scorer.open()
    order = random.Random(2).sample(range(len(asked)), len(asked))
    read = {
        "alone": [await scorer.score(one) for one in asked],
        "together": await asyncio.gather(*map(scorer.score, asked)),
        "shuffled": await asyncio.gather(*(scorer.score(asked[place]) for place in order)),
    }
    expected = {"alone": wanted, "together": wanted, "shuffled": [wanted[place] for place in order]}
    assert all(vectors.prompt_tokens == len(one.tokens) for one, vectors in zip(asked, read["alone"], strict=True))
    return {
        how: max(apart(vectors.values, one) for vectors, one in zip(found, expected[how], strict=True))
        for how, found in read.items()
    }


def apart(values: Any, wanted: Any) -> float:
    """The largest difference; infinite for what is not finite."""
    import torch

    found = torch.tensor(values)
    assert found.shape == wanted.shape, f"{tuple(found.shape)} is read where {tuple(wanted.shape)} is right"
    return float((found - wanted).abs().nan_to_num(nan=torch.inf).max())


def examine(name: str, folder: Path) -> dict[str, Any]:
    import torch

    from rrm.engines.scorers.transformers import TransformersScorer
    from rrm.engines.scorers.vllm import VLLMScorer
    from tests.live.reward_models import CASES

    case = CASES[name]
    with torch.inference_mode():
        expected = case.make(folder)
        asked = passes_of(folder, case.readout.task)
        wanted = [expected(one.tokens)[list(one.at) or [0]].float() for one in asked]
    scorers = {
        "transformers": TransformersScorer(str(folder), case.readout),
        "vllm": VLLMScorer(str(folder), case.readout, max_context=512, **case.vllm_arguments),
    }
    sizes = {"largest": max(float(one.abs().max()) for one in wanted), "lengths": [len(one.tokens) for one in asked]}
    sizes["spread"] = float(torch.cat(wanted).std(0).min())
    found: dict[str, Any] = {}
    for engine, scorer in scorers.items():
        try:
            found[engine] = asyncio.run(differences(scorer, asked, wanted))
        except Exception as error:
            found[engine] = {"error": f"{type(error).__name__}: {error}"}
    return sizes | found


def child(name: str, folder: Path, cpu: int) -> None:
    """Never returns."""
    import signal

    signal.alarm(PATIENCE)
    os.environ["VLLM_CPU_OMP_THREADS_BIND"] = str(cpu)
    began, model = time.monotonic(), folder / f"model_{os.getpid()}"
    model.mkdir()
    try:
        found = examine(name, model)
    except BaseException as error:
        found = {"error": f"{type(error).__name__}: {error}"}
    found["seconds"] = time.monotonic() - began
    (folder / f"{name}.json").write_text(json.dumps(found))
    shutil.rmtree(model, ignore_errors=True)
    sys.stdout.flush()
    os._exit(0)


def prepare() -> None:
    """Everything that takes long to import, and vLLM with its engine inside."""
    os.environ |= {"VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_LOGGING_LEVEL": "ERROR", "VLLM_ENABLE_V1_MULTIPROCESSING": "0"}
    from rrm.engines import vllm_loading

    with vllm_loading._quiet():
        _, arguments, is_cpu = vllm_loading._import_vllm()
        import vllm.v1.engine.llm_engine
        import vllm.v1.worker.cpu_worker
        from vllm.model_executor.models import registry

    import tests.live.reward_models  # noqa: F401
    from rrm.engines.scorers import transformers, vllm  # noqa: F401

    vllm_loading._import_vllm = lambda: (InProcess, arguments, is_cpu)
    # vLLM looks at each class of models in a process of its own, ten seconds long, lest it touch an accelerator
    registry._run_in_subprocess = lambda look: look()


def architectures_of_both() -> list[str]:
    """Classifiers of transformers that vLLM has, or has under the name that it makes a classifier of."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES
    from vllm import ModelRegistry

    known, suffix = ModelRegistry.get_supported_archs(), "ForSequenceClassification"
    sources = (suffix, "ForCausalLM", "LMHeadModel", "Model", "ForConditionalGeneration")
    classifiers = {name for name in MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES.values() if name.endswith(suffix)}
    return sorted(name for name in classifiers if {name.removesuffix(suffix) + source for source in sources} & known)


def main(folder: Path, names: Sequence[str]) -> None:
    prepare()
    (folder / ARCHITECTURES).write_text(json.dumps(architectures_of_both()))
    free = sorted(os.sched_getaffinity(0))[:AT_ONCE]
    running: dict[int, int] = {}
    for name in names:
        if not free:
            free.append(running.pop(os.wait()[0]))
        cpu = free.pop()
        if (process := os.fork()) == 0:
            child(name, folder, cpu)
        running[process] = cpu
    while running:
        running.pop(os.wait()[0])


if __name__ == "__main__":
    from tests.live.reward_models import CASES

    main(Path(sys.argv[1]), sys.argv[2:] or list(CASES))
