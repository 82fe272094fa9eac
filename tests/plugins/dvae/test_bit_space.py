"""The concept space: what it refuses, what it measures, and how it comes back, killed or stored."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace

import pytest
import torch
from torch import nn

from causalxai import Classifier, Dataset
from causalxai.concept import BooleanConcept
from causalxai.concept_space import ConceptSpace
from causalxai.dataset import Split
from causalxai.errors import CapabilityError
from causalxai.image_data.lazy import LazyImages
from causalxai.memory import limited_to
from causalxai.metric import ScoringInputs
from causalxai.report.section import Text
from causalxai.storage.record import Record
from causalxai.testing import Bench, Keeper, KilledError, checks_for
from causalxai.testing.bench import stored
from causalxai.training.loop import StepwiseTraining
from causalxai_dvae.bit_space import BitSpace
from causalxai_dvae.report.code import code_section

TINY = {
    "autoencoder": {"bits": 4, "hidden": (16,), "steps": 9, "batch_size": 16},
    "generator": {"steps": 8, "batch_size": 8},
}


@pytest.fixture
def tiny(bar_data: Dataset) -> Dataset:
    return replace(bar_data, train=bar_data.train[:60], test=bar_data.test[:20])


def fit(
    classifier: Classifier,
    dataset: Dataset,
    seed: int = 0,
    keeper: Keeper | None = None,
    **settings: object,
) -> BitSpace:
    rng = torch.Generator().manual_seed(seed)
    space = BitSpace(**{**TINY, **settings})
    return space.fit(classifier, dataset, rng=rng, checkpoint=(keeper or Keeper()).checkpoint)


def same_bytes(one: Record, other: Record) -> bool:
    same = {name: torch.equal(t, other.tensors[name]) for name, t in one.tensors.items()}
    return same.keys() == other.tensors.keys() and all(same.values()) and one.meta == other.meta


@pytest.mark.parametrize("check", checks_for(ConceptSpace), ids=lambda check: check.__name__)
@pytest.mark.parametrize("layer", [None, "conv2"])
def test_bit_space_keeps_its_promises(
    check, bar_classifier: Classifier, tiny: Dataset, layer: str | None
):
    rng = torch.Generator().manual_seed(0)
    inputs = ScoringInputs(classifier=bar_classifier, dataset=tiny, rng=rng)
    plugin = BitSpace(layer=layer, **TINY)
    check(Bench(plugin=plugin, inputs=inputs, images=tiny.test.images[:3]))


def test_bits_are_boolean_concepts_of_the_layer(bit_space: BitSpace, bar_data: Dataset):
    assert bit_space.names() == tuple(f"bit {number}" for number in range(6))
    for concept in bit_space.concepts:
        assert (type(concept), concept.low, concept.high) == (BooleanConcept, 0, 1)
        assert concept.layer == "embedding"
    values = bit_space.encode(bar_data.test.images).values
    assert ((values == 0) | (values == 1)).all()


def test_the_code_is_of_what_the_layer_holds(
    bit_space: BitSpace, bar_classifier: Classifier, bar_data: Dataset
):
    images = bar_data.test.images[:9]
    activations = bit_space.activations(images)
    torch.testing.assert_close(activations, bar_classifier.embed(images))
    expected = bit_space.autoencoder_.code(activations)
    assert torch.equal(bit_space.encode(images).values, expected)


def test_any_layer_will_do(bar_classifier: Classifier, tiny: Dataset):
    space = fit(bar_classifier, tiny, layer="conv2")
    assert space.concepts[0].layer == "conv2"
    assert space.activations(tiny.test.images).shape == (20, 8 * 8 * 8)
    with pytest.raises(CapabilityError, match=r"no layer 'conv3'.*did you mean 'conv2'"):
        fit(bar_classifier, tiny, layer="conv3")


def test_without_a_linear_head_the_layers_that_would_do_are_named(tiny: Dataset):
    torch.manual_seed(0)
    channels, classes = tiny.image_shape[0], len(tiny.class_names)
    model = nn.Sequential(
        nn.Conv2d(channels, 4, 3), nn.ReLU(), nn.Conv2d(4, classes, 3), nn.AdaptiveMaxPool2d(1),
        nn.Flatten(),
    )  # fmt: skip
    classifier = Classifier(model, class_names=tiny.class_names, image_shape=tiny.image_shape)
    said = r"^dvae without 'layer' needs .* it is '3', an AdaptiveMaxPool2d.* would do: 0 \[4,"
    with pytest.raises(CapabilityError, match=said):
        BitSpace().fit(classifier, tiny, rng=torch.Generator())


def test_reference_images_are_learned_from_where_they_are_asked_for(
    bar_classifier: Classifier, tiny: Dataset
):
    from_reference = fit(bar_classifier, tiny, paint_from="reference").to_record()
    swapped = fit(bar_classifier, replace(tiny, train=tiny.reference)).to_record()
    assert same_bytes(from_reference, swapped)
    assert not same_bytes(from_reference, fit(bar_classifier, tiny).to_record())


def test_missing_reference_images_are_told(bar_classifier: Classifier, tiny: Dataset):
    with pytest.raises(CapabilityError, match="take paint_from: train"):
        fit(bar_classifier, replace(tiny, reference=None), paint_from="reference")


def test_the_code_and_its_pictures_are_worth_something(
    bit_space: BitSpace, bar_classifier: Classifier, bar_data: Dataset
):
    summary, images = bit_space.summary(), bar_data.test.images
    code = bit_space.encode(images).values
    decode, paint, rest = (
        bit_space.autoencoder_.decode, bit_space.generator_.paint, bit_space.layer_.logits
    )  # fmt: skip
    predicted, predicted_flipped = (rest(decode(one)).argmax(dim=1) for one in (code, 1 - code))
    painted, flipped = paint(decode(code)), paint(decode(1 - code))

    def share(hits: torch.Tensor) -> object:
        return pytest.approx(float(hits.double().mean()))

    assert summary["changed"] == share(predicted != predicted_flipped)
    assert summary["agreement"] == share(predicted == bar_classifier.predict(images))
    seen, seen_flipped = bar_classifier.predict(painted), bar_classifier.predict(flipped)
    assert summary["classifier's agreement with pictures"] == share(seen == predicted)
    assert summary["classifier's agreement with flipped pictures"] == share(
        seen_flipped == predicted_flipped
    )
    error = float((painted - images).square().mean())
    assert summary["picture error"] == pytest.approx(error, rel=1e-4)
    mean = bar_data.train.images.mean(dim=0)
    assert summary["error of the mean image"] == pytest.approx(
        float((mean - images).square().mean()), rel=1e-4
    )
    assert summary["agreement"] > 0.9
    assert summary["picture error"] < summary["error of the mean image"]
    assert -1 <= summary["shared information"] <= 1


@pytest.mark.parametrize("kills", [1, 2, 3, 4])
def test_a_killed_fit_goes_on_to_the_same_bytes(
    bar_classifier: Classifier, tiny: Dataset, monkeypatch: pytest.MonkeyPatch, kills: int
):
    monkeypatch.setattr(StepwiseTraining, "save_every", 3)
    whole = fit(bar_classifier, tiny).to_record()
    keeper = Keeper(dies_after=kills)
    with pytest.raises(KilledError):
        fit(bar_classifier, tiny, keeper=keeper)
    # Two records of the code's training, then two of the generator's.
    assert keeper.records[-1].meta["stage"] == ("code" if kills <= 2 else "paint")
    # Past the code's own training, the second process's seed does not matter for it either.
    resumed = fit(bar_classifier, tiny, seed=99, keeper=keeper).to_record()
    assert same_bytes(resumed, whole)


def test_restored_reads_paints_and_tells_the_same(
    bit_space: BitSpace, bar_classifier: Classifier, bar_data: Dataset
):
    record = stored(bit_space.to_record())
    back = BitSpace(bit_space.config).restore(record, bar_classifier)
    images = bar_data.test.images
    code = bit_space.encode(images).values
    assert torch.equal(back.encode(images).values, code)
    pictures = [
        space.generator_.paint(space.autoencoder_.decode(code)) for space in (back, bit_space)
    ]
    assert torch.equal(*pictures)
    assert same_bytes(stored(back.to_record()), record)
    assert back.summary() == bit_space.summary()
    assert not back.autoencoder_.training
    assert not back.generator_.training
    assert not any(p.requires_grad for p in back.generator_.parameters())


def test_restoring_draws_nothing_from_torchs_own_generator(
    bit_space: BitSpace, bar_classifier: Classifier
):
    before = torch.get_rng_state()
    BitSpace(bit_space.config).restore(stored(bit_space.to_record()), bar_classifier)
    assert torch.equal(torch.get_rng_state(), before)


def test_seeds_matter(bar_classifier: Classifier, tiny: Dataset):
    one, other = (fit(bar_classifier, tiny, seed).to_record() for seed in (0, 1))
    assert not same_bytes(one, other)


def test_a_collapsed_code_is_told_in_the_report(bar_classifier: Classifier, tiny: Dataset):
    heavy = {**TINY["autoencoder"], "beta": 100.0, "steps": 300}
    space = fit(bar_classifier, tiny, autoencoder=heavy)
    assert space.summary()["dead bits"] == 4
    section = code_section(space, tiny)
    texts = [item.text for item in section.items if isinstance(item, Text)]
    assert any(text.startswith("Note: ") for text in texts)


class Rounding(nn.Module):
    """Rounds what its convolutions see, so that no gradient reaches them."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = deepcopy(inner)
        self.inner.hidden.register_forward_pre_hook(lambda _m, args: ((args[0] * 64).round() / 64,))

    def forward(self, images):
        return self.inner(images)


