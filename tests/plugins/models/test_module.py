from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import save_file

from causalxai.config import load_spec
from causalxai.dataset import Dataset
from causalxai.errors import CapabilityError, ContractError, DataError, SpecError
from causalxai_models.module import UserModule
from tests.plugins.models.user_code import CODE, fit

pytestmark = pytest.mark.usefixtures("user_code")


@pytest.mark.parametrize("name", ["w.safetensors", "w.pt"])
def test_the_class_is_loaded_with_its_weights(tmp_path: Path, dataset: Dataset, name: str) -> None:
    weights = {"head.weight": torch.rand(3, 256), "head.bias": torch.rand(3)}
    write = save_file if name.endswith("safetensors") else torch.save
    write(weights, tmp_path / name)
    source = UserModule(
        import_path="vision_user_code:Network",
        arguments={"classes": 3},
        weights=tmp_path / name,
        feature_layer="features",
    )
    classifier = fit(source, dataset)
    images = dataset.test.images

    torch.testing.assert_close(
        classifier.logits(images),
        images.flatten(1) @ weights["head.weight"].T + weights["head.bias"],
    )
    assert classifier.feature_layer == "features"
    assert len(source.fingerprint()) == 64


def test_the_import_is_announced(dataset: Dataset, caplog: pytest.LogCaptureFixture) -> None:
    source = UserModule(import_path="vision_user_code:Network")
    source.fingerprint()
    fit(source, dataset)

    imported, drawn = (record.getMessage() for record in caplog.records)
    assert {record.levelno for record in caplog.records} == {logging.WARNING}
    assert imported == "importing your module vision_user_code, which runs its code"
    assert drawn.startswith(
        "weights is null, and vision_user_code:Network draws all of its 2 weights at random "
        "(head.weight, head.bias), so that they are not trained"
    )


