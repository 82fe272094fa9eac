"""Networks of which a method could take too much for granted: their heads, order and structure."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.trust.odd_networks import CLASSES, OddNetwork, Plain, seeded, with_forward

_MATRIX = torch.tensor([[1.0, 2, 0, 0], [0, 1, 0, 1], [1, 0, 1, 0], [0, 0, 1, 1]])
_SCALES = torch.tensor([1.0, 2.0, 3.0, 4.0])
_ORDER = [2, 0, 3, 1]


class TwoHeads(Plain):
    """Averages two heads."""

    def __init__(self) -> None:
        super().__init__()
        self.other = nn.Linear(100, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        features = F.max_pool2d(F.relu(self.conv2(F.relu(self.conv1(x)))), 2).flatten(1)
        return (self.other(features) + self.fc2(F.relu(self.fc1(features)))) / 2


class Auxiliary(Plain):
    """Runs a head last whose output it does not return."""

    def __init__(self) -> None:
        super().__init__()
        self.auxiliary = nn.Linear(CLASSES, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        logits = super().forward(x)
        self.auxiliary(logits)
        return logits


class Normed(nn.Linear):
    """A cosine classifier."""

    def forward(self, x: Tensor) -> Tensor:
        return 8 * F.linear(F.normalize(x, dim=1), F.normalize(self.weight, dim=1))


class Squares(nn.Conv2d):
    """Its weights act on squares."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.square())


class Signs(nn.Conv2d):
    """Computes with the signs of its weights."""

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight.sign(), self.bias, padding=self.padding)


class Layered(nn.Module):
    """Some layers and, behind them, a mean over the picture and a linear layer."""

    def __init__(self, layers: Callable[[], nn.Module], width: int = 4) -> None:
        super().__init__()
        self.out = nn.Linear(width, CLASSES)
        self.idle = nn.Conv2d(1, 4, 3)
        self.layers = layers()

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.out(self.layers(x).mean(dim=(2, 3)))
        return logits


class Again(nn.Module):
    """Runs its convolutions in a given order, some of them several times."""

    def __init__(self, order: str) -> None:
        super().__init__()
        self.order = order
        self.out = nn.Linear(4, CLASSES)
        self.c = nn.Conv2d(4, 4, 3, padding=1)
        self.b = nn.Conv2d(4, 4, 3, padding=1)
        self.a = nn.Conv2d(4, 4, 3, padding=1)
        self.first = nn.Conv2d(1, 4, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.first(x))
        for name in self.order:
            x = F.relu(self.get_submodule(name)(x))
        logits: Tensor = self.out(x.mean(dim=(2, 3)))
        return logits


class HeadTwice(nn.Module):
    """Its last layer reads its own units."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(144, CLASSES)
        self.last = nn.Linear(CLASSES, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.last(torch.tanh(self.last(self.first(x.flatten(1)))))
        return logits


class Block(nn.Module):
    """Two convolutions, and what is done with their outputs."""

    def __init__(self, join: Callable[[Tensor, Tensor], Tensor], width: int = 4) -> None:
        super().__init__()
        self.one = nn.Conv2d(1, 4, 3)
        self.two = nn.Conv2d(4, width, 3, padding=1)
        self.join = join

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.one(x))
        return self.join(x, self.two(x))


class Convolutional(nn.Module):
    """Has no linear layer: its classes are channels."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Conv2d(1, 4, 3), nn.Conv2d(4, CLASSES, 3)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.two(F.relu(self.one(x)))).mean(dim=(2, 3)).roll(1, dims=1)


class ConvolutionLast(nn.Module):
    """Ends in a convolution whose channels are the classes, and in what is done with its maps."""

    def __init__(self, end: Callable[[Tensor], Tensor], kernel: int = 1) -> None:
        super().__init__()
        self.one, self.two = nn.Conv2d(1, 4, 3), nn.Conv2d(4, CLASSES, kernel)
        self.end = end

    def forward(self, x: Tensor) -> Tensor:
        return self.end(self.two(F.relu(self.one(x))))


