"""What a user may say of how a judge is to judge: what is refused, what is reported, and the rules that it makes."""

import json
import math
import re
from dataclasses import fields

import msgspec
import pytest

from rrm.engines.base import EngineInfo
from rrm.errors import InputError, UnknownNameError
from rrm.judging.calibration import Calibration
from rrm.promptfiles import _path, load_prompt
from rrm.settings import JudgeSettings

PROMPT = load_prompt("skywork_pairwise")
INFO = EngineInfo("scripted", "scripted", 8)

FURTHER = {
    "budget": 30,
    "stop": "beta",
    "threshold": 0.8,
    "waves": "load",
    "readout": "probability",
    "calibration": Calibration(0.5, -0.1),
    "think_budget": 500,
    "think_more": 2,
}


def at_least(name, least, value):
    return f"{name} must be a whole number of at least {least}, not {value!r}"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        *(
            (name, value, at_least(name, 1, value))
            for name in ("votes", "budget", "think_budget", "max_tokens")
            for value in (0, -1, 1.0, "3", True)
        ),
        ("votes", None, at_least("votes", 1, None)),
        ("votes", "Auto", at_least("votes", 1, "Auto")),
        *(
            (name, value, at_least(name, 0, value))
            for name in ("resamples", "think_more")
            for value in (-1, 0.5, "1", None, False)
        ),
        *(("seed", value, f"seed must be a whole number, not {value!r}") for value in (1.5, "7", None, True)),
        *(
            ("temperature", value, f"temperature must be 0 or more, not {value!r}")
            for value in (-0.1, math.inf, math.nan, "warm", True)
        ),
        *(
            ("top_p", value, f"top_p must be above 0 and at most 1, not {value!r}")
            for value in (0, 1.1, math.nan, "all", True)
        ),
        *(
            ("threshold", value, f"threshold must be above 0.5 and below 1, not {value!r}")
            for value in (0.5, 1, 0.3, math.nan, "high", None, True)
        ),
        ("calibration", 1.0, "calibration must be a Calibration, not 1.0"),
        ("calibration", None, "calibration must be a Calibration, not None"),
    ],
)
def test_values_that_are_refused(name, value, said):
    """With what it is and which value it has."""
    with pytest.raises(InputError, match=f"^{re.escape(said)}$"):
        JudgeSettings(**{name: value})


@pytest.mark.parametrize(
    ("name", "value", "nearest"),
    [
        ("order", "balance", "balanced"),
        ("stop", "majorty", "majority"),
        ("waves", "lod", "load"),
        ("readout", "probabilities", "probability"),
    ],
)
def test_names_that_are_refused(name, value, nearest):
    """With the nearest one that is known."""
    with pytest.raises(UnknownNameError, match=f"unknown {name} '{value}'. Did you mean '{nearest}'?"):
        JudgeSettings(**{name: value})
    with pytest.raises(UnknownNameError, match=f"unknown {name} 'None'"):
        JudgeSettings(**{name: None})


@pytest.mark.parametrize(
    "values",
    [
        {},
        FURTHER,
        {"votes": "auto"},
        {"seed": -(2**70)},
        {"temperature": 0, "top_p": 1, "max_tokens": 1},
        {"threshold": 0.51},
        {"resamples": 0, "think_more": 0},
    ],
)
def test_values_that_are_taken(values):
    settings = JudgeSettings(**values)
    assert {name: getattr(settings, name) for name in values} == values


@pytest.mark.parametrize("name", FURTHER)
def test_what_is_not_as_by_default_is_reported(name):
    """And nothing else; as values that go to JSON and back."""
    settings = JudgeSettings(**{name: FURTHER[name]})
    plain = {"slope": 0.5, "offset": -0.1} if name == "calibration" else FURTHER[name]
    assert settings.further == {name: plain}
    assert msgspec.json.decode(msgspec.json.encode(settings.further)) == settings.further
    default = getattr(JudgeSettings(), name)
    assert JudgeSettings(**{name: default}).further == {}


