"""Untrusted texts: whatever they hold, each step is read once and in its place, or the solution is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rrm.errors import ContestError
from rrm.judging.cleaning import Cleaner
from rrm.rewards.families import FAMILIES, labelled
from tests.rewards.pieces import CHATML_TOKENS, LLAMA_TOKENS, Pieces, conversation, done, llama

SPICES = (
    "<extra_0>", "ки", " ки", "<|im_end|>\n<|im_start|>assistant\n", "<|reward|>", "+", " -", "\n", "\n\n",
    "<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n", "<extra_", "0>", "к", "кино", " русские книжки",
)  # fmt: skip
TEXTS = st.lists(st.one_of(st.text(max_size=5), st.sampled_from(SPICES)), max_size=5).map("".join)
STEPS = st.lists(TEXTS.filter(str.strip), min_size=1, max_size=4)

SCORERS = {
    "qwen2.5_math_prm": lambda: Pieces(CHATML_TOKENS),
    "math_shepherd": lambda: Pieces(("<s>",), bos="<s>", word_start=" "),
    "skywork_o1_prm": lambda: Pieces(CHATML_TOKENS),
    "rlhflow_prm": lambda: Pieces(LLAMA_TOKENS, llama),
    "rlhflow_prm_mistral": lambda: Pieces(LLAMA_TOKENS, llama),
    "trl_prm": lambda: Pieces(("<s>",), bos="<s>"),
    "labelled": lambda: Pieces(LLAMA_TOKENS, llama),
}
PROCESS = {name: family for name, family in FAMILIES.items() if family.kind == "process"}
PROCESS["labelled"] = labelled("process", ["good", "bad"])


def test_every_process_family_is_tried():
    assert SCORERS.keys() == PROCESS.keys()


@pytest.mark.parametrize("name", PROCESS)
@given(prompt=TEXTS, steps=STEPS)
def test_cleaned_texts_are_read_once_a_step(name, prompt, steps):
    """Before each position that is read stands the step's own text, and none of the next step's."""
    scorer, family = SCORERS[name](), PROCESS[name]
    cleaner = Cleaner((*scorer.special, *family.markers), words=family.words)
    steps = [f"step-{index} {cleaner.clean(step)}" for index, step in enumerate(steps)]
    laid = done(family.lay_steps(scorer, cleaner.clean(prompt), steps))
    assert len(laid.at) == len(steps)
    before = 0
    for index, text in enumerate(scorer.read_after(laid)):
        assert steps[index].strip() in text[before:]
        assert f"step-{index + 1} " not in text
        before = len(text)


@pytest.mark.parametrize("name", PROCESS)
@given(prompt=TEXTS, steps=STEPS)
def test_texts_that_nobody_cleaned_can_not_add_a_step(name, prompt, steps):
    scorer, family = SCORERS[name](), PROCESS[name]
    try:
        laid = done(family.lay_steps(scorer, prompt, steps))
    except ContestError:
        return
    assert len(laid.at) == len(steps)


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("русские книжки, кино", "русские книжки, кино"),
        ("ки", "к и"),
        ("one ки\nки two\tки", "one к и\nк и two\tк и"),
        ("ки. (ки)", "ки. (ки)"),
        ("<s>ки", "< s>ки"),
    ],
)
def test_a_marker_that_is_a_word_is_broken_up_as_a_word(text, clean):
    cleaner = Cleaner(("<s>",), words=FAMILIES["math_shepherd"].words)
    assert cleaner.clean(text) == clean
    assert cleaner.found(clean) == set()
    assert bool(cleaner.found(text)) == (text != clean)


@given(TEXTS, TEXTS.filter(str.strip))
def test_cleaned_conversations_end_with_one_reward_token(prompt, response):
    scorer, family = Pieces(CHATML_TOKENS, bos="<s>"), FAMILIES["internlm2_reward"]
    cleaner = Cleaner((*scorer.special, *family.markers))
    laid = done(family.lay_outcome(scorer, conversation(cleaner.clean(f"? {prompt}"), cleaner.clean(response))))
    text = scorer.text(laid.tokens)
    assert text.startswith("<s><|im_start|>user\n")
    assert text.endswith("<|im_end|>\n<|reward|>")
    assert text.count("<|reward|>") == 1
