"""Validates specs: everything that can be known of their runs before anything is trained."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from causalxai.config import Grid, Mistake, Place, ResolvedPlugin, ResolvedSpec, Stage, as_problems
from causalxai.errors import CausalxaiError, Problem
from causalxai.outline import Outline
from causalxai.pipeline.early_checks import (
    classifier_mistakes,
    mistake_of,
    outline_mistakes,
    path_mistakes,
)
from causalxai.pipeline.previews import Previews, identity
from causalxai.plugin.guard import guarded


@dataclass(frozen=True)
class Validation:
    """What was found out about a spec.

    Parameters
    ----------
    problems
        The mistakes, in the order of the lines.
    notes
        What was not looked at, and why.
    rests_on_files
        Whether the next look may find something else although neither spec nor code has changed,
        because a part looks at files or names code.
    """

    problems: tuple[Problem, ...]
    notes: tuple[str, ...]
    rests_on_files: bool


def validate_grid(grid: Grid, *, trust_code: bool = False) -> Validation:
    """Check the paths, the data sets, the networks and the layers of all runs of a grid.

    No data set is loaded and nothing is trained.

    Parameters
    ----------
    grid
        The runs.
    trust_code
        Whether code that the spec names is imported and run.
    """
    looker = _Looker(trust_code)
    placed: dict[tuple[Place, Mistake], None] = {}
    for cell in grid.cells:
        for mistake in looker.mistakes(cell.spec):
            placed[cell.spec.place(mistake.path), mistake] = None
    return Validation(
        tuple(as_problems(placed)), tuple(looker.notes), rests_on_files=_rests_on_files(grid)
    )


def _rests_on_files(grid: Grid) -> bool:
    parts = {identity(part): part for cell in grid.cells for part in cell.spec.parts.values()}
    return any(map(_looks_at_files, parts.values()))


def _looks_at_files(part: ResolvedPlugin[Any]) -> bool:
    if part.named_code():
        return True
    with guarded(part.provenance, "whether it looks at files"):
        return bool(part.build().looks_at_files())


class _Looker:
    def __init__(self, trust_code: bool) -> None:
        self._trust_code = trust_code
        self._previews = Previews()
        self.notes: dict[str, None] = {}

    def mistakes(self, spec: ResolvedSpec) -> Iterator[Mistake]:
        """Yield the mistakes of one run."""
        for part in spec.parts.values():
            part.requires() if hasattr(part.plugin_class, "requires") else part.build()
        paths = list(path_mistakes(spec))
        yield from paths
        if not paths:
            yield from self._of_data(spec)

    def _of_data(self, spec: ResolvedSpec) -> Iterator[Mistake]:
        try:
            outline = self._previews.outline(spec)
        except CausalxaiError as error:
            yield mistake_of(error, (Stage.DATASET,))
            return
        if outline is None:
            self._note(
                f"the data set {spec.dataset.provenance.name} is known when it is loaded, so that "
                "names of classes and layers were not looked at"
            )
        else:
            yield from outline_mistakes(spec, outline)
        yield from self._of_network(spec, outline)

    def _of_network(self, spec: ResolvedSpec, outline: Outline | None) -> Iterator[Mistake]:
        untrusted = False
        for path, part in spec.parts.items():
            code = list(part.named_code().values())
            if code and not self._trust_code:
                self._note(f"names code, which was not looked at: {code[0]} (--trust-code)")
                untrusted |= path == (Stage.CLASSIFIER,)
            elif code:
                try:
                    part.fingerprint()
                except CausalxaiError as error:
                    yield mistake_of(error, path)
                    return
        if outline is None or untrusted:
            return
        try:
            network = self._previews.classifier(spec, outline)
        except CausalxaiError as error:
            yield mistake_of(error, (Stage.CLASSIFIER,))
            return
        if network is not None:
            trained = not spec.classifier.build().trains
            yield from classifier_mistakes(spec, network, trained=trained)

    def _note(self, text: str) -> None:
        self.notes[text] = None
