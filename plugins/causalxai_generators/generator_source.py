"""Where the user's generator comes from: an import path with weights, or an object in memory."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Self

import torch
from pydantic import Field, InstanceOf, model_validator
from pydantic.json_schema import SkipJsonSchema
from torch import nn

from causalxai.network.import_folders import importable_from
from causalxai.network.import_path import build_network, find_network
from causalxai.network.network_digest import network_digest
from causalxai.network.weights import load_weights, read_weights
from causalxai.plugin.imported_code import ImportedCode
from causalxai.seeding import seeded


class GeneratorSettings(ImportedCode):
    """Settings that name a generator.

    Parameters
    ----------
    import_path
        ``package.module:Class``, a function that returns the network, or the network itself: a
        ``torch.nn.Module`` with ``encode`` and ``decode``. Its package or module is found in
        ``import_from``, in the working directory, or on Python's own path, in this order.
    import_from
        The folder that is searched first; by default that of the spec file.
    arguments
        The keyword arguments of the class.
    weights
        Its state dict: ``.safetensors``, ``.pt`` or ``.pth``. ``None`` if the class loads its
        weights itself.
    generator
        In Python, the network itself in the place of ``import_path``.
    """

    generator: SkipJsonSchema[InstanceOf[nn.Module] | None] = Field(
        default=None, exclude=True, repr=False
    )

    @model_validator(mode="after")
    def _name_one_generator(self) -> Self:
        if (self.import_path is None) == (self.generator is None):
            raise ValueError(
                "set import_path to the generator's module:Class (in Python, generator=... takes "
                "the network itself instead)"
            )
        return self


class GeneratorSource:
    """Builds the generator that settings name.

    Parameters
    ----------
    settings
        The settings.
    """

    def __init__(self, settings: GeneratorSettings) -> None:
        self._settings = settings

    def built(self, rng: torch.Generator) -> nn.Module:
        """Return the network without the weights of the file; DataError if that fails."""
        settings = self._settings
        if settings.generator is not None:
            return settings.generator
        assert settings.import_path is not None
        path, found, folder = settings.import_path, self._factory, settings.import_from
        return seeded(lambda: build_network(path, found, settings.arguments, folder), rng)

    def network(self, rng: torch.Generator) -> nn.Module:
        """Return the network; DataError if the import, the call or the weights fail."""
        network, file = self.built(rng), self._settings.weights
        if file is not None:
            load_weights(network, read_weights(file), origin=str(file))
        return network

    def digest(self) -> str:
        """Return a digest of the network: its weights and buffers, its settings and its code."""
        # The seed is arbitrary, because the seed of the run is part of every key.
        network, path = self.network(torch.Generator().manual_seed(0)), self._settings.import_path
        if path is None:
            return network_digest(network)
        factory = None if isinstance(self._factory, nn.Module) else self._factory
        with importable_from(self._settings.import_from):
            return network_digest(network, factory, modules=[path.partition(":")[0]])

    @cached_property
    def _factory(self) -> Any:
        assert self._settings.import_path is not None
        return find_network(self._settings.import_path, self._settings.import_from)
