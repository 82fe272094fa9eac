from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from causalxai import ConceptSpace, ScoringInputs
from causalxai.errors import CapabilityError, DataError
from causalxai.generic.rendered_space import RenderedSpace
from causalxai.seeding import torch_generator
from causalxai.testing import Bench, Check, checks_for
from causalxai.testing.bench import stored


@pytest.mark.parametrize("check", checks_for(ConceptSpace), ids=lambda check: check.__name__)
def test_conformance(check: Check, greys: ScoringInputs):
    check(Bench(plugin=RenderedSpace(), inputs=greys, images=greys.dataset.test.images[:3]))


def test_values_are_those_that_were_drawn_and_scales_those_of_the_test_images(
    greys: ScoringInputs,
):
    test, space = greys.dataset.test, greys.space
    assert torch.equal(space.encode(test.images).values, test.set_concepts)
    scales = [concept.scale for concept in space.concepts]
    assert scales[:2] == pytest.approx(test.set_concepts.std(dim=0, correction=0)[:2].tolist())
    assert scales[2] == 1


def test_a_restored_space_reads_with_the_renderer_of_its_data_set(greys: ScoringInputs):
    record = stored(greys.space.to_record())
    back = RenderedSpace().restore(record, greys.classifier).attach(greys.dataset)
    assert list(back.concepts) == list(greys.space.concepts)
    assert back.renderer is greys.dataset.renderer


def test_other_images_and_other_data_sets_are_refused(greys: ScoringInputs):
    with pytest.raises(DataError, match="image 0 of 1 is not among the 40 pictures"):
        greys.space.encode(torch.zeros(1, 3, 4, 4))
    photographs = replace(greys.dataset, renderer=None)
    for refused in (
        lambda: RenderedSpace().check_outline(photographs.outline),
        lambda: RenderedSpace().fit(greys.classifier, photographs, rng=torch_generator(0)),
    ):
        with pytest.raises(CapabilityError, match="needs a data set with a renderer"):
            refused()
