"""The objective's terms by hand, on a batch of two units with three latents."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from causalxai_glance.twin.losses import consistency, generator_loss, reconstruction
from causalxai_glance.twin.objective import (
    WEIGHTS,
    Batch,
    Objective,
    Painted,
    Weights,
    weighted_by,
)

NAMED = 2
LATENTS = torch.tensor([[1.0, 2.0, 3.0], [-1.0, 0.0, 7.0]])
READBACK = torch.tensor([[1.5, 2.0, 4.0], [-1.0, 2.0, 7.0]])
CONCEPTS = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
WEIGHT = WEIGHTS["do-cycle"]


def batch() -> Batch:
    rng = torch.Generator().manual_seed(0)
    images, logits = torch.rand(2, 1, 4, 4, generator=rng), torch.randn(2, 3, generator=rng)
    return Batch(images, torch.zeros(2, 5), logits, CONCEPTS)


def painted(latents: Tensor, readback: Tensor, seed: int = 1) -> Painted:
    rng = torch.Generator().manual_seed(seed)
    images, logits = torch.rand(2, 1, 4, 4, generator=rng), torch.randn(2, 3, generator=rng)
    return Painted(latents, images, logits, readback, torch.randn(2, generator=rng))


def terms(
    as_seen: Painted, intervened: Painted | None, *, named: int = NAMED, losses: str = "do-cycle"
) -> dict[str, Tensor]:
    objective = Objective(losses, batch=2, named=named, unnamed=3 - named)
    whole = batch()
    whole = replace(whole, concepts=whole.concepts[:, :named])
    return objective(whole, as_seen, intervened, 0, 100)


def test_the_do_cycle_is_over_named_latents_and_kept_over_the_others():
    seen = painted(LATENTS, torch.full((2, 3), 99.0))
    found = terms(seen, painted(LATENTS, READBACK, seed=2))
    # Named columns: errors .5, 0, 0 and 2. The unnamed: 1 and 0, and a variance of 4.
    assert float(found["do-cycle"]) == pytest.approx(WEIGHT.do_cycle * (0.25 + 4) / 4)
    assert float(found["kept"]) == pytest.approx(WEIGHT.kept * (1 / 2) / 4)


def test_alignment_is_to_the_concepts_as_seen():
    found = terms(painted(LATENTS, READBACK), painted(-LATENTS, READBACK, seed=2))
    # 1 - 1, 2 - 0, -1 - 1 and 0 - 0.
    assert float(found["alignment"]) == pytest.approx(WEIGHT.alignment * (0 + 4 + 4 + 0) / 4)


def test_correlation_counts_between_named_and_unnamed_latents():
    found = terms(painted(LATENTS, READBACK), None)
    # Two units: each pair of columns is correlated with 1 or -1.
    assert float(found["decorrelation"]) == pytest.approx(WEIGHT.decorrelation, rel=1e-6)
    level = LATENTS.clone()
    level[:, 2] = 5
    assert float(terms(painted(level, READBACK), None)["decorrelation"]) == pytest.approx(0)


def test_only_what_is_seen_is_compared_with_the_images_and_all_must_look_real():
    seen, other, own = painted(LATENTS, READBACK), painted(LATENTS, READBACK, seed=2), batch()
    found = terms(seen, other)
    expected = {
        "reconstruction": WEIGHT.reconstruction * reconstruction(seen.images, own.images),
        "consistency": WEIGHT.consistency * consistency(seen.logits, own.logits),
        "adversarial": WEIGHT.adversarial
        * (generator_loss(seen.realism) + generator_loss(other.realism))
        / 2,
    }
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value)


def test_pictures_learn_nothing_from_what_is_kept_but_the_readback():
    latents, readback = LATENTS.clone().requires_grad_(), READBACK.clone().requires_grad_()
    terms(painted(LATENTS, READBACK), painted(latents, readback, seed=2))["kept"].backward()
    assert latents.grad is None or not latents.grad.any()
    assert not readback.grad[:, :NAMED].any()
    assert readback.grad[0, NAMED] > 0


def test_without_interventions_or_names_there_are_no_such_terms():
    assert not {"do-cycle", "kept"} & terms(painted(LATENTS, READBACK), None).keys()
    nameless = terms(painted(LATENTS, READBACK), None, named=0)
    assert nameless.keys() == {"reconstruction", "consistency", "adversarial", "decorrelation"}


def test_the_papers_sum_has_the_spectral_alignment_alone():
    found = terms(painted(LATENTS, READBACK), None, losses="paper")
    assert found.keys() == {"reconstruction", "consistency", "adversarial", "alignment"}
    # In step 0 the spectral term has no weight.
    assert float(found["alignment"]) == pytest.approx(WEIGHTS["paper"].alignment * 2)


def test_the_papers_weights_are_those_of_its_appendix():
    """Lambda 1 to 4, of L_pl, L_align, L_recon and L_cls: 10, 30, 30 and 1."""
    found = WEIGHTS["paper"]
    assert found.adversarial == 1
    assert (found.path_length, found.alignment) == (10, 30)
    assert (found.reconstruction, found.consistency) == (30, 1)
    assert (found.decorrelation, found.do_cycle, found.kept) == (0, 0, 0)
    assert weighted_by((10, 30, 30, 1)) == found


def test_our_own_weights():
    own = Weights(
        adversarial=2, path_length=0.2, alignment=3, reconstruction=30, consistency=1,
        decorrelation=1, do_cycle=3, kept=1,
    )  # fmt: skip
    assert own == WEIGHT


def test_lambdas_weigh_the_papers_terms_in_its_order():
    own = Objective("paper", batch=2, named=NAMED, unnamed=1, lambdas=(2, 3, 5, 7))
    assert own.weights == Weights(
        adversarial=1, path_length=2, alignment=3, reconstruction=5, consistency=7,
        decorrelation=0, do_cycle=0, kept=0,
    )  # fmt: skip
    seen = painted(LATENTS, READBACK)
    found, usual = own(batch(), seen, None, 0, 100), terms(seen, None, losses="paper")
    for name, ratio in {"alignment": 3 / 30, "reconstruction": 5 / 30, "consistency": 7}.items():
        torch.testing.assert_close(found[name], ratio * usual[name])
