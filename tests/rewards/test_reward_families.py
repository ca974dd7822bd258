"""Which family a model is of, by its configuration and its name; and what is said where that can't be told."""

import pytest

from rrm.errors import InputError, ModelError, UnknownNameError
from rrm.rewards.families import FAMILIES, choose_output, family_of, labelled, outputs_of
from tests.rewards.pieces import CHATML_TOKENS, LLAMA_TOKENS, Pieces, conversation, done, llama

# Excerpts of the models' own config.json.
CONFIGS = {
    "Skywork/Skywork-Reward-V2-Qwen3-0.6B": {"architectures": ["Qwen3ForSequenceClassification"], "hidden_size": 1024},
    "Skywork/Skywork-Reward-V2-Llama-3.1-8B-40M": {"architectures": ["LlamaForSequenceClassification"]},
    "Skywork/Skywork-Reward-Llama-3.1-8B-v0.2": {
        "architectures": ["LlamaForSequenceClassification"],
        "id2label": {"0": "LABEL_0"},
        "pad_token_id": 128256,
    },
    "Skywork/Skywork-Reward-Gemma-2-27B": {"architectures": ["Gemma2ForSequenceClassification"]},
    "internlm/internlm2-1_8b-reward": {
        "architectures": ["InternLM2ForRewardModel"],
        "auto_map": {"AutoModel": "modeling_internlm2.InternLM2ForRewardModel"},
        "reward_token_id": 92527,
    },
    "Qwen/Qwen2.5-Math-RM-72B": {"architectures": ["Qwen2ForRewardModel"], "model_type": "qwen2"},
    "sfairXC/FsfairX-LLaMA3-RM-v0.1": {"architectures": ["LlamaForSequenceClassification"]},
    "RLHFlow/ArmoRM-Llama3-8B-v0.1": {
        "architectures": ["LlamaForRewardModelWithGating"],
        "id2label": {"0": "LABEL_0"},
        "num_objectives": 19,
        "gating_temperature": 10,
    },
    "ai21labs/Jamba-tiny-reward-dev": {"architectures": ["JambaForSequenceClassification"], "num_labels": 3},
    "RLHFlow/Llama3.1-8B-ORM-Deepseek-Data": {"architectures": ["LlamaForCausalLM"]},
    "Qwen/Qwen2.5-Math-PRM-7B": {
        "architectures": ["Qwen2ForProcessRewardModel"],
        "auto_map": {"AutoModel": "modeling_qwen2_rm.Qwen2ForProcessRewardModel"},
        "max_position_embeddings": 4096,
    },
    "Qwen/Qwen2.5-Math-7B-PRM800K": {"architectures": ["Qwen2ForProcessRewardModel"]},
    "peiyi9979/math-shepherd-mistral-7b-prm": {"architectures": ["MistralForCausalLM"]},
    "Skywork/Skywork-o1-Open-PRM-Qwen-2.5-1.5B": {
        "architectures": ["Qwen2ForPrmModel"],
        "auto_map": {"AutoModel": "modeling_qwen2_rm.Qwen2ForRewardModel"},
    },
    "RLHFlow/Llama3.1-8B-PRM-Deepseek-Data": {"architectures": ["LlamaForCausalLM"]},
    "RLHFlow/Llama3.1-8B-PRM-Mistral-Data": {"architectures": ["LlamaForCausalLM"]},
}
EXPECTED = dict(
    zip(
        CONFIGS,
        (
            "skywork_reward_v2", "skywork_reward_v2", "skywork_reward", "skywork_reward", "internlm2_reward",
            "qwen2.5_math_rm", "fsfairx", "armorm", "jamba_reward", "rlhflow_orm", "qwen2.5_math_prm",
            "qwen2.5_math_prm", "math_shepherd", "skywork_o1_prm", "rlhflow_prm", "rlhflow_prm_mistral",
        ),
        strict=True,
    )
)  # fmt: skip


