"""bench/cascade.py from end to end with a few trials: its figures, and that the two ways of playing agree."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent.parent / "bench" / "cascade.py"

PAGE = SCRIPT.parent.parent / "docs" / "cascade-study.json"
pytestmark = pytest.mark.skipif(not SCRIPT.exists(), reason="the wheel is tested without the source tree")


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Its figures, and what it printed."""
    output = tmp_path_factory.mktemp("study") / "cascade.json"
    command = [sys.executable, str(SCRIPT), "--quick", "--output", str(output)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == int("MISSED" in done.stdout), done.stderr
    return json.loads(output.read_text("utf-8")), done.stdout


def test_every_cell_is_there(study):
    """Judges, tournaments, kept counts and correlations; a cascade never asks more than half of the calls."""
    data, printed = study
    assert set(data["tables"]) == set(data["filter_alone"]) == {"position bias", "persistent errors"}
    for cells in data["tables"].values():
        assert len(cells) == 3 * 2 * 5
        for cell in cells:
            assert 0 < cell["calls"] <= cell["calls_full"] / 2
            assert cell["gain"] == pytest.approx(cell["top1"] - cell["top1_full"], abs=2e-4)
    assert printed.count("the filter alone") == 2


def test_the_packages_own_rankers_play_as_the_simulation_does(study):
    """Other draws, the same votes: as many calls, and as good within chance."""
    data, _ = study
    for claim in data["claims"]:
        (cell,) = (
            cell
            for cell in data["tables"][claim["judge"]]
            if all(cell[name] == claim[name] for name in ("plan", "keep", "correlation"))
        )
        assert (claim["calls"], claim["calls_full"]) == (cell["calls"], cell["calls_full"])
        assert abs(claim["top1"] - cell["top1"]) < 0.3


@pytest.mark.skipif(not PAGE.exists(), reason="the wheel is tested without the source tree")
def test_the_figures_in_the_docs_bear_the_claims_out():
    """Of enough trials: no more than one standard error below the full tournament, for at most half of its calls."""
    data = json.loads(PAGE.read_text("utf-8"))
    assert data["trials"] >= 2000
    assert {(claim["keep"], claim["correlation"]) for claim in data["claims"]} == {(4, 0.8)}
    for found in data["claims"]:
        assert found["gain"] >= -found["error"]
        assert found["calls"] <= found["calls_full"] / 2
