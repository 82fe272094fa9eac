"""Networks of odd habits that are answered for, each with a function that makes it anew."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations, prune

SHAPE = (1, 12, 12)
CLASSES = 4


@dataclass(frozen=True)
class OddNetwork:
    """A network of an odd habit.

    Parameters
    ----------
    name
        Its name.
    build
        Makes it anew, with the same weights each time.
    gradients
        Whether its logits have gradients by the image that are not 0 everywhere.
    tolerance
        The largest difference from a naive computation, as a share of the largest value.
    says
        A regular expression of the message with which it is refused; empty if it is answered for.
    """

    name: str
    build: Callable[[], nn.Module]
    gradients: bool = True
    tolerance: float = 1e-4
    says: str = ""


def seeded(build: Callable[..., nn.Module], *args: Any) -> Callable[[], nn.Module]:
    """Return a function that builds the same weights in each call."""

    def seeded_build() -> nn.Module:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return build(*args)

    return seeded_build


class Plain(nn.Module):
    """Two convolutions and two linear layers, on standardised pictures."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 4, 3), nn.Conv2d(4, 4, 3, padding=1)
        self.fc1, self.fc2 = nn.Linear(100, 12), nn.Linear(12, CLASSES)

    def embed(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.conv2(F.relu(self.conv1(x)))), 2)
        return F.relu(self.fc1(x.flatten(1)))

    def core(self, x: Tensor) -> Tensor:
        return 4 * self.fc2(self.embed(x))

    def forward(self, x: Tensor) -> Tensor:
        return self.core((x - 0.5) / 0.25)


class Last(Plain):
    """The same without the scaling behind the last layer."""

    def core(self, x: Tensor) -> Tensor:
        return self.fc2(self.embed(x))


Habit = Callable[[Plain, Tensor], Any]


def with_forward(habit: Habit, base: type[Plain] = Plain) -> Callable[[], nn.Module]:
    """Return a function that builds a network with another ``forward``."""
    return seeded(type("Odd", (base,), {"forward": habit}))


def in_place(net: Plain, x: Tensor) -> Tensor:
    return net.core(x.sub_(0.5).div_(0.25))


def _on_bright_pictures(net: Plain, x: Tensor) -> Tensor:
    bright = (x.mean(dim=(1, 2, 3), keepdim=True) > 0.5).to(x.dtype)
    if bool(bright.any()):
        x -= 0.5 * bright
    return net.core(x)


def _through_data(net: Plain, x: Tensor) -> Tensor:
    x.data.mul_(0.5)
    return net.core(x)


def _in_numpy(net: Plain, x: Tensor) -> Tensor:
    values = x.detach().numpy()
    values *= 2
    return net.core(torch.from_numpy(values))


def _into_a_kept_tensor(net: Plain, x: Tensor) -> Tensor:
    logits = net.core(x)
    kept = vars(net).setdefault("kept", {}).setdefault(len(x), torch.empty_like(logits.detach()))
    kept.copy_(logits.detach())
    return kept


def _in_bfloat16(net: Plain, x: Tensor) -> Tensor:
    with torch.autocast("cpu", torch.bfloat16):
        return net.core(x)


def _in_bfloat16_to_float32(net: Plain, x: Tensor) -> Tensor:
    return _in_bfloat16(net, x).float()


