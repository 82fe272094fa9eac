from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from causalxai.seeding import derive_seed, numpy_generator, torch_generator

USES = st.tuples(st.integers(0, 99), st.lists(st.text("ab", max_size=3), max_size=3).map(tuple))


def test_seeds_stay_what_they_were():
    """Whoever gives the seed of a published run gets its numbers."""
    assert derive_seed(0) == 0x5FECEB66FFC86F38 >> 1
    assert derive_seed(7, "graph") == 0x6CC28A894B0DF3D1 >> 1


@given(USES, USES)
def test_each_use_has_a_seed_of_its_own(one: tuple, other: tuple):
    seeds = [derive_seed(seed, *names) for seed, names in (one, other)]
    assert (seeds[0] == seeds[1]) == (one == other)
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_generators_repeat_and_differ_by_use():
    draw = torch.rand(5, generator=torch_generator(3, "graph"))
    assert torch.equal(draw, torch.rand(5, generator=torch_generator(3, "graph")))
    assert not torch.equal(draw, torch.rand(5, generator=torch_generator(3, "explain")))
    assert not torch.equal(draw, torch.rand(5, generator=torch_generator(4, "graph")))


def test_torchs_own_generator_is_left_alone():
    before = torch.get_rng_state()
    numpy_generator(torch_generator(0, "x"))
    assert torch.equal(torch.get_rng_state(), before)


def test_numpys_generator_follows_torchs():
    first, again = (numpy_generator(torch_generator(0, "x")).random(4) for _ in range(2))
    assert (first == again).all()
    rng = torch_generator(0, "x")
    draws = [numpy_generator(rng).random(4) for _ in range(2)]
    assert (draws[0] == first).all()
    assert (draws[0] != draws[1]).any()
