"""Layouts of process and outcome families with real tokenizers, against the published preparation code, written anew here.

The tokenizers are small ones of the two kinds there are (bytes with merges, and SentencePiece's words), trained on a few lines.
"""

import asyncio
import random
from functools import cache

import pytest

from rrm.engines.scorers.tokenising import LocalTokens
from rrm.judging.cleaning import Cleaner
from rrm.rewards.families import FAMILIES
from rrm.types import Message

pytest.importorskip("transformers")
pytestmark = [pytest.mark.live, pytest.mark.filterwarnings("default")]

BOXED = "Please reason step by step, and put your final answer within \\boxed{}."
CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
LLAMA = (
    "{{ bos_token }}{% for m in messages %}<|start_header_id|>{{ m.role }}<|end_header_id|>\n\n{{ m.content | trim }}<|eot_id|>"
    "{% endfor %}{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}"
)
QUESTION = "Janet has 3 ducks + 4 hens.\nHow many birds - without the кит - has she?"
SOLUTION = "Step 1: Janet has 3 ducks + 4 hens.\n\n  Step 2: 3 + 4 = 7 - 0.\n\nStep 3: so \\boxed{7}, нет?\n\n\n+\n\n- книжки = 1\n"
CORPUS = [QUESTION, SOLUTION, "user assistant system + - = good", "Step 4: 1 + 1 = 2 ки\nStep 5: 2 - 1 = 1 ки\n" * 3]


