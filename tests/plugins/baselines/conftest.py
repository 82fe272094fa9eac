"""The classifier whose attributions are known in closed form."""

from __future__ import annotations

import pytest

from causalxai import ScoringInputs
from tests.plugins.baselines.small_networks import Linear, context_of, seeded


@pytest.fixture
def linear() -> ScoringInputs:
    return context_of(seeded(Linear))
