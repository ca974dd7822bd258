"""The public names, and what importing them costs."""

import subprocess
import sys
import types

import rrm

HEAVY = ("torch", "vllm", "transformers", "networkx", "httpx", "numpy", "click", "pandas", "sklearn")


def test_public_names_are_sorted_and_complete():
    """`rrm.__all__` is sorted (as ruff sorts: classes first by case) and has every public name, and each is there."""
    public = {name for name, value in vars(rrm).items() if name[0] != "_" and not isinstance(value, types.ModuleType)}
    assert set(rrm.__all__) == public | {"__version__"}
    assert list(rrm.__all__) == sorted(rrm.__all__)
    assert len(set(rrm.__all__)) == len(rrm.__all__)


def test_public_names_say_what_they_are():
    """Each public name has a docstring."""
    for name in set(rrm.__all__) - {"__version__"}:
        assert getattr(rrm, name).__doc__, name


def test_importing_is_light():
    """`import rrm` loads no engine's packages and no graph library, and says nothing."""
    program = f"import sys, rrm; print(*sorted(set(sys.modules) & set({HEAVY!r})))"
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=True)
    assert (done.stdout.strip(), done.stderr) == ("", "")


def test_the_command_line_is_light():
    """Nor does the command line, until a judge needs them."""
    heavy = set(HEAVY) - {"click"}
    program = f"import sys, rrm.cli; print(*sorted(set(sys.modules) & {heavy!r}))"
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=True)
    assert (done.stdout.strip(), done.stderr) == ("", "")
