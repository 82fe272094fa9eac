"""Ways in which a user's network can change between two runs."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias

import torch
from torch import nn

from causalxai import Classifier, explain, run
from tests.trust.family import Case, Family
from tests.trust.small_runs import write_spec
from tests.trust.stale_package import PACKAGE, edit, forget, install

_BESIDE = """
from torch import nn
from beside_part import SIGN
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(256, 10)
    def forward(self, x):
        return SIGN * self.layer((x - 0.3).flatten(1))
"""

Change: TypeAlias = Callable[[Path], None]


def _score(out: Path, **classifier: Any) -> tuple[bytes, list[str]]:
    """Return the scores of a run, and the stages that were computed."""
    done = run(_spec(**{"import_path": f"{PACKAGE}.net:Net", **classifier}), out=out)
    return (done.directory / "results.json").read_bytes(), done.pipeline.computed


def _live_score(out: Path) -> tuple[bytes, list[str]]:
    """The same for a network that is given in memory."""
    module = importlib.import_module(f"{PACKAGE}.net")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = module.build()
    classifier = Classifier(
        network, class_names=[str(digit) for digit in range(10)], image_shape=(1, 16, 16)
    )
    spec = _spec()
    done = explain(
        classifier, spec["dataset"], explain="saliency", images=spec["images"],
        metrics=spec["metrics"], device="cpu", out=out,
    )  # fmt: skip
    return (done.directory / "results.json").read_bytes(), done.pipeline.computed


def _spec(**classifier: Any) -> dict[str, Any]:
    return {
        "causalxai": 1,
        "name": "stale",
        "device": "cpu",
        "dataset": {"use": "digits", "size": 16},
        "classifier": {"use": "module", **classifier},
        "explain": "saliency",
        "images": {"count": 6, "only": "any"},
        "metrics": ["deletion"],
    }


def _is_noticed(change: Change, folder: Path, **classifier: Any) -> None:
    install(folder)
    _changes_the_scores(change, folder, **classifier)


def _is_noticed_in_memory(change: Change, folder: Path) -> None:
    install(folder)
    _moves(_live_score, change, folder)


def _changes_the_scores(change: Change, folder: Path, **classifier: Any) -> None:
    _moves(partial(_score, **classifier), change, folder)


def _moves(score: Callable[[Path], tuple[bytes, list[str]]], change: Change, folder: Path) -> None:
    before, _ = score(folder / "runs")
    # What is imported only when the network is called is known after the first run.
    score(folder / "runs")
    again, computed = score(folder / "runs")
    assert (again, computed) == (before, []), "an unchanged network was not reused"
    change(folder)
    after, _ = score(folder / "runs")
    fresh, _ = score(folder / "fresh")
    assert fresh != before, "the case changes nothing"
    assert after == fresh, "old scores were reused"


def _edit_and_reload(folder: Path) -> None:
    loaded = {name: module for name, module in sys.modules.items() if name.startswith(PACKAGE)}
    edit("net.py", "return self.post(y)", "return -self.post(y)", folder)
    sys.modules.update(loaded)
    importlib.reload(sys.modules[f"{PACKAGE}.net"])


def _edit_without_reload(folder: Path) -> None:
    """Run the old code, and then the new: the scores of the one are not those of the other."""
    install(folder)
    before, _ = _score(folder / "runs")
    path = folder / PACKAGE / "net.py"
    path.write_text(path.read_text().replace("return self.post(y)", "return -self.post(y)"))
    still, _ = _score(folder / "runs")
    assert still == before, "code that was not loaded again changed the scores"
    forget()
    after, _ = _score(folder / "runs")
    fresh, _ = _score(folder / "fresh")
    assert after == fresh != before


def _net() -> ModuleType:
    return sys.modules[f"{PACKAGE}.net"]


def _set(where: str, name: str, value: Any, _: Path) -> None:
    owner: Any = sys.modules[f"{PACKAGE}.{where.partition(':')[0]}"]
    for part in filter(None, where.partition(":")[2].split(".")):
        owner = getattr(owner, part)
    setattr(owner, name, value)


def _change_the_table(_: Path) -> None:
    _net().TABLE["signs"][0] = -1.0


def _plant(_: Path) -> None:
    original = nn.Linear.forward

    def forward(self: nn.Linear, images: torch.Tensor) -> torch.Tensor:
        return -original(self, images)

    nn.Linear.forward = forward  # type: ignore[method-assign]


def _with_a_hook(folder: Path) -> None:
    text = "self.layer.register_forward_hook(lambda layer, given, y: -y)"
    place = "        self.sign = sign\n"
    edit("net.py", place, f"{place}        {text}\n", folder)


def _ready_network(change: Callable[[Any], None], folder: Path) -> None:
    """Change a network that was built in memory, as in a notebook."""
    install(folder)
    module = importlib.import_module(f"{PACKAGE}.net")
    torch.manual_seed(0)
    module.ready = module.Net()  # type: ignore[attr-defined]
    path = f"{PACKAGE}.net:ready"
    _changes_the_scores(lambda _: change(module.ready), folder, import_path=path)


def _negate(name: str, network: Any) -> None:
    with torch.no_grad():
        network.get_parameter(name).neg_()


def _negate_buffer(name: str, network: Any) -> None:
    network.get_buffer(name).neg_()


def _hook_onto(network: Any) -> None:
    network.layer.register_forward_hook(lambda _layer, _given, y: -y)


def _patch(network: Any) -> None:
    network.post = torch.neg


def _other_plain_tensor(network: Any) -> None:
    network.plain = -network.plain


def _same_size_and_time(suffix: str, folder: Path) -> None:
    """Replace the weights with a file of the same size and time."""
    install(folder)
    path = folder / f"weights{suffix}"
    torch.manual_seed(0)
    state = importlib.import_module(f"{PACKAGE}.net").Net().state_dict()

    def write(sign: float) -> None:
        values = {name: value * sign for name, value in state.items()}
        values["shift"] = state["shift"]
        if suffix == ".pt":
            torch.save(values, path)
        else:
            from safetensors.torch import save_file

            save_file(values, path)

    def replace(_: Path) -> None:
        before = path.stat()
        write(-1.0)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert path.stat().st_size == before.st_size

    write(1.0)
    _changes_the_scores(replace, folder, weights=str(path))


def _redefined_in_main(folder: Path) -> None:
    """Redefine a class as in a cell of a notebook."""
    code = """
