"""ResNet-18 with torchvision's names, so that torchvision's checkpoints can be read."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, PositiveFloat
from torch import Tensor, nn

from causalxai.dataset import Dataset
from causalxai.network.weights import load_weights, read_weights
from causalxai.outline import Outline
from causalxai.plugin import FileToRead
from causalxai.storage.digests import digest_files
from causalxai_models.training import TrainedClassifier, TrainingConfig


# torchvision's own network is not used: for one network it would require a compiled package that is
# tied to one version of torch.
class BasicBlock(nn.Module):
    """Two 3 x 3 convolutions with a shortcut.

    Parameters
    ----------
    in_channels, out_channels
        The number of input and output channels.
    stride
        The first convolution's stride.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.downsample: nn.Sequential | None = None
        if stride != 1 or in_channels != out_channels:
            self.downsample = nn.Sequential(
                nn.Conv2d(in_channels, out_channels, 1, stride, bias=False),
                nn.BatchNorm2d(out_channels),
            )

    def forward(self, x: Tensor) -> Tensor:
        """Map ``[n, in_channels, h, w]`` to ``[n, out_channels, h / stride, w / stride]``."""
        identity = x if self.downsample is None else self.downsample(x)
        out: Tensor = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += identity
        activations: Tensor = self.relu(out)
        return activations


class ResNet18(nn.Module):
    """A residual network of 18 layers [1]_, for images of any size.

    Parameters
    ----------
    channels
        The channels of the images.
    classes
        The number of logits.
    width
        The number of filters of the first stage; each of the next three has twice as many.
    small_input
        Start with a 3 x 3 convolution and no pooling, in place of 7 x 7, stride 2 and pooling.

    References
    ----------
    .. [1] He, Zhang, Ren, Sun, "Deep residual learning for image recognition", CVPR 2016.
    """

    def __init__(
        self, channels: int, classes: int, width: int = 64, small_input: bool = False
    ) -> None:
        super().__init__()
        kernel, stride = (3, 1) if small_input else (7, 2)
        self.conv1 = nn.Conv2d(channels, width, kernel, stride, padding=kernel // 2, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.Identity() if small_input else nn.MaxPool2d(3, stride=2, padding=1)
        self.layer1 = _stage(width, width, stride=1)
        self.layer2 = _stage(width, 2 * width, stride=2)
        self.layer3 = _stage(2 * width, 4 * width, stride=2)
        self.layer4 = _stage(4 * width, 8 * width, stride=2)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(8 * width, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, images: Tensor) -> Tensor:
        """Map ``[n, c, h, w]`` to logits ``[n, classes]``."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(images))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        logits: Tensor = self.fc(self.avgpool(x).flatten(1))
        return logits


def _stage(in_channels: int, out_channels: int, *, stride: int) -> nn.Sequential:
    return nn.Sequential(
        BasicBlock(in_channels, out_channels, stride), BasicBlock(out_channels, out_channels, 1)
    )


class ResNet18Classifier(TrainedClassifier):
    """A ResNet-18 trained on the data set, from scratch or from given weights.

    Images are not standardised and lie in [0, 1]. torchvision's weights were trained on
    standardised images, so that some epochs of training are needed to adapt them.
    """

    class Config(TrainingConfig):
        """Settings, in addition to those of training.

        Parameters
        ----------
        width
            The number of filters of the first stage.
        stem
            ``small`` keeps the resolution of small images: 3 x 3, stride 1 and no pooling.
        weights
            A checkpoint with torchvision's names to start from; ``.safetensors``, ``.pt`` or
            ``.pth``.
        new_head
            Leave out the checkpoint's ``fc``, which belongs to other classes.
        """

        # Batches of two can leave a batch of one image, on which batch normalisation cannot be
        # trained.
        batch_size: int = Field(64, ge=3)
        learning_rate: PositiveFloat = 2e-3
        width: int = Field(64, ge=1, le=512)
        stem: Literal["imagenet", "small"] = "imagenet"
        weights: FileToRead | None = None
        new_head: bool = False

    config: Config
    name: ClassVar[str] = "resnet18"
    feature_layer: ClassVar[str] = "avgpool"

    def _build(self, outline: Outline) -> ResNet18:
        return ResNet18(
            outline.image_shape[0],
            len(outline.class_names),
            width=self.config.width,
            small_input=self.config.stem == "small",
        )

    def held_out(self, dataset: Dataset) -> bool | None:
        """Return whether no test image was trained on; given weights may have been."""
        return dataset.held_out if self.config.weights else super().held_out(dataset)

    def _start(self, model: nn.Module) -> None:
        if self.config.weights is None:
            return
        weights = read_weights(self.config.weights)
        if self.config.new_head:
            weights |= model.get_submodule("fc").state_dict(prefix="fc.")
        load_weights(model, weights, origin=str(self.config.weights))

    def portable_config(self) -> dict[str, object]:
        """Return the config without the path of the weights."""
        return self.config.model_dump(mode="json", exclude={"weights"})

    def looks_at_files(self) -> bool:
        """Return whether there are weights from which training starts."""
        return self.config.weights is not None

    def fingerprint(self) -> str:
        """Return a digest of the weights from which training starts."""
        weights = self.config.weights
        return "" if weights is None else digest_files({"weights": weights})
