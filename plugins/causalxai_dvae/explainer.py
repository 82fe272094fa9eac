"""Local explanations: what flips of bits do to the prediction, and to the picture."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from pydantic import NonNegativeInt
from torch import Tensor

from causalxai.capabilities import Capability, expect
from causalxai.concept_space import Units
from causalxai.dataset import some_of_each_class
from causalxai.errors import CapabilityError, did_you_mean
from causalxai.explainer import Explainer, Explanation, ExplanationInputs
from causalxai.intervention import Intervention
from causalxai.plugin import PluginConfig
from causalxai_dvae.bit_oracle import BitOracle
from causalxai_dvae.bit_space import BitSpace
from causalxai_dvae.flip_answers import FlipAnswers
from causalxai_dvae.flips import MinimalFlips, flip_all, flip_each, flip_some, minimal_flips


class FlipExplainer(Explainer):
    """Flips all bits of an image's code, each bit alone, and a few that turn the prediction.

    ``importance`` is what each bit, as it is, adds to the target's logit: the logit with phi',
    the decoded code, minus the logit with that bit flipped.

    The map ``flip`` is the method's claim about pixels: where the picture of phi' and that of
    psi, the decoded complement of the code, differ, as the mean absolute difference of channels;
    ``minimal flip`` is the same for the *minimal sets*: small sets of bits whose flip turns the
    prediction and from which no single bit can be taken back. They are found greedily, and need
    not be the smallest.

    The flip of all bits takes a prediction away from its class. Two classes make that a direction;
    with more, nobody has chosen where it lands. The minimal sets can be aimed: see ``towards``.

    ``what_ifs`` are of all n images: with phi', with psi, with the minimal set flipped (where there
    is one), and with each bit flipped alone. Pictures of the first three are kept of some images.

    ``details`` hold, for the method's own report:

    - ``original`` ``[n, K]``, the probabilities of the images themselves;
    - ``minimal`` ``[n, b]``, bool, the minimal sets, ``size`` ``[n]``, how many bits they have,
      and ``turned`` ``[n]``, bool, whether flipping them turns the prediction.

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
            The class that the minimal sets are to bring about; by default any other than the
            predicted one.
        pictures
            For how many images the pictures are kept.
        """

        towards: str | None = None
        pictures: NonNegativeInt = 24

    config: Config

    def _explain(self, images: Tensor, target: Tensor, inputs: ExplanationInputs) -> Explanation:
        space = expect(inputs.need_space(), BitSpace, type(self).__name__)
        oracle = expect(inputs.need_oracle(), BitOracle, type(self).__name__)
        goal = self._goal(len(images), inputs.classifier.class_names)
        units = space.encode(images)
        minimal = minimal_flips(oracle, units, goal)
        perceived, flipped, few = _asked(oracle, units, minimal)
        each = oracle.query(units, flip_each(len(space.concepts))).answer("logits").transpose(0, 1)
        own, others = (_of_target(logits, target) for logits in (perceived[0], each))
        pictured = torch.tensor(
            sorted(some_of_each_class(target, self.config.pictures)), dtype=torch.int64
        )
        kept = pictured.to(perceived[1].device)
        pictures = torch.stack([pictures[kept] for _, pictures in (perceived, flipped, few)])
        answers = FlipAnswers(perceived[0], flipped[0], few[0], each, pictured, pictures)
        details = {
            "original": inputs.classifier.probabilities(images),
            "minimal": minimal.flipped,
            "size": minimal.size,
            "turned": minimal.turned,
        }
        return Explanation(
            images=images.cpu(),
            target=target.cpu(),
            concepts=space.names(),
            importance=(own[:, None] - others).cpu(),
            maps={
                "flip": _difference(perceived[1], flipped[1]),
                "minimal flip": _difference(perceived[1], few[1]),
            },
            what_ifs=answers.what_ifs(space.names(), minimal.flipped),
            units=units,
            details={name: tensor.cpu() for name, tensor in details.items()},
            meta={"towards": self.config.towards},
        )

    def _goal(self, n: int, class_names: Sequence[str]) -> Tensor | None:
        towards = self.config.towards
        if towards is None:
            return None
        if towards not in class_names:
            raise CapabilityError(
                f"explain.towards: there is no class {towards!r}"
                f"{did_you_mean(towards, class_names)} (there are: {', '.join(class_names)})"
            )
        return torch.full((n,), class_names.index(towards))


def _asked(oracle: BitOracle, units: Units, minimal: MinimalFlips) -> list[tuple[Tensor, Tensor]]:
    """Return logits and pictures as the code is, with all bits and with a few flipped."""
    bits = units.values.shape[1]
    answers = []
    for asked in (Intervention.none(), flip_all(bits), flip_some(units, minimal.flipped[None])):
        response = oracle.query(units, asked, want=("logits", "images"))
        answers.append((response.answer("logits")[0], response.answer("images")[0]))
    return answers


def _difference(before: Tensor, after: Tensor) -> Tensor:
    return (after - before).abs().mean(dim=1).cpu()


def _of_target(logits: Tensor, target: Tensor) -> Tensor:
    """Pick the target of each unit from logits ``[n, ..., K]``."""
    shape = (-1, *(1 for _ in logits.shape[1:]))
    index = target.to(logits.device).view(shape).expand(*logits.shape[:-1], 1)
    return logits.gather(-1, index)[..., 0]
