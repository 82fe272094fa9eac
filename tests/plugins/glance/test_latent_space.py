"""The concept space: what it refuses, what it learns, and how it comes back from a record."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace

import pytest
import torch
from sklearn.metrics import r2_score
from torch import Tensor, nn

from causalxai import Classifier, Dataset, Split
from causalxai.concept_space import ConceptSpace
from causalxai.errors import CapabilityError, DataError
from causalxai.metric import ScoringInputs
from causalxai.testing import Bench, checks_for
from causalxai.testing.bench import stored
from causalxai_glance.latent_space import LatentSpace
from causalxai_glance.scm import StructuralModel

TINY = {"latents": 5, "steps": 2, "channels": 8, "batch_size": 8, "layers": 1}


def few(dataset: Dataset, count: int = 60) -> Dataset:
    return replace(dataset, train=dataset.train[:count], test=dataset.test[:20])


def with_concepts(split: Split, concepts: Tensor | None) -> Split:
    return replace(split, concepts=concepts)


@pytest.fixture
def tiny(squares: Dataset) -> Dataset:
    return few(squares)


def fit(classifier: Classifier, dataset: Dataset, seed: int = 0, **settings: object) -> LatentSpace:
    rng = torch.Generator().manual_seed(seed)
    return LatentSpace(**{**TINY, **settings}).fit(classifier, dataset, rng=rng)


@pytest.mark.parametrize("check", checks_for(ConceptSpace), ids=lambda check: check.__name__)
def test_latent_space_keeps_its_promises(check, looker: Classifier, tiny: Dataset):
    rng = torch.Generator().manual_seed(0)
    inputs = ScoringInputs(classifier=looker, dataset=tiny, rng=rng)
    check(Bench(plugin=LatentSpace(**TINY), inputs=inputs, images=tiny.test.images[:3]))


def test_a_classifier_without_a_linear_end_is_refused(tiny: Dataset):
    model = nn.Sequential(nn.Flatten(), nn.Linear(256, 3), nn.LogSoftmax(dim=1))
    soft = Classifier(model, class_names=tiny.class_names, image_shape=tiny.image_shape)
    with pytest.raises(
        CapabilityError, match=r"^glance needs .*'2', a LogSoftmax; the output of '1'"
    ):
        fit(soft, tiny)


def test_a_convolution_as_head_will_do(tiny: Dataset):
    torch.manual_seed(0)
    channels, classes = tiny.image_shape[0], len(tiny.class_names)
    model = nn.Sequential(
        nn.Conv2d(channels, 5, 3), nn.ReLU(), nn.Conv2d(5, classes, 1), nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    )  # fmt: skip
    convolutional = Classifier(model, class_names=tiny.class_names, image_shape=tiny.image_shape)
    space = fit(convolutional, tiny)
    assert space.twin_.encode.in_features == 5


@pytest.mark.parametrize("side", [15, 24, 8])
def test_pictures_of_another_size_are_refused(tiny: Dataset, side: int):
    def resized(split: Split) -> Split:
        return replace(split, images=nn.functional.interpolate(split.images, (side, side)))

    dataset = replace(tiny, train=resized(tiny.train), test=resized(tiny.test))
    model = nn.Sequential(nn.Flatten(), nn.Linear(side**2, 3))
    classifier = Classifier(model, class_names=tiny.class_names, image_shape=(1, side, side))
    with pytest.raises(CapabilityError, match=f"{side} x {side}: resize them"):
        fit(classifier, dataset)


def test_pictures_of_another_size_are_refused_before_anything_is_fitted(
    tiny: Dataset, monkeypatch: pytest.MonkeyPatch
):
    def fitted(*_: object, **__: object) -> None:
        raise AssertionError("the SCM layer was fitted")

    monkeypatch.setattr(StructuralModel, "fit", fitted)
    larger = replace(tiny.train, images=nn.functional.interpolate(tiny.train.images, (24, 24)))
    tiny = replace(tiny, train=larger, test=larger)
    model = nn.Sequential(nn.Flatten(), nn.Linear(24**2, 3))
    classifier = Classifier(model, class_names=tiny.class_names, image_shape=(1, 24, 24))
    with pytest.raises(CapabilityError, match="24 x 24: resize them"):
        fit(classifier, tiny)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("count", "told"), [(1, "there is 1"), (29, "there are 29")])
def test_too_few_labelled_images_are_refused(
    looker: Classifier, squares: Dataset, count: int, told: str
):
    with pytest.raises(DataError, match=f"needs 30 labelled training images or more, and {told};"):
        fit(looker, few(squares, count))


@pytest.mark.filterwarnings("error")
def test_one_image_is_refused_and_two_will_do(looker: Classifier, squares: Dataset):
    def bare(count: int) -> Dataset:
        dataset = few(squares, count)
        return replace(dataset, train=with_concepts(dataset.train, None))

    with pytest.raises(DataError, match="two training images or more, and there is 1"):
        fit(looker, bare(1))
    assert torch.isfinite(fit(looker, bare(2)).encode(squares.test.images).values).all()
    assert fit(looker, few(squares, 30)).scm_ is not None


@pytest.mark.parametrize("labelled", ["continuous", "boolean", "not"])
def test_a_wild_single_step_ends_in_words(looker: Classifier, tiny: Dataset, labelled: str):
    labels = tiny.train.concepts.clone()
    if labelled == "boolean":
        labels[:, 1] = (labels[:, 1] > 0.5).float()
    train = with_concepts(tiny.train, None if labelled == "not" else labels)
    with pytest.raises(DataError, match="is not finite; lower learning_rate"):
        fit(looker, replace(tiny, train=train), steps=1, learning_rate=1e9)


def test_too_few_latents_are_refused(looker: Classifier, tiny: Dataset):
    with pytest.raises(CapabilityError, match=r"2 named concepts .* latents is 2"):
        fit(looker, tiny, latents=2)


@pytest.mark.parametrize("value", [0.0, 0.1, 1234.567])
def test_a_label_that_does_not_vary_is_refused(looker: Classifier, tiny: Dataset, value: float):
    labels = tiny.train.concepts.clone()
    labels[:, 1] = value
    dataset = replace(tiny, train=with_concepts(tiny.train, labels))
    with pytest.raises(DataError, match="'brightness' has one value"):
        fit(looker, dataset)


@pytest.mark.parametrize("follows", ["duplicate", "sum", "kinds"])
def test_labels_that_follow_from_others_are_refused_by_name(
    looker: Classifier, tiny: Dataset, follows: str
):
    kind = torch.arange(len(tiny.train)) * 7 % 3
    a, b = tiny.train.concepts.T
    columns = {
        "duplicate": (a, b, 2 * a + 1),
        "sum": (a, b, a + b),
        "kinds": ((kind == 0).float(), (kind == 1).float(), (kind == 2).float()),
    }[follows]
    train = with_concepts(tiny.train, torch.stack(columns, dim=1))
    test = with_concepts(tiny.test, None)
    dataset = replace(tiny, train=train, test=test, concept_names=("a", "b", "c"), graph=None)
    of = "a" if follows == "duplicate" else "a and b"
    with pytest.raises(DataError, match=f"^c is a linear function of {of};"):
        fit(looker, dataset)


def test_labels_that_a_network_cannot_tell_apart_are_refused(looker: Classifier, tiny: Dataset):
    labels = tiny.train.concepts.double()
    labels[:, 1] += 1.7e9
    dataset = replace(tiny, train=with_concepts(tiny.train, labels))
    with pytest.raises(DataError, match=r"brightness vary by .* subtract their mean"):
        fit(looker, dataset)


def test_a_rare_attribute_is_among_the_labels(looker: Classifier, tiny: Dataset):
    rare = torch.zeros(600, 1)
    rare[3] = 1
    nothing = torch.zeros(600, dtype=torch.long)
    split = Split(torch.zeros(600, 1, 2, 2), nothing, torch.cat([rare, torch.rand(600, 1)], dim=1))
    assert LatentSpace(scm_limit=50).labels(split)[:, 0].sum() == 1


def test_labels_may_be_float64(looker: Classifier, tiny: Dataset):
    def double(split: Split) -> Split:
        return with_concepts(split, split.concepts.double())

    dataset = replace(tiny, train=double(tiny.train), test=double(tiny.test))
    space = fit(looker, dataset)
    assert space.encode(tiny.test.images).values.dtype == torch.float32


def test_labels_that_are_not_finite_are_refused(looker: Classifier, tiny: Dataset):
    labels = tiny.train.concepts.clone()
    labels[3, 0] = float("nan")
    dataset = replace(tiny, train=with_concepts(tiny.train, labels))
    with pytest.raises(DataError, match="not finite"):
        fit(looker, dataset)


def test_named_concepts_are_read_in_their_labels_units(latent_space: LatentSpace, squares: Dataset):
    test = squares.test
    read = latent_space.encode(test.images).values[:, :2]
    r2 = [r2_score(test.concepts[:, k].numpy(), read[:, k].numpy()) for k in (0, 1)]
    assert latent_space.quality_.alignment == pytest.approx(r2, abs=1e-4)
    assert min(r2) > 0.7
    assert latent_space.names()[:3] == ("size", "brightness", "latent 2")
    assert latent_space.concepts[2].unit == "sd"


def test_values_and_latents_undo_each_other(latent_space: LatentSpace, squares: Dataset):
    values = latent_space.encode(squares.test.images).values
    latents = latent_space.latents(values)
    torch.testing.assert_close(latent_space.values(latents), values)
    centre = latent_space.latents(latent_space.mean_)[:2]
    torch.testing.assert_close(centre, torch.zeros(2))
    assert latent_space.mean_[:2].tolist() == pytest.approx(squares.train.concepts.mean(0).tolist())


def test_unnamed_concepts_have_their_training_sd_for_a_unit(
    latent_space: LatentSpace, squares: Dataset
):
    values = latent_space.encode(squares.train.images).values[:, 2:]
    torch.testing.assert_close(values.std(dim=0), torch.ones(6), rtol=1e-3, atol=0)
    assert torch.equal(latent_space.sd_[2:], torch.ones(6))


def test_the_scm_layer_holds_the_true_edge(latent_space: LatentSpace):
    assert latent_space.scm_.names == ("size", "brightness")
    assert latent_space.scm_.edges == {(0, 1)}


def test_the_twin_paints_what_the_classifier_sees(
    latent_space: LatentSpace, looker: Classifier, squares: Dataset
):
    quality, images = latent_space.quality_, squares.test.images
    painted = latent_space.twin_.render(latent_space.latents(latent_space.encode(images).values))
    error = float((painted - images).square().mean())
    assert quality.reconstruction == pytest.approx(error, rel=1e-4)
    assert error < quality.mean_image / 2
    same = (looker.predict(painted) == looker.predict(images)).double().mean()
    assert quality.agreement == pytest.approx(float(same), abs=0.03)
    assert quality.agreement > 0.8


def test_restored_reads_and_shows_the_same_bits(
    latent_space: LatentSpace, looker: Classifier, squares: Dataset
):
    record = stored(latent_space.to_record())
    back = LatentSpace(latent_space.config).restore(record, looker)
    images = squares.test.images[:10]
    assert torch.equal(back.encode(images).values, latent_space.encode(images).values)
    latents = latent_space.latents(latent_space.encode(images).values)
    assert torch.equal(back.twin_.render(latents), latent_space.twin_.render(latents))
    assert back.quality_ == latent_space.quality_
    assert torch.equal(back.history_, latent_space.history_)
    assert back.scm_.to_json() == latent_space.scm_.to_json()
    assert not back.twin_.training


def test_without_labels_no_concept_has_a_name(looker: Classifier, tiny: Dataset):
    dataset = replace(
        tiny, train=with_concepts(tiny.train, None), test=with_concepts(tiny.test, None)
    )
    space = fit(looker, dataset)
    assert space.names() == tuple(f"latent {number}" for number in range(5))
    assert space.scm_ is None
    assert space.quality_.alignment == ()
    back = LatentSpace(**TINY).restore(stored(space.to_record()), looker)
    assert back.scm_ is None
    assert torch.equal(back.encode(tiny.test.images).values, space.encode(tiny.test.images).values)


def test_reference_images_are_learned_from_if_their_concepts_are_known(
    looker: Classifier, tiny: Dataset
):
    reference = tiny.train[:30]
    unknown = replace(tiny, reference=with_concepts(reference, None))
    plain, with_unknown = fit(looker, tiny).history_, fit(looker, unknown).history_
    torch.testing.assert_close(with_unknown, plain, rtol=0, atol=0)
    known = fit(looker, replace(tiny, reference=reference))
    assert not torch.equal(known.history_, plain)
    assert known.overlap_ is None


def test_without_reference_images_it_tells_how_far_concepts_overlap(
    looker: Classifier, tiny: Dataset
):
    space = fit(looker, tiny)
    assert space.overlap_ is not None
    assert 0 < space.overlap_ <= 1
    assert space.summary()["overlap of concepts"] == space.overlap_
    assert fit(looker, tiny, losses="paper").overlap_ is None


def test_seeds_matter(looker: Classifier, tiny: Dataset):
    images = tiny.test.images
    one, other = (fit(looker, tiny, seed).encode(images).values for seed in (0, 1))
    assert not torch.allclose(one, other)


def test_a_classifier_without_gradients_is_refused(looker, squares):
    """The twin is trained by the classifier's gradients."""
    model = deepcopy(looker.model)
    model.register_forward_pre_hook(lambda _m, args: ((args[0] * 255).round() / 255,))
    classifier = Classifier(model, class_names=squares.class_names, image_shape=squares.image_shape)
    with pytest.raises(CapabilityError, match="glance needs gradients"):
        fit(classifier, squares)