@pytest.mark.parametrize("name", CONFIGS)
def test_published_models(name):
    assert family_of(CONFIGS[name], name).name == EXPECTED[name]
    # as a folder, and with nothing but the name
    assert family_of({}, name.rpartition("/")[2].lower()).name == EXPECTED[name]


@pytest.mark.parametrize(
    ("architecture", "family"),
    [
        ("Qwen2ForProcessRewardModel", "qwen2.5_math_prm"),
        ("Qwen2ForPrmModel", "skywork_o1_prm"),
        ("LlamaForRewardModelWithGating", "armorm"),
        ("JambaForSequenceClassification", "jamba_reward"),
        ("Qwen3ForSequenceClassification", "sequence_classifier"),
        ("GPT2ForSequenceClassification", "sequence_classifier"),
    ],
)
def test_models_of_unknown_names_go_by_their_architecture(architecture, family):
    assert family_of({"architectures": [architecture]}, "checkpoint-300").name == family


def test_a_name_goes_before_an_architecture():
    """The Skywork process models share the name of a class with Qwen's outcome model, and not its head."""
    assert family_of({"architectures": ["Qwen2ForRewardModel"]}, "Skywork-o1-Open-PRM-tuned").name == "skywork_o1_prm"


@pytest.mark.parametrize(
    ("name", "architecture", "relatives"),
    [
        ("infly/Universal-PRM-7B", "Qwen2ForRewardModel", "qwen2.5_math_rm, skywork_o1_prm"),
        ("WangResearchLab/verification-1.5b", "Qwen2ForRewardModel", "qwen2.5_math_rm, skywork_o1_prm"),
        ("internlm/POLAR-7B", "InternLM2ForRewardModel", "internlm2_reward"),
    ],
)
def test_an_architecture_that_several_families_have_does_not_tell(name, architecture, relatives):
    """A process model, another, and one that wants a reference answer."""
    config = {"architectures": [architecture]}
    with pytest.raises(ModelError, match=rf"as of {relatives}, does not tell: say kind=.* family= where") as caught:
        family_of(config, name)
    assert str(caught.value).startswith(f"the model {name} ({architecture}) is of no known family")
    assert family_of(config, "my-own", family="internlm2_reward") is FAMILIES["internlm2_reward"]
    assert family_of(config, name, kind="process").name == "trl_prm"
    assert family_of(config, name, kind="outcome").name == "token_classifier"


@pytest.mark.parametrize(
    ("name", "architecture", "family"),
    [
        ("plaguss/Qwen2.5-0.5B-Math-Shepherd-PRM-0.1", "Qwen2ForTokenClassification", "trl_prm"),
        ("me/math-shepherd-mistral-7b-prm-trl", "MistralForTokenClassification", "trl_prm"),
        ("me/llama3.1-8b-prm-deepseek-data-head", "LlamaForSequenceClassification", "sequence_classifier"),
        ("me/armorm-distilled", "LlamaForSequenceClassification", "sequence_classifier"),
        ("me/ArmoRM-Llama3-8B-distilled", "LlamaForSequenceClassification", "sequence_classifier"),
        ("me/internlm2-7b-reward-llamafied", "LlamaForSequenceClassification", "sequence_classifier"),
        ("me/qwen2.5-math-rm-small", "Qwen2ForSequenceClassification", "sequence_classifier"),
        ("me/jamba-sized-reward", "LlamaForSequenceClassification", "sequence_classifier"),
        ("me/qwen2.5-math-7b-prm800k-again", "Qwen2ForTokenClassification", "trl_prm"),
    ],
)
def test_a_name_does_not_go_before_an_architecture_that_contradicts(name, architecture, family):
    assert family_of({"architectures": [architecture]}, name).name == family


@pytest.mark.parametrize("name", ["me/my-prm", "me/armorm-distilled", "plaguss/Qwen2.5-0.5B-Math-Shepherd-PRM-0.1"])
def test_a_name_that_only_hints_is_too_little_alone(name):
    """So that the configuration is looked at."""
    with pytest.raises(ModelError, match="names no architecture"):
        family_of({}, name)


