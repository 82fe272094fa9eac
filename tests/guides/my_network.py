"""The network of somebody who follows the guides."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Net(nn.Module):
    """Cats are red and dogs are blue, however the channels are normalised."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, 5)
        self.conv2 = nn.Conv2d(4, 4, 3)
        self.head = nn.Linear(4, 2)
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.zero_()
            # The bias keeps activations positive; the head subtracts what both colours share.
            self.conv1.bias.fill_(2)  # type: ignore[union-attr]
            for unit, channel in enumerate((0, 2, 1, 1)):
                self.conv1.weight[unit, channel] = 1 / 25
                self.conv2.weight[unit, unit] = 1 / 9
            self.head.weight.copy_(torch.tensor([[2.0, -2, 0, 0], [-2.0, 2, 0, 0]]))

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits of cat and dog."""
        hidden = self.conv2(self.conv1(x).relu()).relu()
        logits: Tensor = self.head(hidden.mean((2, 3)))
        return logits