import torch
from torch import nn
class NotebookNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(256, 10)
    def forward(self, x):
        return self.layer(torch.relu(x - 0.3).flatten(1)) * 1.0
"""
    main = vars(sys.modules["__main__"])

    def define(text: str) -> None:
        exec(compile(text, "<cell>", "exec", dont_inherit=True), main)

    define(code)
    _changes_the_scores(
        lambda _: define(code.replace("1.0", "-1.0")), folder, import_path="__main__:NotebookNet"
    )


def _environment(folder: Path) -> None:
    """Change what the network reads when it is called."""
    install(folder)
    edit("net.py", "return self.post(y)", "return self.post(y) * float(SIGN())", folder)
    edit(
        "net.py", "import torch\n", "import torch, os\nSIGN = lambda: os.environ['SIGN']\n", folder
    )
    os.environ["SIGN"] = "1"
    _changes_the_scores(lambda _: os.environ.update(SIGN="-1"), folder)


def _reused_after_a_comment(folder: Path) -> None:
    install(folder)
    before, _ = _score(folder / "runs")
    edit("net.py", "import importlib\n", "import importlib  # A comment.\n", folder)
    after, _ = _score(folder / "runs")
    assert after == before


def _another_folder(folder: Path) -> None:
    """Run specs that name modules of the same name, each found beside its spec."""
    scores, reused = {}, {}
    for name, sign in (("one", 1.0), ("two", -1.0), ("same", 1.0), ("one", 1.0)):
        place = folder / name
        place.mkdir(exist_ok=True)
        (place / "beside_net.py").write_text(_BESIDE)
        (place / "beside_part.py").write_text(f"SIGN = {sign}\n")
        spec = _spec(import_path="beside_net:Net")
        file = write_spec(spec, place / "my.yaml")
        done = run(file, out=folder / "runs", trust_code=True)
        scores[name] = (done.directory / "results.json").read_bytes()
        reused[name] = not done.pipeline.computed
        fresh = run(file, out=folder / f"fresh {name}", trust_code=True, fresh="everything")
        assert (fresh.directory / "results.json").read_bytes() == scores[name]
    assert scores["one"] == scores["same"] != scores["two"]
    assert reused == {"one": True, "two": False, "same": True}


def _negative(y: torch.Tensor, **_: Any) -> torch.Tensor:
    return -y


_EDITS = {
    "the named file": ("net.py", "self.post(y)", "-self.post(y)"),
    "a file that it imports": ("helper.py", "y * by", "-y * by"),
    "a file that the imported one imports": ("deeper.py", "1.0", "-1.0"),
    "the package's __init__": ("__init__.py", "1.0", "-1.0"),
    "a base class in another file": ("base.py", "y * 1.0", "-y"),
    "a constant of another file": ("helper.py", "HIDDEN = 1.0", "HIDDEN = -1.0"),
    "a constant imported with a star": ("starred.py", "1.0", "-1.0"),
    "a file imported by forward()": ("lazy.py", "1.0", "-1.0"),
    "a decorator": ("decorating.py", "factor = 1.0", "factor = -1.0"),
    "a default argument": ("helper.py", "extra=1.0", "extra=-1.0"),
    "a default argument of the class": ("net.py", "sign=1.0", "sign=-1.0"),
    "a lambda": ("net.py", "lambda y: y * 1.0", "lambda y: -y"),
    "an attribute of the class": ("net.py", "kind = 1.0", "kind = -1.0"),
    "a property": ("net.py", "return 1.0", "return -1.0"),
    "a static method": ("net.py", "return y * 1.0", "return -y"),
    "a partial function": ("net.py", "by=1.0", "by=-1.0"),
    "a buffer": ("net.py", '"shift", torch.tensor(1.0)', '"shift", torch.tensor(-1.0)'),
    "a buffer without state": ("net.py", '"factor", torch.tensor(1', '"factor", torch.tensor(-1'),
    "a tensor that is no buffer": ("net.py", "plain = torch.tensor(1", "plain = torch.tensor(-1"),
    "the activation": ("net.py", "F.relu(x - 0.3)", "torch.cos(9 * x)"),
}
_IN_MEMORY: dict[str, Change] = {
    "a module loaded again": _edit_and_reload,
    "a method replaced in its class": partial(_set, "net:Net", "post", lambda _, y: -y),
    "a method replaced in the base class": partial(_set, "base:Base", "post", lambda _, y: -y),
    "a function replaced in a helper": partial(_set, "helper", "scaled", _negative),
    "a constant set in a helper": partial(_set, "helper", "HIDDEN", -1.0),
    "a constant set in the module": partial(_set, "net", "GAIN", -1.0),
    "a default replaced": partial(_set, "net:Net.__init__", "__defaults__", (-1.0,)),
    "a table changed in place": _change_the_table,
    "a method of torch replaced": _plant,
    "a hook that the constructor sets": _with_a_hook,
}
_READY: dict[str, Callable[[Any], None]] = {
    "a weight in memory": partial(_negate, "layer.weight"),
    "a buffer in memory": partial(_negate_buffer, "shift"),
    "a buffer without state in memory": partial(_negate_buffer, "factor"),
    "a tensor in memory": _other_plain_tensor,
    "a hook in memory": _hook_onto,
    "a method of the network replaced": _patch,
}


def _cases() -> Iterator[Case]:
    for name, place in _EDITS.items():
        yield Case(name, partial(_is_noticed, partial(edit, *place)), quick=name.endswith("star"))
        given = f"{name}, of a network that is given"
        live = partial(_is_noticed_in_memory, partial(edit, *place))
        yield Case(given, live, quick=name.endswith("one imports"))
    for name, change in _IN_MEMORY.items():
        yield Case(name, partial(_is_noticed, change))
        yield Case(f"{name}, of a network that is given", partial(_is_noticed_in_memory, change))
    for name, ready in _READY.items():
        yield Case(name, partial(_ready_network, ready))
    for suffix in (".pt", ".safetensors"):
        yield Case(
            f"weights{suffix} of the same size and time", partial(_same_size_and_time, suffix)
        )
    yield Case("a class redefined in __main__", _redefined_in_main)
    yield Case("an environment variable read by forward()", _environment)
    yield Case("an edit that is not loaded", _edit_without_reload)
    yield Case("a module of another folder", _another_folder, quick=True)
    yield Case("a comment changes no score", _reused_after_a_comment)


FAMILY = Family(
    "stale-results",
    "A result is reused only for the same network: a changed weight, buffer, hook, setting, class, "
    "helper or constant of the user's own is noticed.",
    _cases,
)
