"""Attribute probes: they read what is there, and say how well."""

from dataclasses import replace

import pytest
import torch

from causalxai.errors import CapabilityError
from causalxai.seeding import torch_generator
from causalxai_dvae.probe import ProbeConfig, train_probe

QUICK = ProbeConfig(steps=120)


def trained(dataset, seed=0, config=QUICK):
    return train_probe(dataset, config, device=torch.device("cpu"), rng=torch_generator(seed, "p"))


def test_a_boolean_attribute_is_read_as_a_probability(bar_data):
    probe = trained(bar_data)
    read = probe.read(bar_data.test.images)[:, probe.column("bright")]
    assert bool(((read >= 0) & (read <= 1)).all())
    hits = (read > 0.5) == (bar_data.test.concepts[:, 0] > 0.5)
    assert float(hits.float().mean()) > 0.95
    assert float(probe.held_out[0]) > 0.9


def test_a_continuous_attribute_is_read_in_sds(bar_data):
    brightness = [
        split.images.mean(dim=(1, 2, 3))[:, None] for split in (bar_data.reference, bar_data.test)
    ]
    dataset = replace(
        bar_data,
        reference=replace(bar_data.reference, concepts=brightness[0]),
        test=replace(bar_data.test, concepts=brightness[1]),
    )
    probe = trained(dataset, config=ProbeConfig(steps=400))
    assert not bool(probe.boolean[0])
    wanted = (brightness[1] - brightness[0].mean()) / brightness[0].std()
    together = torch.corrcoef(torch.cat([probe.read(dataset.test.images), wanted], dim=1).T)
    assert float(together[0, 1]) > 0.9
    assert 0.5 < float(probe.held_out[0]) <= 1


def test_what_is_not_there_cannot_be_read(bar_data):
    coins = torch.randint(2, (300, 1), generator=torch_generator(1, "coins")).float()
    blind = replace(bar_data, reference=replace(bar_data.reference, concepts=coins))
    assert 0.2 < float(trained(blind).held_out[0]) < 0.8


def test_the_same_seed_trains_the_same_probe_and_leaves_torchs_generator_alone(bar_data):
    before = torch.get_rng_state()
    one, same, other = trained(bar_data, 0), trained(bar_data, 0), trained(bar_data, 1)
    images = bar_data.test.images
    assert torch.equal(one.read(images), same.read(images))
    assert not torch.equal(one.read(images), other.read(images))
    assert torch.equal(torch.get_rng_state(), before)


def test_an_unknown_attribute_gets_a_suggestion(bar_data):
    with pytest.raises(CapabilityError, match=r"no 'brigth'; did you mean 'bright'\?"):
        trained(bar_data, config=ProbeConfig(steps=1)).column("brigth")


def test_a_data_set_without_labels_is_refused(bar_data):
    bare = {name: replace(getattr(bar_data, name), concepts=None) for name in ("train", "test")}
    with pytest.raises(CapabilityError, match="need labels of concepts"):
        trained(replace(bar_data, **bare, reference=None, concept_names=()))
