from __future__ import annotations

import logging
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from causalxai.errors import DataError
from causalxai.network.weights import load_weights, read_weights


@pytest.mark.parametrize("name", ["w.safetensors", "w.pt", "w.pth"])
def test_each_kind_of_file_is_read(tmp_path: Path, name: str) -> None:
    weights = nn.Linear(3, 2).state_dict()
    write = save_file if name.endswith("safetensors") else torch.save
    write(weights, tmp_path / name)
    read = read_weights(tmp_path / name)

    assert set(read) == {"weight", "bias"}
    assert all(torch.equal(read[key], weights[key]) for key in weights)


@pytest.mark.parametrize("name", ["w.safetensors", "w.pt", "w.npz"])
def test_a_damaged_or_foreign_file_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"nonsense")

    with pytest.raises(DataError, match=f"{name}: "):
        read_weights(tmp_path / name)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone.pt: no such file"):
        read_weights(tmp_path / "gone.pt")


def test_a_pickled_network_is_never_unpickled(tmp_path: Path) -> None:
    torch.save(nn.Linear(3, 2), tmp_path / "network.pt")

    with pytest.raises(DataError, match=r"cannot be read as weights alone .*state_dict"):
        read_weights(tmp_path / "network.pt")


@pytest.mark.parametrize("content", [torch.zeros(3), {"epoch": 3}])
def test_anything_but_named_tensors_is_refused(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "w.pt")

    with pytest.raises(DataError, match=r"w.pt: must hold tensors by name"):
        read_weights(tmp_path / "w.pt")


def test_the_first_misfit_is_told_and_nothing_is_changed() -> None:
    model = nn.Linear(3, 2)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    good = {"weight": torch.ones(2, 3), "bias": torch.ones(2)}
    misfits = {
        r"file: lacks bias; did you mean 'bia'": {"weight": good["weight"], "bia": good["bias"]},
        r"file: bias has the shape \[3\], .* has \[2\]": {**good, "bias": torch.ones(3)},
        r"file: bias has numbers of type torch.int8": {**good, "bias": torch.ones(2).char()},
        r"file: bias has numbers of type torch.complex": {**good, "bias": torch.ones(2).cfloat()},
        r"file: the network has no scale": {**good, "scale": torch.ones(1)},
    }

    for message, weights in misfits.items():
        with pytest.raises(DataError, match=message):
            load_weights(model, weights, origin="file")
        assert all(torch.equal(model.state_dict()[name], before[name]) for name in before)
    load_weights(model, good, origin="file")
    assert torch.equal(model.weight, torch.ones(2, 3))


def test_older_checkpoints_lack_the_counter_of_batch_normalisation() -> None:
    model = nn.BatchNorm1d(2)
    weights = {name: torch.full((2,), 0.5) for name in model.state_dict() if "num" not in name}
    load_weights(model, weights, origin="file")

    assert torch.equal(model.running_var, weights["running_var"])
    assert int(model.num_batches_tracked) == 0


@pytest.mark.parametrize("key", ["state_dict", "model_state_dict", "model", "module"])
def test_the_weights_of_a_checkpoint_are_found_and_told(
    tmp_path: Path, key: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    weights = nn.Linear(3, 2).state_dict()
    optimizer = {"state": {0: {"step": torch.tensor(3.0)}}, "param_groups": [{"lr": 0.1}]}
    content = {"epoch": 3, "optimizer": optimizer, key: weights}
    torch.save(content, tmp_path / "w.pt")
    read = read_weights(tmp_path / "w.pt")
    assert all(torch.equal(read[name], weights[name]) for name in weights)
    assert f"w.pt: the weights are those under {key!r}; epoch, optimizer are left" in caplog.text


def test_a_network_with_a_part_of_such_a_name_is_no_checkpoint(tmp_path: Path) -> None:
    weights = nn.ModuleDict({"model": nn.Linear(3, 2)}).state_dict()
    torch.save(weights, tmp_path / "w.pt")
    assert list(read_weights(tmp_path / "w.pt")) == ["model.weight", "model.bias"]


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "_orig_mod.module.", "model.", "net."])
def test_the_prefix_of_a_wrapper_is_taken_off_and_told(
    prefix: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    network, weights = nn.Linear(2, 1), {"weight": torch.ones(1, 2), "bias": torch.ones(1)}
    prefixed = {prefix + name: tensor for name, tensor in weights.items()}
    load_weights(network, prefixed, origin="w.pt")
    assert torch.equal(network.weight, weights["weight"])
    first = prefix.split(".")[0]
    assert f"w.pt: all names begin with '{first}.', which is taken off" in caplog.text


def test_a_part_that_is_called_module_keeps_its_name() -> None:
    network = nn.ModuleDict({"module": nn.Linear(2, 1)})
    weights = {"module.weight": torch.ones(1, 2), "module.bias": torch.ones(1)}
    load_weights(network, weights, origin="w.pt")
    assert torch.equal(network["module"].weight, weights["module.weight"])
