"""The user's own network, by the import path of its class."""

from __future__ import annotations

import hashlib
import logging
import sys
from functools import cache, cached_property
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from causalxai.classifier import Classifier, ClassifierSource
from causalxai.dataset import Dataset
from causalxai.errors import DataError, did_you_mean
from causalxai.network.adaptation import unwrapped
from causalxai.plugin import PluginConfig
from causalxai.progress import SILENT, Progress
from causalxai.seeding import seeded
from causalxai.storage.checkpoint import NO_CHECKPOINT, Checkpoint
from causalxai.storage.digests import digest_files
from causalxai.storage.record import Record
from causalxai_models.weights import load_weights, read_weights

_LOG = logging.getLogger(__name__)


class UserModule(ClassifierSource):
    """A trained ``nn.Module`` of the user, which is loaded and never trained.

    It maps images ``[n, c, h, w]`` in [0, 1] to logits; if the weights need standardised images,
    ``forward`` must standardise them. Importing the module runs its code, which is logged as a
    warning.
    """

    class Config(PluginConfig):
        """Settings.

        Parameters
        ----------
        import_path
            ``package.module:Class``, or a function that returns the module.
        arguments
            The keyword arguments of the class.
        weights
            Its state dict: ``.safetensors``, ``.pt`` or ``.pth``. ``None`` if the class loads its
            weights itself.
        feature_layer
            The name of the last hidden layer, as in ``named_modules``.
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
        """Restore a classifier from the tensors of ``to_record``; the class is imported again.

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
        """Return a digest of the code and of the weights.

        The code is the file of the named module and that in which the class is defined; other files
        that these import are not included.

        Raises
        ------
        DataError
            If the import fails, or the weights file cannot be read; without one, if the call fails.
        """
        named = self.config.import_path.partition(":")[0]
        home = getattr(self._factory, "__module__", named)
        files = [getattr(sys.modules.get(name), "__file__", None) for name in (named, home)]
        parts = [_source_digest(Path(file)) for file in files if file is not None]
        if self.config.weights is not None:
            parts.append(digest_files({"weights": self.config.weights}))
        else:
            # The seed is arbitrary, because the seed of the run is part of every key.
            parts.append(_state_digest(self._build(torch.Generator().manual_seed(0))))
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    @cached_property
    def _factory(self) -> Any:
        return _import(self.config.import_path)

    def _build(self, rng: torch.Generator) -> nn.Module:
        path = self.config.import_path
        factory = self._factory
        try:
            model = seeded(lambda: factory(**self.config.arguments), rng)
        except (Exception, SystemExit) as error:
            # The call runs the user's code, which may raise any exception.
            raise DataError(
                f"{path} cannot be built with {self.config.arguments}: "
                f"{type(error).__name__}: {error}"
            ) from error
        if not isinstance(model, nn.Module):
            raise DataError(f"{path} gives a {type(model).__name__}, not a torch.nn.Module")
        return unwrapped(model)

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
    except (Exception, SystemExit) as error:
        # The import runs the user's code, too.
        raise DataError(
            f"{module_name} cannot be imported: {type(error).__name__}: {error} "
            "(is its folder on PYTHONPATH?)"
        ) from error
    if not hasattr(module, name):
        raise DataError(f"{module_name} has no {name!r}{did_you_mean(name, dir(module))}")
    return getattr(module, name)


@cache
def _source_digest(file: Path) -> str:
    # Logged once per process, as Python imports a module only once; later edits are not run.
    return digest_files({"source": file})


def _state_digest(model: nn.Module) -> str:
    total = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        if isinstance(value, Tensor) and not is_lazy(value):
            total.update(f"{name}\0{value.dtype}\0{list(value.shape)}\n".encode())
            values = value.detach().cpu().contiguous().flatten()
            total.update(values.view(torch.uint8).numpy().tobytes())
    return total.hexdigest()
