"""Tiny images that can be told apart."""

from __future__ import annotations

import pytest
import torch

from causalxai.dataset import Dataset, Split
from causalxai.seeding import torch_generator
from tests.plugins.models.user_code import ADAPTED, CODE


def stripes(n: int, channels: int, size: int, seed: int) -> Split:
    """Noise with a bright top (class 0), left (1) or neither (2)."""
    rng = torch_generator(seed, "stripes")
    images = torch.rand(n, channels, size, size, generator=rng) * 0.5
    labels = torch.arange(n) % 3
    images[labels == 0, :, : size // 2] += 0.5
    images[labels == 1, :, :, : size // 2] += 0.5
    return Split(images, labels)


@pytest.fixture
def dataset() -> Dataset:
    return Dataset(stripes(50, 1, 16, 0), stripes(30, 1, 16, 1), ("top", "left", "none"))


@pytest.fixture
def colour_dataset() -> Dataset:
    return Dataset(stripes(13, 3, 16, 0), stripes(6, 3, 16, 1), ("top", "left", "none"))


@pytest.fixture(scope="module")
def user_code(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("user_code")
    (folder / "vision_user_code.py").write_text(CODE)
    (folder / "vision_adapted_code.py").write_text(ADAPTED)
    (folder / "vision_leaving_code.py").write_text("import sys; sys.exit('no licence')")
    (folder / "vision_broken_code.py").write_text("raise RuntimeError('half written')")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        yield
