"""The oracle: what it answers, part by part, and its promises."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from causalxai import Classifier, ScoringInputs
from causalxai.concept import Units
from causalxai.errors import CapabilityError
from causalxai.intervention import Intervention
from causalxai.oracle import Oracle
from causalxai.testing import Bench, checks_for, toy_world
from causalxai_dvae.bit_oracle import BitOracle
from causalxai_dvae.bit_space import BitSpace

EVERYTHING = ("logits", "readback", "images")


def flip_all(units: Units) -> Intervention:
    return Intervention.flip(torch.arange(units.values.shape[1])[None])


@pytest.fixture
def units(bit_space: BitSpace, images: Tensor) -> Units:
    return bit_space.encode(images)


@pytest.mark.parametrize("check", checks_for(Oracle), ids=lambda check: check.__name__)
def test_bit_oracle_keeps_its_promises(check, bit_context: ScoringInputs):
    images = bit_context.dataset.test.images[:4]
    check(Bench(plugin=BitOracle(), inputs=bit_context, images=images, fidelity=0.5))


def test_the_empty_intervention_is_the_decoded_code(
    bit_oracle: BitOracle, bit_space: BitSpace, units: Units
):
    answer = bit_oracle.query(units, Intervention.none(), want=EVERYTHING)
    phi = bit_space.autoencoder_.decode(units.values)
    torch.testing.assert_close(answer.answer("logits")[0], bit_space.layer_.logits(phi))
    torch.testing.assert_close(answer.answer("images")[0], bit_space.generator_.paint(phi))
    assert torch.equal(answer.answer("readback")[0], bit_space.autoencoder_.code(phi))


def test_the_whole_flip_is_the_decoded_complement(
    bit_oracle: BitOracle, bit_space: BitSpace, units: Units
):
    answer = bit_oracle.query(units, flip_all(units), want=EVERYTHING)
    psi = bit_space.autoencoder_.decode(1 - units.values)
    torch.testing.assert_close(answer.answer("logits")[0], bit_space.layer_.logits(psi))
    torch.testing.assert_close(answer.answer("images")[0], bit_space.generator_.paint(psi))


def test_the_whole_flip_turns_what_the_summary_says(
    bit_oracle: BitOracle, bit_space: BitSpace, bit_context: ScoringInputs
):
    units = bit_space.encode(bit_context.dataset.test.images)
    before, after = (
        bit_oracle.query(units, asked).answer("logits")[0].argmax(dim=1)
        for asked in (
            Intervention.none(),
            flip_all(units),
        )
    )
    changed = float((before != after).double().mean())
    assert changed == pytest.approx(bit_space.summary()["changed"])
    assert changed > 0.8


def test_the_linear_decoders_flip_is_a_reflection(bit_space: BitSpace, units: Units):
    decode, code = bit_space.autoencoder_.decode, units.values
    middle = decode(torch.full_like(code, 0.5))
    torch.testing.assert_close(decode(1 - code), 2 * middle - decode(code), rtol=1e-4, atol=1e-4)


def test_logits_do_not_depend_on_what_else_is_wanted(bit_oracle: BitOracle, units: Units):
    flips = Intervention.flip(torch.arange(units.values.shape[1]))
    alone = bit_oracle.query(units, flips).answer("logits")
    beside = bit_oracle.query(units, flips, want=EVERYTHING).answer("logits")
    # Chunks are of other sizes where pictures are wanted, and sums then end in other last digits.
    torch.testing.assert_close(alone, beside)


def test_pictures_count_towards_the_memory_ceiling(bit_oracle: BitOracle):
    assert bit_oracle._bytes_per_answer(("images",)) > 10 * bit_oracle._bytes_per_answer(
        ("logits",)
    )


def test_another_space_is_refused(bar_classifier: Classifier):
    with pytest.raises(CapabilityError, match="concepts of BitSpace, not for those of ToySpace"):
        BitOracle().bind(bar_classifier, toy_world(0).inputs().space)


def test_a_sweep_of_bits_is_the_loop_over_them(
    bit_oracle: BitOracle, bit_space: BitSpace, units: Units
):
    every = torch.arange(units.values.shape[1])
    swept = bit_oracle.query(units, Intervention.flip(every)).answer("logits")
    for bit, found in enumerate(swept):
        code = units.values.clone()
        code[:, bit] = 1 - code[:, bit]
        expected = bit_space.layer_.logits(bit_space.autoencoder_.decode(code))
        torch.testing.assert_close(found, expected)
