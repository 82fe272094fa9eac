"""A small network of convolutions, and its training, for small worlds of 16 x 16 pixels."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from causalxai import Classifier, Dataset
from causalxai.seeding import torch_generator


class SmallNetwork(nn.Module):
    """Two convolutions and two linear layers, of grey images of 16 x 16 pixels."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 3, padding=1)
        self.conv2 = nn.Conv2d(6, channels, 3, padding=1)
        self.hidden = nn.Linear(channels * 16, 16)
        self.last = nn.Linear(16, classes)

    def forward(self, images: Tensor) -> Tensor:
        x = functional.max_pool2d(functional.relu(self.conv1(images)), 2)
        x = functional.max_pool2d(functional.relu(self.conv2(x)), 2)
        logits: Tensor = self.last(functional.relu(self.hidden(x.flatten(1))))
        return logits


def trained_classifier(dataset: Dataset, *, channels: int, steps: int) -> Classifier:
    """Return a classifier of a data set, trained for a second."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = SmallNetwork(channels, len(dataset.class_names))
    train = dataset.train
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    rng = torch_generator(0, "batches")
    for _ in range(steps):
        rows = torch.randint(len(train), (64,), generator=rng)
        loss = functional.cross_entropy(model(train.images[rows]), train.labels[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return Classifier(model, class_names=dataset.class_names, image_shape=dataset.image_shape)
