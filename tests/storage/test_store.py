from __future__ import annotations

import json
import logging
import math
import threading
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from causalxai.errors import DataError
from causalxai.storage.cost import Cost
from causalxai.storage.record import Record
from causalxai.storage.store import Store, digest

RECORD = Record(
    tensors={"weights": torch.linspace(0, 1, 7), "layer/0": torch.tensor([3, 1])},
    meta={"epoch": 3, "rate": 0.1, "names": ["a", "ü"], "none": None},
    texts={"report.html": "<p>ü</p>\n"},
    files={"picture.png": bytes(range(256)), "report.html": b"<p>ue</p>"},
)
FILES = (
    "tensors.safetensors",
    "meta.json",
    "report.html",
    "files/picture.png",
    "files/report.html",
    "checksums.json",
)


def same(one: Record | None, other: Record) -> bool:
    """Tell whether two records agree to the bit; NaN is what NaN was."""
    return (
        one is not None
        and (one.meta, one.texts, one.files) == (other.meta, other.texts, other.files)
        and one.tensors.keys() == other.tensors.keys()
        and all(_same_bits(one.tensors[name], other.tensors[name]) for name in one.tensors)
    )


def _same_bits(one: torch.Tensor, other: torch.Tensor) -> bool:
    if (one.dtype, one.shape) != (other.dtype, other.shape):
        return False
    left, right = (
        tensor.detach().contiguous().flatten().view(torch.uint8) for tensor in (one, other)
    )
    return torch.equal(left, right)


@pytest.mark.parametrize(
    "tensor",
    [
        torch.tensor([-(2**63), 2**63 - 1]),
        torch.arange(256, dtype=torch.uint8),
        torch.tensor([0.1, torch.nan, torch.inf, -0.0], dtype=torch.float64),
        torch.tensor([0.1, -0.0, 1e-45]),
        torch.tensor([True, False]),
        torch.tensor([1.5], dtype=torch.bfloat16),
        torch.empty(0, 3, dtype=torch.int64),
        torch.tensor(2.5),
        torch.arange(6).view(2, 3).T,
        torch.ones(()).expand(2, 3),
        torch.nn.Parameter(torch.tensor([0.25, 0.75])),
    ],
    ids=str,
)
def test_tensors_come_back_to_the_bit(tensor: torch.Tensor, tmp_path: Path):
    record = Record(tensors={"a": tensor, "the same again": tensor})
    store = Store(tmp_path)
    store.write("stage", "key", record)
    assert same(store.read("stage", "key"), record)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(meta=st.dictionaries(st.text(), JSON), text=st.text())
def test_texts_and_json_come_back_to_the_letter(
    meta: dict, text: str, tmp_path_factory: pytest.TempPathFactory
):
    record = Record(meta=meta, texts={"page": text})
    store = Store(tmp_path_factory.mktemp("store"))
    store.write("stage", "key", record)
    assert same(store.read("stage", "key"), record)


