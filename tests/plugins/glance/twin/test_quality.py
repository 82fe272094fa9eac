"""Figures of stand-in twins, whose pictures' pixels are their latents, are known."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from causalxai import Classifier
from causalxai.errors import DataError
from causalxai_glance.twin.quality import Quality, measure_quality, r_squared

NAMED, SIDE = 2, 2
MEAN = torch.full((1, SIDE, SIDE), 0.5)


class StandIn:
    """Reads images as they are; paints the latents times a matrix."""

    def __init__(self, change: Tensor | None = None) -> None:
        self.change = torch.eye(SIDE**2) if change is None else change
        self.rendered: list[int] = []

    def latents(self, embeddings: Tensor) -> Tensor:
        return embeddings

    def render(self, latents: Tensor) -> Tensor:
        self.rendered.append(len(latents))
        return (latents @ self.change).unflatten(1, (1, SIDE, SIDE))


def changed(*entries: tuple[int, int, float]) -> Tensor:
    """Return the identity with some entries: latent i is painted into pixel j, so strongly."""
    matrix = torch.eye(SIDE**2)
    for i, j, strength in entries:
        matrix[i, j] = strength
    return matrix


@pytest.fixture
def pixels() -> Classifier:
    """Classifies by the larger of two pixels, the named one 0 or the unnamed one 3."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(SIDE**2, 2))
    with torch.no_grad():
        model[1].weight.copy_(torch.tensor([[1.0, 0, 0, 0], [0, 0, 0, 1.0]]))
        model[1].bias.zero_()
    return Classifier(model, class_names="ab", image_shape=(1, SIDE, SIDE))


def images(n: int) -> Tensor:
    return torch.rand(n, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(0))


def measure(
    classifier: Classifier,
    twin: StandIn,
    n: int = 40,
    concepts: Tensor | None = None,
    at_once: int = 256,
) -> Quality:
    shown = images(n)
    if concepts is None:
        concepts = shown.flatten(1)[:, :NAMED]
    rng = torch.Generator().manual_seed(1)
    return measure_quality(
        twin, classifier, shown, concepts, mean_image=MEAN, rng=rng, at_once=at_once
    )


def test_a_perfect_twin_has_perfect_figures(pixels: Classifier):
    found = measure(pixels, StandIn())
    assert found.n == 40
    assert found.reconstruction == 0 and found.agreement == 1
    assert found.alignment == (1, 1) and found.readback == (1, 1) and found.validity == (1, 1)
    torch.testing.assert_close(torch.tensor(found.effect), torch.eye(NAMED))
    assert found.mean_image == pytest.approx(float((images(40) - 0.5).square().mean()))
    assert found.faithful and found.faithful_in(0) and found.faithful_in(1)


def test_a_latent_that_is_painted_by_half_has_half_an_effect(pixels: Classifier):
    found = measure(pixels, StandIn(changed((0, 0, 0.5))))
    assert found.own_effect == pytest.approx((0.5, 1))
    own = images(40).flatten(1)[:, 0].double()
    lost = (own / 2).square().mean() / own.var(correction=0)
    assert found.readback == pytest.approx((float(1 - lost), 1))
    # do() draws from N(0, 1), with its mean near 0: a quarter of the variance is lost.
    assert found.validity[0] == pytest.approx(0.75, abs=0.05) and found.validity[1] == 1
    assert found.reconstruction == pytest.approx(float((own / 2).square().mean()) / 4)
    assert not found.faithful and not found.faithful_in(0) and found.faithful_in(1)


def test_classes_are_compared_image_by_image(pixels: Classifier):
    found = measure(pixels, StandIn(changed((0, 0, 0.5))))
    first, *_, last = images(40).flatten(1).T
    assert found.agreement == pytest.approx(
        float(((first >= last) == (first / 2 >= last)).double().mean())
    )
    assert 0 < found.agreement < 1


def test_a_row_of_effects_tells_what_moving_one_concept_moves(pixels: Classifier):
    found = measure(pixels, StandIn(changed((0, 1, 0.3), (2, 0, 5.0))))
    expected = torch.tensor([[1, 0.3], [0, 1]])
    torch.testing.assert_close(torch.tensor(found.effect), expected, rtol=1e-4, atol=1e-5)


def test_alignment_is_with_the_labels(pixels: Classifier):
    own = images(40).flatten(1)[:, :NAMED].double()
    found = measure(pixels, StandIn(), concepts=torch.stack([own[:, 0], 2 * own[:, 1]], dim=1))
    lost = own[:, 1].square().mean() / (2 * own[:, 1]).var(correction=0)
    assert found.alignment == pytest.approx((1, float(1 - lost)))


@pytest.mark.parametrize("at_once", [7, 40, 1000])
def test_parts_change_nothing(pixels: Classifier, at_once: int):
    matrix = changed((0, 0, 0.7), (1, 0, 0.2), (3, 1, 0.4))
    whole = measure(pixels, StandIn(matrix)).to_json()
    parts = measure(pixels, StandIn(matrix), at_once=at_once).to_json()
    for name, figure in whole.items():
        torch.testing.assert_close(
            torch.tensor(parts[name]), torch.tensor(figure), rtol=1e-5, atol=1e-6
        )