def bytes_tokenizer(template, bos, special):
    """Merges over bytes, as GPT-2, Llama 3 and Qwen have; `special` are tokens of their own."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=600, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token=bos, chat_template=template)


def words_tokenizer():
    """Merges over words that begin with a mark, and a BOS token before each text, as Mistral's first models have."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>"))
    # line breaks never join a word there
    words, lines = pre_tokenizers.Metaspace(prepend_scheme="always"), pre_tokenizers.Split("\n", "isolated")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([words, lines])
    trainer = trainers.BpeTrainer(vocab_size=400, special_tokens=["<unk>", "<s>", "</s>"], show_progress=False)
    tokenizer.train_from_iterator(CORPUS, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", unk_token="<unk>")


QWEN = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<extra_0>", "<|reward|>"]
LLAMA_SPECIAL = ["<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]
KINDS = {
    "qwen": lambda: bytes_tokenizer(CHATML, "<|im_start|>", QWEN),
    "llama": lambda: bytes_tokenizer(LLAMA, "<|begin_of_text|>", LLAMA_SPECIAL),
    "plain": lambda: bytes_tokenizer(None, None, QWEN),
    "words": words_tokenizer,
    # a BOS token that is never added, as GPT-2 and SmolLM2 have
    "withheld": lambda: bytes_tokenizer(None, "<|endoftext|>", QWEN),
}


@pytest.fixture(scope="module", params=range(4))
def case(request):
    """A question and a solution: the one above, and some of random words."""
    if not request.param:
        return QUESTION, SOLUTION
    words = random.Random(request.param).choices([*QUESTION.split(" "), *SOLUTION.split(" "), "\n", "\n\n"], k=60)
    return " ".join(words[:10]), " ".join(words[10:])


@cache
def tokenizer_of(kind):
    return KINDS[kind]()


def laid_steps(name, tokenizer, question, solution):
    family = FAMILIES[name]
    scorer = LocalTokens(tokenizer, "small")
    cleaner = Cleaner((*scorer.special_tokens, *family.markers), words=family.words)
    question = cleaner.clean(question)
    steps = tuple(map(cleaner.clean, family.split(solution, family.delimiter)))
    return asyncio.run(family.lay_steps(scorer, question, steps)), question, steps


def text_of(tokenizer, messages):
    return tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=False)


def test_qwen_math_prm_as_its_card_has_it(case):
    tokenizer = tokenizer_of("qwen")
    laid, question, steps = laid_steps("qwen2.5_math_prm", tokenizer, *case)
    messages = [
        {"role": "system", "content": BOXED},
        {"role": "user", "content": question},
        {"role": "assistant", "content": "<extra_0>".join(steps) + "<extra_0>"},
    ]
    input_ids = tokenizer.encode(text_of(tokenizer, messages))
    marker = tokenizer.encode("<extra_0>")[0]
    assert list(laid.tokens) == input_ids
    assert list(laid.at) == [place for place, token in enumerate(input_ids) if token == marker]


def test_skywork_o1_as_prepare_input_has_it(case):
    """With all blank lines and the final one, whose flags alone are left out."""
    tokenizer = tokenizer_of("qwen")
    question, solution = case
    laid, question, steps = laid_steps("skywork_o1_prm", tokenizer, question, solution)
    input_ids = tokenizer.encode(tokenizer.bos_token + question + "\n")
    flags, spoken = [0] * len(input_ids), []
    for step in solution.split("\n"):
        step_ids = [*(tokenizer.encode(step) if step else []), tokenizer.encode("\n")[-1]]
        input_ids += step_ids
        flags += [0] * (len(step_ids) - 1) + [1]
        spoken.append(bool(step.strip()))
    assert list(laid.tokens) == input_ids
    flagged = [place for place, flag in enumerate(flags) if flag]
    assert list(laid.at) == [place for place, is_spoken in zip(flagged, spoken, strict=True) if is_spoken]
    assert solution != SOLUTION or spoken.count(False) == 6


def test_math_shepherd_as_its_card_has_it(case):
    tokenizer = tokenizer_of("words")
    tag = tokenizer.encode("ки")[-1]
    assert tokenizer.convert_ids_to_tokens(tag) == "▁ки"
    laid, question, steps = laid_steps("math_shepherd", tokenizer, *case)
    output = "\n".join(f"{step.rstrip()} ки" for step in steps)
    input_ids = tokenizer.encode(f"{question} {output}")
    assert list(laid.tokens) == input_ids
    assert list(laid.at) == [place for place, token in enumerate(input_ids) if token == tag]
    assert input_ids[0] == tokenizer.bos_token_id
    tagged = laid_steps("math_shepherd", tokenizer, question, output)
    assert tagged == (laid, question, tuple(step.rstrip() for step in steps))


def test_math_shepherd_reads_no_words_that_hold_its_tag():
    """Not those that end like it, which have other tokens, nor those that begin like it, which have its own."""
    tokenizer = tokenizer_of("words")
    tag = tokenizer.encode("ки")[-1]
    ending, beginning = "русские книжки", "киоск"
    assert tag not in tokenizer.encode(ending)
    assert tag in tokenizer.encode(beginning)
    steps = [f"1 + 1 = 2 {beginning}", f"{ending} {beginning} = 1"]
    laid, question, _ = laid_steps("math_shepherd", tokenizer, f"{beginning} {ending}", "\n".join(steps))
    first = f"{question} {steps[0]} ки"
    whole = f"{first}\n{steps[1]} ки"
    assert question == f"{beginning} {ending}"
    assert list(laid.tokens) == tokenizer.encode(whole)
    assert laid.at == (len(tokenizer.encode(first)) - 1, len(tokenizer.encode(whole)) - 1)
    assert laid.tokens.count(tag) == 5


def test_rlhflow_mistral_splits_as_prm_evaluate_does():
    tokenizer = tokenizer_of("llama")
    answer = "Step 1: 1 + 1 = 2 ки\nStep 2: so\n\\boxed{2} ки\nThat is it."
    _, _, steps = laid_steps("rlhflow_prm_mistral", tokenizer, QUESTION, answer)
    assert [step.strip() for step in steps] == [piece.strip() for piece in answer.split("ки\n")]


@pytest.mark.parametrize("name", ["rlhflow_prm", "rlhflow_prm_mistral"])
def test_rlhflow_in_one_pass_is_a_pass_for_each_step(case, name):
    """A pass for each step is read at its third token from behind, as in prm_evaluate.py."""
    tokenizer = tokenizer_of("llama")
    laid, question, steps = laid_steps(name, tokenizer, *case)
    conversation = []
    for index, step in enumerate(steps):
        text = f"{question} {step.strip()}" if index == 0 else step.strip()
        conversation += [{"role": "user", "content": text}, {"role": "assistant", "content": "+"}]
        input_ids = tokenizer.encode(text_of(tokenizer, conversation), add_special_tokens=False)
        assert list(laid.tokens[: len(input_ids)]) == input_ids
        assert laid.at[index] == len(input_ids) - 3
    assert len(laid.tokens) == len(input_ids)


@pytest.mark.parametrize("kind", ["plain", "words", "withheld"])
def test_trl_prm_as_tokenize_row_has_it(case, kind):
    tokenizer = tokenizer_of(kind)
    laid, question, steps = laid_steps("trl_prm", tokenizer, *case)
    begins = [tokenizer.bos_token_id] if tokenizer.bos_token_id is not None else []
    input_ids = begins + tokenizer.encode(question, add_special_tokens=False)
    labels = [-100] * len(input_ids)
    for step in steps:
        ids = tokenizer.encode(step, add_special_tokens=False) + tokenizer.encode("\n", add_special_tokens=False)
        input_ids += ids
        labels += [-100] * (len(ids) - 1) + [1]
    assert list(laid.tokens) == input_ids
    assert list(laid.at) == [place for place, label in enumerate(labels) if label == 1]


def laid_chat(name, tokenizer, *messages):
    family = FAMILIES[name]
    scorer = LocalTokens(tokenizer, "small")
    return asyncio.run(family.lay_outcome(scorer, [Message(**message) for message in messages]))


@pytest.mark.parametrize(
    ("name", "kind"), [("skywork_reward_v2", "qwen"), ("skywork_reward_v2", "llama"), ("fsfairx", "llama")]
)
def test_chats_begin_as_the_cards_arrive_at_it(case, name, kind):
    """The cards take the template's BOS away and let the tokenizer, which adds one in a Llama and none in a Qwen, begin."""
    tokenizer = tokenizer_of(kind)
    messages = [{"role": "user", "content": case[0]}, {"role": "assistant", "content": case[1]}]
    text = text_of(tokenizer, messages)
    if kind == "llama":
        text = text.replace(tokenizer.bos_token, "")
    begins = [tokenizer.bos_token_id] if kind == "llama" else []
    laid = laid_chat(name, tokenizer, *messages)
    assert list(laid.tokens) == begins + tokenizer.encode(text, add_special_tokens=False)
    assert laid.at == ()


def test_armorm_gates_where_its_code_finds_the_prompt_end(case):
    tokenizer = tokenizer_of("llama")
    messages = [{"role": "user", "content": case[0]}, {"role": "assistant", "content": case[1]}] * 2
    laid = laid_chat("armorm", tokenizer, *messages)
    input_ids = tokenizer.encode(text_of(tokenizer, messages), add_special_tokens=False)
    # without its last token, the line breaks, which Llama 3 never joins to a text, and this small tokenizer does
    pattern = tokenizer.encode("<|eot_id|><|start_header_id|>assistant<|end_header_id|>", add_special_tokens=False)
    gate = next(
        place
        for place in range(len(input_ids) - len(pattern), -1, -1)
        if input_ids[place : place + len(pattern)] == pattern
    )
    assert list(laid.tokens) == input_ids
    assert laid.at == (gate, len(input_ids) - 1)


def test_internlm2_ends_with_the_reward_token(case):
    tokenizer = tokenizer_of("qwen")
    messages = [{"role": "user", "content": case[0]}, {"role": "assistant", "content": case[1]}]
    laid = laid_chat("internlm2_reward", tokenizer, *messages)
    reward = tokenizer.convert_tokens_to_ids("<|reward|>")
    assert list(laid.tokens) == [*tokenizer.encode(text_of(tokenizer, messages), add_special_tokens=False), reward]
    assert laid.at == (len(laid.tokens) - 1,)
