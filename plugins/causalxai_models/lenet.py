"""LeNet: two convolutions and two linear layers."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from causalxai.errors import DataError
from causalxai.outline import Outline
from causalxai_models.training import TrainedClassifier, TrainingConfig

_Channels = Annotated[int, Field(ge=1, le=1024)]

_KERNEL = 5
_SMALLEST = 16


class LeNet(nn.Module):
    """Two 5 x 5 convolutions, each with ReLU and pooling, and two linear layers, after [1]_.

    Parameters
    ----------
    image_shape
        Channels, height and width of the images; at least 16 x 16 pixels.
    classes
        The number of logits.
    channels
        The number of filters of ``conv1`` and of ``conv2``.
    hidden
        The number of units of ``fc1``.

    Raises
    ------
    DataError
        If the images are too small for two unpadded convolutions.

    References
    ----------
    .. [1] LeCun, Bottou, Bengio, Haffner, "Gradient-based learning applied to document
       recognition", Proceedings of the IEEE 86(11), 1998.
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        classes: int,
        *,
        channels: tuple[int, int] = (16, 32),
        hidden: int = 128,
    ) -> None:
        super().__init__()
        in_channels, height, width = image_shape
        if min(height, width) < _SMALLEST:
            raise DataError(
                f"LeNet needs images of {_SMALLEST} x {_SMALLEST} pixels or more, "
                f"not {height} x {width}"
            )
        self.conv1 = nn.Conv2d(in_channels, channels[0], _KERNEL)
        self.conv2 = nn.Conv2d(*channels, _KERNEL)
        self.fc1 = nn.Linear(channels[1] * _pooled(height) * _pooled(width), hidden)
        self.fc2 = nn.Linear(hidden, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Map ``[n, c, h, w]`` to logits ``[n, classes]``."""
        x = functional.max_pool2d(functional.relu(self.conv1(images)), 2)
        x = functional.max_pool2d(functional.relu(self.conv2(x)), 2)
        logits: Tensor = self.fc2(functional.relu(self.fc1(x.flatten(1))))
        return logits


def _pooled(length: int) -> int:
    """Return the size of a side after two convolutions with pooling."""
    for _ in range(2):
        length = (length - _KERNEL + 1) // 2
    return length


class LeNetClassifier(TrainedClassifier):
    """A LeNet trained on the data set; about a minute for 10 000 images of MNIST on two cores."""

    class Config(TrainingConfig):
        """Settings, in addition to those of training.

        Parameters
        ----------
        channels
            The number of filters of ``conv1`` and of ``conv2``.
        hidden
            The number of units of ``fc1``.
        """

        channels: tuple[_Channels, _Channels] = (16, 32)
        hidden: int = Field(128, ge=1, le=8192)

    config: Config
    name: ClassVar[str] = "lenet"
    feature_layer: ClassVar[str] = "fc1"

    def _build(self, outline: Outline) -> LeNet:
        return LeNet(
            outline.image_shape,
            len(outline.class_names),
            channels=self.config.channels,
            hidden=self.config.hidden,
        )
