"""The oracle of a network's parameters: the classifier itself with edited weights."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import cached_property
from types import MappingProxyType
from typing import Literal, Self

import torch
from pydantic import Field
from torch import Tensor
from torch.func import functional_call

from causalxai.classifier import Classifier
from causalxai.concept import Units
from causalxai.concept_space import ConceptSpace
from causalxai.errors import CapabilityError
from causalxai.intervention import NO_TARGET, Intervention
from causalxai.network.probe_images import probe_images
from causalxai.network.tracing import UntraceableError
from causalxai.oracle import DEFAULT_MEMORY_CEILING, Oracle, Response, Want
from causalxai.plugin import PluginConfig
from causalxai_interventional.class_units import class_units
from causalxai_interventional.connections import Connections, find_connections
from causalxai_interventional.dataflow import Dataflow
from causalxai_interventional.edits import (
    EditableLayer,
    editable_layer,
    edited_parameters,
)
from causalxai_interventional.exactness import (
    FEW_PROBES,
    IN_DOUBLE,
    edits_of,
    exact_strategy,
    telling_probes,
)
from causalxai_interventional.first_order import first_order_effects
from causalxai_interventional.hooked_propagation import (
    ExpandedPropagation,
    SerialPropagation,
    VmapPropagation,
)
from causalxai_interventional.parameter_space import ParameterLayer, ParameterSpace
from causalxai_interventional.propagation import (
    DataflowPropagation,
    Propagation,
    largest_activation,
)

Strategy = Literal["auto", "dataflow", "vmap", "expanded", "serial"]

_LARGE = 2**17
"""The values in one activation from which on a network counts as large."""

_FEW_PICTURES = 3
"""The pictures on which the ways through a large network are measured."""

_logger = logging.getLogger(__name__)


class ParameterOracle(Oracle):
    """Answers do(w = v) on edges (or whole filters) of the classifier itself.

    Interventions on one parameter each are answered in sweeps. These are exact: they use closed
    forms as far as the network's structure allows, and otherwise vmap over any module.
    Interventions on several parameters at once run the network with edited copies of its weights.
    The network's own weights are never written.

    A value v scales the edge: 1 is intact, 0 removes it, 0.5 halves it. A weight that two layers
    share is edited only in the layer that the concept names.
    """

    capabilities = frozenset({})

    class Config(PluginConfig):
        """Settings of ``ParameterOracle``."""

        strategy: Strategy = Field(
            default="auto",
            description="how sweeps are answered; auto takes the fastest that is exact",
        )
        working_set_mb: float = Field(
            default=32, gt=0, description="activations of one chunk of a sweep, in MiB"
        )

    config: Config
    propagates = False
    accepts = ParameterSpace
    space: ParameterSpace

    def bind(
        self,
        classifier: Classifier,
        space: ConceptSpace,
        *,
        memory_ceiling: int = DEFAULT_MEMORY_CEILING,
    ) -> Self:
        """Attach the oracle to a classifier and to its parameters; return ``self``.

        Raises
        ------
        CapabilityError
            If the concepts are not a network's parameters, or the strategy is ``dataflow`` and the
            network cannot be traced to a copy that gives the same logits.
        """
        super().bind(classifier, space, memory_ceiling=memory_ceiling)
        working_set = min(int(self.config.working_set_mb * 2**20), memory_ceiling)
        largest = largest_activation(classifier)
        self._images_at_once = max(1, working_set // (16 * largest))
        # Where a forward pass takes long, fewer of them are spent on tests of exactness.
        self._is_large = largest > _LARGE
        self._probing = {"count": FEW_PROBES} if self._is_large else {}
        noise = probe_images(classifier.image_shape)
        # One picture of each kind comes first.
        self._pictures = torch.cat([noise[:1], self.space.probes_, noise[1:]]).to(classifier.device)
        self._some_pictures = self._pictures[:_FEW_PICTURES] if self._is_large else self._pictures
        self._working_set, self._memory_ceiling = working_set, memory_ceiling
        self._serial = SerialPropagation(classifier, working_set)
        for of_another in ("dataflow", "_strategies"):
            vars(self).pop(of_another, None)
        if self.config.strategy == "dataflow":
            # A network that cannot be traced is refused here, and not at the first question.
            _ = self.dataflow
        self._chosen: dict[str, Propagation] = {}
        self._class_units: tuple[Tensor | None] | None = None
        self._connections: Connections | None = None
        return self

    @cached_property
    def dataflow(self) -> Dataflow | None:
        """The network's operations; ``None`` if they cannot be followed.

        The network is traced when this is first asked for, so that a stage without questions does
        not wait for it.
        """
        return self._trace(self.classifier)

    @cached_property
    def _strategies(self) -> dict[Strategy, Propagation]:
        """What may answer a sweep, the fastest first."""
        classifier, working_set = self.classifier, self._working_set
        strategies: dict[Strategy, Propagation] = {}
        if self.dataflow is not None:
            strategies["dataflow"] = DataflowPropagation(
                classifier, working_set, self.dataflow, self._memory_ceiling
            )
        strategies["vmap"] = VmapPropagation(classifier, working_set)
        strategies["expanded"] = ExpandedPropagation(classifier, working_set)
        strategies["serial"] = self._serial
        asked = self.config.strategy
        return strategies if asked == "auto" else {asked: strategies[asked]}

    @property
    def connections(self) -> Connections:
        """The connections between the tested layers."""
        if self._connections is None:
            self._connections = find_connections(
                self.classifier, self.space.layers, self.dataflow, self._some_pictures
            )
        return self._connections

    def class_units(self, layer: ParameterLayer) -> Tensor | None:
        """Return for each class the only unit of the last layer on which its logit depends.

        Returns
        -------
        Tensor or None
            ``[K]``; ``None`` if there is no such unit for some class, the layer is not the last, or
            its concepts are heads.
        """
        if not layer.is_last or layer.granularity == "head":
            return None
        if self._class_units is None:
            module = self._module(layer)
            self._class_units = (class_units(self.classifier, module, self._some_pictures),)
        return self._class_units[0]

    def first_order(self, units: Units, target: Tensor) -> Tensor:
        """Return the first-order estimate of each removal's effect on a logit.

        It takes one backward pass per image: ``-sum w * dy/dw`` over the weights of each concept.

        Parameters
        ----------
        units
            ``n`` units.
        target
            ``[n]``, the class of the logit y.

        Returns
        -------
        Tensor
            ``[n, d]``.

        Raises
        ------
        CapabilityError
            If the logits have no gradient with respect to some layer's weights.
        """
        return first_order_effects(
            self.classifier, self.space.layers, units.residual["inputs"], target
        )

    def _respond(
        self,
        units: Units,
        interventions: Intervention,
        want: tuple[Want, ...],  # noqa: ARG002
    ) -> Response:
        starts = range(0, len(units), self._images_at_once)
        some = [slice(start, start + self._images_at_once) for start in starts]
        answers = [self._answer(units[rows], interventions.for_units(rows)) for rows in some]
        return Response(logits=answers[0] if len(answers) == 1 else torch.cat(answers, dim=1))

    def _answer(self, units: Units, interventions: Intervention) -> Tensor:
        inputs = units.residual["inputs"]
        device = inputs.device
        targets = interventions.targets.to(device)
        values = interventions.resolve(units.values)
        if targets.shape[1] == 1 and int(targets.min()) != NO_TARGET:
            return self._sweep(inputs, targets[:, 0], values[..., 0])
        shape = (len(interventions), len(units), len(self.classifier.class_names))
        logits = torch.empty(shape, device=device)
        sizes = (targets != NO_TARGET).sum(dim=1)
        if bool((sizes == 0).any()):
            logits[sizes == 0] = self.classifier.model(inputs).to(logits.dtype)
        for row in (sizes > 1).nonzero()[:, 0].tolist():
            logits[row] = self._edited(inputs, targets[row], values[row]).to(logits.dtype)
        single = sizes == 1
        if bool(single.any()):
            column = targets[single].argmax(dim=1, keepdim=True)
            concept = targets[single].gather(1, column)[:, 0]
            value = values[single].gather(2, column[:, None].expand(-1, len(units), 1))[..., 0]
            logits[single] = self._sweep(inputs, concept, value)
        return logits

    def _sweep(self, inputs: Tensor, concept: Tensor, value: Tensor) -> Tensor:
        """Return ``[q, n, K]`` for interventions on one concept each."""
        shape = (len(concept), len(inputs), len(self.classifier.class_names))
        answers = torch.empty(shape, device=inputs.device)
        if value.shape[1] > 1 and (value.stride(1) == 0 or bool((value == value[:, :1]).all())):
            value = value[:, :1]
        first, last = (int(end) for end in concept.aminmax())
        for layer in self.space.layers:
            if last < layer.first or first >= layer.indices.stop:
                continue
            if layer.first <= first and last < layer.indices.stop:
                return self._of_layer(layer, inputs, concept, value).to(answers.dtype)
            rows = (concept >= layer.first) & (concept < layer.indices.stop)
            if bool(rows.any()):
                found = self._of_layer(layer, inputs, concept[rows], value[rows])
                answers[rows] = found.to(answers.dtype)
        return answers

    def _of_layer(
        self, layer: ParameterLayer, inputs: Tensor, concept: Tensor, value: Tensor
    ) -> Tensor:
        """Return ``[q, n, K]`` for interventions on one concept of a layer each."""
        edits = edits_of(layer, concept, value)
        return self._propagation(layer, inputs).logits(layer.name, inputs, edits)

    def _edited(self, inputs: Tensor, targets: Tensor, values: Tensor) -> Tensor:
        """Return ``[n, K]`` under one intervention on several concepts, ``values`` ``[n, k]``."""
        if bool((values == values[:1]).all()):
            return self._with_weights(inputs, targets, values[0])
        each = zip(inputs, values, strict=True)
        return torch.cat([self._with_weights(image[None], targets, v) for image, v in each])

    def _with_weights(
        self,
        inputs: Tensor,
        targets: Tensor,
        values: Tensor,
        state: Mapping[str, Tensor] = MappingProxyType({}),
    ) -> Tensor:
        """Return ``[n, K]`` of a network with edited weights, and others from ``state``."""
        weights = dict(state)
        for layer in self.space.layers:
            rows = (targets >= layer.first) & (targets < layer.indices.stop)
            if bool(rows.any()):
                edits = edits_of(layer, targets[rows], values[rows, None])
                module = self._module(layer)
                weights |= edited_parameters(layer.name, module, edits, values[rows], weights)
        # With tie_weights, functional_call would leave the edited weights in a module that the
        # network has under two names.
        logits: Tensor = functional_call(
            self.classifier.model, weights, (inputs,), tie_weights=False
        )
        return logits

    def _propagation(self, layer: ParameterLayer, inputs: Tensor) -> Propagation:
        """Return the fastest strategy that is exact for this layer, as tested on some edits.

        The test takes a few forward passes; it is needed because a network may contain operations
        that no rule here covers. Where no edit has an effect by which a strategy could be tested,
        each edit runs the network with edited weights.
        """
        if layer.name in self._chosen:
            return self._chosen[layer.name]
        each = 1 if self._is_large else 2
        images = torch.cat([inputs[:each], self._pictures[:each].to(inputs.dtype)])
        probes = telling_probes(layer, images, self._with_weights, **self._probing)
        if probes is None and self._is_exact_in_double(layer, images):
            chosen: Propagation | None = self._strategies["dataflow"]
        elif probes is None:
            _logger.warning(
                "%s: no edit that was tried moves the logits, so that no fast computation could be "
                "tested; each edit runs the network anew",
                layer.name,
            )
            chosen = self._serial
        else:
            chosen = exact_strategy(layer.name, self._strategies.items(), probes)
        if chosen is None:
            tried = ", ".join(self._strategies)
            raise CapabilityError(
                f"no strategy ({tried}) is exact for edits of layer {layer.name!r}"
            )
        self._chosen[layer.name] = chosen
        return chosen

    def _is_exact_in_double(self, layer: ParameterLayer, images: Tensor) -> bool:
        """Return whether the data flow is exact for edits that only float64 can tell from none."""
        flow = self._strategies.get("dataflow")
        if not isinstance(flow, DataflowPropagation) or not flow.applies(
            layer.name, layer.granularity
        ):
            return False
        model = self.classifier.model
        state = {
            name: tensor.double() if tensor.is_floating_point() else tensor
            for name, tensor in (*model.named_parameters(), *model.named_buffers())
        }

        def truth(inputs: Tensor, targets: Tensor, values: Tensor) -> Tensor:
            return self._with_weights(inputs, targets, values, state)

        try:
            probes = telling_probes(layer, images.double(), truth, IN_DOUBLE, **self._probing)
            if probes is None or probes.logits.dtype != torch.float64:
                return False
            answer = flow.logits(layer.name, probes.images, probes.edits, torch.float64)
        except Exception as error:
            # The user's forward() may take images of one type alone.
            _logger.info("%s: cannot be computed in float64: %s", layer.name, error)
            return False
        return probes.agree(answer)

    def _trace(self, classifier: Classifier) -> Dataflow | None:
        if self.config.strategy not in ("auto", "dataflow"):
            return None
        known = self.space.dataflow
        try:
            if known is not None and known.follows(classifier, self._some_pictures):
                return known
            return Dataflow(classifier, self._some_pictures)
        except UntraceableError as error:
            if self.config.strategy == "dataflow":
                raise CapabilityError(f"the network cannot be traced: {error}") from error
            _logger.warning(
                "the network's operations can't be followed (%s), so that each edit takes about as "
                "long as a forward pass",
                error,
            )
            return None

    def _module(self, layer: ParameterLayer) -> EditableLayer:
        return editable_layer(self.classifier.model, layer.name)
