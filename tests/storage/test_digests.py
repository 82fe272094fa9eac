from __future__ import annotations

from pathlib import Path

import pytest

from causalxai.errors import DataError
from causalxai.storage.digests import digest_files


def test_names_and_contents_count_and_paths_and_order_do_not(tmp_path: Path) -> None:
    for name, content in {"a": "1", "b": "2", "c": "1"}.items():
        (tmp_path / name).write_text(content)
    a, b, c = (tmp_path / name for name in "abc")
    digest = digest_files({"x": a, "y": b})

    assert len(digest) == 64
    assert digest == digest_files({"y": b, "x": a}) == digest_files({"x": c, "y": b})
    assert digest != digest_files({"x": b, "y": a})
    assert digest != digest_files({"x": a, "z": b})
    assert digest != digest_files({"x": a})


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone: No such file"):
        digest_files({"x": tmp_path / "gone"})
