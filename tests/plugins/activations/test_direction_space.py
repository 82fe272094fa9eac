"""The concept space: what its directions tell, what it refuses, and how it comes back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from causalxai import Classifier, Dataset, ScoringInputs
from causalxai.concept import Concept
from causalxai.concept_space import ConceptSpace
from causalxai.errors import CapabilityError, DataError
from causalxai.seeding import torch_generator
from causalxai.testing import Bench, checks_for
from causalxai.testing.bench import stored
from causalxai_activations.direction_space import ACTIVATIONS, DirectionSpace

from .conftest import SIDE
from .test_examples import pictures

SMALL = {"controls": 19, "layer": "hidden"}


@pytest.mark.parametrize("check", checks_for(ConceptSpace), ids=lambda check: check.__name__)
def test_direction_space_keeps_its_promises(check, bent_classifier: Classifier, shifted: Dataset):
    inputs = ScoringInputs(classifier=bent_classifier, dataset=shifted, rng=torch_generator(0))
    check(Bench(plugin=DirectionSpace(**SMALL), inputs=inputs, images=shifted.test.images[:3]))


def test_directions_point_where_the_concepts_are(directions: DirectionSpace, shifted: Dataset):
    # Half of the layer's units are above, where "lit" is, and half below, where "warmth" is.
    above, below = torch.tensor([1.0, 1, 0, 0]) / 2**0.5, torch.tensor([0.0, 0, 1, 1]) / 2**0.5
    assert float(directions.directions_[0] @ above) > 0.98
    assert float(directions.directions_[1] @ below) > 0.98
    values = directions.encode(shifted.test.images).values
    truth = shifted.test.concepts
    for column in range(2):
        assert float(torch.corrcoef(torch.stack([values[:, column], truth[:, column]]))[0, 1]) > 0.9


def test_values_are_standard_deviations_of_held_out_images(
    directions: DirectionSpace, shifted: Dataset
):
    values = directions.encode(shifted.test.images).values
    torch.testing.assert_close(values.mean(dim=0), torch.zeros(2), atol=1e-4, rtol=0)
    torch.testing.assert_close(values.std(dim=0, correction=0), torch.ones(2), atol=1e-4, rtol=0)
    assert directions.concepts == [
        Concept("lit", unit="sd", layer="hidden"), Concept("warmth", unit="sd", layer="hidden"),
    ]  # fmt: skip


def test_the_quality_is_told_of_examples_that_were_not_learned_from(directions: DirectionSpace):
    lit, warmth = directions.quality_
    assert (lit.measure, lit.chance, lit.held_out.value) == ("accuracy", 0.5, 1.0)
    assert lit.held_out.n == pytest.approx(lit.learned_from / 2, abs=2)
    assert (warmth.measure, warmth.chance) == ("correlation", 0.0)
    assert 0.9 < warmth.held_out.low < warmth.held_out.value <= 1
    summary = directions.summary()
    assert summary["accuracy of lit"] == 1.0
    assert summary["accuracy by chance"] == 0.5
    assert summary["correlation by chance"] == 0.0
    assert "warning" not in summary


def test_concepts_raise_the_logits_that_see_them(directions: DirectionSpace):
    scores = directions.scores_
    assert directions.classes_ == (0, 1)
    assert scores.score[0, 0] == scores.score[1, 1] == 1.0
    assert scores.effects_found[0, 0] and scores.effects_found[1, 1]
    assert abs(scores.effect[0, 1]) < 0.2 * scores.effect[0, 0]


def test_labels_that_tell_nothing_are_no_concept(bent_classifier: Classifier, shifted: Dataset):
    noise = torch.randint(2, (len(shifted.train), 1), generator=torch_generator(0)).float()
    train = replace(shifted.train, concepts=noise)
    test = replace(shifted.test, concepts=None)
    data = replace(shifted, train=train, test=test, concept_names=("noise",))
    space = DirectionSpace(controls=199, layer="hidden")
    space.fit(bent_classifier, data, rng=torch_generator(0))
    assert not space.quality_[0].tells
    assert "these directions tell no more than chance: noise" in str(space.summary()["warning"])
    assert not space.scores_.found.any() and not space.scores_.effects_found.any()


def test_a_linear_layer_is_not_chosen_and_is_told(
    linear_classifier: Classifier, bent_classifier: Classifier, shifted: Dataset
):
    space = DirectionSpace(**SMALL)
    space.fit(linear_classifier, shifted, rng=torch_generator(0))
    assert "the logits are linear in the layer 'hidden'" in str(space.summary()["warning"])
    assert set(space.scores_.score.ravel()) <= {0.0, 1.0}
    chosen = DirectionSpace(controls=19).fit(bent_classifier, shifted, rng=torch_generator(0))
    assert chosen.layer_.name == "hidden"


def test_folders_of_pictures_are_concepts(
    bent_classifier: Classifier, shifted: Dataset, tmp_path: Path
):
    folder = pictures(tmp_path / "plain", 20)
    space = DirectionSpace(**SMALL, examples={"plain": folder})
    assert space.configured_size == 1
    space.check_outline(shifted.outline)
    space.fit(bent_classifier, shifted, rng=torch_generator(0))
    assert space.names() == ("plain",)
    assert space.quality_[0].without == "random training images"
    before = space.fingerprint()
    assert str(tmp_path) not in str(space.portable_config())
    (folder / "00.png").unlink()
    assert space.fingerprint() != before


def test_restored_is_the_same_to_the_byte(
    directions: DirectionSpace, bent_classifier: Classifier, shifted: Dataset
):
    record = stored(directions.to_record())
    back = DirectionSpace(directions.config).restore(record, bent_classifier)
    found, expected = (one.encode(shifted.test.images) for one in (back, directions))
    assert torch.equal(found.values, expected.values)
    assert torch.equal(found.residual[ACTIVATIONS], expected.residual[ACTIVATIONS])
    assert back.summary() == directions.summary()
    again = stored(back.to_record())
    assert again.meta == record.meta
    assert all(torch.equal(again.tensors[name], t) for name, t in record.tensors.items())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"labelled": ("lid",)}, r"concepts\.labelled: the data set has no concept 'lid'.*'lit'"),
        ({"classes": ("middle",)}, r"concepts\.classes: there is no class 'middle'"),
        (
            {"labelled": ("lit",), "examples": {"lit": "somewhere"}},
            "'lit' has both examples and labels",
        ),
    ],
)
def test_what_does_not_fit_the_data_is_told_before_the_fit(
    shifted: Dataset, settings: dict[str, object], message: str
):
    with pytest.raises(CapabilityError, match=message):
        DirectionSpace(**settings).check_outline(shifted.outline)


def test_a_data_set_without_labels_needs_examples(dataset: Dataset, tmp_path: Path):
    with pytest.raises(CapabilityError, match=r"needs concepts\.examples .* this one has none"):
        DirectionSpace().check_outline(dataset.outline)
    with pytest.raises(DataError, match="there is no such folder"):
        DirectionSpace(examples={"a": tmp_path / "none"}).check_outline(dataset.outline)
    unlabelled = replace(dataset, concept_names=("lit",))
    with pytest.raises(CapabilityError, match="training images have no labels"):
        DirectionSpace().check_dataset(unlabelled)
    assert DirectionSpace().configured_size is None
    assert dataset.image_shape[1] == SIDE