class AttentionLast(nn.Module):
    """Pools the positions of its maps by attention."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.query = nn.Conv2d(1, 4, 3), nn.Parameter(torch.randn(1, 1, 4))
        self.attend = nn.MultiheadAttention(4, 2, batch_first=True)
        self.out = nn.Linear(4, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        tokens = F.relu(self.one(x)).flatten(2).transpose(1, 2)
        read, _ = self.attend(self.query.expand(len(x), -1, -1), tokens, tokens)
        logits: Tensor = self.out(read)[:, 0]
        return logits


class WeightedVotes(nn.Module):
    """Each position votes for classes; the votes are weighted by an attention of their own."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.score = nn.Conv2d(1, 4, 3), nn.Linear(4, 1)
        self.vote = nn.Linear(4, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        tokens = F.relu(self.one(x)).flatten(2).transpose(1, 2)
        return (self.score(tokens).softmax(dim=1) * self.vote(tokens)).sum(dim=1)


def _after(change: Callable[[Tensor], Tensor]) -> Callable[[], nn.Module]:
    return with_forward(lambda net, x: change(net.core(x)))


def _with_layer(name: str, make: Callable[[], nn.Module]) -> Callable[[], nn.Module]:
    def build() -> nn.Module:
        net = Plain()
        setattr(net, name, make())
        return net

    return seeded(build)


def _hooked(hook: Callable[[nn.Module], object]) -> Callable[[], nn.Module]:
    def build() -> nn.Module:
        net = Plain()
        hook(net)
        return net

    return seeded(build)


def _layered(*layers: Callable[[], nn.Module], width: int = 4) -> Callable[[], nn.Module]:
    return seeded(lambda: Layered(lambda: nn.Sequential(*(make() for make in layers)), width))


def _block(join: Callable[[Tensor, Tensor], Tensor], width: int = 4) -> Callable[[], nn.Module]:
    return seeded(lambda: Layered(lambda: Block(join), width))


def _dead() -> nn.Module:
    net = Plain()
    with torch.no_grad():
        net.conv1.bias.fill_(-100)
    return net


def _conv(out: int = 4, **settings: object) -> Callable[[], nn.Module]:
    return lambda: nn.Conv2d(1, out, 3, **settings)  # type: ignore[arg-type]


def _shuffled(one: Tensor, two: Tensor) -> Tensor:
    return torch.stack([one, two], dim=2).flatten(1, 2)


STRUCTURES: tuple[OddNetwork, ...] = (
    OddNetwork("logits permuted", _after(lambda units: units[:, _ORDER])),
    OddNetwork("logits times a matrix", _after(lambda units: units @ _MATRIX)),
    OddNetwork("logits scaled", _after(lambda units: units / _SCALES)),
    OddNetwork("logits scaled and permuted", _after(lambda units: (units * _SCALES)[:, _ORDER])),
    OddNetwork("a temperature", _after(lambda units: units / 0.1)),
    OddNetwork("logits moved", _after(lambda units: units + _SCALES)),
    OddNetwork("logits far from zero", _after(lambda units: units + 1000)),
    OddNetwork("logits centred", _after(lambda units: units - units.mean(dim=1, keepdim=True))),
    OddNetwork("tanh of the logits", _after(torch.tanh)),
    OddNetwork("two heads", seeded(TwoHeads)),
    OddNetwork("a head that is not used", seeded(Auxiliary)),
    OddNetwork("a cosine head", _with_layer("fc2", lambda: Normed(12, CLASSES))),
    OddNetwork("a head that runs twice", seeded(HeadTwice)),
    OddNetwork("classes are channels", seeded(Convolutional)),
    OddNetwork("a convolution last, averaged", seeded(ConvolutionLast, lambda x: x.mean((2, 3)))),
    OddNetwork(
        "a convolution last, of the whole map", seeded(ConvolutionLast, lambda x: x.flatten(1), 10)
    ),
    OddNetwork(
        "a convolution last, its largest", seeded(ConvolutionLast, lambda x: x.amax((2, 3)))
    ),
    OddNetwork("attention last", seeded(AttentionLast)),
    OddNetwork("weighted votes", seeded(WeightedVotes)),
    OddNetwork("a, b, a", seeded(Again, "aba")),
    OddNetwork("a, b, b, a", seeded(Again, "abba")),
    OddNetwork("b, a, b", seeded(Again, "bab")),
    OddNetwork("three times the same", seeded(Again, "aaa")),
    OddNetwork("squares its inputs", _with_layer("conv1", lambda: Squares(1, 4, 3))),
    OddNetwork("signs of weights", _with_layer("conv2", lambda: Signs(4, 4, 3, padding=1))),
    OddNetwork(
        "a hook that turns images around",
        _hooked(lambda net: net.register_forward_pre_hook(lambda _m, args: (1 - args[0],))),
    ),
    OddNetwork(
        "a hook that turns logits around",
        _hooked(lambda net: net.register_forward_hook(lambda _m, _a, out: out.flip(1))),
    ),
    OddNetwork(
        "a hook that doubles a layer",
        _hooked(lambda net: net.conv1.register_forward_hook(lambda _m, _a, out: 2 * out)),
    ),
    OddNetwork("a dead layer", seeded(_dead)),
    OddNetwork("a product", _block(lambda one, two: one * two)),
    OddNetwork("a gate", _block(lambda one, two: one * two.mean((2, 3), keepdim=True).sigmoid())),
    OddNetwork("side by side", _block(lambda one, two: torch.cat([one, two], 1), 8)),
    OddNetwork("shuffled channels", _block(_shuffled, 8)),
    OddNetwork("the larger of two", _block(torch.maximum)),
    OddNetwork("views that regroup", _block(lambda one, two: (one + two).view(-1, 8, 5, 10), 8)),
    OddNetwork(
        "attention over channels",
        _block(lambda one, two: torch.einsum("nchw,ndhw->ncd", one, two)[..., None]),
    ),
    OddNetwork("group norm", _layered(_conv(), lambda: nn.GroupNorm(2, 4), nn.ReLU)),
    OddNetwork("instance norm", _layered(_conv(), lambda: nn.InstanceNorm2d(4), nn.ReLU)),
    OddNetwork("PReLU", _layered(_conv(), lambda: nn.PReLU(4))),
    OddNetwork("GLU", _layered(_conv(8), lambda: nn.GLU(dim=1))),
    OddNetwork("pixel shuffle", _layered(_conv(16), lambda: nn.PixelShuffle(2))),
    OddNetwork(
        "transposed", _layered(_conv(), nn.ReLU, lambda: nn.ConvTranspose2d(4, 4, 3), nn.ReLU)
    ),
    OddNetwork(
        "grouped",
        _layered(
            _conv(), nn.ReLU, lambda: nn.Conv2d(4, 4, 3, groups=4), lambda: nn.Conv2d(4, 4, 1)
        ),
    ),
    OddNetwork("circular", _layered(_conv(padding=1, padding_mode="circular"), nn.ReLU)),
)
