"""Attribute probes: they read what is there, and say how well."""

from dataclasses import replace

import pytest
import torch
from sklearn.linear_model import Ridge

from causalxai.errors import CapabilityError
from causalxai.seeding import torch_generator
from causalxai_dvae.probe import ProbeConfig, fit_probe


def fitted(dataset, seed=0, config=ProbeConfig(ridge=1.0)):  # noqa: B008
    return fit_probe(dataset, config, device=torch.device("cpu"), rng=torch_generator(seed, "p"))


def test_a_boolean_attribute_is_read_as_0_or_1_on_average(bar_data):
    probe = fitted(bar_data)
    read = probe.read(bar_data.test.images)[:, probe.column("bright")]
    bright = bar_data.test.concepts[:, 0] > 0.5
    assert float(read[bright].mean() - read[~bright].mean()) == pytest.approx(1, abs=0.2)
    assert float(probe.held_out[0]) > 0.75


def test_a_mean_picture_shows_the_mean_of_what_its_images_show(bar_data):
    probe, images = fitted(bar_data), bar_data.test.images
    blend = probe.read(images.mean(dim=0, keepdim=True))[0]
    torch.testing.assert_close(blend, probe.read(images).mean(dim=0), atol=1e-4, rtol=1e-4)


def test_the_regression_is_scikit_learns_up_to_its_scale(bar_data):
    probe, reference = fitted(bar_data), bar_data.reference
    place, held = torch.randperm(len(reference), generator=torch_generator(0, "p")), 30
    seen = (place >= held) & (place < len(reference) - held)
    ridge = Ridge(alpha=1.0).fit(
        reference.images[seen].flatten(1).numpy(), reference.concepts[seen, 0].numpy()
    )
    theirs = torch.from_numpy(ridge.predict(bar_data.test.images.flatten(1).numpy())).float()
    ours = probe.read(bar_data.test.images)[:, 0]
    together = torch.corrcoef(torch.stack([ours, theirs]))[0, 1]
    assert float(together) > 0.9999


def test_large_pictures_are_averaged_down(bar_data):
    probe = fitted(bar_data, config=ProbeConfig(side=8))
    assert probe.weights.shape == (1, 64)
    assert probe.read(bar_data.test.images).shape == (len(bar_data.test), 1)


def test_a_continuous_attribute_is_read_in_sds(bar_data):
    brightness = [
        split.images.mean(dim=(1, 2, 3))[:, None] for split in (bar_data.reference, bar_data.test)
    ]
    dataset = replace(
        bar_data,
        reference=replace(bar_data.reference, concepts=brightness[0]),
        test=replace(bar_data.test, concepts=brightness[1]),
    )
    probe = fitted(dataset)
    assert not bool(probe.boolean[0])
    wanted = (brightness[1] - brightness[0].mean()) / brightness[0].std()
    together = torch.corrcoef(torch.cat([probe.read(dataset.test.images), wanted], dim=1).T)
    assert float(together[0, 1]) > 0.9
    assert 0.5 < float(probe.held_out[0]) <= 1


def test_what_is_not_there_cannot_be_read(bar_data):
    coins = torch.randint(2, (300, 1), generator=torch_generator(1, "coins")).float()
    blind = replace(bar_data, reference=replace(bar_data.reference, concepts=coins))
    probe = fitted(blind, config=ProbeConfig(ridge=1e6))
    assert 0.2 < float(probe.held_out[0]) < 0.8
    assert not bool(probe.readable[0])
    assert bool(fitted(bar_data).readable[0])


def test_too_few_images_are_refused(bar_data):
    with pytest.raises(CapabilityError, match=r"needs 10 .* not 9"):
        fitted(replace(bar_data, reference=bar_data.reference[:9]))


def test_copies_of_an_image_are_not_parted(bar_data):
    # Coins cannot be read off images; off copies of the very images they can.
    few = bar_data.reference[:40]
    coins = torch.randint(2, (40, 1), generator=torch_generator(1, "coins")).float()
    copies = replace(few, concepts=coins)[torch.arange(40).repeat(8)]
    parted = fitted(replace(bar_data, reference=copies), config=ProbeConfig(ridge=1e-3))
    together = replace(copies, groups=torch.arange(40).repeat(8))
    kept = fitted(replace(bar_data, reference=together), config=ProbeConfig(ridge=1e-3))
    assert float(parted.held_out[0]) > 0.95
    assert float(kept.held_out[0]) < 0.95


def test_the_same_seed_fits_the_same_probe_and_leaves_torchs_generator_alone(bar_data):
    before = torch.get_rng_state()
    one, same, other = fitted(bar_data, 0), fitted(bar_data, 0), fitted(bar_data, 1)
    images = bar_data.test.images
    assert torch.equal(one.read(images), same.read(images))
    assert not torch.equal(one.read(images), other.read(images))
    assert torch.equal(torch.get_rng_state(), before)


def test_an_unknown_attribute_gets_a_suggestion(bar_data):
    with pytest.raises(CapabilityError, match=r"no 'brigth'; did you mean 'bright'\?"):
        fitted(bar_data, config=ProbeConfig()).column("brigth")


def test_a_data_set_without_labels_is_refused(bar_data):
    bare = {name: replace(getattr(bar_data, name), concepts=None) for name in ("train", "test")}
    with pytest.raises(CapabilityError, match="need labels of concepts"):
        fitted(replace(bar_data, **bare, reference=None, concept_names=()))
