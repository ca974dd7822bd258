"""What raw outputs mean, by hand."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rrm.errors import ContestError, ModelError
from rrm.rewards.families import FAMILIES, choose_output, labelled, sigmoid

FINITE = st.floats(allow_nan=False, allow_infinity=False)


def read(family, *vectors):
    return FAMILIES[family].read(vectors)


OF_ONE = [
    "skywork_reward_v2", "skywork_reward", "internlm2_reward", "qwen2.5_math_rm", "fsfairx", "jamba_reward",
    "sequence_classifier", "token_classifier",
]  # fmt: skip


@pytest.mark.parametrize("family", OF_ONE)
def test_a_score_is_the_raw_output(family):
    assert read(family, (23.0,)) == 23.0
    with pytest.raises(ModelError, match=r"3 outputs .* from 0 to 2"):
        read(family, (1.0, 2.0, 3.0))


@pytest.mark.parametrize(
    ("family", "vector", "probability"),
    [
        # softmax, second class: e^1 / (e^0 + e^1), 3 / (1 + 3), and the same the other way round
        ("qwen2.5_math_prm", (0.0, 1.0), 0.7310585786300049),
        ("qwen2.5_math_prm", (0.0, math.log(3)), 0.75),
        ("qwen2.5_math_prm", (math.log(3), 0.0), 0.25),
        ("trl_prm", (5.0, 5.0 + math.log(9)), 0.9),
        # softmax, first label
        ("math_shepherd", (math.log(4), 0.0), 0.8),
        ("rlhflow_prm", (0.0, math.log(4)), 0.2),
        ("rlhflow_prm_mistral", (2.5, 2.5), 0.5),
        # logistic function of one value
        ("skywork_o1_prm", (0.0,), 0.5),
        ("skywork_o1_prm", (-math.log(3),), 0.25),
    ],
)
def test_the_probability_of_a_step(family, vector, probability):
    assert read(family, vector) == pytest.approx(probability, abs=1e-15)


@pytest.mark.parametrize(("family", "vector"), [("qwen2.5_math_prm", (1.0,)), ("skywork_o1_prm", (1.0, 2.0))])
def test_a_head_of_another_family_is_told(family, vector):
    with pytest.raises(ModelError, match=rf"{len(vector)} outputs where this family has {3 - len(vector)}"):
        read(family, vector)


def test_a_gate_weighs_objectives():
    """Two objectives: adjusted rewards, gate weights, rewards."""
    prompt, end = (9.0, 9.0, 0.25, 0.75, 9.0, 9.0), (2.0, 4.0, 9.0, 9.0, 1.0, 3.0)
    assert read("armorm", prompt, end) == 0.25 * 2 + 0.75 * 4
    assert choose_output(FAMILIES["armorm"], 1).read((prompt, end)) == 3.0
    with pytest.raises(ModelError, match="2 outputs, and output=2 is none"):
        choose_output(FAMILIES["armorm"], 2).read((prompt, end))
    with pytest.raises(ContestError, match="cut off"):
        read("armorm", end)


@pytest.mark.parametrize(
    ("prompt", "end", "lengths"),
    [
        ((1.0,), (2.0,), "1"),
        ((), (), "0"),
        ((1.0,) * 4, (1.0,) * 4, "4"),
        ((1.0,) * 3, (1.0,) * 6, "3 and 6"),
    ],
)
def test_vectors_that_no_gate_gave_are_told(prompt, end, lengths):
    """The head of another model would make 0 of every conversation."""
    with pytest.raises(ModelError, match=rf"has {lengths} outputs where this family has three for each objective"):
        read("armorm", prompt, end)
    with pytest.raises(ModelError, match="three for each objective"):
        choose_output(FAMILIES["armorm"], 0).read((prompt, end))


def test_an_output_is_chosen_by_number():
    family = choose_output(FAMILIES["jamba_reward"], 1)
    assert family.name == "jamba_reward"
    assert family.read([(1000.0, -1000.0, 0.5)]) == -1000.0
    with pytest.raises(ModelError, match="1 outputs, and output=1 is none"):
        family.read([(1.0,)])


@pytest.mark.parametrize(
    ("labels", "vector", "score"),
    [
        (["yes"], (1.5,), 1.5),
        (["yes", "no"], (1.5, -0.5), 2.0),
        # log(3 / (1 + 2))
        (["good", "fair", "bad"], (math.log(3), 0.0, math.log(2)), 0.0),
    ],
)
def test_log_odds_of_labels(labels, vector, score):
    assert labelled("outcome", labels).read([vector]) == pytest.approx(score, abs=1e-15)


def test_the_share_of_a_label():
    vector = (math.log(3), 0.0, math.log(2))
    assert labelled("process", ["good", "fair", "bad"]).read([vector]) == pytest.approx(0.5, abs=1e-15)


@given(st.lists(FINITE, min_size=2, max_size=4))
def test_finite_outputs_give_probabilities(vector):
    share = labelled("process", ["a", "b", "c", "d"][: len(vector)]).read([vector])
    assert 0 <= share <= 1
    assert 0 <= read("qwen2.5_math_prm", vector[:2]) <= 1


@given(FINITE)
def test_the_logistic_function_is_symmetric(logit):
    assert sigmoid(logit) + sigmoid(-logit) == pytest.approx(1, abs=1e-15)
    assert math.isnan(sigmoid(math.nan))
