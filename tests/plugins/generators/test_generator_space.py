"""The concept space: what it reads, what it refuses, and how it comes back."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import save_file

from causalxai import Classifier, Dataset, ScoringInputs
from causalxai.concept import BooleanConcept
from causalxai.concept_space import ConceptSpace
from causalxai.errors import CapabilityError, DataError
from causalxai.seeding import torch_generator
from causalxai.testing import Bench, checks_for
from causalxai.testing.bench import stored
from causalxai_generators.generator_space import GeneratorSpace

from .conftest import Autoencoder, split_of

CODE = Path(__file__).with_name("conftest.py").read_text("utf-8")


@pytest.mark.parametrize("check", checks_for(ConceptSpace), ids=lambda check: check.__name__)
def test_generator_space_keeps_its_promises(
    check, classifier: Classifier, dataset: Dataset, autoencoder: Autoencoder
):
    inputs = ScoringInputs(classifier=classifier, dataset=dataset, rng=torch_generator(0))
    plugin = GeneratorSpace(generator=autoencoder)
    check(Bench(plugin=plugin, inputs=inputs, images=dataset.test.images[:3]))


def test_concepts_are_read_in_the_units_of_their_labels(space: GeneratorSpace, dataset: Dataset):
    lit, warmth = space.concepts
    assert isinstance(lit, BooleanConcept)
    truth = dataset.test.concepts
    assert warmth.scale == pytest.approx(float(truth[:, 1].std()), rel=0.05)
    values = space.encode(dataset.test.images).values
    assert torch.equal(values[:, 0], truth[:, 0])
    assert torch.allclose(values[:, 1], truth[:, 1], atol=2.0)


def test_quality_tells_of_readings_and_of_pictures(space: GeneratorSpace):
    summary = space.summary()
    assert summary["reading of lit"] == 1.0
    assert 0.45 < summary["reading of lit by chance"] < 0.65
    assert summary["reading of warmth"] > 0.95
    assert summary["classifier agrees on reconstructions"] > 0.9
    for name in ("lit", "warmth"):
        assert summary[f"own effect of {name}"] == pytest.approx(1.0, abs=0.1)
        assert summary[f"leakage of {name}"] < 0.1
    assert "warning" not in summary


def test_an_untrained_generator_is_warned_of(fit: Callable[..., GeneratorSpace]):
    network = Autoencoder()
    with torch.no_grad():
        network.out.weight.zero_()
        network.out.bias.fill_(0.5)
    found = fit(generator=network).summary()
    assert found["warning"] == (
        "when these concepts are set, less than half of the change is seen in the generator's "
        "pictures: lit, warmth"
    )


def test_reconstructions_that_are_classified_otherwise_are_warned_of(
    space: GeneratorSpace,
):
    poor = replace(space.quality_, agreement=0.7)
    assert poor.warning(kept=True) is None
    assert "another class for 30% of the reconstructions" in str(poor.warning(kept=False))


def test_directions_are_fitted_to_reference_images(
    classifier: Classifier, dataset: Dataset, autoencoder: Autoencoder, space: GeneratorSpace
):
    reference = split_of(300, torch_generator(9), related=False)
    given = replace(dataset, reference=reference)
    found = GeneratorSpace(generator=autoencoder).fit(classifier, given, rng=torch_generator(0))
    own = found.generator_.encode(reference.images).latents
    readings = found.directions_.read(own)
    # Regression has no bias on the images that it is fitted to.
    assert torch.allclose(readings.mean(dim=0), reference.concepts.mean(dim=0), rtol=1e-4)
    assert not torch.allclose(space.directions_.readers, found.directions_.readers, rtol=1e-3)


def test_single_latents_are_the_concepts_without_labels(
    classifier: Classifier, dataset: Dataset, autoencoder: Autoencoder
):
    bare = replace(
        dataset,
        train=replace(dataset.train, concepts=None),
        test=replace(dataset.test, concepts=None),
        concept_names=(),
    )
    found = GeneratorSpace(generator=autoencoder).fit(classifier, bare, rng=torch_generator(0))
    assert found.names() == tuple(f"latent {number}" for number in range(6))
    chosen = GeneratorSpace(generator=autoencoder, latents=[4, 2])
    assert chosen.fit(classifier, dataset, rng=torch_generator(0)).names() == (
        "latent 4",
        "latent 2",
    )
    assert chosen.configured_size == 2


def test_an_imported_generator_comes_back_with_its_weights(
    tmp_path: Path, classifier: Classifier, dataset: Dataset, autoencoder: Autoencoder,
    space: GeneratorSpace, monkeypatch: pytest.MonkeyPatch,
):  # fmt: skip
    (tmp_path / "own_generator.py").write_text(CODE)
    monkeypatch.delitem(sys.modules, "own_generator", raising=False)
    save_file(autoencoder.state_dict(), tmp_path / "weights.safetensors")
    settings = {"import_path": "own_generator:Autoencoder", "import_from": tmp_path}
    own = GeneratorSpace(**settings, weights=tmp_path / "weights.safetensors")
    assert own.config.named_code()["import_path"] == "own_generator:Autoencoder"
    assert own.fingerprint() == own.fingerprint() != GeneratorSpace(**settings).fingerprint()
    fitted = own.fit(classifier, dataset, rng=torch_generator(0))
    expected = space.encode(dataset.test.images[:5]).values
    assert torch.allclose(fitted.encode(dataset.test.images[:5]).values, expected, atol=1e-4)
    (tmp_path / "weights.safetensors").unlink()
    again = GeneratorSpace(own.config).restore(stored(fitted.to_record()), classifier)
    assert torch.allclose(again.encode(dataset.test.images[:5]).values, expected, atol=1e-4)


def test_the_key_depends_on_the_weights_of_a_generator_in_memory(autoencoder: Autoencoder):
    one = GeneratorSpace(generator=autoencoder)
    assert one.config.held_objects() == {"generator": autoencoder}
    assert one.fingerprint() != GeneratorSpace(generator=Autoencoder()).fingerprint()
    assert "generator" not in one.portable_config()


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({}, "set import_path to the generator's module:Class"),
        ({"import_path": "a:B", "generator": Autoencoder()}, "set import_path to the generator's"),
        ({"import_path": "a:B", "labelled": ["lit"], "latents": [1]}, "either labelled or latents"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(settings: dict, says: str):
    with pytest.raises(ValidationError, match=says):
        GeneratorSpace(**settings)


@pytest.mark.parametrize(
    ("settings", "error", "says"),
    [
        ({"labelled": ["warm"]}, CapabilityError, "no concept 'warm'; did you mean 'warmth'"),
        ({"latents": [6]}, CapabilityError, r"numbers from 0 to 5, not \[6\]"),
        ({"latents": [1, 1]}, CapabilityError, "different numbers"),
        (
            {"generator": Autoencoder(latents=65), "labelled": []},
            CapabilityError,
            "65 latents: name",
        ),
        ({"generator": torch.nn.Identity()}, DataError, "Identity has no method encode"),
    ],
)
def test_mistakes_are_told_before_anything_is_fitted(
    settings: dict, error: type[Exception], says: str, dataset: Dataset, autoencoder: Autoencoder
):
    with pytest.raises(error, match=says):
        GeneratorSpace(**{"generator": autoencoder, **settings}).check_outline(dataset.outline)


def test_labels_that_tell_nothing_are_refused(
    classifier: Classifier, dataset: Dataset, autoencoder: Autoencoder
):
    labels = dataset.train.concepts.clone()
    labels[:, 1] = 3.0
    given = replace(dataset, train=replace(dataset.train, concepts=labels))
    with pytest.raises(DataError, match="warmth has the same value in every row"):
        GeneratorSpace(generator=autoencoder).check_dataset(given)
    few = replace(dataset, train=dataset.train[torch.arange(20)])
    with pytest.raises(DataError, match="20 images with labels are too few"):
        GeneratorSpace(generator=autoencoder).check_dataset(few)