@pytest.mark.parametrize("name", ["loaded", "half_loaded"])
def test_weights_that_the_class_sets_itself_are_not_taken_for_random(
    dataset: Dataset, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    fit(UserModule(import_path=f"vision_adapted_code:{name}"), dataset)
    told = "half_loaded draws 1 of its 2 weights at random (head.bias)"
    assert (told in caplog.text) == (name == "half_loaded")
    assert ("at random" in caplog.text) == (name == "half_loaded")


def test_a_function_may_make_the_module_and_the_seed_its_weights(dataset: Dataset) -> None:
    source = UserModule(import_path="vision_user_code:make", arguments={"classes": 3})
    a, b, c = (fit(source, dataset, seed).model.head.weight for seed in (0, 0, 1))

    assert torch.equal(a, b)
    assert not torch.equal(a, c)


Fingerprint = Callable[..., str]


@pytest.fixture
def fingerprint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fingerprint:
    """Take the fingerprint of some code, with what lies beside it, in a folder of its own."""
    count = iter(range(99))

    def take(weights: Path | None = None, name: str = "network", **files: str) -> str:
        folder = tmp_path / str(next(count))
        folder.mkdir()
        for module, code in files.items():
            (folder / f"vision_{module}.py").write_text(code)
        with monkeypatch.context() as patch:
            patch.syspath_prepend(folder)
            for module in files:
                patch.delitem(sys.modules, f"vision_{module}", raising=False)
            return UserModule(import_path=f"vision_{name}:Network", weights=weights).fingerprint()

    return take


def test_the_code_belongs_to_the_fingerprint(fingerprint: Fingerprint, tmp_path: Path) -> None:
    weights = tmp_path / "w.pt"
    torch.save({"head.weight": torch.rand(3, 256), "head.bias": torch.rand(3)}, weights)
    edited = CODE.replace("self.head(self", "2 * self.head(self")
    for path in (None, weights):
        before = fingerprint(path, network=CODE)
        assert len(before) == 64
        assert fingerprint(path, network=CODE) == before
        assert fingerprint(path, network=edited) != before
    # Also where the class is only handed on by the module that is named.
    facade = "from vision_network import Network"
    before, after = (
        fingerprint(name="facade", facade=facade, network=code) for code in (CODE, edited)
    )
    assert before != after


def test_weights_that_the_class_loads_itself_belong_to_the_fingerprint(
    fingerprint: Fingerprint, tmp_path: Path
) -> None:
    path = tmp_path / "own.pt"
    own = f"        self.load_state_dict(torch.load({str(path)!r}, weights_only=True))\n"
    code = CODE.replace("    def forward", f"{own}\n    def forward")
    weights = {"head.weight": torch.zeros(3, 256), "head.bias": torch.zeros(3)}
    taken = []
    for value in (0.0, 1.0, 0.0):
        torch.save({**weights, "head.bias": torch.full((3,), value)}, path)
        taken.append(fingerprint(network=code))
    assert taken[0] == taken[2] != taken[1]


def test_the_weights_file_belongs_to_the_fingerprint(tmp_path: Path) -> None:
    def taken(value: float) -> str:
        path = tmp_path / f"{value}.pt"
        torch.save({"head.weight": torch.zeros(3, 256), "head.bias": torch.full((3,), value)}, path)
        return UserModule(import_path="vision_user_code:Network", weights=path).fingerprint()

    assert taken(0.0) != taken(1.0)


def test_random_buffers_that_no_state_dict_has_come_back(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    buffer = (
        "        self.register_buffer('mask', torch.rand(256), persistent=False)\n\n    def forward"
    )
    code = CODE.replace("\n    def forward", buffer)
    (tmp_path / "vision_random_buffers.py").write_text(
        code.replace("self.features(images)", "self.mask * self.features(images)")
    )
    monkeypatch.syspath_prepend(tmp_path)
    source = UserModule(import_path="vision_random_buffers:Network")
    classifier = fit(source, dataset, seed=5)
    restored = source.restore(source.to_record(classifier), dataset, torch.device("cpu"))

    images = dataset.test.images
    torch.testing.assert_close(restored.logits(images), classifier.logits(images))


def test_a_stored_classifier_comes_back(dataset: Dataset) -> None:
    source = UserModule(import_path="vision_user_code:Network", feature_layer="features")
    classifier = fit(source, dataset)
    restored = source.restore(source.to_record(classifier), dataset, torch.device("cpu"))

    assert torch.equal(restored.model.head.weight, classifier.model.head.weight)
    assert restored.feature_layer == "features"


def test_a_stored_classifier_of_torchscript_comes_back(dataset: Dataset) -> None:
    source = UserModule(import_path="vision_user_code:scripted", mean=0.5)
    classifier = fit(source, dataset, seed=5)
    record = source.to_record(classifier)
    assert set(record.tensors) == {"state.head.weight", "state.head.bias"}
    restored = source.restore(record, dataset, torch.device("cpu"))

    images = dataset.test.images
    torch.testing.assert_close(restored.logits(images), classifier.logits(images))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"import_path": "vision_no_code:N"},
            r"vision_no_code cannot be imported: ModuleNotFound.* \(it was looked for in /",
        ),
        ({"import_path": "vision_broken_code:N"}, r"RuntimeError: half written"),
        ({"import_path": "vision_leaving_code:N"}, r"imported: SystemExit: no licence$"),
        ({"import_path": "vision_user_code:leave"}, r"with {}: SystemExit: no licence"),
        ({"import_path": "vision_user_code:Netwrk"}, r"no 'Netwrk'; did you mean 'Network'"),
        (
            {"import_path": "vision_user_code:CONSTANT"},
            r"CONSTANT is a int, neither a torch.nn.Module nor .*; it was not called",
        ),
        ({"import_path": "collections:OrderedDict"}, r"OrderedDict belongs to Python itself"),
        ({"arguments": {"clases": 3}}, r"cannot be built with {'clases': 3}: TypeError"),
        ({"feature_layer": "feature"}, r"no layer 'feature'; did you mean 'features'"),
        ({"weights": "gone.pt"}, r"gone.pt: no such file of weights"),
    ],
)
def test_what_goes_wrong_is_told(
    dataset: Dataset, settings: dict[str, object], message: str
) -> None:
    source = UserModule(**{"import_path": "vision_user_code:Network", **settings})

    with pytest.raises((CapabilityError, DataError), match=message):
        fit(source, dataset)


def test_weights_that_do_not_fit_are_told(tmp_path: Path, dataset: Dataset) -> None:
    torch.save({"head.weight": torch.rand(3, 4)}, tmp_path / "w.pt")
    source = UserModule(import_path="vision_user_code:Network", weights=tmp_path / "w.pt")

    with pytest.raises(DataError, match=r"w.pt: head.weight has the shape \[3, 4\], .*\[3, 256\]"):
        fit(source, dataset)


@pytest.mark.parametrize("path", ["module", "module:", ":Class", "module:a.b"])
def test_the_import_path_names_a_module_and_a_class(path: str) -> None:
    with pytest.raises(ValidationError):
        UserModule(import_path=path)


