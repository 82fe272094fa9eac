from __future__ import annotations

import torch

from causalxai.seeding import torch_generator
from causalxai_generators.latent_directions import LatentDirections


def world(n: int = 3000) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return latents that are linear in two dependent concepts, the concepts and the mixing."""
    rng = torch_generator(0, "world")
    concepts = torch.randn(n, 2, generator=rng)
    concepts[:, 1] = 0.8 * concepts[:, 0] + 0.6 * concepts[:, 1]
    concepts = concepts * torch.tensor([3.0, 0.5]) + torch.tensor([10.0, -2.0])
    mixing = torch.randn(2, 5, generator=rng)
    return concepts @ mixing + 0.01 * torch.randn(n, 5, generator=rng), concepts, mixing


def test_moves_are_what_one_concept_adds_to_the_latents_while_others_stay() -> None:
    latents, concepts, mixing = world()
    found = LatentDirections.fitted(latents, concepts)
    assert torch.allclose(found.read(latents), concepts, atol=0.05)
    assert torch.allclose(found.moves, mixing, atol=0.01)


def test_a_move_changes_the_reading_of_its_own_concept_alone() -> None:
    rng = torch_generator(1, "world")
    latents, concepts, _ = world()
    found = LatentDirections.fitted(latents + torch.randn(latents.shape, generator=rng), concepts)
    assert torch.allclose(found.moves @ found.readers, torch.eye(2), atol=1e-4)


def test_one_concept_and_constant_latents_are_no_special_case() -> None:
    latents, concepts, _ = world()
    latents = torch.cat([latents, torch.ones(len(latents), 1)], dim=1)
    found = LatentDirections.fitted(latents, concepts[:, :1])
    assert found.moves.shape == (1, 6)
    assert float(found.moves[0, 5]) == 0.0


def test_single_latents_are_in_sds_and_move_alone() -> None:
    latents, _, _ = world()
    found = LatentDirections.single(latents, (3, 1))
    values = found.read(latents)
    assert torch.allclose(values.mean(dim=0), torch.zeros(2), atol=1e-4)
    assert torch.allclose(values.std(dim=0, correction=0), torch.ones(2), atol=1e-4)
    moved = latents + found.moves[0]
    assert torch.allclose(found.read(moved) - values, torch.tensor([1.0, 0.0]), atol=1e-4)
    assert (moved - latents).abs().sum(dim=0).nonzero()[:, 0].tolist() == [3]
