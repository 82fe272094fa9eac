"""Finds images that occur more than once."""

from __future__ import annotations

import hashlib
import logging
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from torch import Tensor

_logger = logging.getLogger(__name__)


def digest_of(pixels: Tensor) -> str:
    """Return a digest of an image's pixels."""
    return hashlib.sha256(pixels.contiguous().numpy().tobytes()).hexdigest()


def tell_repeats(
    digests: Sequence[str],
    labels: Sequence[str],
    in_test: Sequence[bool],
    names: Sequence[str],
    same: str = "pixels",
) -> None:
    """Log a warning for images that are the same and are in both parts or in two classes.

    Parameters
    ----------
    digests
        ``n`` digests of the pixels, as the classifier gets them, or of the files.
    labels
        The class of each image.
    in_test
        Whether each image is a test image.
    names
        The name of each image.
    same
        What the digests are of: ``pixels`` or ``file contents``.
    """
    members: dict[str, list[int]] = defaultdict(list)
    for row, digest in enumerate(digests):
        members[digest].append(row)
    repeats = [rows for rows in members.values() if len(rows) > 1]
    leaked = [rows for rows in repeats if len({in_test[row] for row in rows}) > 1]
    mixed = [rows for rows in repeats if len({labels[row] for row in rows}) > 1]
    if leaked:
        count = sum(in_test[row] for rows in leaked for row in rows)
        _logger.warning(
            "%d of %d test images have the same %s as a training image, so that test results "
            "are too optimistic: %s",
            count,
            sum(in_test),
            same,
            _example(leaked, names),
        )
    if mixed:
        _logger.warning(
            "%d images have the same %s as an image of another class: %s",
            sum(map(len, mixed)),
            same,
            _example(mixed, names),
        )
    if repeats and not leaked and not mixed:
        _logger.info(
            "%d images have the same %s as another one of their class: %s",
            sum(map(len, repeats)),
            same,
            _example(repeats, names),
        )


def _example(groups: Sequence[Sequence[int]], names: Sequence[str]) -> str:
    shown = " = ".join(str(Path(names[row])) for row in groups[0][:3])
    return f"such as {shown}" if len(groups) > 1 or len(groups[0]) > 3 else shown
