"""Pictures of changed concepts, and what they are called."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from causalxai.generic.single_effects import SingleEffects
from causalxai.testing import ToyWorld
from causalxai.testing.toys import ToyOracle


class Blind(ToyOracle):
    """Has no pictures."""

    capabilities = frozenset()


def test_what_ifs_show_the_strongest_concepts_in_words(world: ToyWorld):
    images = world.dataset.test.images[:6]
    found = SingleEffects(pictures=2, direction="down").explain(images, 0, world.inputs())
    rows = {what_if.row for what_if in found.what_ifs}
    assert len(rows) == 2
    told = [what_if for what_if in found.what_ifs if what_if.changes]
    assert len(told) == 2 * 3
    for what_if in told:
        (change,) = what_if.changes
        assert what_if.words == f"{change.concept} \N{MINUS SIGN}1\N{NO-BREAK SPACE}sd"
        place = world.space.names().index(change.concept)
        assert change.value == pytest.approx(-world.space.concepts[place].scale, rel=1e-4)
        # The toy oracle judges pictures, so that the classifier says the same of what is shown.
        again = world.classifier.logits(what_if.image[None])[0]
        torch.testing.assert_close(what_if.logits, again, atol=1e-4, rtol=1e-4)
    nothing = SingleEffects(pictures=0).explain(images, 0, world.inputs())
    assert nothing.what_ifs == ()
    blind = replace(
        world.inputs(), oracle=Blind(world.oracle.config).bind(world.classifier, world.space)
    )
    assert SingleEffects().explain(images, 0, blind).what_ifs == ()
