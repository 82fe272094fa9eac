"""Small networks, and the maps that attributions give of them."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from causalxai import Explainer, ScoringInputs
from causalxai.classifier import Classifier
from causalxai.dataset import Dataset, Split
from causalxai.seeding import torch_generator

SHAPE = (2, 12, 12)


CLASSES = ("a", "b", "c")


class Small(nn.Module):
    """Functional activations, a ReLU in place and used twice, windows that overlap."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(SHAPE[0], 4, 3)
        self.conv2 = nn.Conv2d(4, 4, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)
        self.fc = nn.Linear(4 * 5 * 5, len(CLASSES))

    def forward(self, images: Tensor) -> Tensor:
        x = self.relu(self.conv1(images))
        y = self.conv2(x)
        y += x
        y = F.max_pool2d(self.relu(y), 3, stride=2, padding=1).tanh()
        logits: Tensor = self.fc(y.flatten(1))
        return logits


class Linear(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(SHAPE[0] * SHAPE[1] * SHAPE[2], len(CLASSES))

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.fc(images.flatten(1))
        return logits


def seeded(make: Callable[[], nn.Module]) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return make()


def context_of(model: nn.Module, shape: tuple[int, int, int] = SHAPE) -> ScoringInputs:
    images = torch.rand(12, *shape, generator=torch_generator(1))
    with torch.no_grad():
        classes = tuple(str(k) for k in range(model(images).shape[1]))
    classifier = Classifier(model, class_names=classes, image_shape=shape)
    split = Split(images, classifier.predict(images))
    dataset = Dataset(train=split, test=split, class_names=classes)
    return ScoringInputs(classifier=classifier, dataset=dataset, rng=torch_generator(0))


def explained(explainer: Explainer, inputs: ScoringInputs, target: int = 1) -> Tensor:
    explanation = explainer.explain(inputs.dataset.test.images, target, inputs)
    return next(iter(explanation.maps.values()))


def weights(inputs: ScoringInputs, k: int = 1) -> Tensor:
    return inputs.classifier.model.fc.weight[k].view(SHAPE)
