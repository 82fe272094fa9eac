"""Explains a classifier of the caller's own, without a spec."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from causalxai.config.limits import NAME
from causalxai.config.live import Live
from causalxai.config.model import FORMAT_VERSION
from causalxai.live.images import AskedImages
from causalxai.pipeline.execution import Run, run
from causalxai.pipeline.stage_results import Fresh
from causalxai.plugin import Plugin, registry
from causalxai.progress import SILENT, Progress


def explain(
    classifier: object,
    data: object,
    *,
    method: str | None = None,
    explain: object = None,
    images: object = None,
    target: int | str | Sequence[int | str] | None = None,
    metrics: Sequence[object] | None = None,
    out: str | Path = "runs",
    store: str | None = None,
    seed: int = 0,
    progress: Progress = SILENT,
    fresh: Fresh = "nothing",
    **settings: object,
) -> Run:
    """Explain a classifier that is in memory, and write the report.

    It is the same as ``run`` of a spec with these parts: what was computed before for the same
    network, code, data and settings is reused. The classifier and the data are left as they are.

    Parameters
    ----------
    classifier, data
        A ``Classifier`` and a ``Dataset``; or what a spec has in their places, such as a plugin's
        name.
    method
        The name of a method preset.
    explain
        An explainer, to be used without a method or in the place of the method's: its name, a
        mapping with ``use`` and its settings, or an instance.
    images
        The images to explain, of the size of the data set's: a ``Split``; a tensor or an array
        ``[n, c, h, w]`` or ``[n, h, w, c]``, of floats in [0, 1] or of bytes, which are divided by
        255; or a list of arrays or of PIL's images. Or a selection as in a spec, such as
        ``{"count": 4, "only": "errors"}``. By default eight images of the test split.
    target
        The class for which each image is explained: an index or a name, one for each image, or
        ``"label"`` for the images' own classes; by default the one that the network predicts.
    metrics
        The metrics, as names, mappings or instances; by default those of the method.
    out
        The folder of the runs, each of which has a directory. Results that later runs can reuse
        are kept in ``.store`` in this folder.
    store
        Where results are kept for other machines as well, as in ``run``.
    seed
        The seed of all random numbers.
    progress
        Receives reports on the progress of long work.
    fresh
        What to compute again although it is stored, as in ``run``.
    **settings
        Further keys of a spec: ``concepts``, ``oracle`` and ``graph`` (names, mappings or
        instances; a fitted concept space is not fitted again, and a ``CausalGraph`` is taken as it
        is), ``name``, ``budget``, ``device``, ``memory_mb``, ``sanity``.

    Raises
    ------
    SpecError
        If something is not what it should be; the message lists all mistakes. Nothing was computed.
    CausalxaiError
        If the parts do not fit together, or ``out`` cannot be written to.
    """
    spec = spec_of(
        classifier,
        data,
        name=str(settings.pop("name", None) or method or named(explain)),
        method=method,
        explain=explain,
        images=images,
        target=target,
        metrics=metrics,
        seed=seed,
        **settings,
    )
    return run(spec, out=out, store=store, progress=progress, fresh=fresh)


def spec_of(classifier: object, data: object, *, name: str, **settings: object) -> dict[str, Any]:
    """Return a spec with the parts that are given; the others are left out."""
    settings["images"] = _asked(settings.pop("images", None), settings.pop("target", None))
    given = {key: value for key, value in settings.items() if value is not None}
    return {
        "causalxai": FORMAT_VERSION,
        "name": re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")[:NAME] or "explanation",
        "dataset": data,
        "classifier": classifier,
        **given,
    }


def _asked(images: object, target: object) -> object:
    """Return what a spec has for images and for the class that is explained."""
    if images is not None and not isinstance(images, Mapping):
        return Live(AskedImages(images, target))
    if target is None:
        return images
    index = target.tolist() if hasattr(target, "tolist") else target
    return {**(images or {}), "target": index}


def named(part: object) -> str:
    """Return what an explainer is called: its name, or that of its class."""
    if isinstance(part, Mapping):
        return str(part.get("use", ""))
    if isinstance(part, Plugin):
        registered = registry.names_of("explainers", type(part))
        return registered[0] if registered else type(part).__name__
    return part if isinstance(part, str) else ""
