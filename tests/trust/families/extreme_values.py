"""Settings at the ends of their ranges: a run gives a result, or tells the user what to change."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from causalxai import run
from causalxai.errors import CapabilityError, DataError, SpecError
from tests.trust.family import Case, Family
from tests.trust.small_runs import spec

_EXTREMES: dict[str, tuple[Any, ...]] = {
    "images.count": (1, 1_000_000),
    "seed": (0, 2**63 - 1),
    "memory_mb": (1, 2**30),
    "budget": (1, 2**63 - 1),
    "classifier.epochs": (0,),
    "classifier.batch_size": (1_000_000,),
    "classifier.learning_rate": (1e-320, 1e-30, 1e3, 1e9),
    "classifier.weight_decay": (0, 1e-320, 1e9),
    "classifier.hidden": (1,),
    "classifier.channels": ([1, 1],),
    "dataset.test_fraction": (1e-9, 1 - 1e-9),
}
"""Values by key that every small spec takes, as far as its data set has the key."""

_OF_METHODS: dict[str, dict[str, tuple[Any, ...]]] = {
    "interventional": {
        "graph.tau": (1e-320, 1e-30, 1e9),
        "graph.positives": (1, 1_000_000),
        "graph.min_frequency": (1e-320, 1),
        "graph.classes": (["3"],),
        "graph.screen": (1, 1_000_000),
        "oracle.working_set_mb": (1e-320, 1e9),
        "images.classes": (["3"],),
    },
    "glance": {
        "concepts.learning_rate": (1e-320, 1e9),
        "concepts.noise": (0, 1e9),
        "concepts.layers": (1, 32),
        "concepts.ema": (0, 1 - 1e-12),
        "concepts.latents": (2,),
        "graph.units": (1, 1_000_000),
        "graph.threshold": (1e-320, 1e9),
        "graph.repeats": (0,),
        "explain.samples": (4,),
        "explain.reach": (1e-3, 1e3),
        "explain.kernel_width": (1e-320, 1e9),
        "explain.sparsity": (0, 1 - 1e-12),
        "explain.step": (1e-320, 1e9),
    },
    "dvae": {
        "concepts.autoencoder.bits": (1,),
        "concepts.autoencoder.hidden": ([], [1]),
        "concepts.autoencoder.beta": (0, 1e9),
        "concepts.autoencoder.turn": (0, 1e9),
        "concepts.autoencoder.learning_rate": (1e-320, 1e9),
        "concepts.autoencoder.temperature": ([1e-320, 1e-320], [1e9, 1e9]),
        "concepts.generator.steps": (0,),
        "concepts.generator.learning_rate": (1e9,),
        "graph.threshold": (0, 1),
        "explain.pictures": (0, 1_000_000),
    },
    "patches": {
        "concepts.grid": (1, 16, 17),
        "graph.images": (2, 1_000_000),
        "graph.most": (1, 1_000_000),
        "graph.least_effect": (0, 1e9),
        "explain.orders": (2,),
        "explain.most": (1, 1_000_000),
    },
    "lime": {
        "explain.samples": (2,),
        "explain.segments": (2, 10_000),
        "explain.kernel_width": (1e-320, 1e9),
        "explain.ridge": (0, 1e9),
        "explain.batch_size": (1_000_000,),
    },
    "pc": {
        "graph.alpha": (1e-320, 1 - 1e-12),
        "dataset.limit": (1, 2),
        "dataset.test_limit": (1,),
        "dataset.size": (16,),
    },
}


def _runs(name: str, key: str, values: tuple[Any, ...], folder: Path) -> str:
    """Run a small spec with each value; only an error that is addressed to the user may stop it."""
    ended = 0
    for number, value in enumerate(values):
        setting = [f"{key}={value!r}"]
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                run(spec(name), overrides=setting, out=folder / str(number))
            ended += 1
        except (SpecError, DataError, CapabilityError) as error:
            assert str(error).isprintable(), error
    return f"{ended} of {len(values)} with a result"


def _cases() -> Iterator[Case]:
    for key, values in _EXTREMES.items():
        yield Case(f"{key} of saliency", partial(_runs, "saliency", key, values))
    for name, keys in _OF_METHODS.items():
        for key, values in keys.items():
            yield Case(f"{key} of {name}", partial(_runs, name, key, values))


FAMILY = Family(
    "extreme-values",
    "A run with any settings that validate accepts ends with a result, or with a sentence.",
    _cases,
)