def test_a_layer_without_gradients_is_refused(bar_classifier, bar_data):
    model = Rounding(bar_classifier.model)
    classifier = Classifier(
        model, class_names=bar_data.class_names, image_shape=bar_data.image_shape
    )
    with pytest.raises(CapabilityError, match="dvae needs gradients"):
        BitSpace(**TINY, layer="inner.conv2").fit(classifier, bar_data, rng=torch.Generator())


def test_a_generator_that_takes_more_memory_than_the_run_may_is_refused(bar_classifier: Classifier):
    with (
        limited_to(2**10),
        pytest.raises(CapabilityError, match="MiB of memory while it is trained, more than the 0"),
    ):
        BitSpace().check_classifier(bar_classifier)
    BitSpace().check_classifier(bar_classifier)


def test_a_fit_reads_as_many_images_at_once_as_fit_and_learns_the_same(
    bar_classifier: Classifier, tiny: Dataset
):
    asked: list[int] = []

    def later(split: Split) -> Split:
        def read(rows: list[int]) -> torch.Tensor:
            asked.append(len(rows))
            return split.images[rows]

        return replace(
            split, images=LazyImages(read, tiny.image_shape, torch.arange(len(split)), "")
        )

    whole = fit(bar_classifier, tiny)
    most = 8
    # An eighth of the limit for a batch, of which there are four copies.
    with limited_to(8 * 4 * 4 * 16 * 16 * most):
        found = fit(
            bar_classifier,
            replace(tiny, train=later(tiny.train), test=later(tiny.test)),
        )
    assert max(asked) == most
    torch.testing.assert_close(
        found.generator_.state_dict(), whole.generator_.state_dict(), rtol=1e-3, atol=1e-4
    )
    assert found.quality_.n == whole.quality_.n == found.pictures_.n == 20
    assert found.pictures_.reconstruction == pytest.approx(whole.pictures_.reconstruction, rel=1e-3)
