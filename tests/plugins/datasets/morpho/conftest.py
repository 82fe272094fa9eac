"""Bars whose thickness, slant and brightness are known, and a cache of the test's own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

Bar = Callable[..., NDArray[np.float32]]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nothing is read from or left in the user's cache."""
    folder = tmp_path / "cache"
    monkeypatch.setattr("causalxai_datasets.caching.cache_folder", lambda: folder)
    return folder


def _bar(
    thickness: float,
    *,
    slant: float = 0.0,
    height: float = 22.0,
    grey: float = 200.0,
    size: int = 32,
) -> NDArray[np.float32]:
    fine = 16
    y = (np.arange(size * fine)[:, None] + 0.5) / fine - size / 2
    middle, left = -y * np.tan(np.radians(slant)), np.arange(size) - size / 2
    covered = np.minimum(left + 1, middle + thickness / 2) - np.maximum(
        left, middle - thickness / 2
    )
    inside = np.clip(covered, 0, 1) * (np.abs(y) < height / 2)
    blocks = inside.reshape(size, fine, size).mean(axis=1)
    return (blocks * grey / 255).astype(np.float32)


@pytest.fixture(scope="session")
def bar() -> Bar:
    """Draws a sheared bar, ``thickness`` wide in each row."""
    return _bar
