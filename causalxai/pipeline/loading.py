"""Opens a finished run again, from its folder and the store beside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from causalxai.config import Stage, reopen_spec
from causalxai.errors import DataError, NotStoredError
from causalxai.pipeline.execution import Run, exact_convolutions, open_pipeline
from causalxai.pipeline.stages import Pipeline
from causalxai.progress import SILENT, Progress


def load(
    folder: str | Path,
    classifier: object = None,
    data: object = None,
    *,
    store: str | None = None,
    progress: Progress = SILENT,
    trust_code: bool = False,
    **parts: object,
) -> Run:
    """Open a finished run again; nothing is trained or computed anew.

    Parameters
    ----------
    folder
        The run's folder. The store of results must lie beside it, as a run leaves it, unless
        ``store`` has the results.
    classifier, data
        The ``Classifier`` and the ``Dataset`` of the run, if it was made with such objects: a file
        does not hold them. The images that were explained need not be given.
    store
        Where else results are found, as in ``run``. Those that are read are copied to the store
        beside the folder.
    progress
        Receives reports on the progress of long work, such as the loading of the data.
    trust_code
        Whether the run's spec may name code to run, as the classifier ``module`` does.
    **parts
        Other parts that were objects, by their keys, such as ``concepts``.

    Raises
    ------
    DataError
        If the folder is none of a run, or something that is given is not what the run was made of.
    NotStoredError
        If the store lacks results.
    SpecError
        If a part was an object and is not given, or the spec has other mistakes.
    """
    directory = Path(folder)
    keys = _keys(directory)
    given = {"dataset": data, "classifier": classifier, **parts}
    spec = reopen_spec(
        directory / "spec.yaml",
        {key: value for key, value in given.items() if value is not None},
        trust_code=trust_code,
    )
    pipeline = open_pipeline(spec, directory.parent, progress, store=store)
    with exact_convolutions():
        _require_same(directory, pipeline, keys)
        pipeline.require_results(metrics=False)
    return Run(directory, pipeline)


def _keys(directory: Path) -> dict[str, Any]:
    """Return the keys under which the run's results are stored."""
    file = directory / "provenance.json"
    try:
        keys = json.loads(file.read_text(encoding="utf-8"))["keys"]
    except OSError as error:
        raise DataError(f"{directory} is not the folder of a run: {file.name} is not there") from (
            error
        )
    except (ValueError, LookupError, TypeError) as error:
        raise DataError(f"{file} is damaged: it does not have the run's keys") from error
    if not isinstance(keys, dict):
        raise DataError(f"{file} is damaged: it does not have the run's keys")
    return keys


def _require_same(directory: Path, pipeline: Pipeline, keys: dict[str, Any]) -> None:
    """Raise an error unless the parts of a pipeline are those of the run in a folder."""
    for stage in (stage for stage in Stage if stage in pipeline.keys):
        if pipeline.keys[stage] == keys.get(stage):
            continue
        if pipeline.spec.stages[stage].is_live:
            raise DataError(
                f"{directory}: the {stage} is not the one that the run was made with: it has "
                "changed since, or versions have (provenance.json lists them); explain it anew"
            )
        raise NotStoredError(
            f"{directory}: the {stage} would now be another one than that of the run, because its "
            "files, its code, versions or the kind of device have changed; run the spec again"
        )