def test_a_tuned_process_model_of_qwen_goes_by_its_architecture():
    """It is laid with the marker of its family, which its tokenizer must know."""
    found = family_of({"architectures": ["Qwen2ForProcessRewardModel"]}, "my-prm")
    with pytest.raises(ModelError, match="'<extra_0>' is 3 tokens of this model, not one"):
        done(found.lay_steps(Pieces(("<extra", ">")), "?", ["one"]))


@pytest.mark.parametrize(
    ("architectures", "name", "kind", "family"),
    [
        (["Qwen2ForRewardModel"], "Qwen/Qwen2.5-Math-RM-72B", "process", "trl_prm"),
        (["Qwen2ForProcessRewardModel"], "Qwen/Qwen2.5-Math-PRM-7B", "outcome", "token_classifier"),
        (["Qwen2ForPrmModel"], "my-prm", "outcome", "token_classifier"),
        (["LlamaForSequenceClassification"], "Skywork/Skywork-Reward-Llama-3.1-8B", "process", "trl_prm"),
        # of a server, whose name is all that is known
        ([], "Qwen/Qwen2.5-Math-PRM-7B", "outcome", "token_classifier"),
        ([], "Qwen/Qwen2.5-Math-RM-72B", "process", "trl_prm"),
    ],
)
def test_a_kind_goes_before_a_family_of_another(architectures, name, kind, family):
    assert family_of({"architectures": architectures}, name, kind=kind).name == family


@pytest.mark.parametrize("config", [{}, {"architectures": ["MistralForCausalLM"]}])
def test_a_kind_makes_no_head_where_there_is_none(config):
    with pytest.raises(ModelError, match="family 'math_shepherd', of the kind 'process', not 'outcome': leave kind="):
        family_of(config, "peiyi9979/math-shepherd-mistral-7b-prm", kind="outcome")


def test_what_the_caller_says_goes_before_all():
    found = family_of({"architectures": ["LlamaForCausalLM"]}, "Qwen2.5-Math-PRM-7B", family="math_shepherd")
    assert found is FAMILIES["math_shepherd"]
    assert family_of({}, "any", family="fsfairx", kind="outcome") is FAMILIES["fsfairx"]


@pytest.mark.parametrize(
    ("architecture", "kind", "family"),
    [
        ("Qwen2ForTokenClassification", "outcome", "token_classifier"),
        ("Qwen2ForTokenClassification", "process", "trl_prm"),
        ("Qwen2ForSequenceClassification", "outcome", "sequence_classifier"),
        ("Qwen2ForSequenceClassification", "process", "trl_prm"),
        ("NewForRewardModel", "outcome", "token_classifier"),
        ("NewForRewardModel", "process", "trl_prm"),
        ("NewScorer", "outcome", "sequence_classifier"),
        ("InternLM2ForRewardModel", "outcome", "token_classifier"),
    ],
)
def test_a_kind_decides_how_a_head_is_read(architecture, kind, family):
    assert family_of({"architectures": [architecture]}, "mine", kind=kind).name == family


def test_a_kind_may_stand_for_a_configuration():
    assert family_of({}, "mine", kind="outcome").name == "sequence_classifier"
    assert family_of({"architectures": None}, "mine", kind="process").name == "trl_prm"


@pytest.mark.parametrize(
    ("architecture", "kind", "message"),
    [
        (
            "LlamaForCausalLM",
            None,
            r"generative model without a head .*\(labels=\('\+', '-'\)\).*\(family=: .*math_shepherd",
        ),
        ("GPT2LMHeadModel", "outcome", r"generative model .* or use it as a judge"),
        ("LlamaForCausalLM", "process", r"family=: qwen2.5_math_prm, math_shepherd"),
        ("BertModel", None, r"BertModel\) is an embedding or a bare model: it has no head"),
        ("Qwen3Model", "outcome", "is an embedding or a bare model"),
        ("NewScorer", None, r"no known family .* kind='outcome' or kind='process' .* family= .* labels="),
        ("Qwen2ForTokenClassification", None, "no known family .* kind="),
        ("NewForRewardModel", None, "no known family .* kind="),
    ],
)
def test_what_nobody_can_tell_is_advised(architecture, kind, message):
    with pytest.raises(ModelError, match=message) as caught:
        family_of({"architectures": [architecture]}, "org/mine", kind=kind)
    assert str(caught.value).startswith(f"the model org/mine ({architecture}) is ")


