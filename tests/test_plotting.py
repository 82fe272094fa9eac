from __future__ import annotations

from collections.abc import Iterator

import matplotlib as mpl
import pytest
import torch
from matplotlib import pyplot

from causalxai import CausalGraph, Explanation
from causalxai.testing import toy_world


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    with mpl.rc_context({"backend": "Agg"}):
        yield
        pyplot.close("all")


def test_each_makes_a_figure_of_its_own_or_draws_on_given_axes():
    world = toy_world(0)
    images = world.dataset.test.images[:2]
    explanation = Explanation(images, torch.zeros(2, dtype=torch.int64), ("a",), torch.ones(2, 1))
    things = [CausalGraph("ab", [("a", "b")]), explanation, world.dataset]
    for number, thing in enumerate(things):
        assert thing.plot().figure.number == number + 1
        _, given = pyplot.subplots(num="given", clear=True)
        assert thing.plot(axes=given) is given
        pyplot.close("given")
