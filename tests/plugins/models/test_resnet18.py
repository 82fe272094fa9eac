from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import fx, nn

from causalxai.classifier import Classifier
from causalxai.dataset import Dataset
from causalxai.errors import DataError
from causalxai.seeding import torch_generator
from causalxai_models.resnet18 import ResNet18, ResNet18Classifier


def fit(source: ResNet18Classifier, dataset: Dataset) -> Classifier:
    return source.fit(dataset, rng=torch_generator(0), device=torch.device("cpu"))


def batch_norm(name: str, channels: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    for part in ("weight", "bias", "running_mean", "running_var"):
        yield f"{name}.{part}", (channels,)
    yield f"{name}.num_batches_tracked", ()


def torchvision_shapes() -> Iterator[tuple[str, tuple[int, ...]]]:
    """The state dict of ``torchvision.models.resnet18()``, in order."""
    yield "conv1.weight", (64, 3, 7, 7)
    yield from batch_norm("bn1", 64)
    before = 64
    for stage, width in enumerate((64, 128, 256, 512), start=1):
        for block, name in enumerate((f"layer{stage}.0", f"layer{stage}.1")):
            yield f"{name}.conv1.weight", (width, before, 3, 3)
            yield from batch_norm(f"{name}.bn1", width)
            yield f"{name}.conv2.weight", (width, width, 3, 3)
            yield from batch_norm(f"{name}.bn2", width)
            if stage > 1 and block == 0:
                yield f"{name}.downsample.0.weight", (width, before, 1, 1)
                yield from batch_norm(f"{name}.downsample.1", width)
            before = width
    yield "fc.weight", (1000, 512)
    yield "fc.bias", (1000,)


def test_names_and_shapes_are_torchvisions() -> None:
    model = ResNet18(3, 1000)
    shapes = [(name, tuple(tensor.shape)) for name, tensor in model.state_dict().items()]

    assert shapes == list(torchvision_shapes())
    assert len(shapes) == 122
    assert sum(parameter.numel() for parameter in model.parameters()) == 11_689_512


def test_the_forward_pass_is_the_published_one() -> None:
    """Block by block, from the weights alone."""
    model = ResNet18(1, 5, width=4).eval()
    for buffer in model.buffers():
        if buffer.is_floating_point():
            buffer.uniform_(0.5, 1.5, generator=torch_generator(0))
    images = torch.rand(2, 1, 40, 40, generator=torch_generator(1))
    modules = dict(model.named_modules())

    x = modules["bn1"](modules["conv1"](images)).relu()
    x = nn.functional.max_pool2d(x, 3, stride=2, padding=1)
    for name in (f"layer{stage}.{block}" for stage in (1, 2, 3, 4) for block in (0, 1)):
        out = modules[f"{name}.bn1"](modules[f"{name}.conv1"](x)).relu()
        out = modules[f"{name}.bn2"](modules[f"{name}.conv2"](out))
        shortcut = modules.get(f"{name}.downsample")
        x = (out + (x if shortcut is None else shortcut(x))).relu()
    assert x.shape == (2, 32, 2, 2)
    torch.testing.assert_close(model(images), modules["fc"](x.mean(dim=(2, 3))))


@pytest.mark.parametrize(("small_input", "side"), [(False, 8), (True, 32)])
def test_the_small_stem_keeps_the_resolution(small_input: bool, side: int) -> None:
    model = ResNet18(1, 5, width=2, small_input=small_input)
    images = torch.rand(2, 1, 32, 32)

    assert model.maxpool(model.conv1(images)).shape == (2, 2, side, side)
    assert model(images).shape == (2, 5)


def test_it_can_be_traced() -> None:
    model = ResNet18(1, 3, width=2).eval()
    images = torch.rand(2, 1, 16, 16)

    assert torch.equal(fx.symbolic_trace(model)(images), model(images))


@pytest.mark.parametrize("name", ["w.safetensors", "w.pth"])
def test_training_starts_from_a_checkpoint(
    tmp_path: Path, colour_dataset: Dataset, name: str
) -> None:
    weights = ResNet18(3, 3, width=2).state_dict()
    write = save_file if name.endswith("safetensors") else torch.save
    write(weights, tmp_path / name)
    source = ResNet18Classifier(epochs=0, width=2, weights=tmp_path / name)
    loaded = fit(source, colour_dataset).model.state_dict()

    assert all(torch.equal(loaded[key], weights[key]) for key in weights)
    assert source.fingerprint() != ResNet18Classifier().fingerprint() == ""


def test_a_checkpoint_for_other_classes_needs_a_new_head(
    tmp_path: Path, colour_dataset: Dataset
) -> None:
    path = tmp_path / "w.pt"
    weights = ResNet18(3, 1000, width=2).state_dict()
    torch.save(weights, path)

    with pytest.raises(DataError, match=r"w.pt: fc.weight has the shape \[1000, 16\], .*\[3, 16\]"):
        fit(ResNet18Classifier(epochs=0, width=2, weights=path), colour_dataset)
    source = ResNet18Classifier(epochs=0, width=2, weights=path, new_head=True)
    model = fit(source, colour_dataset).model
    assert torch.equal(model.layer4[1].conv2.weight, weights["layer4.1.conv2.weight"])
    assert model.fc.weight.shape == (3, 16)


def test_a_checkpoint_of_another_width_names_the_first_misfit(
    tmp_path: Path, colour_dataset: Dataset
) -> None:
    torch.save(ResNet18(3, 3, width=4).state_dict(), tmp_path / "w.pt")

    with pytest.raises(DataError, match=r"conv1.weight has the shape \[4, 3, 7, 7\]"):
        fit(ResNet18Classifier(width=2, weights=tmp_path / "w.pt"), colour_dataset)


def test_the_feature_layer_is_the_pooled_one(colour_dataset: Dataset) -> None:
    source = ResNet18Classifier(epochs=0, width=2, stem="small")
    classifier = fit(source, colour_dataset)

    assert classifier.feature_layer == "avgpool"
    assert isinstance(classifier.model.maxpool, nn.Identity)


def test_test_images_are_held_out_unless_given_weights_may_know_them(
    colour_dataset: Dataset, tmp_path: Path
) -> None:
    given = ResNet18Classifier(weights=tmp_path / "given.pt")
    assert ResNet18Classifier().held_out(colour_dataset) is True
    assert given.held_out(colour_dataset) is None
    assert given.held_out(replace(colour_dataset, held_out=True)) is True
    assert given.held_out(replace(colour_dataset, held_out=False)) is False
