"""The losses of a twin, except those of the alignment; each is an unweighted scalar."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from causalxai.training.data_parallel import draw_rows


def generator_loss(fake_logits: Tensor) -> Tensor:
    """Return the non-saturating logistic loss of the generator, for logits ``[n]``.

    Notes
    -----
    Source: Goodfellow et al. 2014; ``mean softplus(-D(G(l)))``, at least 0.
    """
    return F.softplus(-full_precision(fake_logits)).mean()


def discriminator_loss(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """Return the logistic loss of the discriminator, for logits ``[n]`` and ``[m]``.

    Notes
    -----
    Source: Goodfellow et al. 2014; at least 0, and 2 log 2 where both are indistinguishable.
    """
    return (
        F.softplus(full_precision(fake_logits)).mean()
        + F.softplus(-full_precision(real_logits)).mean()
    )


def r1_penalty(real_logits: Tensor, images: Tensor) -> Tensor:
    """Return the mean squared norm of the discriminator's gradient on real pictures.

    Parameters
    ----------
    real_logits
        ``[n]``, computed from ``images``, each from its own image alone.
    images
        ``[n, c, h, w]``, with ``requires_grad`` set before the discriminator's forward pass.

    Returns
    -------
    Tensor
        A scalar, at least 0, to be weighted by gamma / 2; with lazy regularisation, also by the
        number of steps between two calls.

    Notes
    -----
    Source: Mescheder, Geiger and Nowozin 2018, equation 9.
    """
    (gradient,) = torch.autograd.grad(full_precision(real_logits).sum(), images, create_graph=True)
    return full_precision(gradient).square().flatten(1).sum(dim=1).mean()


class PathLength(nn.Module):
    """StyleGAN2's path length regulariser: equal steps in the latents change the image equally.

    The penalty is ``mean (||J^T y|| - a)^2``, where ``J`` is the Jacobian of the images with
    respect to the latents, ``y`` are random images and ``a`` is the running mean of the lengths.

    Parameters
    ----------
    decay
        Weight of a new batch in the running mean, in (0, 1]. The first ``1 / decay`` batches have
        equal weight, whereas StyleGAN2 starts from 0: in a short training that would reduce the
        lengths, and with them the effects of interventions.

    Notes
    -----
    Source: Karras et al. 2020, section 3.2, equation 4. ``y ~ N(0, 1) / sqrt(h w)``, as in the
    authors' code, makes lengths comparable between sizes.
    """

    def __init__(self, decay: float = 0.01) -> None:
        super().__init__()
        self.decay = decay
        self.register_buffer("mean", torch.zeros(()))
        self.register_buffer("seen", torch.zeros(()))
        self.mean: Tensor
        self.seen: Tensor

    def forward(self, images: Tensor, latents: Tensor, generator: torch.Generator) -> Tensor:
        """Return the penalty, and update the running mean with the lengths during training.

        Parameters
        ----------
        images
            ``[n, c, h, w]``, rendered from ``latents``, each from its own row alone.
        latents
            ``[n, L]``, with a gradient.
        generator
            The generator of the random images.

        Returns
        -------
        Tensor
            A scalar, at least 0.
        """
        lengths = path_lengths(images, latents, generator)
        if self.training:
            with torch.no_grad():
                self.seen += 1
                share = (1 / self.seen).clamp(min=self.decay)
                self.mean.lerp_(lengths.mean().to(self.mean), share)
        return (lengths - self.mean.to(lengths)).square().mean()


def path_lengths(images: Tensor, latents: Tensor, generator: torch.Generator) -> Tensor:
    """Return ``||J^T y||`` of each picture, ``[n]``; see `PathLength`."""
    y = draw_rows(partial(torch.randn, device=generator.device), images.shape, generator)
    y = y.to(images.device) / (images.shape[2] * images.shape[3]) ** 0.5
    total = (full_precision(images) * y).sum()
    (gradient,) = torch.autograd.grad(total, latents, create_graph=True)
    # The square root is not differentiable at 0.
    return (full_precision(gradient).square().sum(dim=1) + 1e-12).sqrt()


def reconstruction(images: Tensor, targets: Tensor) -> Tensor:
    """Return the mean squared error plus a tenth of the mean absolute error of pictures."""
    images, targets = full_precision(images), full_precision(targets)
    return F.mse_loss(images, targets) + 0.1 * F.l1_loss(images, targets)


def consistency(logits_of_reconstruction: Tensor, logits_of_original: Tensor) -> Tensor:
    """Return the cross-entropy between a classifier's predictions for two images.

    Parameters
    ----------
    logits_of_reconstruction, logits_of_original
        ``[n, K]``. The original's probabilities are the target, with no gradient.

    Returns
    -------
    Tensor
        A scalar in nats; at least the mean entropy of the classifier's own predictions.

    Notes
    -----
    Source: GLANCE, section 3.2, L_cls: the classifier's prediction, not the data's label.
    """
    target = full_precision(logits_of_original.detach()).softmax(dim=1)
    return F.cross_entropy(full_precision(logits_of_reconstruction), target)


def full_precision(values: Tensor) -> Tensor:
    """Return values in at least single precision."""
    return values.to(torch.promote_types(values.dtype, torch.float32))
