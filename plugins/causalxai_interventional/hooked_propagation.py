"""Exact strategies by hooks, for any network, and by edited copies of weights."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.overrides import TorchFunctionMode

from causalxai.classifier import Classifier
from causalxai_interventional.edits import (
    Affine,
    EditableLayer,
    Edits,
    Granularity,
    channel_dim,
    edited_parameters,
    output_change,
    output_change_by_row,
)
from causalxai_interventional.propagation import Propagation, largest_activation


class VmapPropagation(Propagation):
    """Runs any network once per chunk by vmap; operations before the layer are shared."""

    def __init__(self, classifier: Classifier, working_set: int) -> None:
        super().__init__(classifier, working_set)
        self._behind: dict[str, int] = {}

    def applies(self, layer: str, granularity: Granularity) -> bool:  # noqa: ARG002
        """Return True, because it applies to any layer."""
        return True

    def logits(self, layer: str, inputs: Tensor, edits: Edits) -> Tensor:
        """Return ``[q, n, K]`` for ``q`` edits and ``n`` images."""
        module = self._module(layer)
        whole = edits.source is None

        def under_edit(channel: Tensor, source: Tensor, scale: Tensor) -> Tensor:
            edit = replace(
                edits,
                channel=channel[None],
                source=None if whole else source[None],
                scale=scale[None],
            )

            def hook(layer_inputs: Tensor, output: Tensor) -> Tensor:
                change = output_change(Affine.of(module), layer_inputs, output, edit)[0]
                if edits.granularity == "head":
                    return output + change
                dim = channel_dim(module)
                channels = torch.arange(output.shape[dim], device=output.device)
                hit = (channels == channel).view(-1, *[1] * (output.dim() - 1)).movedim(0, dim)
                return torch.where(hit, output + change.unsqueeze(dim), output)

            with _output_hook(module, hook), _OutOfPlace():
                logits: Tensor = self.classifier.model(inputs)
            return logits

        if layer not in self._behind:
            self._behind[layer] = largest_activation(self.classifier, since=layer)
        batched = torch.func.vmap(under_edit)
        sources = edits.channel if edits.source is None else edits.source
        with warnings.catch_warnings():
            # Operations without a rule for batches, as in attention, are run one by one.
            warnings.filterwarnings("ignore", message="There is a performance drop")
            return torch.cat(
                [
                    batched(edits.channel[rows], sources[rows], edits.scale[rows])
                    for rows in self._chunks(len(edits), 4 * len(inputs) * self._behind[layer])
                ]
            )


class ExpandedPropagation(Propagation):
    """Repeats the images for each edit of a chunk; slow, but without requirements."""

    def applies(self, layer: str, granularity: Granularity) -> bool:  # noqa: ARG002
        """Return True, because it applies to any layer."""
        return True

    def logits(self, layer: str, inputs: Tensor, edits: Edits) -> Tensor:
        """Return ``[q, n, K]`` for ``q`` edits and ``n`` images."""
        module = self._module(layer)
        n = inputs.shape[0]
        answers = []
        for rows in self._chunks(len(edits), 4 * n * self.activation):
            some = edits[rows]
            answers.append(self._chunk(module, inputs, some).unflatten(0, (len(some), n)))
        return torch.cat(answers)

    def _chunk(self, module: EditableLayer, inputs: Tensor, edits: Edits) -> Tensor:
        q, n = len(edits), inputs.shape[0]

        def hook(layer_inputs: Tensor, output: Tensor) -> Tensor:
            by_row = output.unflatten(0, (q, n)).clone()
            change = output_change_by_row(
                Affine.of(module), layer_inputs.unflatten(0, (q, n)), by_row, edits
            )
            if edits.granularity == "head":
                return torch.flatten(by_row + change, 0, 1)
            dim = channel_dim(module)
            rows = torch.arange(q, device=output.device)
            by_row.movedim(dim if dim < 0 else dim + 1, 1)[rows, edits.channel] += change
            return torch.flatten(by_row, 0, 1)

        with _output_hook(module, hook):
            logits: Tensor = self.classifier.model(_repeat(inputs, q))
        return logits


class SerialPropagation(Propagation):
    """Runs the network once per edit with an edited copy of the weight; exact for any network."""

    def applies(self, layer: str, granularity: Granularity) -> bool:  # noqa: ARG002
        """Return True, because it applies to any layer."""
        return True

    def logits(self, layer: str, inputs: Tensor, edits: Edits) -> Tensor:
        """Return ``[q, n, K]`` for ``q`` edits and ``n`` images."""
        module, answers = self._module(layer), []
        for number, scale in enumerate(edits.scale):
            edit = edits[number : number + 1]
            rows = inputs.split(len(inputs) if len(scale) == 1 else 1)
            logits = []
            for images, value in zip(rows, 1 + scale, strict=True):
                edited = edited_parameters(layer, module, edit, value[None])
                logits.append(
                    functional_call(self.classifier.model, edited, (images,), tie_weights=False)
                )
            answers.append(torch.cat(logits))
        return torch.stack(answers)


class _OutOfPlace(TorchFunctionMode):
    """Replaces in-place operations by their out-of-place counterparts, which vmap can batch.

    ``out += identity`` cannot write a batched value into an unbatched tensor.
    """

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        if kwargs.get("inplace"):
            kwargs["inplace"] = False
        name, out_of_place = getattr(func, "__name__", ""), func
        if name.startswith("__i") and name not in ("__invert__", "__index__", "__int__"):
            out_of_place = getattr(torch.Tensor, "__" + name.removeprefix("__i"), func)
        elif name.endswith("_") and not name.endswith("__"):
            out_of_place = getattr(torch.Tensor, name[:-1], func)
        # `requires_grad_` has a namesake, `requires_grad`, that is not a function.
        return (out_of_place if callable(out_of_place) else func)(*args, **kwargs)


@contextmanager
def _output_hook(module: nn.Module, change: Callable[[Tensor, Tensor], Tensor]) -> Iterator[None]:
    handle = module.register_forward_hook(lambda _module, args, output: change(args[0], output))
    try:
        yield
    finally:
        handle.remove()


def _repeat(tensor: Tensor, times: int) -> Tensor:
    """Repeat along the first axis, the copies one after the other."""
    return tensor.repeat(times, *[1] * (tensor.dim() - 1))