class StraightThrough(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return (x * 8).round() / 8

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return gradient


def _typed(dtype: torch.dtype, casts: bool, back: bool) -> Callable[[], nn.Module]:
    """Return a function that builds a network with weights of another type."""

    def forward(net: Plain, x: Tensor) -> Tensor:
        logits = net.core(x.to(dtype) if casts else x)
        return logits.float() if back else logits

    build = with_forward(forward)
    return lambda: build().to(dtype)


def _counts(net: Plain, x: Tensor) -> Tensor:
    vars(net)["asked"] = vars(net).get("asked", 0) + 1
    vars(net)["last"] = x.detach().clone()
    return Plain.forward(net, x)


def _caches(net: Plain, x: Tensor) -> Tensor:
    if "mask" not in dict(net.named_buffers()):
        net.register_buffer("mask", torch.linspace(0.5, 1, x.shape[-1]))
    return net.core(x * net.get_buffer("mask"))


def _hooked(at_root: bool) -> nn.Module:
    net = Plain()
    if at_root:
        net.register_forward_pre_hook(lambda _net, args: (1 - args[0],))
        net.register_forward_hook(lambda _net, _args, output: output.flip(1))
    else:
        seen: list[Tensor] = []
        net.conv2.register_forward_hook(lambda _net, _args, output: seen.append(output.detach()))
    return net


def _hook_in_place() -> nn.Module:
    net = Plain()
    net.register_forward_pre_hook(lambda _net, args: (args[0].mul_(0.5),))
    return net


def _traced_in_place() -> nn.Module:
    return torch.jit.trace(with_forward(in_place)().eval(), torch.rand(2, *SHAPE))


def _patched() -> nn.Module:
    net = Plain()
    net.forward = lambda x: net.core(2 * x)  # type: ignore[method-assign]
    return net


def _pruned() -> nn.Module:
    net = Plain()
    prune.l1_unstructured(net.conv1, "weight", 0.5)
    return net


def _normed(norm: Callable[..., Any]) -> nn.Module:
    net = Plain()
    norm(net.conv2)
    norm(net.fc2)
    return net


class Tied(Plain):
    """Has a second name for its second convolution, and runs it twice."""

    def __init__(self) -> None:
        super().__init__()
        self.again = self.conv2

    def embed(self, x: Tensor) -> Tensor:
        return super().embed(x + self.again(F.relu(self.conv1(x))).mean((1, 2, 3), keepdim=True))


class Called(Plain):
    def __call__(self, x: Tensor) -> Tensor:
        return 2 * super().__call__(1 - x)


class Attends(nn.Module):
    """A transformer's layer over the rows of the image, whose fast path knows no hooks."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.TransformerEncoderLayer(12, 2, 16, batch_first=True)
        self.out = nn.Linear(12, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        return 4 * self.out(self.layer(x[:, 0]).mean(dim=1))


def _idle_dropout() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.Dropout2d(0.5),
        nn.Flatten(), nn.Linear(400, CLASSES), nn.Dropout(0.0),
    )  # fmt: skip


def lazy(built: bool) -> nn.Module:
    net = nn.Sequential(nn.LazyConv2d(4, 3), nn.ReLU(), nn.Flatten(), nn.LazyLinear(CLASSES))
    if built:
        net(torch.zeros(1, *SHAPE))
    return net


def _compiled_part() -> nn.Module:
    net = Plain()
    net.conv1 = torch.compile(net.conv1, backend="eager")
    return net


def _compiled_in_place() -> nn.Module:
    net = Plain()
    net.compile(backend="eager")
    return net


def _flat(*first: nn.Module) -> Callable[[], nn.Module]:
    return seeded(lambda: nn.Sequential(*first, nn.Flatten(), nn.Linear(144, CLASSES)))


COARSE = 0.05
"""The tolerance of networks that compute in bfloat16 or float16."""

ANSWERED: tuple[OddNetwork, ...] = (
    OddNetwork("plain", seeded(Plain)),
    OddNetwork("writes into its images", with_forward(in_place)),
    OddNetwork("writes into its images, with a linear head", with_forward(in_place, Last)),
    OddNetwork("writes into bright images", with_forward(_on_bright_pictures)),
    OddNetwork("writes into its images through data", with_forward(_through_data)),
    OddNetwork("writes into its images in NumPy", with_forward(_in_numpy), gradients=False),
    OddNetwork("begins with a ReLU in place", _flat(nn.ReLU(inplace=True))),
    OddNetwork("clamps in place", with_forward(lambda net, x: net.core(x.clamp_(0, 1)))),
    OddNetwork(
        "returns a tensor that it keeps", with_forward(_into_a_kept_tensor), gradients=False
    ),
    OddNetwork("log-softmax", with_forward(lambda net, x: net.core(x).log_softmax(1))),
    OddNetwork("no_grad", with_forward(torch.no_grad()(Plain.forward)), gradients=False),
    OddNetwork(
        "inference mode", with_forward(torch.inference_mode()(Last.forward), Last), gradients=False
    ),
    OddNetwork("detaches", with_forward(lambda net, x: net.core(x.detach())), gradients=False),
    OddNetwork(
        "rounds", with_forward(lambda net, x: net.core((x * 16).round() / 16)), gradients=False
    ),
    OddNetwork(
        "rounds straight through", with_forward(lambda net, x: net.core(StraightThrough.apply(x)))
    ),
    OddNetwork("float64, casts", _typed(torch.float64, True, False)),
    OddNetwork("float64, casts back", _typed(torch.float64, True, True)),
    OddNetwork("float64, takes only that", _typed(torch.float64, False, False)),
    OddNetwork("bfloat16, casts", _typed(torch.bfloat16, True, False), tolerance=COARSE),
    OddNetwork("bfloat16, takes only that", _typed(torch.bfloat16, False, False), tolerance=COARSE),
    OddNetwork("float16, casts back", _typed(torch.float16, True, True), tolerance=COARSE),
    OddNetwork("float16, takes only that", _typed(torch.float16, False, False), tolerance=COARSE),
    OddNetwork("autocast", with_forward(_in_bfloat16), tolerance=COARSE),
    OddNetwork("autocast to float32", with_forward(_in_bfloat16_to_float32), tolerance=COARSE),
    OddNetwork("scripted", seeded(lambda: torch.jit.script(Plain()))),
    OddNetwork(
        "traced by jit", seeded(lambda: torch.jit.trace(Plain().eval(), torch.rand(2, *SHAPE)))
    ),
    OddNetwork("traced by fx", seeded(lambda: fx.symbolic_trace(Plain()))),
    OddNetwork("compiled", seeded(lambda: torch.compile(Plain(), backend="eager"))),
    OddNetwork("compiled in place", seeded(_compiled_in_place)),
    OddNetwork("a part compiled", seeded(_compiled_part)),
    OddNetwork("data-parallel", seeded(lambda: nn.DataParallel(Plain()))),
    OddNetwork("lazy, but built", seeded(lazy, True)),
    OddNetwork("hooks that read", seeded(_hooked, False)),
    OddNetwork("hooks of the root", seeded(_hooked, True)),
    OddNetwork("a hook that writes into images", seeded(_hook_in_place)),
    OddNetwork("writes into images, traced by jit", _traced_in_place),
    OddNetwork("a call of its own", seeded(Called)),
    OddNetwork("forward set on the instance", seeded(_patched)),
    OddNetwork("pruned", seeded(_pruned)),
    OddNetwork("spectral norm", seeded(_normed, parametrizations.spectral_norm)),
    OddNetwork("weight norm by hooks", seeded(_normed, nn.utils.weight_norm)),
    OddNetwork("tied weights", seeded(Tied)),
    OddNetwork("a transformer's layer", seeded(Attends)),
    OddNetwork("dropout switched off", seeded(_idle_dropout)),
    OddNetwork("logits in reverse", with_forward(lambda net, x: net.core(x).flip(1))),
    OddNetwork("optional arguments", with_forward(lambda net, x, y=None, *, z=1: net.core(x * z))),
    OddNetwork("channels last", lambda: seeded(Plain)().to(memory_format=torch.channels_last)),
    OddNetwork("counts its calls", with_forward(_counts)),
    OddNetwork("fills a cache in its first call", with_forward(_caches)),
)
