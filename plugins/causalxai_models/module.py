"""The user's own network, by the import path of its class."""

from __future__ import annotations

import logging
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from causalxai.classifier import Classifier, ClassifierSource
from causalxai.dataset import Dataset
from causalxai.network.adaptable import stored_form
from causalxai.network.adaptation import unwrapped
from causalxai.network.import_folders import importable_from
from causalxai.network.import_path import build_network, find_network
from causalxai.network.layer_names import require_layers_named
from causalxai.network.network_digest import network_digest
from causalxai.network.weights import load_weights, read_weights
from causalxai.outline import Outline
from causalxai.plugin.imported_code import ImportedCode
from causalxai.progress import SILENT, Progress
from causalxai.seeding import seeded
from causalxai.storage.checkpoint import NO_CHECKPOINT, Checkpoint
from causalxai.storage.record import Record, prefixed, without_prefix
from causalxai_models.adapter_settings import AdapterSettings

_STATE, _BUFFERS = "state", "buffers"
_OTHER_SEED = 1_234_567_891
"""A seed that no run is likely to draw."""
_NAMED = 3
"""The number of weights that a warning names."""

_LOG = logging.getLogger(__name__)


class UserModule(ClassifierSource):
    """A trained ``nn.Module`` of the user, which is loaded and never trained.

    It maps images ``[n, c, h, w]`` in [0, 1] to logits, unless ``mean``, ``std``, ``output`` and
    the other settings of the adapter say what else it takes and gives. Importing the module runs
    its code, which is logged as a warning. Only a subclass of ``nn.Module`` is called, or a
    function whose return annotation is one or that is the user's own.
    """

    class Config(AdapterSettings, ImportedCode):
        """Settings.

        Parameters
        ----------
        import_path
            ``package.module:Class``, a function that returns the module, or the module itself.
            Python's package or module is found in ``import_from``, in the working directory, or on
            Python's own path, in this order.
        import_from
            The folder that is searched first; by default that of the spec file.
        arguments
            The keyword arguments of the class.
        weights
            Its state dict: ``.safetensors``, ``.pt`` or ``.pth``; also within the checkpoint of a
            training. ``None`` if the class loads its weights itself.
        feature_layer
            The name of the last hidden layer, as in ``named_modules``.
        """

        import_path: str = Field(pattern=r"^[^:]+:[^:.]+$")
        feature_layer: str | None = None

        def named_code(self) -> dict[str, str]:
            """Return the import paths, whose modules are imported and run, and their folder."""
            path = self.preprocessing_path
            return super().named_code() | ({} if path is None else {"preprocess": path})

    config: Config

    def preview(self, outline: Outline, device: torch.device) -> Classifier:
        """Import the class, call it and load the weights, as ``fit`` does.

        Raises
        ------
        DataError
            If the import, the call or the weights fail.
        CapabilityError
            If there is no such feature layer.
        """
        # The seed is arbitrary: only names and shapes are of interest.
        return self._told(self._loaded(torch.Generator().manual_seed(0)), outline, device)

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
            If the import, the call or the weights fail.
        CapabilityError
            If there is no such feature layer.
        """
        return self._told(self._loaded(rng), dataset.outline, device)

    @property
    def trains(self) -> bool:
        """Whether it learns from the data set: never."""
        return False

    def _told(self, model: nn.Module, outline: Outline, device: torch.device) -> Classifier:
        if self.config.weights is None:
            self._tell_of_random_weights(model)
        return self._classifier(model, outline, device)

    def _tell_of_random_weights(self, model: nn.Module) -> None:
        """Warn if the network draws its weights, which shows where another seed gives others."""
        others = dict(self._build(torch.Generator().manual_seed(_OTHER_SEED)).named_parameters())
        own = [name for name, weight in model.named_parameters() if not is_lazy(weight)]
        drawn = [name for name in own if not _same(model.get_parameter(name), others[name])]
        if drawn:
            _LOG.warning(
                "weights is null, and %s draws %s of its %d weights at random (%s%s), so that they "
                "are not trained: name the file of its weights, unless you mean to explain a "
                "random network",
                self.config.import_path, "all" if drawn == own else len(drawn), len(own),
                ", ".join(drawn[:_NAMED]), ", ..." if len(drawn) > _NAMED else "",
            )  # fmt: skip

    def restore(self, record: Record, dataset: Dataset, device: torch.device) -> Classifier:
        """Restore a classifier from the tensors of ``to_record``; the class is imported again.

        Raises
        ------
        DataError
            As ``fit`` does, and if the class has changed so that its weights no longer fit.
        """
        model = self._build(torch.Generator())
        origin = f"the stored {self.config.import_path}"
        load_weights(model, without_prefix(_STATE, record.tensors), origin=origin)
        for name, stored in without_prefix(_BUFFERS, record.tensors).items():
            owner, _, leaf = name.rpartition(".")
            setattr(model.get_submodule(owner), leaf, stored)
        return self._classifier(model, dataset.outline, device)

    def to_record(self, classifier: Classifier) -> Record:
        """Return the weights and all buffers, also those that are not part of the state dict."""
        model = stored_form(classifier.model)
        state = model.state_dict()
        others = {name: buffer for name, buffer in model.named_buffers() if name not in state}
        return Record(tensors={**prefixed(_STATE, state), **prefixed(_BUFFERS, others)})

    def portable_config(self) -> dict[str, object]:
        """Return the config without paths: of the weights, and of the folder of the code."""
        # Settings that are not used leave the keys of results as they were before there were any.
        left_out = {"weights", "import_from", *self.config.unstated()}
        if isinstance(self.config.classes, Path):
            left_out.add("classes")
        return self.config.model_dump(mode="json", exclude=left_out)

    def fingerprint(self) -> str:
        """Return a digest of the network: its weights and buffers, its settings and its code.

        Raises
        ------
        DataError
            If the import or the call fails, or the weights cannot be loaded.
        """
        # The seed is arbitrary, because the seed of the run is part of every key.
        model = self._loaded(torch.Generator().manual_seed(0))
        named = self.config.import_path.partition(":")[0]
        # A class is digested with its network, too; a network itself is digested as its copy.
        factory = None if isinstance(self._factory, nn.Module) else self._factory
        modules, more = [named], []
        if self.config.preprocessing_path is not None:
            more.append(self._adapter["preprocess"])
            modules.append(self.config.preprocessing_path.partition(":")[0])
        if names := self.config.digest_of_names():
            more.append(names)
        with importable_from(self.config.import_from):
            return network_digest(model, factory, *more, modules=modules)

    @cached_property
    def _factory(self) -> Any:
        return find_network(self.config.import_path, self.config.import_from)

    @cached_property
    def _adapter(self) -> dict[str, Any]:
        return self.config.adapter_settings(self.config.import_from)

    def _build(self, rng: torch.Generator) -> nn.Module:
        path, arguments = self.config.import_path, self.config.arguments
        factory, folder = self._factory, self.config.import_from
        return unwrapped(seeded(lambda: build_network(path, factory, arguments, folder), rng))

    def _loaded(self, rng: torch.Generator) -> nn.Module:
        model = self._build(rng)
        if self.config.weights is not None:
            weights = read_weights(self.config.weights)
            load_weights(model, weights, origin=str(self.config.weights))
        return model

    def _classifier(self, model: nn.Module, outline: Outline, device: torch.device) -> Classifier:
        layer = self.config.feature_layer
        require_layers_named([layer] if layer else [], model, "classifier.feature_layer")
        return Classifier(
            model,
            class_names=outline.class_names,
            image_shape=outline.image_shape,
            feature_layer=layer,
            device=device,
            **self._adapter,
        )


def _same(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and torch.equal(one, other)
