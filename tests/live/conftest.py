"""One embedded model for all live tests, and one loaded engine for all laws that leave it open."""

import pytest

from rrm.models import resolve


@pytest.fixture(scope="session")
def embedded() -> str:
    """The folder of the embedded model, converted by the first run."""
    return resolve("embedded").location
