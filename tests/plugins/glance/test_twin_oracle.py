"""The oracle: identities to the bit, propagation through the SCM layer, and its promises."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor

from causalxai import Classifier, Dataset, ScoringInputs
from causalxai.concept import Units
from causalxai.errors import CapabilityError
from causalxai.intervention import NO_TARGET, Intervention
from causalxai.oracle import Oracle
from causalxai.testing import Bench, checks_for, toy_world
from causalxai_glance.latent_space import LatentSpace
from causalxai_glance.twin.training import new_twin
from causalxai_glance.twin_oracle import TwinOracle

SIZE, BRIGHTNESS, UNNAMED = 0, 1, 4


@pytest.fixture
def units(latent_space: LatentSpace, squares: Dataset) -> Units:
    return latent_space.encode(squares.test.images[:6])


def only(concept: int, value: float | Tensor) -> Intervention:
    values = torch.tensor([[value]]) if isinstance(value, float) else value
    return Intervention.set(torch.tensor([[concept]]), values)


@pytest.mark.parametrize("check", checks_for(Oracle), ids=lambda check: check.__name__)
@pytest.mark.parametrize("propagate", [True, False])
def test_twin_oracle_keeps_its_promises(check, propagate: bool, glance_context: ScoringInputs):
    images = glance_context.dataset.test.images[:3]
    plugin = TwinOracle(propagate=propagate)
    check(Bench(plugin=plugin, inputs=glance_context, images=images, fidelity=0.2))


def test_the_empty_intervention_is_the_twins_own_picture(
    twin_oracle: TwinOracle, latent_space: LatentSpace, looker: Classifier, units: Units
):
    want = ("logits", "readback", "images")
    answer = twin_oracle.query(units, Intervention.none(), want=want)
    painted = latent_space.twin_.render(latent_space.latents(units.values))
    torch.testing.assert_close(answer.answer("images")[0], painted)
    torch.testing.assert_close(answer.answer("logits")[0], looker.logits(painted))
    read = latent_space.encode(painted).values
    torch.testing.assert_close(answer.answer("readback")[0], read)
    assert torch.equal(twin_oracle.states(units, Intervention.none())[0], units.values)


@pytest.mark.parametrize("concepts", [(SIZE,), (BRIGHTNESS,), (UNNAMED,), (SIZE, BRIGHTNESS, 7)])
def test_own_values_change_no_bit(twin_oracle: TwinOracle, units: Units, concepts):
    own = Intervention.set(torch.tensor([concepts]), units.values[:, list(concepts)][None])
    assert torch.equal(twin_oracle.states(units, own)[0], units.values)


def test_a_cause_moves_its_effect_as_the_scm_layer_says(
    twin_oracle: TwinOracle, latent_space: LatentSpace, units: Units
):
    after = twin_oracle.states(units, only(SIZE, 4.5))[0]
    scm, own = latent_space.scm_, units.values[:, :2].double().numpy()
    expected = torch.from_numpy(scm.predict(scm.abduct(own), {SIZE: 4.5})).float()
    torch.testing.assert_close(after[:, :2], expected)
    assert (after[:, SIZE] == 4.5).all()
    assert (after[:, BRIGHTNESS] != units.values[:, BRIGHTNESS]).all()
    assert torch.equal(after[:, 2:], units.values[:, 2:])


def test_an_effect_leaves_its_cause_alone(twin_oracle: TwinOracle, units: Units):
    after = twin_oracle.states(units, only(BRIGHTNESS, 0.7))[0]
    assert (after[:, BRIGHTNESS] == torch.tensor(0.7)).all()
    assert torch.equal(after[:, SIZE], units.values[:, SIZE])
    assert torch.equal(after[:, 2:], units.values[:, 2:])


def test_an_unnamed_latent_moves_alone(twin_oracle: TwinOracle, units: Units):
    shift = Intervention.shift(torch.tensor([UNNAMED]), 0.25)
    after = twin_oracle.states(units, shift)[0]
    torch.testing.assert_close(after[:, UNNAMED], units.values[:, UNNAMED] + 0.25)
    rest = [index for index in range(8) if index != UNNAMED]
    assert torch.equal(after[:, rest], units.values[:, rest])


def test_what_is_set_is_held(twin_oracle: TwinOracle, units: Units):
    own = units.values[:, BRIGHTNESS]
    settings = torch.stack([torch.full_like(own, 4.5), own], dim=1)[None]
    held = Intervention.set(torch.tensor([[SIZE, BRIGHTNESS]]), settings)
    after = twin_oracle.states(units, held)[0]
    assert torch.equal(after[:, BRIGHTNESS], own)
    assert (after[:, SIZE] == 4.5).all()


def test_without_propagation_nothing_follows(
    looker: Classifier, latent_space: LatentSpace, units: Units
):
    literal = TwinOracle(propagate=False).bind(looker, latent_space)
    asked = Intervention.shift(torch.tensor([[SIZE, UNNAMED]]), torch.tensor([[1.0, -0.5]]))
    assert torch.equal(literal.states(units, asked), asked.apply(units.values))


def test_interventions_are_answered_one_by_one_too(twin_oracle: TwinOracle, units: Units):
    targets = torch.tensor([[SIZE, UNNAMED], [NO_TARGET, BRIGHTNESS], [6, SIZE]])
    values = torch.randn(3, len(units), 2, generator=torch.Generator().manual_seed(0))
    asked = Intervention.shift(targets, values)
    together = twin_oracle.states(units, asked)
    for row in range(3):
        for unit in range(len(units)):
            one = slice(unit, unit + 1)
            alone = asked[row : row + 1].for_units(one)
            state = twin_oracle.states(units[one], alone)[0, 0]
            torch.testing.assert_close(state, together[row, unit], rtol=1e-6, atol=1e-6)


def test_a_brighter_square_is_painted_brighter(twin_oracle: TwinOracle, units: Units):
    pair = Intervention.set(torch.tensor([BRIGHTNESS, BRIGHTNESS]), torch.tensor([0.35, 0.7]))
    dark, bright = twin_oracle.query(units, pair, want=("images",)).answer("images")
    assert bool((bright.flatten(1).mean(dim=1) > dark.flatten(1).mean(dim=1)).all())


@pytest.mark.parametrize("channels", [8, 64, 512])
def test_an_answer_is_counted_with_the_generators_own_maps(
    looker: Classifier, latent_space: LatentSpace, channels: int
):
    space = copy.copy(latent_space)
    space.config = latent_space.config.model_copy(update={"channels": channels})
    space.twin_ = new_twin(looker, space.config)
    sizes: list[int] = []
    for layer in space.twin_.modules():
        layer.register_forward_hook(lambda layer, given, made: sizes.append(made[0].numel()))
    space.twin_.render(torch.zeros(1, space.config.latents))
    # What a convolution takes, what it gives, and a copy of that with noise.
    at_least = 3 * 4 * max(sizes)
    assert TwinOracle().bind(looker, space)._bytes_per_answer(("logits",)) > at_least


def test_another_concept_space_is_refused(looker: Classifier):
    with pytest.raises(CapabilityError, match="concepts of LatentSpace, not for those of ToySpace"):
        TwinOracle().bind(looker, toy_world(0).space)
