"""Local explanations: the effects of flips of bits on the prediction and on the picture."""

from __future__ import annotations

import torch
from pydantic import NonNegativeInt
from torch import Tensor

from causalxai.capabilities import Capability
from causalxai.concept import Units
from causalxai.dataset import class_index, some_of_each_class
from causalxai.errors import CapabilityError
from causalxai.explainer import Explainer, Explanation, ExplanationInputs
from causalxai.generic.minimal_sets import (
    MinimalSets,
    ask_sets,
    class_to_reach,
    minimal_sets,
)
from causalxai.intervention import Intervention
from causalxai.oracle import Oracle, Response, Want
from causalxai.outline import Outline
from causalxai.plugin import PluginConfig
from causalxai_dvae.flip_answers import FlipAnswers


class FlipExplainer(Explainer):
    """Flips all bits of an image's code, each bit alone, and a few that change the prediction.

    ``importance`` is the contribution of each bit's value to the target's logit: the logit with
    phi', the decoded code, minus the logit with that bit flipped.

    The map ``flip`` is the method's attribution to pixels: the mean absolute difference over
    channels between the picture of phi' and that of psi, the decoded complement of the code.
    ``minimal flip`` is the same for the *minimal sets*: small sets of bits whose flip changes the
    prediction and from which no single bit can be removed. They are found greedily, and need not be
    the smallest.

    The flip of all bits moves a prediction away from its class. With two classes the new class is
    determined; with more, it is not chosen by the method. The minimal sets can have a target class:
    see ``towards``.

    ``what_ifs`` are of all n images: with phi', with psi, with the minimal set flipped (where there
    is one), and with each bit flipped alone. Pictures of the first three are kept of some images.

    ``details`` hold, for the method's own report:

    - ``original`` ``[n, K]``, the probabilities of the images themselves; - ``minimal`` ``[n, b]``,
    bool, the minimal sets, ``size`` ``[n]``, their numbers of bits, and ``turned`` ``[n]``, bool,
    whether flipping them changes the prediction.

    References
    ----------
    .. [1] Gat, Lorberbom, Schwartz, Hazan, "Latent space explanation by intervention", AAAI 2022;
       single bits and minimal sets are ours.
    """

    requires = frozenset({Capability.CONCEPTS, Capability.ORACLE, Capability.IMAGES})

    class Config(PluginConfig):
        """Settings.

        Parameters
        ----------
        towards
            The class to which the minimal sets should change the prediction; by default any other
            class.
        pictures
            The number of images for which pictures are kept.
        """

        towards: str | None = None
        pictures: NonNegativeInt = 24

    config: Config

    def check_outline(self, outline: Outline) -> None:
        """Check that there is the class ``towards``."""
        if self.config.towards is not None:
            class_index(self.config.towards, outline.class_names, "explain.towards")

    def _explain(self, images: Tensor, target: Tensor, inputs: ExplanationInputs) -> Explanation:
        space, oracle = inputs.need_space(), inputs.need_oracle()
        if not all(concept.is_binary for concept in space.concepts):
            raise CapabilityError("flips need boolean concepts, and this space has others")
        names = inputs.classifier.class_names
        goal = class_to_reach(self.config.towards, len(images), names, "explain.towards")
        units = space.encode(images)
        minimal = minimal_sets(oracle, units, goal)
        perceived, flipped, few = _asked(oracle, units, minimal)
        one_by_one = oracle.query(units, Intervention.flip(torch.arange(len(space.concepts))))
        each = one_by_one.answer("logits").transpose(0, 1)
        own = Response(logits=perceived[0][None]).of_class(target)
        pictured = torch.tensor(
            sorted(some_of_each_class(target, self.config.pictures)), dtype=torch.int64
        )
        kept = pictured.to(perceived[1].device)
        pictures = torch.stack([pictures[kept] for _, pictures in (perceived, flipped, few)])
        answers = FlipAnswers(perceived[0], flipped[0], few[0], each, pictured, pictures)
        details = {
            "original": inputs.classifier.probabilities(images),
            "minimal": minimal.changed,
            "size": minimal.size,
            "turned": minimal.turned,
        }
        return Explanation(
            images=images.cpu(),
            target=target.cpu(),
            concepts=space.names(),
            importance=(own - one_by_one.of_class(target)).T.cpu(),
            maps={
                "flip": _difference(perceived[1], flipped[1]),
                "minimal flip": _difference(perceived[1], few[1]),
            },
            what_ifs=answers.what_ifs(space.names(), minimal.changed),
            units=units,
            details={name: tensor.cpu() for name, tensor in details.items()},
            meta={"towards": self.config.towards},
        )


def _asked(oracle: Oracle, units: Units, minimal: MinimalSets) -> list[tuple[Tensor, Tensor]]:
    """Return logits and pictures for the code, for all bits flipped and for a few flipped."""
    every = torch.arange(units.values.shape[1])
    want: tuple[Want, ...] = ("logits", "images")
    responses = (
        oracle.query(units, Intervention.none(), want=want),
        oracle.query(units, Intervention.flip(every[None]), want=want),
        ask_sets(oracle, units, every, minimal.changed[None], minimal.set_to[None], want),
    )
    return [(one.answer("logits")[0], one.answer("images")[0]) for one in responses]


def _difference(before: Tensor, after: Tensor) -> Tensor:
    return (after - before).abs().mean(dim=1).cpu()
