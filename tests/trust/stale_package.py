"""A package of several files, of which a network is made and each of which can change."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

PACKAGE = "stale_package"
"""Its name."""

_FILES = {
    "__init__.py": "GAIN = 1.0\n",
    "net.py": """
import importlib
import torch
from functools import partial
from pathlib import Path
from torch import nn
from torch.nn import functional as F
from stale_package import GAIN, helper
from stale_package.base import Base
from stale_package.starred import *
from stale_package.decorating import decorated

FLIP = lambda y: y * 1.0
TABLE = {"signs": [1.0, 2.0]}

class Net(Base):
    kind = 1.0
    def __init__(self, sign=1.0):
        super().__init__()
        self.layer = nn.Linear(256, 10)
        self.sign = sign
        self.register_buffer("shift", torch.tensor(1.0))
        self.register_buffer("factor", torch.tensor(1.0), persistent=False)
        self.plain = torch.tensor(1.0)
        self.after = partial(helper.scaled, by=1.0)
    @property
    def view(self):
        return 1.0
    @staticmethod
    def turned(y):
        return y * 1.0
    @decorated
    def forward(self, x):
        from stale_package import lazy
        y = self.layer(F.relu(x - 0.3).flatten(1)) * GAIN * STAR * self.kind * self.view
        y = self.turned(self.after(FLIP(y))) * self.sign * self.factor * self.plain * lazy.LAZY
        y = y * self.shift * TABLE["signs"][0] * getattr(helper, "HIDDEN")
        return self.post(y)

def build():
    return Net()
""",
    "base.py": (
        "from torch import nn\nclass Base(nn.Module):\n    def post(self, y): return y * 1.0\n"
    ),
    "helper.py": (
        "from stale_package.deeper import power\nHIDDEN = 1.0\n"
        "def scaled(y, by=1.0, extra=1.0): return y * by * power * extra\n"
    ),
    "deeper.py": "power = 1.0\n",
    "starred.py": "STAR = 1.0\n",
    "lazy.py": "LAZY = 1.0\n",
    "decorating.py": """
import functools
def decorated(f):
    factor = 1.0
    @functools.wraps(f)
    def inner(*given): return f(*given) * factor
    return inner
""",
}


def install(folder: Path) -> None:
    """Write the package into a folder from which it is imported."""
    forget()
    package = folder / PACKAGE
    package.mkdir()
    for name, text in _FILES.items():
        (package / name).write_text(text)
    sys.path.insert(0, str(folder))
    # The time of a compiled file has seconds only, and these files change faster.
    sys.dont_write_bytecode = True


def forget() -> None:
    """Import everything again, as another process would."""
    for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
        del sys.modules[name]
    importlib.invalidate_caches()


def edit(name: str, old: str, new: str, folder: Path) -> None:
    """Replace a text in one of its files, and let it be imported again."""
    path = folder / PACKAGE / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    forget()
