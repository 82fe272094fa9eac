from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from causalxai import Run, run
from causalxai.classifier import Classifier
from causalxai.errors import DataError
from causalxai.pipeline.stored_answers import ClassifierRecords, notice_in
from causalxai.plugin.provenance import Provenance
from causalxai.storage.record import Record

PLUGIN = Provenance("classifiers", "own", "dist", "1.0", "module:Class")


def classifier(weight: float = 1.0) -> Classifier:
    linear = nn.Linear(4, 2)
    nn.init.constant_(linear.weight, weight)
    nn.init.zeros_(linear.bias)
    with torch.no_grad():
        linear.weight[1] *= -1
    network = nn.Sequential(nn.Flatten(), linear)
    return Classifier(network, class_names=("a", "b"), image_shape=(1, 2, 2))


def records(restored: Classifier) -> ClassifierRecords:
    return ClassifierRecords(
        PLUGIN, lambda c: Record(tensors=dict(c.model.state_dict())), lambda _: restored
    )


def test_a_classifier_that_answers_the_same_is_restored() -> None:
    stored = records(classifier()).to_record(classifier())
    nearly = classifier(1 + 1e-6)
    assert records(nearly).restore(stored) is nearly
    assert records(nearly).changed_answers(stored) == ""


def test_what_was_noticed_is_stored_beside_what_the_source_stores() -> None:
    own: list[Record] = []
    kept = ClassifierRecords(
        PLUGIN,
        lambda c: Record(tensors=dict(c.model.state_dict()), meta={"width": 2}),
        lambda record: own.append(record) or classifier(),
    )
    assert notice_in(kept.to_record(classifier())) == ""
    stored = kept.to_record(classifier(), "it guesses")
    assert notice_in(stored) == "it guesses"
    kept.restore(stored)
    assert own[0].meta == {"width": 2}


@pytest.mark.parametrize("weight", [1.01, -1.0, float("inf")])
def test_one_that_answers_otherwise_is_told(
    weight: float, caplog: pytest.LogCaptureFixture
) -> None:
    stored = records(classifier()).to_record(classifier())
    other = classifier()
    other.model[1].weight.data.fill_(weight)
    with pytest.raises(DataError, match=r"of dist 1\.0 does not answer as .*; run again"):
        records(other).restore(stored)
    with caplog.at_level(logging.WARNING):
        assert records(other).changed_answers(stored)
    assert "does not answer as it did when it was stored" in caplog.text


READS_A_FILE = """
from pathlib import Path
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(256, 10)

    def forward(self, images):
        sign = float((Path(__file__).parent / "sign.txt").read_text())
        return sign * self.layer(images.flatten(1))
"""


def _score(done: Run) -> float:
    estimate = done.metrics["deletion"].estimate
    assert estimate is not None
    return estimate.value


@pytest.mark.usefixtures("undrawn")
def test_what_a_network_reads_when_it_is_called_is_noticed(
    tmp_path: Path, tiny_spec: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "answers_from_file.py").write_text(READS_A_FILE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "answers_from_file", raising=False)
    kept = {key: tiny_spec[key] for key in ("causalxai", "name", "seed", "device", "dataset")}
    spec = {
        **kept,
        "classifier": {"use": "module", "import_path": "answers_from_file:Net"},
        "explain": "saliency",
        "images": {"count": 8, "only": "any"},
        "metrics": ["deletion"],
    }
    done = []
    for sign in ("1", "1", "-1", "-1", "1"):
        (tmp_path / "sign.txt").write_text(sign)
        done.append(run(spec, out=tmp_path / "runs"))
    assert [bool(each.pipeline.computed) for each in done] == [True, False, True, False, False]
    anew = run(spec, out=tmp_path / "fresh")
    assert _score(anew) == _score(done[0]) == _score(done[4])

    (tmp_path / "sign.txt").write_text("-1")
    other = run(spec, out=tmp_path / "other")
    assert _score(other) == _score(done[2]) == _score(done[3]) != _score(done[0])
