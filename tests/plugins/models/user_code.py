"""Code of a user: a network, what can go wrong with it, and what its adapter is set to."""

from __future__ import annotations

import torch

from causalxai.classifier import Classifier
from causalxai.dataset import Dataset
from causalxai.seeding import torch_generator
from causalxai_models.module import UserModule

CODE = """
import torch
from torch import nn

class Network(nn.Module):
    def __init__(self, classes=3):
        super().__init__()
        self.features = nn.Flatten()
        self.head = nn.Linear(256, classes)

    def forward(self, images):
        return self.head(self.features(images))

def make(classes):
    return Network(classes)

def parallel():
    return nn.DataParallel(Network())

def compiled():
    return torch.compile(Network(), backend="eager")

def scripted():
    return torch.jit.trace(Network(), torch.rand(2, 1, 16, 16))

def lazy():
    return nn.Sequential(nn.Flatten(), nn.LazyLinear(3))

def quantised():
    from torch.ao.quantization import quantize_dynamic
    return quantize_dynamic(Network(), {nn.Linear}, dtype=torch.qint8)

def leave():
    raise SystemExit("no licence")

CONSTANT = 3
"""


ADAPTED = """
from torch import nn
from vision_user_code import Network

class Soft(Network):
    def forward(self, images):
        return super().forward(images).softmax(dim=1)

class Pair(Network):
    def forward(self, images):
        return images, super().forward(images)

class HalfLoaded(Network):
    def __init__(self):
        super().__init__()
        nn.init.ones_(self.head.weight)

half_loaded = HalfLoaded

def loaded():
    network = HalfLoaded()
    nn.init.zeros_(network.head.bias)
    return network

PLAIN = Network()

def darken(images):
    return 0.5 * images

class Preset:
    mean, std = (0.25,), (1.0,)

PRESET = Preset()
"""


def fit(source: UserModule, dataset: Dataset, seed: int = 0) -> Classifier:
    return source.fit(dataset, rng=torch_generator(seed), device=torch.device("cpu"))
