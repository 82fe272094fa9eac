"""The measures of the paper's tables 1 and 2, on test images."""

from __future__ import annotations

import torch
from pydantic import Field, PositiveInt
from torch import Tensor

from causalxai.capabilities import Capability, expect
from causalxai.metric import Estimate, MetricResult, RunMetric, ScoringInputs
from causalxai.metrics.resampling import bootstrapped
from causalxai.plugin import PluginConfig
from causalxai.seeding import numpy_generator
from causalxai_dvae.bit_space import BitSpace
from causalxai_dvae.complement import ComplementedCode
from causalxai_dvae.fisher_overlap import shared_information

_PAPER = "Gat, Lorberbom, Schwartz, Hazan, Latent space explanation by intervention, AAAI 2022"


class _CodeMetric(RunMetric):
    """The base of the three measures of table 1, which measure the code and not an explanation."""

    higher_is_better = True
    value_range = (0.0, 1.0)
    reference = f"{_PAPER}, table 1"
    requires = frozenset({Capability.CONCEPTS})

    class Config(PluginConfig):
        """Settings.

        Parameters
        ----------
        images
            The largest number of test images.
        """

        images: PositiveInt = 2000

    config: Config

    def _of_test_images(self, inputs: ScoringInputs) -> tuple[BitSpace, Tensor, Tensor]:
        """Return the space, activations ``[n, d]`` of test images, and their labels."""
        space = expect(inputs.need_space(), BitSpace, self.name)
        test = inputs.dataset.test
        rows = torch.randperm(len(test), generator=inputs.rng)[: self.config.images]
        activations = space.activations(test.images[rows])
        return space, activations, test.labels[rows].to(activations.device)


class FlipChanged(_CodeMetric):
    """The share of images whose prediction changes when all bits are flipped.

    From phi', the decoded code, to psi, the decoded complement; the part ``from phi`` compares with
    the classifier's own prediction instead. ``chance`` flips half of the bits at random. A code
    with ``turn`` above 0 was trained for this measure.
    """

    name = "flip-changed"

    def _score_run(self, inputs: ScoringInputs) -> MetricResult:
        space, activations, _ = self._of_test_images(inputs)
        found = ComplementedCode.of(space.autoencoder_, space.layer_, activations)
        scores = torch.rand(found.code.shape, generator=inputs.rng).to(found.code.device)
        half = scores.argsort(dim=1) < found.code.shape[1] // 2
        mixed = found.code.where(~half, 1 - found.code)
        with torch.no_grad():
            some = space.layer_.logits(space.autoencoder_.decode(mixed)).argmax(dim=1)
        return MetricResult(
            self.name,
            estimate=_share(found.prediction_changed),
            chance=_share(some != found.classes_kept),
            parts={"from phi": _share(found.classes_flipped != found.classes)},
        )


class CodeAgreement(_CodeMetric):
    """The share of images with the same prediction from phi and from phi'.

    ``chance`` decodes another image's code.
    """

    name = "code-agreement"

    def _score_run(self, inputs: ScoringInputs) -> MetricResult:
        space, activations, _ = self._of_test_images(inputs)
        found = ComplementedCode.of(space.autoencoder_, space.layer_, activations)
        others = torch.randperm(len(activations), generator=inputs.rng).to(activations.device)
        return MetricResult(
            self.name,
            estimate=_share(found.classes_kept == found.classes),
            chance=_share(found.classes_kept[others] == found.classes),
        )


class CodeAccuracy(_CodeMetric):
    """The share of images that are classified correctly from phi'.

    The part ``with phi`` is the classifier's own accuracy; ``chance`` always predicts the most
    frequent class.
    """

    name = "code-accuracy"

    def _score_run(self, inputs: ScoringInputs) -> MetricResult:
        space, activations, labels = self._of_test_images(inputs)
        found = ComplementedCode.of(space.autoencoder_, space.layer_, activations)
        return MetricResult(
            self.name,
            estimate=_share(found.classes_kept == labels),
            chance=_share(labels == labels.mode().values),
            parts={"with phi": _share(found.classes == labels)},
        )


class SharedInformation(_CodeMetric):
    """The cosine between the Fisher information of the generator and of the classifier.

    It compares the functional Fisher information of g at phi' with that of the classifier's rest at
    phi, averaged over images and corrected for the variance of the estimates. ``chance`` shuffles
    the coordinates of one of them, and the part ``of the means`` compares their means over images.
    A high cosine alone does not mean a better explanation: with a strong regulariser it approaches
    1 while the pictures lose their content. Compare it with ``attribute-change``.
    """

    name = "shared-information"
    value_range = (0.0, 1.0)
    reference = f"{_PAPER}, table 2"

    class Config(_CodeMetric.Config):
        """Settings.

        Parameters
        ----------
        images
            The largest number of test images.
        samples
            The number of Gaussian draws for each image, for generator and classifier each.
        """

        images: PositiveInt = 500
        samples: int = Field(16, ge=2, multiple_of=2)

    config: Config

    def _score_run(self, inputs: ScoringInputs) -> MetricResult:
        space, activations, _ = self._of_test_images(inputs)
        information = shared_information(
            space.generator_,
            space.layer_,
            space.autoencoder_,
            activations,
            rng=inputs.rng,
            samples=self.config.samples,
        )
        rng = numpy_generator(inputs.rng)
        return MetricResult(
            self.name,
            estimate=bootstrapped(
                information.cosine, len(activations), rng, bounds=self.value_range
            ),
            chance=bootstrapped(
                information.by_chance, len(activations), rng, bounds=self.value_range
            ),
            parts={"of the means": Estimate(information.of_means, n=len(activations))},
        )


def _share(hits: Tensor) -> Estimate:
    return Estimate.share(hits.cpu().numpy())
