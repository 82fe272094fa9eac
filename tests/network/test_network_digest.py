from __future__ import annotations

import subprocess
import sys
import textwrap
import types
from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import nn

from causalxai.network.adaptable import adaptable
from causalxai.network.network_digest import NetworkDigest
from causalxai.network.own_code import OwnCode

BASE = """
import functools, enum, types
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

SCALE = 1.0
TABLE = {"a": [1, 2, {3, 4, "five"}]}
ARRAY = np.arange(3)
class Mode(enum.Enum):
    A = 1
MODE = Mode.A
settings = types.SimpleNamespace(gain=1.0)
def helper(x, power=1): return x ** power
def decorated(f):
    offset = 0
    @functools.wraps(f)
    def inner(*args): return f(*args) + offset
    return inner
square = lambda x: x * x
class Base(nn.Module):
    sign = 1
    def post(self, x): return x
class Net(Base):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 2)
        nn.init.ones_(self.layer.weight); nn.init.zeros_(self.layer.bias)
        self.register_buffer("shift", torch.zeros(1), persistent=False)
        self.hidden = torch.zeros(2)
        self.gain = 1
        self.call = functools.partial(helper, power=1)
    @property
    def size(self): return 1
    @staticmethod
    def fixed(): return 1
    @decorated
    def forward(self, x):
        y = SCALE * helper(x) + square(x) + TABLE["a"][0] + ARRAY.sum() + settings.gain
        return self.post(self.layer(F.relu(y))) * (1 if MODE is Mode.A else 2)
"""


def loaded(code: str = BASE) -> types.ModuleType:
    module = types.ModuleType("digest_code")
    # The future statements of this file are not those of the code.
    exec(compile(code, "digest_code", "exec", dont_inherit=True), vars(module))
    return module


@pytest.fixture
def digest(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    def of(module: types.ModuleType, model: nn.Module | None = None) -> str:
        monkeypatch.setitem(sys.modules, "digest_code", module)
        return NetworkDigest(OwnCode()).of(model or module.Net())

    return of


Digest = Callable[..., str]


def test_the_same_code_has_the_same_digest(digest: Digest) -> None:
    commented = "# A comment.\n\n" + BASE.replace("SCALE = 1.0", "SCALE = 1.0  # a word")
    assert digest(loaded()) == digest(loaded()) == digest(loaded(commented))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("SCALE = 1.0", "SCALE = -1.0"),
        ("[1, 2, {3", "[1, 2, {6"),
        ("np.arange(3)", "np.arange(4)"),
        ("MODE = Mode.A", "MODE = 0"),
        ("gain=1.0", "gain=2.0"),
        ("power=1): return x ** power", "power=2): return x ** power"),
        ("x ** power", "x * power"),
        ("offset = 0", "offset = 1"),
        ("x * x", "x + x"),
        ("sign = 1", "sign = 2"),
        ("def post(self, x): return x", "def post(self, x): return -x"),
        ("ones_(", "eye_("),
        ("torch.zeros(1)", "torch.ones(1)"),
        ("torch.zeros(2)", "torch.ones(2)"),
        ("self.gain = 1", "self.gain = 2"),
        ("partial(helper, power=1)", "partial(helper, power=2)"),
        ("size(self): return 1", "size(self): return 2"),
        ("fixed(): return 1", "fixed(): return 2"),
        ("    @decorated\n", ""),
        ("class Net(Base)", "class Net(nn.Module)"),
    ],
)
def test_each_part_of_a_network_counts(digest: Digest, old: str, new: str) -> None:
    changed = BASE.replace(old, new)
    assert changed != BASE
    assert digest(loaded(changed)) != digest(loaded())


def _hook(module: types.ModuleType, model: nn.Module) -> None:
    model.layer.register_forward_hook(module.square)  # type: ignore[attr-defined,arg-type]


def _patch_a_layer(module: types.ModuleType, _: nn.Module) -> None:
    module.Net.post = module.square


def _change_a_global(module: types.ModuleType, _: nn.Module) -> None:
    module.SCALE = 2.0


def _change_a_setting(module: types.ModuleType, _: nn.Module) -> None:
    module.settings.gain = 3.0


def _change_a_weight(_: types.ModuleType, model: nn.Module) -> None:
    with torch.no_grad():
        model.layer.bias[0] += 1  # type: ignore[operator,index,union-attr]


def _patch_the_instance(module: types.ModuleType, model: nn.Module) -> None:
    model.forward = module.square


@pytest.mark.parametrize(
    "change",
    [
        _hook,
        _patch_a_layer,
        _change_a_global,
        _change_a_setting,
        _change_a_weight,
        _patch_the_instance,
    ],
)
def test_changes_in_memory_count(
    digest: Digest, change: Callable[[types.ModuleType, nn.Module], None]
) -> None:
    module = loaded()
    model = module.Net()
    before = digest(module, model)
    change(module, model)
    assert digest(module, model) != before


@pytest.mark.parametrize(
    ("place", "name"),
    [(nn.Linear, "forward"), (torch.nn.functional, "relu"), (torch.Tensor, "relu")],
)
def test_the_users_code_in_the_place_of_torchs_counts(
    digest: Digest, monkeypatch: pytest.MonkeyPatch, place: object, name: str
) -> None:
    module = loaded()
    before = digest(module)
    monkeypatch.setattr(place, name, module.square)
    assert digest(module) != before


def test_hooks_count_whatever_their_number(digest: Digest) -> None:
    module = loaded()
    taken = []
    for _ in range(2):
        model = module.Net()
        model.layer.register_forward_hook(module.helper)
        taken.append(digest(module, model))
    assert taken[0] == taken[1]


def test_a_cycle_ends(digest: Digest) -> None:
    module = loaded()
    model = module.Net()
    model.ring = [model]
    model.ring.append(model.ring)
    assert digest(module, model) == digest(module, model)


def test_the_digest_is_that_of_another_process(digest: Digest) -> None:
    code = textwrap.dedent(f"""
        import sys, types
        module = types.ModuleType("digest_code")
        exec({BASE!r}, vars(module))
        sys.modules["digest_code"] = module
        from causalxai.network.network_digest import NetworkDigest
        from causalxai.network.own_code import OwnCode
        print(NetworkDigest(OwnCode()).of(module.Net()))
    """)
    run = partial(subprocess.run, [sys.executable, "-c", code], capture_output=True, text=True)
    taken = [run(env={"PYTHONHASHSEED": seed}, check=True).stdout.strip() for seed in "01"]
    assert taken == [digest(loaded())] * 2


def test_what_torch_fx_generates_counts_with_the_functions_that_it_calls(digest: Digest) -> None:
    module = loaded()

    def traced(power: int) -> nn.Module:
        exec(f"def helper(x): return x ** {power}", vars(module))
        graph = torch.fx.Graph()
        graph.output(graph.call_function(module.helper, (graph.placeholder("x"),)))
        return adaptable(torch.fx.GraphModule(nn.Module(), graph))

    taken = [digest(module, traced(power)) for power in (2, 2, 3)]
    assert taken[0] == taken[1] != taken[2]
