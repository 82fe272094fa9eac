"""Where a training computes in half precision, and where never."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch

from causalxai import Classifier
from causalxai_glance.twin import training
from causalxai_glance.twin.objective import Batch
from causalxai_glance.twin.training import TwinConfig, TwinTraining

CONFIG = TwinConfig(latents=6, steps=100, channels=8, batch_size=8, layers=1)


def prepared(looker: Classifier, material: Batch, **settings) -> TwinTraining:
    config = CONFIG.model_copy(update=settings)
    return TwinTraining(looker, material, config, torch.Generator().manual_seed(0))


@pytest.mark.parametrize("wanted", [True, False])
@pytest.mark.parametrize("native", [True, False])
def test_half_where_the_device_computes_in_it(
    looker: Classifier,
    material: Batch,
    monkeypatch: pytest.MonkeyPatch,
    native: bool,
    wanted: bool,
):
    device = torch.device("cuda:1")
    asked, entered = [], []

    @contextmanager
    def on(where: torch.device) -> Iterator[None]:
        entered.append(where)
        yield
        entered.pop()

    def supported(including_emulation: bool = True) -> bool:
        asked.append((list(entered), including_emulation))
        return native or including_emulation

    monkeypatch.setattr(torch.cuda, "device", on)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", supported)
    monkeypatch.setattr(torch, "autocast", lambda kind, dtype, enabled: (kind, dtype, enabled))
    trains = prepared(looker, material)
    trains.device = device
    found = trains._mixed_precision(wanted)
    assert found == ("cuda", torch.bfloat16, native and wanted)
    assert asked == ([([device], False)] if wanted else [])


def test_full_on_a_cpu(looker: Classifier, material: Batch, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: True)
    with prepared(looker, material)._mixed_precision():
        assert not torch.is_autocast_enabled("cpu")


@pytest.mark.parametrize("wanted", [True, False])
@pytest.mark.parametrize(("precision", "half"), [("mixed", True), ("single", False)])
def test_a_precision_that_is_set_holds_on_any_device(
    looker: Classifier,
    material: Batch,
    monkeypatch: pytest.MonkeyPatch,
    precision: str,
    half: bool,
    wanted: bool,
):
    monkeypatch.setattr(training, "_has_bfloat16", lambda _: not half)
    with prepared(looker, material, precision=precision)._mixed_precision(wanted):
        assert torch.is_autocast_enabled("cpu") == (half and wanted)


def test_second_derivatives_are_taken_in_full(
    looker: Classifier, material: Batch, monkeypatch: pytest.MonkeyPatch
):
    trains, wanted = prepared(looker, material), []
    whole = trains._mixed_precision

    def noted(half: bool = True):
        wanted.append(half)
        return whole(half)

    monkeypatch.setattr(trains, "_mixed_precision", noted)
    for number in (0, 1, 8, 16):
        trains.step(number)
    # Painter and critic in turns; R1 in steps 0 and 16.
    assert wanted == [True, False, True, True, True, True, True, False]