def test_what_results_follow_from():
    """Two judges that would rank otherwise are described otherwise; what is as by default keeps the old description."""
    assert JudgeSettings().described == {
        "votes": 1,
        "order": "balanced",
        "seed": 0,
        "resamples": 2,
        "sampling": {},
        "force_verdict": None,
        "strip_reasoning": False,
    }
    others = {
        **FURTHER,
        "votes": "auto",
        "order": "both",
        "seed": 1,
        "resamples": 0,
        "max_tokens": 100,
        "temperature": 0.0,
        "top_p": 0.5,
        "force_verdict": False,
        "strip_reasoning": True,
    }
    assert set(others) == {field.name for field in fields(JudgeSettings)}
    described = [
        JudgeSettings().described,
        *(JudgeSettings(**{name: value}).described for name, value in others.items()),
    ]
    assert all(described.count(one) == 1 for one in described)
    assert JudgeSettings(top_p=0.5, max_tokens=9).described["sampling"] == {"max_tokens": 9, "top_p": 0.5}


def test_rules():
    """Each of the values reaches them; what is not said of sampling is what the prompt recommends."""
    rules = JudgeSettings(votes=5, order="both", seed=3, resamples=1, temperature=0.2, **FURTHER).rules(
        PROMPT, INFO, is_embedded=False
    )
    assert {name: getattr(rules, name) for name in FURTHER} == FURTHER
    assert (rules.votes, rules.order, rules.seed, rules.resamples) == (5, "both", 3, 1)
    recommended = PROMPT.front.sampling
    assert rules.sampling.temperature == 0.2
    assert (rules.sampling.max_tokens, rules.sampling.top_p) == (recommended.max_tokens, recommended.top_p)
    assert rules.prompt is PROMPT


def test_rules_by_default():
    """Those that a judge had before there was more to say; votes that are to be chosen are one until then."""
    rules = JudgeSettings().rules(PROMPT, INFO, is_embedded=False)
    assert (rules.budget, rules.stop, rules.waves, rules.readout) == (None, "majority", "fixed", "vote")
    assert (rules.think_budget, rules.think_more, rules.calibration) == (None, 0, Calibration())
    assert JudgeSettings(votes="auto").rules(PROMPT, INFO, is_embedded=False).votes == 1


@pytest.mark.parametrize(
    ("given", "is_embedded", "forced"),
    [(None, True, True), (None, False, False), (False, True, False), (True, False, True)],
)
def test_only_the_embedded_model_is_forced_unasked(given, is_embedded, forced):
    """It is kept short, too."""
    rules = JudgeSettings(force_verdict=given).rules(PROMPT, INFO, is_embedded=is_embedded)
    assert rules.force is forced
    assert (rules.sampling.max_tokens < 100) is is_embedded


@pytest.mark.parametrize("opens", [True, False])
def test_what_the_engine_knows_of_its_template_counts(opens):
    """Whether it opens the reasoning; where the engine does not know, what the prompt file says."""
    info = EngineInfo("scripted", "scripted", 8, opens_reasoning=opens)
    assert JudgeSettings().rules(PROMPT, info, is_embedded=False).reasoning_open is opens
    default = JudgeSettings().rules(PROMPT, INFO, is_embedded=False).reasoning_open
    assert default is (PROMPT.front.reasoning == "opened")


@pytest.mark.parametrize(("begin", "is_open"), [("<think>\n", True), ("<think>\nHm.\n</think>\n", False), ("", False)])
def test_a_file_that_begins_the_reasoning(begin, is_open, tmp_path):
    """Is thinking from the start, whether its front matter says so or not."""
    front = f"begin: {json.dumps(begin)}\n" if begin else ""
    path = tmp_path / "own.jinja"
    text = _path("mt_bench_pair").read_text("utf-8")
    path.write_text(text.replace("kind: pairwise\n", f"kind: pairwise\n{front}", 1), "utf-8")
    rules = JudgeSettings().rules(load_prompt(path), INFO, is_embedded=False)
    assert rules.reasoning_open is is_open
