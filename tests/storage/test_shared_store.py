"""Results that one machine has written are found by others, whole or not at all."""

from __future__ import annotations

import logging
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import fsspec
import pytest
import torch
from fsspec.implementations.memory import MemoryFileSystem

from causalxai.errors import DataError
from causalxai.storage.cost import Cost
from causalxai.storage.record import Record
from causalxai.storage.shared_store import SharedStore, open_store
from causalxai.storage.store import Store

RECORD = Record(
    tensors={"weights": torch.linspace(0, 1, 7)},
    meta={"epoch": 3},
    texts={"report.html": "<p>ü</p>\n"},
    files={"picture.png": bytes(range(256))},
)
OTHER = Record(meta={"epoch": 4})
KEY = "0123abcd"

Machine = Callable[[str], SharedStore]


@pytest.fixture(params=["memory", "file"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A place in memory, and a folder."""
    yield "memory://results" if request.param == "memory" else f"file://{tmp_path}/shared"
    MemoryFileSystem.store.clear()
    MemoryFileSystem.pseudo_dirs[:] = [""]


@pytest.fixture
def machine(url: str, tmp_path: Path) -> Machine:
    """The store of a machine, with a folder of its own."""
    return lambda name: SharedStore(tmp_path / name, url)


def objects(url: str) -> list[str]:
    files, place = fsspec.core.url_to_fs(url)
    return [path.removeprefix(place).lstrip("/") for path in files.find(place)]


def assert_same(one: Record | None, other: Record) -> None:
    assert one is not None
    assert (one.meta, one.texts, one.files) == (other.meta, other.texts, other.files)
    assert one.tensors.keys() == other.tensors.keys()
    for name, tensor in one.tensors.items():
        assert torch.equal(tensor, other.tensors[name])


def test_what_one_writes_another_reads(machine: Machine, url: str, tmp_path: Path):
    cost = Cost(seconds=2.0)
    machine("one").write("classifier", KEY, RECORD, cost)
    assert objects(url) == [f"classifier/{KEY}.zip"]
    other = machine("other")
    assert other.has("classifier", KEY)
    assert other.cost("classifier", KEY) == cost
    assert_same(other.read("classifier", KEY), RECORD)
    # It has a copy of its own now.
    assert_same(Store(tmp_path / "other").read("classifier", KEY), RECORD)
    assert not other.has("classifier", "another")
    assert other.read("classifier", "another") is None
    assert other.cost("classifier", "another") is None


def test_the_local_store_is_as_without_a_shared_place(machine: Machine, tmp_path: Path):
    machine("one").write("classifier", KEY, RECORD)
    Store(tmp_path / "alone").write("classifier", KEY, RECORD)
    files = [
        {
            path.relative_to(root).as_posix(): path.read_bytes()
            for path in root.rglob("*")
            if path.is_file()
        }
        for root in (tmp_path / "one", tmp_path / "alone")
    ]
    assert files[0] == files[1]


def test_another_goes_on_from_a_checkpoint(machine: Machine, url: str):
    one, other = machine("one"), machine("other")
    checkpoint = one.checkpoint("classifier", KEY, lambda: Cost(seconds=1.0))
    assert checkpoint.load() is None
    checkpoint.save(OTHER)
    checkpoint.save(RECORD)
    assert other.cost_so_far("classifier", KEY) == Cost(seconds=1.0)
    assert_same(other.checkpoint("classifier", KEY).load(), RECORD)
    other.write("classifier", KEY, RECORD)
    assert objects(url) == [f"classifier/{KEY}.zip"]
    assert_same(one.read("classifier", KEY), RECORD)


def test_a_record_is_whole_or_absent(machine: Machine, url: str, monkeypatch: pytest.MonkeyPatch):
    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    one, other = machine("one"), machine("other")
    with monkeypatch.context() as patch:
        patch.setattr(type(one._files), "mv", killed)
        with pytest.raises(KeyboardInterrupt):
            one.write("classifier", KEY, RECORD)
    assert not other.has("classifier", KEY)
    assert other.read("classifier", KEY) is None
    other.write("classifier", KEY, RECORD)
    assert_same(machine("third").read("classifier", KEY), RECORD)


def test_several_may_write_the_same_at_once(machine: Machine, url: str):
    def written(number: int) -> Record | None:
        store = machine(f"machine-{number}")
        for _ in range(5):
            store.write("classifier", KEY, RECORD)
        return machine(f"reader-{number}").read("classifier", KEY)

    with ThreadPoolExecutor(4) as pool:
        for record in pool.map(written, range(4)):
            assert_same(record, RECORD)
    assert objects(url) == [f"classifier/{KEY}.zip"]


def test_a_damaged_object_counts_as_absent(
    machine: Machine, url: str, caplog: pytest.LogCaptureFixture
):
    machine("one").write("classifier", KEY, RECORD)
    files, place = fsspec.core.url_to_fs(url)
    files.pipe_file(f"{place}/classifier/{KEY}.zip", b"PK damaged")
    with caplog.at_level(logging.WARNING):
        assert machine("other").read("classifier", KEY) is None
    assert "is damaged" in caplog.text
    machine("other").write("classifier", KEY, RECORD)
    assert_same(machine("third").read("classifier", KEY), RECORD)


def test_nothing_is_unpacked_elsewhere(machine: Machine, url: str, tmp_path: Path):
    machine("one").write("classifier", KEY, RECORD)
    files, place = fsspec.core.url_to_fs(url)
    with (
        files.open(f"{place}/classifier/{KEY}.zip", "wb") as file,
        zipfile.ZipFile(file, "w") as archive,
    ):
        archive.writestr("../../../evil", "")
    assert machine("other").read("classifier", KEY) is None
    assert not list(tmp_path.rglob("../evil"))
    assert not (tmp_path / "evil").exists()


def test_a_damaged_copy_is_fetched_again(machine: Machine, tmp_path: Path):
    machine("one").write("classifier", KEY, RECORD)
    other = machine("other")
    other.read("classifier", KEY)
    (tmp_path / "other" / "classifier" / KEY / "meta.json").write_text("{}")
    assert_same(other.read("classifier", KEY), RECORD)


def test_what_is_dropped_is_gone_for_all(machine: Machine, url: str):
    one = machine("one")
    one.write("classifier", KEY, RECORD)
    one.checkpoint("graph", KEY).save(OTHER)
    for stage in ("classifier", "graph", "explanation"):
        one.drop(stage, KEY)
    assert objects(url) == []
    assert machine("other").read("classifier", KEY) is None


def test_names_of_stages_may_have_any_characters(machine: Machine):
    stage = "metric deletion[mean] *"
    machine("one").write(stage, KEY, RECORD)
    assert_same(machine("other").read(stage, KEY), RECORD)


@pytest.mark.parametrize("url", ["nowhere://results", "file:///proc/nowhere/results"])
def test_a_place_that_cannot_be_reached_is_told(url: str, tmp_path: Path):
    with pytest.raises(DataError, match=f"the store {url} cannot be used: "):
        open_store(tmp_path, url)


def test_a_place_that_fails_later_is_told(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, url: str
):
    def fails(*_: Any, **__: Any) -> None:
        raise RuntimeError("no credentials")

    store = machine("one")
    monkeypatch.setattr(type(store._files), "put_file", fails)
    with pytest.raises(DataError, match="cannot be used: no credentials"):
        store.write("classifier", KEY, RECORD)


def test_without_a_shared_place_the_store_is_local(tmp_path: Path):
    assert type(open_store(tmp_path)) is Store
    assert open_store(tmp_path).root == tmp_path / ".store"
