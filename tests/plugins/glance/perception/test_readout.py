from __future__ import annotations

import pytest
import torch
from torch import Tensor

from causalxai.errors import DataError
from causalxai_glance.perception import ReadOut, ReadOutConfig

QUICK = ReadOutConfig(hidden=16, folds=3, epochs=40, batch_size=64, learning_rate=1e-2)


def bent(n: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return features and two concepts in them, one of which no straight line reads."""
    x = torch.randn(n, 5, generator=rng)
    return x, torch.stack([10 + 3 * x[:, 0], x[:, 1].abs() - x[:, 2]], dim=1)


def r2(truth: Tensor, read: Tensor) -> Tensor:
    return 1 - (truth - read).square().mean(dim=0) / truth.var(dim=0)


def test_it_reads_what_is_there_on_individuals_it_has_not_seen(rng: torch.Generator) -> None:
    x, y = bent(1500, rng)
    readout = ReadOut(QUICK).fit(x[:1200], y[:1200], torch.arange(1200), rng=rng)
    assert bool((r2(y[:1200], readout.out_of_fold_) > 0.95).all())
    assert bool((r2(y[1200:], readout.read(x[1200:])) > 0.95).all())


def test_it_reads_nothing_where_nothing_is(rng: torch.Generator) -> None:
    x, y = bent(900, rng)
    shuffled = x[torch.randperm(900, generator=rng)]
    readout = ReadOut(QUICK).fit(shuffled, y, torch.arange(900), rng=rng)
    assert bool((r2(y, readout.out_of_fold_) < 0.05).all())


def test_an_individual_is_read_by_the_network_that_has_not_seen_it(rng: torch.Generator) -> None:
    """Concepts that depend on who is shown alone can be learned by heart, but not read.

    Two of three networks have seen each individual; early stopping keeps them from learning more.
    """
    groups = torch.arange(100).repeat(8)
    who = torch.randn(100, 60, generator=rng)[groups]
    y = torch.randn(100, 1, generator=rng)[groups]
    readout = ReadOut(QUICK).fit(who, y, groups, rng=rng)
    unseen, by_heart = (float(r2(y, readout.read(who, known))) for known in (groups, None))
    assert unseen < 0.1 < 0.3 < by_heart
    torch.testing.assert_close(readout.out_of_fold_, readout.read(who, groups))
    strangers = readout.read(who[:5], torch.arange(100, 105))
    torch.testing.assert_close(strangers, readout.read(who[:5]))


def test_a_dead_channel_that_wakes_does_not_matter(rng: torch.Generator) -> None:
    x, y = bent(1200, rng)
    x[:, 4] = 0
    x[3, 4] = 1e-3
    readout = ReadOut(QUICK).fit(x, y, torch.arange(1200), rng=rng)
    awake = x.clone()
    awake[:, 4] = 50.0
    assert torch.equal(readout.read(awake), readout.read(x))


def test_outliers_are_cut_off(rng: torch.Generator) -> None:
    x, y = bent(600, rng)
    readout = ReadOut(QUICK).fit(x, y, torch.arange(600), rng=rng)
    far, farther = x[:1].clone(), x[:1].clone()
    far[:, 0], farther[:, 0] = 1e3, 1e6
    assert torch.equal(readout.read(far), readout.read(farther))


def test_the_generator_decides(rng: torch.Generator) -> None:
    x, y = bent(300, rng)
    first, second, other = (
        ReadOut(QUICK).fit(x, y, torch.arange(300), rng=torch.Generator().manual_seed(seed))
        for seed in (1, 1, 2)
    )
    assert torch.equal(first.out_of_fold_, second.out_of_fold_)
    assert not torch.equal(first.out_of_fold_, other.out_of_fold_)


def test_the_fewest_individuals_are_enough_to_learn_something(rng: torch.Generator) -> None:
    x, y = bent(600, rng)
    readout = ReadOut(QUICK).fit(x, y, torch.arange(600) % 12, rng=rng)
    assert bool((r2(y, readout.out_of_fold_) > 0.8).all())


def test_too_few_individuals_are_refused(rng: torch.Generator) -> None:
    x, y = bent(300, rng)
    with pytest.raises(DataError, match="12 individuals"):
        ReadOut(QUICK).fit(x, y, torch.arange(300) % 5, rng=rng)