@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_what_json_does_not_know_is_not_written(number: float, tmp_path: Path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        Store(tmp_path).write("stage", "key", Record(meta={"number": number}))
    assert Store(tmp_path).read("stage", "key") is None


def test_what_was_never_written_is_absent(tmp_path: Path):
    store = Store(tmp_path)
    store.write("stage", "key", RECORD)
    assert store.read("stage", "other") is None
    assert store.read("other", "key") is None


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", ["flipped", "cut short", "deleted"])
def test_a_damaged_record_counts_as_absent_and_can_be_written_anew(
    name: str, damage: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    store = Store(tmp_path)
    store.write("stage", "key", RECORD)
    path = tmp_path / "stage" / "key" / name
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    match damage:
        case "flipped":
            path.write_bytes(content)
        case "cut short":
            path.write_bytes(content[:-5])
        case "deleted":
            path.unlink()
    assert store.read("stage", "key") is None
    (warning,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert f"{tmp_path / 'stage' / 'key'} is damaged" in warning.getMessage()
    store.write("stage", "key", RECORD)
    assert same(store.read("stage", "key"), RECORD)


@pytest.mark.parametrize(
    "checksums", ["{}", "null", "5", '"abc"', "[]", "true", "", "[" * 100_000, "\x00", "NaN"]
)
def test_a_record_without_checksums_counts_as_absent(checksums: str, tmp_path: Path):
    store = Store(tmp_path)
    store.write("stage", "key", RECORD)
    (tmp_path / "stage" / "key" / "checksums.json").write_text(checksums)
    assert store.read("stage", "key") is None
    store.write("stage", "key", RECORD)
    assert same(store.read("stage", "key"), RECORD)


@pytest.mark.parametrize("name", FILES[:-1])
@pytest.mark.parametrize("value", [None, 5, [], "", "0" * 64])
def test_a_wrong_or_missing_checksum_makes_the_record_absent(
    name: str, value: object, tmp_path: Path
):
    store = Store(tmp_path)
    store.write("stage", "key", RECORD)
    path = tmp_path / "stage" / "key" / "checksums.json"
    checksums = json.loads(path.read_text())
    for changed in (
        {key: known for key, known in checksums.items() if key != name},
        checksums | {name: value},
    ):
        path.write_text(json.dumps(changed))
        assert store.read("stage", "key") is None


@pytest.mark.parametrize("name", ["more.html", "files/more.png", "../other/meta.json"])
def test_files_and_checksums_that_do_not_belong_together_make_the_record_absent(
    name: str, tmp_path: Path
):
    store = Store(tmp_path)
    for key in ("key", "other"):
        store.write("stage", key, RECORD)
    path = tmp_path / "stage" / "key" / "checksums.json"
    before = path.read_text()
    path.write_text(json.dumps(json.loads(before) | {name: "0" * 64}))
    assert store.read("stage", "key") is None
    path.write_text(before)
    assert same(store.read("stage", "key"), RECORD)
    if not name.startswith(".."):
        (path.parent / name).write_text("more")
        assert store.read("stage", "key") is None


def test_what_the_operating_system_leaves_in_a_folder_is_no_damage(tmp_path: Path):
    store = Store(tmp_path)
    store.write("stage", "key", RECORD)
    (tmp_path / "stage" / "key" / ".DS_Store").write_bytes(b"\0")
    assert same(store.read("stage", "key"), RECORD)


@pytest.mark.parametrize("place", ["stage/key", "partial/stage-key"])
def test_a_file_or_a_link_in_place_of_a_folder_is_replaced(place: str, tmp_path: Path):
    store = Store(tmp_path / "store")
    path = tmp_path / "store" / place
    path.parent.mkdir(parents=True)
    for put in (lambda: path.write_text("x"), lambda: path.symlink_to(tmp_path / "nowhere")):
        put()
        assert store.read("stage", "key") is None
        assert store.checkpoint("stage", "key").load() is None
        store.checkpoint("stage", "key").save(RECORD)
        store.write("stage", "key", RECORD)
        assert same(store.read("stage", "key"), RECORD)
        store.drop("stage", "key")
        assert not path.exists()


@pytest.mark.parametrize(
    "cost", ['{"seconds": "long"}', '{"calls": 1.5}', '{"threads": ["x"]}', '{"x": 1}', "[]", "3"]
)
def test_a_damaged_cost_is_unknown(cost: str, tmp_path: Path):
    store = Store(tmp_path)
    store.write("stage", "key", RECORD, Cost(1.5, 2, 3, (1,)))
    assert store.cost("stage", "key") == Cost(1.5, 2, 3, (1,))
    (tmp_path / "stage" / "key" / "cost.json").write_text(cost)
    assert store.cost("stage", "key") is None
    assert same(store.read("stage", "key"), RECORD)


@pytest.mark.parametrize("before", [None, RECORD], ids=["nothing", "a record"])
def test_a_record_appears_whole_or_not_at_all(before: Record | None, tmp_path: Path):
    store = Store(tmp_path)
    if before is not None:
        store.write("stage", "key", before)
    # The tensors are written by the time that the JSON fails.
    bad = Record(tensors={"a": torch.zeros(3)}, meta={"no": object()})  # type: ignore[dict-item]
    with pytest.raises(TypeError, match="not JSON serializable"):
        store.write("stage", "key", bad)
    kept = store.read("stage", "key")
    assert kept is None if before is None else same(kept, before)
    assert len(list((tmp_path / "stage").iterdir())) == (before is not None)


def test_a_checkpoint_lasts_until_the_stage_is_done(tmp_path: Path):
    store = Store(tmp_path)
    checkpoint, other = store.checkpoint("fit", "key"), store.checkpoint("fit", "other")
    assert checkpoint.load() is None
    for epoch in range(3):
        record = Record(tensors={"a": torch.tensor([epoch])}, meta={"epoch": epoch})
        checkpoint.save(record)
        assert same(Store(tmp_path).checkpoint("fit", "key").load(), record)
    other.save(RECORD)
    assert store.read("fit", "key") is None
    store.write("fit", "key", RECORD)
    assert checkpoint.load() is None
    assert same(other.load(), RECORD)


def test_the_second_to_compute_a_stage_waits_for_the_first(tmp_path: Path):
    order: list[str] = []
    waiting = threading.Event()

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if "waiting for another process" in record.getMessage():
                waiting.set()

    def second() -> None:
        with Store(tmp_path).locked("stage", "key"):
            order.append("second")

    logger, listener = logging.getLogger("causalxai.storage.store"), Listener()
    level = logger.level
    logger.addHandler(listener)
    logger.setLevel(logging.INFO)
    thread = threading.Thread(target=second)
    try:
        with Store(tmp_path).locked("stage", "key"):
            thread.start()
            assert waiting.wait(timeout=60)
            order.append("first")
        thread.join(timeout=60)
    finally:
        logger.removeHandler(listener)
        logger.setLevel(level)
    assert order == ["first", "second"]


def test_stages_do_not_wait_for_one_another_nor_after_an_error(tmp_path: Path):
    store = Store(tmp_path)
    with pytest.raises(RuntimeError, match="broken"), store.locked("stage", "key"):
        raise RuntimeError("broken")
    with store.locked("stage", "key"), store.locked("stage", "other"), store.locked("other", "key"):
        pass


@settings(max_examples=40)
@given(st.dictionaries(st.text(), JSON, min_size=2), st.randoms())
def test_the_digest_does_not_hang_on_the_order_of_keys(description: dict, random: object):
    shuffled = list(description.items())
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert digest(dict(shuffled)) == digest(description)


@settings(max_examples=40)
@given(st.dictionaries(st.text(), JSON), st.dictionaries(st.text(), JSON))
def test_descriptions_that_differ_have_other_digests(one: dict, other: dict):
    texts = [json.dumps(description, sort_keys=True) for description in (one, other)]
    assert (digest(one) == digest(other)) == (texts[0] == texts[1])


def test_digests_stay_what_they_were():
    """Or whatever is stored would be computed anew."""
    assert digest({}) == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    known = "927547e06cbd62c61eede004a718eb1437b95ba3f36edd6af0c1452f5b13b805"
    assert digest({"b": [1, "ü"], "a": 0.5}) == known


def test_what_a_killed_process_left_is_deleted_by_the_next(tmp_path: Path):
    store = Store(tmp_path)
    left = [tmp_path / "graph" / ".writing-key-1", tmp_path / "partial" / ".writing-graph-key-2"]
    others = [tmp_path / "graph" / ".writing-other-1"]
    for folder in left + others:
        folder.mkdir(parents=True)
    with store.locked("graph", "key"):
        store.write("graph", "key", RECORD)
    assert not any(folder.exists() for folder in left)
    assert all(folder.exists() for folder in others)


def test_a_store_that_cannot_be_written_is_told(tmp_path: Path):
    (tmp_path / "graph").touch()
    (tmp_path / "locks").touch()
    store = Store(tmp_path)
    with pytest.raises(DataError, match="graph/key: cannot be written: "):
        store.write("graph", "key", RECORD)
    with pytest.raises(DataError, match=r"locks/graph-key\.lock: cannot be written: "):
        store.locked("graph", "key").__enter__()
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["graph", "locks"]
