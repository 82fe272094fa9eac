"""Where a run computes and writes: devices, precision, directories."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from causalxai import CausalGraph, run
from causalxai.errors import CapabilityError, DataError, SpecError
from causalxai.pipeline.execution import _save_graph
from causalxai_models.lenet import LeNetClassifier

Spec = dict[str, Any]


@pytest.mark.parametrize("device", ["nonsense", "cpu:x", "", 3])
def test_a_device_that_is_none_is_a_mistake_in_the_spec(
    device: object, tiny_spec: Spec, tmp_path: Path
):
    with pytest.raises(SpecError, match="spec: device: should be "):
        run({**tiny_spec, "device": device}, out=tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("device", "module", "function", "answer"),
    [
        ("cuda", torch.cuda, "device_count", 0),
        ("cuda:3", torch.cuda, "device_count", 3),
        ("mps", torch.backends.mps, "is_available", False),
    ],
)
def test_a_device_that_is_not_there_is_told(
    device: str,
    module: Any,
    function: str,
    answer: object,
    tiny_spec: Spec,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(module, function, lambda: answer)
    with pytest.raises(CapabilityError, match=f"^device: {device}: this machine has no such"):
        run({**tiny_spec, "device": device}, out=tmp_path)


@pytest.mark.parametrize("place", ["", "runs"])
def test_a_directory_that_cannot_be_made_is_told(place: str, tiny_spec: Spec, tmp_path: Path):
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(DataError, match=r"file.*/tiny-\w+: cannot be written: Not a directory$"):
        run(tiny_spec, out=file / place)


def test_a_directory_that_cannot_be_written_to_is_told(
    finished_copy: Path, tiny_spec: Spec, monkeypatch: pytest.MonkeyPatch
):
    def refuse(path: Path, *_: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(DataError, match=r"tiny-\w+: cannot be written: Permission denied$"):
        run(tiny_spec, out=finished_copy)


def test_what_a_killed_process_left_of_a_run_is_deleted(finished_copy: Path, tiny_spec: Spec):
    (directory,) = finished_copy.glob("tiny-*")
    left, other = (
        finished_copy / f".writing-{name}-abc" for name in (directory.name, "other-12345678")
    )
    for folder in (left, other):
        folder.mkdir()
        (folder / "report.html").write_text("half")
    run(tiny_spec, out=finished_copy)
    assert not left.exists()
    assert other.exists()


@pytest.fixture
def cudnn_as_it_was() -> Iterator[Any]:
    """Bring back cuDNN's options whatever a test does with them."""
    cudnn = torch.backends.cudnn
    before = cudnn.allow_tf32, cudnn.deterministic
    yield cudnn
    cudnn.allow_tf32, cudnn.deterministic = before


@pytest.mark.parametrize("before", [(True, False), (False, True)])
def test_convolutions_are_exact_while_a_run_lasts(
    before: tuple[bool, bool],
    tiny_spec: Spec,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    cudnn_as_it_was: Any,
):
    cudnn, seen = cudnn_as_it_was, []

    def killed(*_: object, **__: object) -> None:
        seen.append((cudnn.allow_tf32, cudnn.deterministic))
        raise KeyboardInterrupt

    cudnn.allow_tf32, cudnn.deterministic = before
    monkeypatch.setattr(LeNetClassifier, "fit", killed)
    with pytest.raises(KeyboardInterrupt):
        run(tiny_spec, out=tmp_path)
    assert seen == [(False, True)]
    assert (cudnn.allow_tf32, cudnn.deterministic) == before


def test_torchs_newer_options_of_precision_are_left_alone(
    finished_copy: Path, tiny_spec: Spec, cudnn_as_it_was: Any, caplog: pytest.LogCaptureFixture
):
    cudnn = cudnn_as_it_was
    if not hasattr(cudnn, "conv"):
        pytest.skip("this torch has none")
    cudnn.conv.fp32_precision = "ieee"
    run(tiny_spec, out=finished_copy)
    assert "precision is set for single operators" in caplog.text
    assert cudnn.conv.fp32_precision == "ieee"
    cudnn.conv.fp32_precision = "tf32"


def test_a_name_that_graphml_cannot_store_is_told_and_the_other_files_are_written(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    graph = CausalGraph(["bell\a", "b"], [("bell\a", "b")])
    _save_graph(graph, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"graph.json", "graph.dot"}
    assert CausalGraph.load(tmp_path / "graph.json") == graph
    assert "graph.graphml is not written: 'bell\\x07' has a character that" in caplog.text
