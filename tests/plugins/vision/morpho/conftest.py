"""Bars whose thickness, slant, width and brightness are known, and a cache of the test's own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from causalxai_vision.morpho import studio


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nothing is read from or left in the user's cache."""
    folder = tmp_path / "cache"
    monkeypatch.setattr("causalxai_vision.morpho.caching.cache_folder", lambda: folder)
    return folder


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of what is made, however little it is; reading it makes nothing."""
    made: list[str] = []
    real = studio._on_all_cores

    def count(work: object, *rest: object) -> object:
        made.append(getattr(work, "__name__", ""))
        return real(work, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(studio, "_on_all_cores", count)
    monkeypatch.setattr(studio, "_WORTH_KEEPING", 1)
    return made


def bar(
    *, thickness: float, slant: float = 0.0, height: float = 22.0, grey: float = 200.0,
    size: int = 32, fine: int = 8,
) -> NDArray[np.float32]:  # fmt: skip
    """Draw a sheared upright bar, ``thickness`` wide in each row, by counting fine pixels."""
    steps = (np.arange(size * fine) + 0.5) / fine - size / 2
    y, x = np.meshgrid(steps, steps, indexing="ij")
    inside = (np.abs(x + y * np.tan(np.radians(slant))) < thickness / 2) & (np.abs(y) < height / 2)
    blocks = inside.reshape(size, fine, size, fine).mean(axis=(1, 3))
    return (blocks * grey / 255).astype(np.float32)



