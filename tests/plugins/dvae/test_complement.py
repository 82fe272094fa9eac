"""Codes, what is decoded of them and of their complements, against the parts one by one."""

from __future__ import annotations

import pytest
import torch

from causalxai import Dataset
from causalxai_dvae import complement
from causalxai_dvae.bit_space import BitSpace
from causalxai_dvae.complement import ComplementedCode, in_batches


def test_it_is_what_its_parts_say(bit_space: BitSpace, bar_data: Dataset):
    autoencoder, layer = bit_space.autoencoder_, bit_space.layer_
    phi = bit_space.activations(bar_data.test.images)
    found = ComplementedCode.of(autoencoder, layer, phi)
    code = autoencoder.code(phi)
    assert torch.equal(found.code, code)
    torch.testing.assert_close(found.kept, autoencoder.decode(code))
    torch.testing.assert_close(found.flipped, autoencoder.decode(1 - code))
    for classes, activations in (
        (found.classes, phi),
        (found.classes_kept, found.kept),
        (found.classes_flipped, found.flipped),
    ):
        assert torch.equal(classes, layer.logits(activations).argmax(dim=1))
    assert torch.equal(found.prediction_changed, found.classes_kept != found.classes_flipped)
    assert found.prediction_changed.any()


def test_batches_are_put_together(
    bit_space: BitSpace, bar_data: Dataset, monkeypatch: pytest.MonkeyPatch
):
    phi = bit_space.activations(bar_data.test.images)
    whole = ComplementedCode.of(bit_space.autoencoder_, bit_space.layer_, phi)
    monkeypatch.setattr(complement, "_AT_ONCE", 7)
    sizes = []
    in_batches(lambda rows: sizes.append(len(rows)) or rows, phi)
    assert sizes == [7] * 11 + [3]
    parts = ComplementedCode.of(bit_space.autoencoder_, bit_space.layer_, phi)
    assert torch.equal(parts.code, whole.code)
    torch.testing.assert_close(parts.flipped, whole.flipped)
    assert torch.equal(parts.classes_flipped, whole.classes_flipped)


def test_activations_may_have_the_layers_shape(bit_space: BitSpace, bar_data: Dataset):
    phi = bit_space.activations(bar_data.test.images[:5])
    flat = ComplementedCode.of(bit_space.autoencoder_, bit_space.layer_, phi)
    shaped = ComplementedCode.of(bit_space.autoencoder_, bit_space.layer_, phi.unflatten(1, (4, 4)))
    assert torch.equal(flat.code, shaped.code)
