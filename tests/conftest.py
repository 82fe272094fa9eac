"""A classifier that can be computed by hand, and one small run that many tests look at."""

from __future__ import annotations

import logging
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from copy import deepcopy
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest
import torch
from PIL import Image
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]
from torch import Tensor, nn

from causalxai import Classifier, Dataset, Run, ScoringInputs, Split, run
from causalxai.cli import main
from causalxai.report import plots
from causalxai.report.builder import ReportInputs
from tests.browser import chromium
from tests.commands import Cli, Done

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# A busy machine is no reason to fail.
hypothesis.settings.register_profile("causalxai", deadline=None)
hypothesis.settings.load_profile("causalxai")

# Tests run side by side, one on each core, and their tensors are tiny: more threads would wait for
# each other. The variable is for the processes that tests start.
os.environ["OMP_NUM_THREADS"] = "1"
# Commands have to look for themselves, and leave nothing in the user's cache.
os.environ["CAUSALXAI_NO_CACHE"] = "1"
torch.set_num_threads(1)
threadpool_limits(1)

TINY_SPEC: dict[str, Any] = {
    "causalxai": 1,
    "name": "tiny",
    "seed": 0,
    "device": "cpu",
    "dataset": {"use": "digits", "size": 16},
    "classifier": {
        "use": "lenet",
        "epochs": 1,
        "batch_size": 16,
        "learning_rate": 0.03,
        "augment": False,
        "channels": [4, 6],
        "hidden": 16,
    },
    "method": "interventional",
    "concepts": {"layers": ["conv1", "conv2"]},
    "graph": {"classes": ["0", "7"], "positives": 2},
    "explain": {"references": False, "map_layers": ["conv2"]},
    "images": {"classes": ["0", "7"], "count": 2},
    "metrics": ["deletion", {"use": "correction", "errors": 2}],
}


class Halves(nn.Module):
    """One logit for each half of a 2 x 4 image: the sum of its pixels."""

    def forward(self, images: Tensor) -> Tensor:
        return torch.stack([half.sum(dim=(1, 2, 3)) for half in images.split(2, dim=3)], dim=1)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Take back the number of threads that a test has set."""
    yield
    torch.set_num_threads(1)


@pytest.fixture
def rng() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.fixture
def classifier() -> Classifier:
    """Sees which half of a 2 x 4 image is the brighter one."""
    return Classifier(Halves(), class_names=("left", "right"), image_shape=(1, 2, 4))


@pytest.fixture
def dataset(classifier: Classifier) -> Dataset:
    """Forty images; every fifth has the label of the darker half."""
    images = torch.rand(40, 1, 2, 4, generator=torch.Generator().manual_seed(1))
    labels = classifier.predict(images)
    labels[::5] = 1 - labels[::5]
    split = Split(images, labels)
    return Dataset(train=split, test=split, class_names=("left", "right"))


@pytest.fixture
def inputs(classifier: Classifier, dataset: Dataset, rng: torch.Generator) -> ScoringInputs:
    """A pipeline that has come to its classifier, and no further."""
    return ScoringInputs(classifier=classifier, dataset=dataset, rng=rng)


@pytest.fixture
def report_inputs() -> Callable[[ScoringInputs], ReportInputs]:
    """Return what report builders may look at, from the parts that a test has."""

    def inputs(scoring: ScoringInputs) -> ReportInputs:
        return ReportInputs(
            classifier=scoring.classifier,
            dataset=scoring.dataset,
            rng=scoring.rng,
            space=scoring.space,
            oracle=scoring.oracle,
            graph=scoring.graph,
        )

    return inputs


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The system's own Chromium; tests that need it are skipped where there is none."""
    yield from chromium()


@pytest.fixture
def tiny_spec() -> dict[str, Any]:
    """A spec that runs in seconds."""
    return deepcopy(TINY_SPEC)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The tiny spec's run; tests only read it."""
    return run(TINY_SPEC, out=tmp_path_factory.mktemp("finished"))


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave figures blank, for tests of runs that look at none: drawing takes half of their time.

    Report builders still make them.
    """
    png = BytesIO()
    Image.new("L", (1, 1)).save(png, "png")
    blank = {"svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>", "png": png.getvalue()}
    monkeypatch.setattr(plots, "_saved", lambda _figure, kind: blank[kind])


@pytest.fixture
def finished_copy(finished: Run, tmp_path: Path) -> Path:
    """A copy of the folder in which the tiny spec was run, to go on in."""
    return Path(shutil.copytree(finished.directory.parent, tmp_path / "runs"))


@pytest.fixture
def published(finished: Run, tmp_path: Path) -> str:
    """A shared store with the results of the run of the tiny spec."""
    from causalxai.storage.shared_store import SharedStore

    url = f"file://{tmp_path}/published"
    results, shared = finished.pipeline.store, SharedStore(tmp_path / "publisher", url)
    for stage, key in finished.pipeline.keys.items():
        if (record := results.read(stage, key)) is not None:
            shared.write(stage, key, record)
    return url


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Cli]:
    """Call the command line in this process."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers.clear()

    def call(*arguments: str | Path) -> Done:
        monkeypatch.setattr(sys, "argv", ["causalxai", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            main()
        out, err = capsys.readouterr()
        return Done(int(stop.value.code or 0), out, err)

    yield call
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def write_spec(tmp_path: Path) -> Callable[[dict[str, Any]], Path]:
    """Write a spec as a user would keep it."""

    def write(spec: dict[str, Any]) -> Path:
        from ruamel.yaml import YAML

        path = tmp_path / "spec.yaml"
        with path.open("w", encoding="utf-8") as file:
            YAML(typ="safe", pure=True).dump(spec, file)
        return path

    return write
