"""What is kept, what is dropped for want of room, and that nobody stumbles over it."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from causalxai_datasets import caching
from causalxai_datasets.caching import Arrays, cached, key_of

KILOBYTE = 1024


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with room for three entries of a kilobyte and what tells of them."""
    monkeypatch.setattr(caching, "cache_folder", lambda: tmp_path)
    monkeypatch.setattr(caching, "_ROOM", 4 * KILOBYTE)
    return tmp_path


def made() -> Arrays:
    return {"bytes": np.ones(KILOBYTE, np.uint8)}


def never() -> Arrays:
    raise AssertionError("it was kept")


def store(*keys: str) -> None:
    for key in keys:
        cached(key, made)


def age(folder: Path, **seconds: int) -> None:
    """Make entries look as if they had last been used so long ago."""
    for key, ago in seconds.items():
        path = folder / f"{key}.safetensors"
        then = path.stat().st_mtime - ago
        os.utime(path, (then, then))


def kept(folder: Path) -> set[str]:
    return {path.stem for path in folder.iterdir()}


def test_what_is_kept_is_not_made_again() -> None:
    store("a")
    assert np.array_equal(cached("a", never)["bytes"], made()["bytes"])


def test_what_was_used_longest_ago_goes_where_there_is_no_room(folder: Path) -> None:
    store("a", "b", "c")
    assert kept(folder) == {"a", "b", "c"}
    age(folder, a=30, b=20, c=10)
    cached("a", never)  # Now the latest.
    store("d")
    assert kept(folder) == {"a", "c", "d"}


def test_the_newest_stays_even_where_it_has_no_room(folder: Path) -> None:
    store("a", "b")
    cached("large", lambda: {"bytes": np.ones(9 * KILOBYTE, np.uint8)})
    assert kept(folder) == {"large"}


def test_what_a_killed_process_left_goes_too(folder: Path) -> None:
    (folder / "half.tmp").write_bytes(b"x" * 2 * KILOBYTE)
    os.utime(folder / "half.tmp", (0, 0))
    store("a", "b", "c")
    assert kept(folder) == {"a", "b", "c"}


def test_another_process_that_drops_the_same_is_no_harm(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    store("a", "b", "c")
    age(folder, a=30, b=20)
    listed = Path.iterdir

    def dropped_meanwhile(path: Path) -> list[Path]:
        paths = list(listed(path))
        (folder / "a.safetensors").unlink(missing_ok=True)
        return paths

    monkeypatch.setattr(Path, "iterdir", dropped_meanwhile)
    with caplog.at_level(logging.WARNING):
        store("d")
        monkeypatch.undo()
        caching._make_room(folder / "d.safetensors")
    assert not caplog.text


def test_an_entry_that_goes_while_it_is_looked_for_is_made_anew_in_silence(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        store("a")
        (folder / "a.safetensors").unlink()
        store("a")
    assert kept(folder) == {"a"}
    assert not caplog.text


def pictures() -> Arrays:
    return {"images": np.arange(40, dtype=np.float32).reshape(4, 10), "rows": np.arange(4)}


def reverse_the_images(path: Path) -> None:
    arrays = load_file(path)
    with safe_open(path, framework="numpy") as file:
        metadata = file.metadata()
    save_file(arrays | {"images": arrays["images"][::-1].copy()}, path, metadata)


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-9] ^= 4
    path.write_bytes(content)


def name_another_type(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b'"F32"', b'"BF9"'))


def name_a_type_that_numpy_lacks(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b'"F32",', b'"I32",'))


def leave_out_the_checksum(path: Path) -> None:
    save_file(load_file(path), path)


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def take_that_of_another_key(path: Path) -> None:
    cached("other", lambda: {**pictures(), "rows": np.arange(4)[::-1]})
    path.with_stem("other").replace(path)


@pytest.mark.parametrize(
    "damage",
    [
        reverse_the_images,
        flip_a_bit,
        name_another_type,
        name_a_type_that_numpy_lacks,
        leave_out_the_checksum,
        cut_short,
        take_that_of_another_key,
    ],
)
def test_a_damaged_entry_is_made_anew_with_a_warning(
    folder: Path, damage: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    cached("a", pictures)
    damage(folder / "a.safetensors")
    again = cached("a", pictures)
    for name, array in pictures().items():
        assert np.array_equal(again[name], array)
    assert "is computed again" in caplog.text
    assert cached("a", never).keys() == pictures().keys()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((1, 23), (12, 3)),
        (("a", 1), ("a", 1.0)),
        ((np.zeros(4),), (np.zeros((2, 2)),)),
        ((np.zeros(4),), (np.zeros(4, np.int64),)),
        ((np.zeros(2), np.zeros(3)), (np.zeros(3), np.zeros(2))),
        (([1, "2"],), (["1", 2],)),
    ],
)
def test_keys_tell_apart(one: tuple, other: tuple) -> None:
    assert key_of(*one) != key_of(*other)
    assert key_of(*one) == key_of(*one)
