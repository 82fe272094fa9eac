"""Specs that name code which must not run."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import redirect_stderr, redirect_stdout
from functools import partial
from pathlib import Path
from typing import Any

from causalxai import run
from causalxai.cli import main
from causalxai.errors import CausalxaiError
from tests.trust.family import Case, Family
from tests.trust.small_runs import write_spec

_MARK = "THIS_WAS_RUN"
_TOUCH = f"open({_MARK!r}, 'w').close()"
_OWN = f"""
from os import system
from pathlib import Path
from subprocess import Popen, check_call
from typing import Any
from torch import nn
from torch.hub import load
import functools

def touched(*_: Any, **__: Any) -> None: Path({_MARK!r}).touch()
class NoNetwork:
    def __new__(cls, *_, **__): touched()
class Meta(type):
    def __call__(cls, *_, **__): touched()
class NoNetworkEither(metaclass=Meta): pass
class Calls:
    def __call__(self, *_, **__): touched()
calls = Calls()
part = functools.partial(touched)
part_of_system = functools.partial(system, "touch {_MARK}")
def says_integer() -> int: touched(); return 3
class Net(nn.Sequential):
    def __init__(self): super().__init__(nn.Flatten(), nn.Linear(256, 10))
"""
_SHELL = {"command": f"touch {_MARK}"}
_ARGS = {"args": ["touch", _MARK]}
_FOREIGN: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "os.system": ("os:system", _SHELL),
    "posix.system": ("posix:system", _SHELL),
    "os.mkdir": ("os:mkdir", {"path": _MARK}),
    "os.makedirs": ("os:makedirs", {"name": _MARK}),
    "exec": ("builtins:exec", {"source": _TOUCH}),
    "eval": ("builtins:eval", {"source": _TOUCH}),
    "open": ("builtins:open", {"file": _MARK, "mode": "w"}),
    "__import__": ("builtins:__import__", {"name": "code_that_touches"}),
    "subprocess.Popen": ("subprocess:Popen", _ARGS),
    "subprocess.run": ("subprocess:run", _ARGS),
    "subprocess.call": ("subprocess:call", _ARGS),
    "subprocess.check_output": ("subprocess:check_output", _ARGS),
    "subprocess.getoutput": ("subprocess:getoutput", {"cmd": f"touch {_MARK}"}),
    "import_module": ("importlib:import_module", {"name": "code_that_touches"}),
    "run_path": ("runpy:run_path", {"path_name": "code_that_touches.py"}),
    "run_module": ("runpy:run_module", {"mod_name": "code_that_touches"}),
    "shutil.copy": ("shutil:copy", {"src": "code_that_touches.py", "dst": _MARK}),
    "FileHandler": ("logging:FileHandler", {"filename": _MARK}),
    "logging.basicConfig": ("logging:basicConfig", {"filename": _MARK, "force": True}),
    "sqlite3.connect": ("sqlite3:connect", {"database": _MARK}),
    "pty.spawn": ("pty:spawn", {"argv": ["touch", _MARK]}),
    "timeit": ("timeit:timeit", {"stmt": _TOUCH, "number": 1}),
    "cProfile.run": ("cProfile:run", {"statement": _TOUCH}),
    "code.interact": ("code:interact", {}),
    "torch.save": ("torch:save", {"obj": 1, "f": _MARK}),
    "torch.load": ("torch:load", {"f": "evil.pt", "weights_only": False}),
    "torch.hub.load": ("torch.hub:load", {"repo_or_dir": ".", "model": "x", "source": "local"}),
    "numpy.save": ("numpy:save", {"file": _MARK, "arr": [1]}),
    "joblib.dump": ("joblib:dump", {"value": 1, "filename": _MARK}),
    "joblib.load": ("joblib:load", {"filename": "evil.pt"}),
    "torch.from_file": ("torch:from_file", {"filename": _MARK, "size": 1, "shared": True}),
}
_REEXPORTED = (
    *("system", "Popen", "check_call", "load", "touched", "NoNetwork", "NoNetworkEither"),
    *("calls", "part", "part_of_system", "says_integer", "Path", "Calls"),
)
_PLACES: Mapping[str, str] = {
    "in a block": "classifier: {{use: module, import_path: '{path}'}}\n",
    "quoted": 'classifier: {{"use": "mod\\u0075le", "import_p\\u0061th": \'{path}\'}}\n',
    "behind an alias": (
        "images: {{count: 2}}\nclassifier: &c {{use: module, import_path: &p '{path}'}}\n"
    ),
    "in a grid": (
        "vary: {{classifier.import_path: ['{path}', '{path}2']}}\nclassifier: {{use: module}}\n"
    ),
    "in a variant": (
        "vary: {{kind: {{a: {{classifier: {{use: module, import_path: '{path}'}}}}, b: {{}}}}}}\n"
        "classifier: lenet\n"
    ),
}


def _prepare(folder: Path) -> None:
    """Write code that leaves a mark, and go where it would be imported from."""
    os.chdir(folder)
    sys.path.insert(0, str(folder))
    Path("code_that_touches.py").write_text(_TOUCH)
    Path("own_code.py").write_text(_OWN)
    Path("evil.pt").write_bytes(b"cposix\nsystem\n(S'touch " + _MARK.encode() + b"'\ntR.")


def _spec(path: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "causalxai": 1,
        "name": "evil",
        "device": "cpu",
        "dataset": {"use": "digits", "size": 16},
        "classifier": {"use": "module", "import_path": path, "arguments": dict(arguments)},
        "explain": "saliency",
        "images": {"count": 2, "only": "any"},
        "metrics": [],
    }


def _command(*arguments: object) -> tuple[int, str]:
    """Call the command line here; return its exit code and what it told."""
    told = io.StringIO()
    sys.argv = ["causalxai", *map(str, arguments)]
    try:
        with redirect_stdout(told), redirect_stderr(told):
            main()
    except SystemExit as stop:
        return int(stop.code or 0), told.getvalue()
    return 0, told.getvalue()


def _assert_untouched(when: str) -> None:
    assert not Path(_MARK).exists(), f"it ran {when}"


def _is_not_called(path: str, arguments: Mapping[str, Any], folder: Path) -> None:
    _prepare(folder)
    file = write_spec(_spec(path, arguments), folder / "evil.yaml")
    for command in ("run", "compare"):
        code, told = _command(command, file)
        assert code == 2, told
        assert "names code" in told and "--trust-code" in told, told
        _assert_untouched(f"in {command} without trust")
    code, told = _command("validate", file)
    assert code == 0, told
    _assert_untouched("in validate")
    for given in (file, json.loads(file.read_text())):
        try:
            run(given, trust_code=True, out=folder / "runs")
        except CausalxaiError as error:
            assert path in str(error), error
        else:
            raise AssertionError("it was taken for a network")
        _assert_untouched("although it is no network")


def _is_not_imported(form: str, folder: Path) -> None:
    """Name code in a place of the spec where it may be overlooked."""
    _prepare(folder)
    rest = "causalxai: 1\nname: evil\ndataset: digits\nmethod: saliency\nmetrics: []\n"
    text = rest + _PLACES[form].format(path="code_that_touches:Net")
    Path("evil.yaml").write_text(text)
    for command in ("run", "compare"):
        code, told = _command(command, "evil.yaml")
        assert code == 2, told
        _assert_untouched(f"in {command}")
    _command("validate", "evil.yaml")
    _assert_untouched("in validate")
    assert "code_that_touches" not in sys.modules


def _report_imports_nothing(folder: Path) -> None:
    """Render the report of a folder that somebody else sent."""
    _prepare(folder)
    done = run(_spec("own_code:Net", {}), out=folder / "runs")
    del sys.modules["own_code"]
    Path("own_code.py").write_text(f"{_TOUCH}\n{_OWN}")
    for command in (("report", done.directory), ("run", done.directory / "spec.yaml")):
        code, told = _command(*command)
        assert code == 2 and "--trust-code" in told, told
        _assert_untouched(f"in {command[0]}")
    assert "own_code" not in sys.modules
    _command("report", done.directory, "--trust-code")
    assert Path(_MARK).exists(), "trusted code was not run"


def _runs_with_trust(folder: Path) -> None:
    _prepare(folder)
    file = write_spec(_spec("own_code:Net", {}), folder / "own.yaml")
    assert _command("run", file)[0] == 2
    code, told = _command("run", file, "--trust-code")
    assert code == 0, told


def _cases() -> Iterator[Case]:
    for name, (path, arguments) in _FOREIGN.items():
        yield Case(name, partial(_is_not_called, path, arguments))
    for name in _REEXPORTED:
        yield Case(f"own_code:{name}", partial(_is_not_called, f"own_code:{name}", {}))
    for form in _PLACES:
        yield Case(f"code {form}", partial(_is_not_imported, form))
    yield Case("a report of other people", _report_imports_nothing)
    yield Case("code that is trusted", _runs_with_trust)


FAMILY = Family(
    "code-in-specs",
    "Code that a spec file names is imported only with --trust-code, and even then only what "
    "builds a network is called.",
    _cases,
)