@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.module."])
@pytest.mark.parametrize("name", ["parallel", "compiled", "Network"])
def test_wrapped_networks_and_weights_are_those_inside(
    tmp_path: Path, dataset: Dataset, name: str, prefix: str
) -> None:
    weights = {"head.weight": torch.rand(3, 256), "head.bias": torch.rand(3)}
    torch.save({prefix + key: tensor for key, tensor in weights.items()}, tmp_path / "w.pt")
    source = UserModule(
        import_path=f"vision_user_code:{name}", weights=tmp_path / "w.pt", feature_layer="features"
    )
    classifier = fit(source, dataset)
    expected = dataset.test.images.flatten(1) @ weights["head.weight"].T + weights["head.bias"]
    torch.testing.assert_close(classifier.logits(dataset.test.images), expected)
    assert classifier.head.name == "head"
    again = source.restore(source.to_record(classifier), dataset, torch.device("cpu"))
    torch.testing.assert_close(again.logits(dataset.test.images), expected)


def test_lazy_layers_take_the_shape_of_their_weights(tmp_path: Path, dataset: Dataset) -> None:
    weights = {"1.weight": torch.rand(3, 256), "1.bias": torch.rand(3)}
    torch.save(weights, tmp_path / "w.pt")
    source = UserModule(import_path="vision_user_code:lazy", weights=tmp_path / "w.pt")
    classifier = fit(source, dataset)
    expected = dataset.test.images.flatten(1) @ weights["1.weight"].T + weights["1.bias"]
    torch.testing.assert_close(classifier.logits(dataset.test.images), expected)
    again = source.restore(source.to_record(classifier), dataset, torch.device("cpu"))
    torch.testing.assert_close(again.logits(dataset.test.images), expected)


@pytest.mark.parametrize(("name", "says"), [("lazy", "without weights"), ("quantised", "batch")])
def test_networks_that_cannot_be_explained_are_refused_when_loaded(
    dataset: Dataset, name: str, says: str
) -> None:
    with pytest.raises(ContractError, match=says):
        fit(UserModule(import_path=f"vision_user_code:{name}"), dataset)


def test_the_folder_of_the_code_is_not_part_of_a_key(tmp_path: Path) -> None:
    sources = []
    size = {"in_features": 2, "out_features": 1}
    for folder, width in ((tmp_path / "one", 3), (tmp_path / "two", 3), (tmp_path / "three", 4)):
        folder.mkdir()
        code = f"from torch import nn\nclass Net(nn.Linear):\n    width = {width}\n"
        (folder / "vision_beside.py").write_text(code)
        sources.append(
            UserModule(import_path="vision_beside:Net", import_from=folder, arguments=size)
        )
    one, two, three = (source.fingerprint() for source in sources)
    assert one == two != three
    assert sources[0].portable_config() == sources[2].portable_config()
    assert sources[0].fingerprint() == one


SPEC = """
causalxai: 1
name: beside
dataset: digits
classifier: {use: module, import_path: vision_user_code:Network}
explain: saliency
"""


def test_code_is_looked_for_beside_the_spec_that_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def folder_of(*given: Any, **options: Any) -> Path | None:
        return load_spec(*given, **options).classifier.config.import_from

    monkeypatch.chdir(tmp_path)
    Path("sub").mkdir()
    file = Path("sub/my.yaml")
    file.write_text(SPEC)
    assert folder_of(file, trust_code=True) == Path("sub")
    assert folder_of(file, ["classifier.import_from=."], trust_code=True) == Path()
    written = Path("again.yaml")
    written.write_text(load_spec(file, trust_code=True).to_yaml())
    assert folder_of(written, trust_code=True) == Path("sub")
    # What the caller names is the caller's own code, and not that beside the file.
    assert folder_of(file, ["classifier.import_path=vision_user_code:make"]) is None
    mapping = {"use": "module", "import_path": "vision_user_code:Network"}
    data = {"causalxai": 1, "name": "n", "dataset": "digits", "explain": "saliency"}
    assert folder_of({**data, "classifier": mapping}) is None


def test_a_folder_that_a_file_names_needs_trust(tmp_path: Path) -> None:
    file = tmp_path / "my.yaml"
    file.write_text(SPEC.replace("use: module,", "use: module, import_from: there,"))
    with pytest.raises(SpecError, match=r"my.yaml:5: classifier.import_path: names code"):
        load_spec(file)
    with pytest.raises(SpecError, match=r"my.yaml:5: classifier.import_from: names code, 'there'"):
        load_spec(file, ["classifier.import_path=vision_user_code:make"])