def test_no_more_than_some_hundred_images_are_looked_at_together(pixels: Classifier):
    seen: list[int] = []
    pixels.model.register_forward_pre_hook(lambda _, inputs: seen.append(len(inputs[0])))
    twin = StandIn()
    assert measure(pixels, twin, n=600).n == 600
    assert max(twin.rendered) == 256
    assert max(seen) <= 512


def test_what_has_no_label_is_not_measured(pixels: Classifier):
    labels = images(40).flatten(1)[:, :NAMED].clone()
    labels[5, 1] = torch.nan
    assert measure(pixels, StandIn(), concepts=labels).alignment == (1, None)
    nothing = torch.zeros(40, NAMED)
    assert measure(pixels, StandIn(), concepts=nothing).alignment == (None, None)
    assert measure(pixels, StandIn(), concepts=nothing + 0.1).alignment == (None, None)
    single = measure(pixels, StandIn(), n=1)
    assert single.alignment == (None, None)
    assert single.n == 1 and not single.faithful


def test_figures_come_back_from_json(pixels: Classifier):
    labels = images(40).flatten(1)[:, :NAMED].clone()
    labels[5, 1] = torch.nan
    found = measure(pixels, StandIn(changed((0, 1, 0.3))), concepts=labels)
    assert found.alignment[1] is None
    assert Quality.from_json(json.loads(json.dumps(found.to_json(), allow_nan=False))) == found


def test_without_named_concepts_nothing_is_faithful(pixels: Classifier):
    found = measure(pixels, StandIn(), concepts=torch.zeros(40, 0))
    assert (found.alignment, found.readback, found.validity, found.effect) == ((), (), (), ())
    assert found.reconstruction == 0
    assert not found.faithful


@pytest.mark.parametrize(
    ("readback", "effect", "faithful"),
    [(0.9, 0.8, True), (0.89, 0.8, False), (0.9, 0.79, False), (1.0, 1.0, True)],
)
def test_a_twin_is_faithful_from_two_bounds_on(
    pixels: Classifier, readback: float, effect: float, faithful: bool
):
    perfect = measure(pixels, StandIn())
    found = replace(perfect, readback=(readback, 1.0), effect=((effect, 0.0), (0.0, 1.0)))
    assert found.faithful is found.faithful_in(0) is faithful


def test_r_squared_by_hand():
    truth = torch.tensor([[0.0, 1.0, 3.0], [2.0, 1.0, 5.0]])
    readings = torch.tensor([[0.0, 1.0, 4.0], [1.0, 9.0, 4.0]])
    # Errors 0 and 1 over a variance of 1; a truth that does not vary; the mean itself.
    assert r_squared(readings, truth) == (0.5, 0.0, 0.0)


@pytest.mark.parametrize("wrong", ["readings", "truth", "both"])
def test_r_squared_of_no_number_is_none(wrong: str):
    sound = torch.tensor([[0.0, 1.0, 1.0], [2.0, 4.0, 1.0]])
    broken = sound.clone()
    broken[1, 1:] = torch.nan
    given = (sound if wrong == "truth" else broken, sound if wrong == "readings" else broken)
    first, *others = r_squared(*given)
    assert first == 1
    assert all(math.isnan(score) for score in others)


@pytest.mark.parametrize(("entry", "broken"), [((0, 0), torch.nan), ((3, 3), torch.inf)])
def test_a_twin_that_paints_nothing_is_not_measured(
    pixels: Classifier, entry: tuple[int, int], broken: float
):
    with pytest.raises(DataError, match="are not finite: lower learning_rate"):
        measure(pixels, StandIn(changed((*entry, broken))))


def test_a_twin_without_named_concepts_must_paint_as_well(pixels: Classifier):
    with pytest.raises(DataError, match="are not finite: lower learning_rate"):
        measure(pixels, StandIn(changed((0, 0, torch.nan))), concepts=torch.zeros(40, 0))


class Glaring(StandIn):
    """Reads no number from what is bright, and paints nothing bright."""

    def latents(self, embeddings: Tensor) -> Tensor:
        return torch.where(embeddings > 0.9, torch.inf, embeddings)

    def render(self, latents: Tensor) -> Tensor:
        return super().render(latents.clamp(0, 0.8))


class Narrow(StandIn):
    """Paints what there is, and nothing that do() would bring about."""

    def render(self, latents: Tensor) -> Tensor:
        return super().render(torch.where(latents > 1.2, torch.nan, latents))


@pytest.mark.parametrize("twin", [Glaring(), Narrow()], ids=["images", "after do()"])
def test_where_no_number_is_read_it_is_told(pixels: Classifier, twin: StandIn):
    with pytest.raises(DataError, match=r"the latents of test images.* are not finite"):
        measure(pixels, twin)
