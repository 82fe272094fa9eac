"""The user's own network, by the import path of its class."""

from __future__ import annotations

import logging
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from pydantic import Field
from torch import nn

from causalxai.classifier import NO_CHECKPOINT, Checkpoint, Classifier, ClassifierSource
from causalxai.dataset import Dataset
from causalxai.errors import DataError, did_you_mean
from causalxai.plugin import PluginConfig
from causalxai.progress import SILENT, Progress
from causalxai.record import Record
from causalxai_vision.digests import digest_files
from causalxai_vision.training import seeded
from causalxai_vision.weights import load_weights, read_weights

_LOG = logging.getLogger(__name__)


class UserModule(ClassifierSource):
    """A trained ``nn.Module`` of yours, loaded and never trained.

    It maps images ``[n, c, h, w]`` in [0, 1] to logits: standardise them in ``forward`` if your
    weights need it. Importing the module runs its code; a warning says so each time.
    """

    class Config(PluginConfig):
        """Settings.

        Parameters
        ----------
        import_path
            ``package.module:Class``, or a function that returns the module.
        arguments
            What the class is called with, by name.
        weights
            Its state dict: ``.safetensors``, ``.pt`` or ``.pth``. ``None`` if the class loads its
            weights itself.
        feature_layer
            The name of the last hidden layer, as ``named_modules`` has it.
        """

        import_path: str = Field(pattern=r"^[^:]+:[^:.]+$")
        arguments: dict[str, Any] = Field(default_factory=dict)
        weights: Path | None = None
        feature_layer: str | None = None

    config: Config

    def fit(
        self,
        dataset: Dataset,
        *,
        rng: torch.Generator,
        device: torch.device,
        progress: Progress = SILENT,  # noqa: ARG002
        checkpoint: Checkpoint = NO_CHECKPOINT,  # noqa: ARG002
    ) -> Classifier:
        """Import the class, call it and load the weights.

        Raises
        ------
        DataError
            If the import, the call or the weights fail, or there is no such feature layer.
        """
        model = self._build(rng)
        if self.config.weights is not None:
            weights = read_weights(self.config.weights)
            load_weights(model, weights, origin=str(self.config.weights))
        return self._classifier(model, dataset, device)

    def restore(self, record: Record, dataset: Dataset, device: torch.device) -> Classifier:
        """Bring back a classifier from ``to_record``'s tensors; the class is imported again.

        Raises
        ------
        DataError
            As ``fit`` does, and if the class has changed so that its weights no longer fit.
        """
        model = self._build(torch.Generator())
        load_weights(model, record.tensors, origin=f"the stored {self.config.import_path}")
        return self._classifier(model, dataset, device)

    def portable_config(self) -> dict[str, object]:
        """Return the config without the path of the weights."""
        return self.config.model_dump(mode="json", exclude={"weights"})

    def fingerprint(self) -> str:
        """Return a digest of the weights file."""
        weights = self.config.weights
        return "" if weights is None else digest_files({"weights": weights})

    def _build(self, rng: torch.Generator) -> nn.Module:
        path = self.config.import_path
        factory = _import(path)
        try:
            model = seeded(lambda: factory(**self.config.arguments), rng)
        except Exception as error:
            # The call runs the user's code, which may raise anything.
            raise DataError(
                f"{path} cannot be built with {self.config.arguments}: "
                f"{type(error).__name__}: {error}"
            ) from error
        if not isinstance(model, nn.Module):
            raise DataError(f"{path} gives a {type(model).__name__}, not a torch.nn.Module")
        return model

    def _classifier(self, model: nn.Module, dataset: Dataset, device: torch.device) -> Classifier:
        layer = self.config.feature_layer
        layers = [name for name, _ in model.named_modules() if name]
        if layer is not None and layer not in layers:
            raise DataError(
                f"{self.config.import_path} has no layer {layer!r}{did_you_mean(layer, layers)}"
            )
        return Classifier(
            model,
            class_names=dataset.class_names,
            image_shape=dataset.image_shape,
            feature_layer=layer,
            device=device,
        )


def _import(path: str) -> Any:
    module_name, _, name = path.partition(":")
    _LOG.warning("importing your module %s, which runs its code", module_name)
    try:
        module = import_module(module_name)
    except Exception as error:
        # So does the import.
        raise DataError(
            f"{module_name} cannot be imported: {type(error).__name__}: {error} "
            "(is its folder on PYTHONPATH?)"
        ) from error
    if not hasattr(module, name):
        raise DataError(f"{module_name} has no {name!r}{did_you_mean(name, dir(module))}")
    return getattr(module, name)
