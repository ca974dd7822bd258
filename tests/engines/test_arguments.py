"""What users pass on to an engine."""

import pytest

from rrm.engines.arguments import altering, checked
from rrm.errors import InputError, UnknownNameError


def closed_maker(model: str, *, batch_size: int = 1, device: str | None = None) -> None: ...


def open_maker(model: str, *, name: str | None = None, **engine_args: object) -> None: ...


def test_names_may_be_written_as_options_are():
    assert checked(closed_maker, {"batch-size": 3, "device": "cpu"}, "some") == {"batch_size": 3, "device": "cpu"}
    assert checked(open_maker, {"tensor-parallel-size": 2}, "some") == {"tensor_parallel_size": 2}


@pytest.mark.parametrize(
    ("maker", "arguments", "error", "said"),
    [
        (closed_maker, {"batch_sise": 3}, UnknownNameError, "unknown some engine argument 'batch_sise'. Did you mean 'batch_size'"),
        (closed_maker, {"batch_size": "3"}, InputError, "batch_size of the engine 'some': Expected `int`, got `str`"),
        (closed_maker, {"model": "x"}, InputError, "'model' has a setting of its own and is no some engine argument"),
        (open_maker, {"name": 7}, InputError, "name of the engine 'some'"),
    ],
)  # fmt: skip
def test_what_an_engine_does_not_take(maker, arguments, error, said):
    with pytest.raises(error, match=said):
        checked(maker, arguments, "some")


def test_what_makes_another_model():
    assert altering({"dtype": "float16", "max_num_seqs": 3, "pooler_config": {}}) == {
        "dtype": "float16",
        "pooler_config": {},
    }
    for name in ("quantization_config", "load_in_4bit", "load_in_8bit", "variant", "attn_implementation", "convert"):
        assert altering({name: "x", "device_map": "auto"}) == {name: "x"}
