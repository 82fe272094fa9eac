"""The examination of a network: whether its answers can be relied on, tried on a few images.

An explanation asks a network thousands of times and compares the answers. It is right only if the
answer for an image depends on nothing but the image.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from causalxai.errors import CausalxaiError, ContractError
from causalxai.network.adaptation import adapt, adaptation_of, name_of, unread
from causalxai.network.gradients import gradient_fault, squashed_by
from causalxai.network.outputs import (
    checked_reading,
    layer_before_end,
    layer_explains,
    refuse_values,
)
from causalxai.network.reading import LOGITS, PLAIN, Reading
from causalxai.network.shared_randomness import own_randomness, random_states
from causalxai.network.state import changes, state_of

_REPEATED = 1e-6
"""The largest difference of two answers to the same question, relative to the logits."""
_ROUNDING = 1e-4
"""The largest difference by rounding in float32, relative to the logits: another batch size, other
sums."""
_STEPS = 8
"""The same for other types, in units of their precision."""
_TF32 = 1e-3
"""The precision of products on accelerators, which may round float32 to ten bits."""
_FLOOR = 1e-6
"""The largest difference where all logits are about 0."""

_logger = logging.getLogger(__name__)


class Examination:
    """Tries a network on some images.

    Parameters
    ----------
    model
        A network in evaluation mode, which is adapted where it has to be.
    classes
        The number of logits.
    """

    def __init__(self, model: nn.Module, classes: int) -> None:
        self.model = model
        self.classes = classes
        self.name = name_of(model)

    def first_call(self, images: Tensor, stated: Reading = PLAIN) -> None:
        """Find out how the network has to be called, and how its answers are read.

        Parameters
        ----------
        images
            ``[n, c, h, w]``. It is called on the first one; on all, where it has to be found out
            what goes into the softmax or sigmoid at its end.
        stated
            What the network's user says of its answers.

        Raises
        ------
        ContractError
            If it fails, or gives neither logits ``[1, K]`` nor what they can be made of.
        """
        adaptation = adaptation_of(self.model)
        adaptation.prepares.require_channels(images.shape[1])
        if adaptation.reads != PLAIN:
            # A copy of a network that was examined before.
            self._find_types(images[:1], self._answer)
            return
        returned = self._find_types(images[:1], lambda image: self._call(image.clone()))
        shape = tuple(images.shape[1:])
        found = checked_reading(returned, stated, self.classes, self.name, shape)
        found = replace(found, layer=self._layer_before_end(images, found))
        adapt(self.model, replace(adaptation_of(self.model), reads=found))
        self._answer(images[:1])

    @torch.no_grad()
    def _layer_before_end(self, images: Tensor, reading: Reading) -> str:
        found = layer_before_end(self.model, images.clone(), reading)
        if reading.output not in LOGITS:
            _logger.info(
                "%s gives %s; its logits are %s", self.name, reading.output,
                f"the output of its layer {found!r}" if found else "their logarithms",
            )  # fmt: skip
        return found

    @torch.no_grad()
    def _find_types(self, image: Tensor, ask: Callable[[Tensor], Any]) -> Any:
        """Ask the network, in its own type of numbers if it takes no other."""
        try:
            return ask(image)
        except ContractError:
            other = self._own_dtype()
            if other is None:
                raise
            kept = adaptation_of(self.model)
            adapt(self.model, replace(kept, takes=other))
            try:
                return ask(image)
            except ContractError:
                adapt(self.model, kept)
                return ask(image)

    def try_on(self, images: Tensor) -> Tensor:
        """Ask about the same images in several ways, and return the logits ``[n, K]``.

        Parameters
        ----------
        images
            ``[n, c, h, w]``, two or more.

        Raises
        ------
        ContractError
            If the answers differ, or the network changes itself, or returns probabilities; the
            message says what is wrong.
        """
        with own_randomness():
            return self._try_on(images)

    def _try_on(self, images: Tensor) -> Tensor:
        drawn = random_states()
        # The first call may fill caches.
        first = self._answer(images)
        before = state_of(self.model)
        again = self._answer(images)
        # A network that changes itself often answers differently too: this is the cause.
        self._unchanged(before)
        if first.untyped_storage().data_ptr() == again.untyped_storage().data_ptr():
            # The next call overwrites the answer to this one.
            self._adapt(copies_logits=True)
            first, again = self._answer(images), self._answer(images)
        self._same(
            first, again, _REPEATED, "answers differently each time it is asked the same",
            "switch off dropout and everything else that is random in evaluation mode, as in "
            "functional.dropout(x, training=self.training)",
        )  # fmt: skip
        alone = torch.cat([self._answer(image[None]) for image in images[:2]])
        turned = self._answer(images.flip(0)).flip(0)
        for other in (alone, turned[: len(alone)], turned):
            self._same(
                again[: len(other)], other, _ROUNDING,
                "answers differently for an image in another batch",
                "its answer must depend on nothing but the image, so normalise by stored "
                "statistics and not by the batch's, and do not quantise dynamically",
                images,
            )  # fmt: skip
        self._unchanged(before)
        if random_states() != drawn:
            raise ContractError(
                f"{self.name} draws random numbers in evaluation mode, so that its answers could "
                "not be repeated: switch off what is random"
            )
        return self._refuse_other_outputs(images, again)

    def gradient_fault(self, image: Tensor, plain: Tensor) -> str:
        """Return why there are no gradients by an image; empty if there are.

        Parameters
        ----------
        image
            ``[1, c, h, w]``.
        plain
            ``[1, K]``, its logits where no gradients are computed.

        Raises
        ------
        ContractError
            If the answer depends on whether gradients are computed, or on hooks that only read;
            if the network ends in a softmax or a sigmoid.
        """
        with _hooks_that_do_nothing(self.model):
            logits, fault = gradient_fault(self.model, image)
        if logits is not None:
            self._same(
                plain, logits.detach(), _ROUNDING,
                "answers differently where gradients are computed or its layers are read",
                "forward() must not depend on either",
                image,
            )  # fmt: skip
            if end := self._end(image, logits):
                raise ContractError(
                    f"{self.name} ends in a {end}; a classifier must return logits: return what "
                    f"goes into the {end}, or say with output= that it gives probabilities"
                )
        return fault

    @torch.no_grad()
    def _refuse_other_outputs(self, images: Tensor, logits: Tensor) -> Tensor:
        """Refuse outputs that are not what they are said to be, and return the logits."""
        reading = adaptation_of(self.model).reads
        if reading == PLAIN:
            refuse_values(logits, reading, self.name)
            return logits
        with unread(self.model):
            values = reading.values(self._call(images.clone()))
        refuse_values(values, reading, self.name)
        if reading.layer and not layer_explains(logits, values, reading):
            _logger.info("the layer %r does not give all logits of %s", reading.layer, self.name)
            self._adapt(reads=replace(reading, layer=""))
            return self._answer(images)
        return logits

    def _end(self, image: Tensor, logits: Tensor) -> str:
        """Return what a network ends in whose outputs are said to be logits, but are not."""
        reading = adaptation_of(self.model).reads
        if reading.output not in LOGITS:
            return ""
        if reading == PLAIN:
            return squashed_by(logits)
        with unread(self.model), torch.enable_grad():
            return squashed_by(reading.values(self._call(image.clone().requires_grad_())))

    @torch.no_grad()
    def _answer(self, images: Tensor) -> Tensor:
        """Return the logits ``[n, K]``, and adapt the network where that turns out necessary."""
        given = images.clone()
        version = given._version
        logits = self._call(given)
        shape = (len(images), self.classes)
        if not isinstance(logits, Tensor) or logits.shape != shape:
            got = list(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
            raise ContractError(
                f"{self.name} must map [n, {', '.join(map(str, images.shape[1:]))}] to "
                f"logits [n, {self.classes}]; {_count(images)} gives {got}"
            )
        if not logits.is_floating_point():
            raise ContractError(f"{self.name} must return logits, not numbers of {logits.dtype}")
        if not bool(torch.isfinite(logits).all()):
            raise ContractError(
                f"{self.name} returns logits that are not finite for {_count(images)}"
            )
        if given._version != version or not torch.equal(given, images):
            self._adapt(copies_images=True)
        if logits.is_inference() and not torch.is_inference_mode_enabled():
            self._adapt(copies_logits=True)
        if logits.dtype != torch.float32:
            self._adapt(gives_float32=True)
        return logits.to(torch.float32)

    def _call(self, images: Tensor) -> Any:
        dtype, grad = torch.get_default_dtype(), torch.is_grad_enabled()
        try:
            logits = self.model(images)
        except CausalxaiError:
            raise
        except Exception as error:
            # The network may be the user's own code, which may raise any exception.
            raise ContractError(
                f"{self.name} fails on {_count(images)} of shape {list(images.shape[1:])}: "
                f"{type(error).__name__}: {error}"
            ) from error
        finally:
            left = (torch.get_default_dtype(), torch.is_grad_enabled())
            torch.set_default_dtype(dtype)
            torch.set_grad_enabled(grad)
        if left != (dtype, grad):
            raise ContractError(
                f"{self.name} changes PyTorch's default type or its gradient mode, and leaves it "
                "so; forward() must put back what it changes"
            )
        return logits

    def _adapt(self, **needed: Any) -> None:
        now = adaptation_of(self.model)
        then = replace(now, **needed)
        if then == now:
            # Hooks run outside of forward(), which is all that can be adapted.
            raise ContractError(
                f"a hook of {self.name} {then.reason}; let the hook return a changed copy in "
                "float32, or do in forward() what it does"
            )
        adapt(self.model, then)

    def _own_dtype(self) -> torch.dtype | None:
        """Return the type of the network's parameters, if it is one and not float32."""
        tensors = [*self.model.parameters(), *self.model.buffers()]
        types = {tensor.dtype for tensor in tensors if tensor.is_floating_point()}
        return types.pop() if len(types) == 1 and torch.float32 not in types else None

    def _same(
        self,
        one: Tensor,
        other: Tensor,
        share: float,
        how: str,
        advice: str,
        images: Tensor | None = None,
    ) -> None:
        """Raise ContractError if two answers differ by more than rounding.

        With ``images``, rounding is that of the types with which the network computes on them.
        """
        scale, apart = float(one.abs().max()), float((one - other).abs().max())
        if apart <= share * scale + _FLOOR:
            return
        if images is not None and apart <= self._rounding(images) * scale + _FLOOR:
            return
        raise ContractError(
            f"{self.name} {how}: logits of up to {scale:.3g} differ by {apart:.2g}; {advice}"
        )

    @torch.no_grad()
    def _rounding(self, images: Tensor) -> float:
        """Return the relative difference that rounding may cause in this network."""
        with _Types() as seen:
            self.model(images.clone())
        coarsest = max((torch.finfo(dtype).eps for dtype in seen.types), default=0.0)
        if images.device.type != "cpu":
            coarsest = max(coarsest, _TF32)
        return max(_ROUNDING, _STEPS * coarsest)

    def _unchanged(self, before: dict[str, str]) -> None:
        changed = changes(before, state_of(self.model))
        if changed:
            raise ContractError(
                f"{self.name} changes {changed[0]} whenever it is called, so that its answers "
                "depend on what it was asked before; in evaluation mode forward() must leave the "
                "network as it is"
            )


class _Types(TorchDispatchMode):
    """Notes the types of the numbers that are computed with."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.types: set[torch.dtype] = set()

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        results = func(*args, **(kwargs or {}))
        self.types |= {
            leaf.dtype
            for leaf in tree_leaves(results)
            if isinstance(leaf, Tensor) and leaf.is_floating_point()
        }
        return results


@contextmanager
def _hooks_that_do_nothing(model: nn.Module) -> Iterator[None]:
    """Set a hook on every layer that can have one."""

    def nothing(_layer: nn.Module, _inputs: object, _output: object) -> None: ...

    layers = [layer for layer in model.modules() if not isinstance(layer, torch.jit.ScriptModule)]
    handles = [layer.register_forward_hook(nothing) for layer in layers]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _count(images: Tensor) -> str:
    return "one image" if len(images) == 1 else f"a batch of {len(images)} images"
