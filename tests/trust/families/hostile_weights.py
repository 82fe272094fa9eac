"""Damaged and odd weights files, as cases of the family of hostile files."""

from __future__ import annotations

import os
import pickle
import random
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn

from causalxai.errors import DataError
from causalxai.network.weights import load_weights, read_weights
from tests.trust.family import Case
from tests.trust.mutation import mutated, require_one_line


class _Touch:
    """A pickle that makes a file when it is read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return os.system, (f"touch '{self.path}'",)


def _network() -> nn.Module:
    return nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))


def _pickle_is_not_run(suffix: str, how: str, folder: Path) -> None:
    mark = folder / "mark"
    path = folder / f"weights{suffix}"
    content = {"0.weight": _Touch(mark)}
    match how:
        case "pickle":
            path.write_bytes(pickle.dumps(content))
        case "torch":
            torch.save(content, path)
        case "legacy":
            torch.save(content, path, _use_new_zipfile_serialization=False)
        case "zip":
            with zipfile.ZipFile(path, "w") as archive:
                archive.writestr("archive/data.pkl", pickle.dumps(content))
                archive.writestr("archive/version", "3")
        case "network":
            torch.save(nn.Linear(1, 1), path)
        case "script":
            torch.jit.script(nn.Linear(1, 1)).save(str(path))
    try:
        read_weights(path)
    except DataError as error:
        require_one_line(error)
    else:
        raise AssertionError("it was read")
    assert not mark.exists(), "the pickle was run"


def _damaged_weights(suffix: str, seed: int, folder: Path) -> None:
    path = folder / f"weights{suffix}"
    state = _network().state_dict()
    if suffix == ".safetensors":
        save_file(state, path)
    else:
        torch.save(state, path)
    right = path.read_bytes()
    draw = random.Random(seed)
    for _ in range(25):
        cut = draw.random() < 0.3
        path.write_bytes(
            right[: draw.randrange(len(right))] if cut else mutated(right, draw, len(right))
        )
        try:
            load_weights(_network(), read_weights(path), origin=str(path))
        except DataError as error:
            require_one_line(error)


def _wrong_weights(change: Callable[[dict[str, torch.Tensor]], object], folder: Path) -> None:
    network = _network()
    state = dict(network.state_dict())
    change(state)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    torch.save(state, folder / "w.pt")
    try:
        load_weights(network, read_weights(folder / "w.pt"), origin="w.pt")
    except DataError as error:
        require_one_line(error)
    else:
        raise AssertionError("they were loaded")
    after = network.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before), "the network changed"


_WRONG_WEIGHTS: dict[str, Callable[[dict[str, torch.Tensor]], object]] = {
    "a missing name": lambda state: state.pop("0.bias"),
    "an unknown name": lambda state: state.update(more=torch.zeros(1)),
    "another shape": lambda state: state.update({"0.bias": torch.zeros(3)}),
    "complex numbers": lambda state: state.update({"0.bias": torch.zeros(2, dtype=torch.cfloat)}),
    "integers": lambda state: state.update({"0.weight": torch.zeros(2, 3, dtype=torch.int8)}),
}


def weights_cases() -> Iterator[Case]:
    """Return the cases."""
    for how in ("pickle", "torch", "legacy", "zip", "network", "script"):
        for suffix in (".pt", ".pth", ".safetensors"):
            check = partial(_pickle_is_not_run, suffix, how)
            yield Case(f"{how} as {suffix} is not run", check, quick=suffix == ".pt")
    for name, wrong in _WRONG_WEIGHTS.items():
        yield Case(f"weights: {name}", partial(_wrong_weights, wrong), quick=True)
    for seed in range(8):
        for suffix in (".pt", ".safetensors"):
            yield Case(f"damaged {suffix}, seed {seed}", partial(_damaged_weights, suffix, seed))