def test_a_configuration_without_architectures_is_advised():
    with pytest.raises(ModelError, match=r"mine \(its config.json names no architecture\) is of no known family"):
        family_of({"model_type": "llama"}, "mine")


def test_wrong_arguments_are_named():
    with pytest.raises(UnknownNameError, match=r"reward family 'math_sheperd'. Did you mean 'math_shepherd'\?"):
        family_of({}, "mine", family="math_sheperd")
    with pytest.raises(UnknownNameError, match="unknown kind of reward 'proces'. Did you mean 'process'"):
        family_of({}, "mine", kind="proces")
    with pytest.raises(InputError, match="'armorm' is of the kind 'outcome', not 'process'"):
        family_of({}, "mine", family="armorm", kind="process")


def test_outputs_are_chosen_of_outcome_models():
    with pytest.raises(InputError, match="trl_prm is a process family"):
        choose_output(FAMILIES["trl_prm"], 0)
    with pytest.raises(InputError, match="output=-1"):
        choose_output(FAMILIES["fsfairx"], -1)


@pytest.mark.parametrize(
    ("config", "outputs"),
    [
        ({"id2label": {"0": "a", "1": "b"}, "num_labels": 7}, 2),
        ({"num_labels": 1}, 1),
        ({}, None),
        ({"num_labels": "x"}, None),
        ({"id2label": {"0": "LABEL_0"}, "num_objectives": 19}, 19),
    ],
)
def test_outputs_by_the_configuration(config, outputs):
    assert outputs_of(config) == outputs


@pytest.mark.parametrize("labels", [[], "yes", ["yes", "yes"], ["yes", " "], ["▁", "no"]])
def test_labels_are_different_tokens(labels):
    with pytest.raises(InputError, match="labels must be a list of different tokens"):
        labelled("outcome", labels)


def test_steps_need_a_bad_label():
    with pytest.raises(InputError, match=r"a good and a bad label, such as \['\+', '-'\], not \['good'\]"):
        labelled("process", ["good"])


def test_labels_are_read_as_the_vocabulary_spells_them():
    family = labelled("process", ["Ġgood", "Ġbad"], delimiter="\n")
    assert (family.kind, family.delimiter, family.readout.labels) == ("process", "\n", ("Ġgood", "Ġbad"))
    assert labelled("outcome", ("yes", "no")).readout.task == "token_classify"


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_is_complete_and_lays_an_example(name):
    family = FAMILIES[name]
    is_llama = "rlhflow" in name or name == "armorm"
    scorer = Pieces(LLAMA_TOKENS, llama) if is_llama else Pieces(CHATML_TOKENS, word_start=" " * ("shepherd" in name))
    assert family.name == name
    assert family.source
    assert all(pattern == pattern.lower() for pattern in (*family.models, *family.hints))
    assert bool(family.admits) == bool(family.models or family.hints)
    if family.kind == "process":
        assert family.lay_outcome is None
        assert family.delimiter
        laid = done(family.lay_steps(scorer, "What is 1 + 1?", ["One and one", "are two."]))
        assert len(laid.at) == 2
        assert 0 < family.read([[0.5] * max(len(family.readout.labels), 1 if "skywork" in name else 2)]) < 1
    else:
        assert family.lay_steps is None
        laid = done(family.lay_outcome(scorer, conversation("What is 1 + 1?", "It is two.")))
        assert len(laid.at) == {"classify": 0, "token_classify": 2 if name == "armorm" else 1}[family.readout.task]
    assert all(0 <= place < len(laid.tokens) for place in laid.at)
