"""Damaged and odd files of users: images, folders, weights, tables and lists."""

from __future__ import annotations

import io
import os
import random
import struct
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from causalxai.errors import DataError
from causalxai.image_data.concept_table import ConceptTable
from causalxai.image_data.reading import Fit, Look, read_image
from causalxai.seeding import torch_generator
from causalxai_datasets.celeba import CelebA
from causalxai_datasets.image_folder import ImageFolder
from causalxai_datasets.mnist import Mnist
from tests.trust.families.hostile_weights import weights_cases
from tests.trust.family import Case, Family
from tests.trust.mutation import mutated, require_one_line

_FORMATS = {
    "PNG": ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"),
    "JPEG": ("L", "RGB", "CMYK"),
    "TIFF": ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "I", "F", "I;16"),
    "GIF": ("1", "L", "P", "RGB"),
    "BMP": ("1", "L", "P", "RGB", "RGBA"),
    "WEBP": ("L", "RGB", "RGBA"),
    "PPM": ("1", "L", "RGB", "I;16"),
    "TGA": ("L", "LA", "P", "RGB", "RGBA"),
    "JPEG2000": ("L", "LA", "RGB", "RGBA", "I;16"),
    "DIB": ("L", "RGB"),
}


def _picture(mode: str, seed: int) -> Image.Image:
    """Return an image of random values and a random size."""
    draw = np.random.default_rng(seed)
    height, width = draw.integers(1, 40, 2)
    if mode == "I;16":
        return Image.fromarray(draw.integers(0, 65536, (height, width)).astype(np.uint16))
    if mode == "I":
        return Image.fromarray(draw.integers(-(2**31), 2**31, (height, width)).astype(np.int32))
    if mode == "F":
        return Image.fromarray(draw.normal(0.5, 0.3, (height, width)).astype(np.float32))
    bands = len(Image.new(mode, (1, 1)).getbands())
    if mode in ("1", "P"):
        return Image.fromarray(draw.integers(0, 256, (height, width, 3), np.uint8)).convert(mode)
    channels = [
        Image.fromarray(draw.integers(0, 256, (height, width), np.uint8)) for _ in range(bands)
    ]
    return channels[0] if bands == 1 else Image.merge(mode, channels)


def _read(content: bytes, seed: int) -> None:
    """Expect a square of numbers in [0, 1], or a refusal in one line."""
    draw = random.Random(seed)
    fits: list[Fit] = ["crop", "pad", "stretch"]
    look = Look(draw.choice([1, 8, 33]), draw.choice([1, 3]), draw.choice(fits))
    try:
        pixels = read_image(io.BytesIO(content), look).pixels
    except ValueError as error:
        require_one_line(error)
        return
    assert pixels.shape == (look.channels, look.size, look.size)
    assert pixels.dtype == torch.float32
    assert 0 <= float(pixels.min()) <= float(pixels.max()) <= 1


def _damaged_images(file_format: str, mode: str, folder: Path) -> None:
    for seed in range(3):
        file = io.BytesIO()
        _picture(mode, seed).save(file, file_format)
        right = file.getvalue()
        _read(right, seed)
        draw = random.Random(seed)
        for _ in range(6):
            _read(right[: draw.randrange(len(right))], seed)
            _read(mutated(right, draw, 200), seed)
            _read(mutated(right, draw, len(right)), seed)


def _known_brightness(seed: int, folder: Path) -> None:
    """Store the same grey picture in many ways; each is read as it is."""
    draw = np.random.default_rng(seed)
    truth = draw.uniform(0, 1, (12, 12))
    truth = (truth * 255).round() / 255
    grey = Image.fromarray((truth * 255).round().astype(np.uint8))
    alpha = draw.integers(0, 256, (12, 12)).astype(np.uint8)
    clear = Image.merge("LA", [grey, Image.fromarray(alpha)])
    behind = float(draw.integers(0, 256))
    share = alpha / 255
    shown = truth * share + behind / 255 * (1 - share)
    opaque = Image.merge("LA", [grey, Image.new("L", grey.size, 255)])
    exact = {
        "grey": (grey, "PNG", truth),
        "colour": (grey.convert("RGB"), "TIFF", truth),
        "colour with alpha": (opaque.convert("RGBA"), "PNG", truth),
        "grey with alpha": (opaque, "TIFF", truth),
        "palette": (grey.convert("P"), "GIF", truth),
        "16 bits": (Image.fromarray((truth * 65535).round().astype(np.uint16)), "PNG", truth),
        "16 bits TIFF": (Image.fromarray((truth * 65535).round().astype(np.uint16)), "TIFF", truth),
        "16 bits PPM": (Image.fromarray((truth * 65535).round().astype(np.uint16)), "PPM", truth),
        "floats": (Image.fromarray(truth.astype(np.float32)), "TIFF", truth),
        "transparent": (clear, "PNG", shown),
        "transparent colour": (clear.convert("RGBA"), "TIFF", shown),
        "transparent WebP": (clear.convert("RGBA"), "WEBP", shown),
    }
    background = f"#{int(behind):02x}{int(behind):02x}{int(behind):02x}"
    for name, (image, file_format, expected) in exact.items():
        options = {"lossless": True, "exact": True} if file_format == "WEBP" else {}
        path = folder / f"{name}.x"
        image.save(path, file_format, **options)
        for channels in (1, 3):
            look = Look(12, 1 if channels == 1 else 3, background=background)
            found = read_image(path, look).pixels.numpy()
            error = float(np.abs(found - expected).max())
            assert error < 1.6 / 255, f"{name}: wrong by {error:.3f}"


def _class_folders(folder: Path) -> Path:
    for index, name in enumerate(("a", "b")):
        (folder / name).mkdir(parents=True)
        for number in range(3):
            colour = (80 * index, 50 * number, 9)
            Image.new("RGB", (9, 9), colour).save(folder / name / f"{number}.png")
    return folder


def _loaded(folder: Path, **config: object) -> None:
    """Expect a data set, or a refusal in one line."""
    try:
        source = ImageFolder(path=folder, size=8, **config)
        source.fingerprint()
        source.load(rng=torch_generator(0))
    except DataError as error:
        require_one_line(error)


def _odd_folder(change: Callable[[Path], object], folder: Path) -> None:
    images = _class_folders(folder / "images")
    change(images)
    _loaded(images)


_ODD_FOLDERS: dict[str, Callable[[Path], object]] = {
    "an empty image": lambda path: (path / "a" / "9.png").touch(),
    "a folder with the name of an image": lambda path: (path / "a" / "9.png").mkdir(),
    "a dead link": lambda path: (path / "a" / "9.png").symlink_to("nowhere"),
    "a link to itself": lambda path: (path / "a" / "9.png").symlink_to("9.png"),
    "a pipe": lambda path: os.mkfifo(path / "a" / "9.png"),
    "a circle of folders": lambda path: (path / "a" / "x").symlink_to(path),
    "an empty class": lambda path: (path / "c").mkdir(),
    "a class without images": lambda path: [(path / "c").mkdir(), (path / "c" / "x.txt").touch()],
    "a name in another encoding": lambda path: Path(
        os.fsdecode(bytes(path) + b"/a/\xff.png")
    ).touch(),
    "a class in another encoding": lambda path: (path / "b").rename(
        os.fsdecode(bytes(path) + b"/\xff")
    ),
    "a class with markup": lambda path: (path / "b").rename(path / "<script>alert(1)<"),
    "a class with a newline": lambda path: (path / "b").rename(path / "b\nc"),
    "a class with a bell": lambda path: (path / "b").rename(path / "b\ac"),
    "a class with a blank name": lambda path: (path / "b").rename(path / " "),
    "a class with 255 signs": lambda path: (path / "b").rename(path / ("b" * 255)),
    "one class": lambda path: [file.unlink() for file in (path / "b").iterdir()],
    "one image": lambda path: [(path / "b" / f"{number}.png").unlink() for number in (1, 2)],
    "train alone": lambda path: path.rename(path.parent / "train"),
    "a file in place of a folder": lambda path: [path.rename(path.parent / "x"), path.touch()],
    "clutter": lambda path: [(path / "a" / "Thumbs.db").touch(), (path / ".DS_Store").touch()],
    "an image that is a program": lambda path: (path / "a" / "9.png").write_bytes(b"#!/bin/sh\n"),
    "an image that is a page": lambda path: (path / "a" / "9.png").write_text("<svg/>"),
    "an image that is PostScript": lambda path: (path / "a" / "9.jpg").write_bytes(
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n"
    ),
}  # fmt: skip


def _odd_table(content: bytes, folder: Path) -> None:
    images = _class_folders(folder / "images")
    table = folder / "concepts.csv"
    table.write_bytes(content)
    _loaded(images, concepts=table)


def _table(separator: str = ",", mark: str = "", end: str = "\n", **values: str) -> bytes:
    rows = [f"file{separator}width"] + [
        f"{mark}{name}/{number}.png{mark}{separator}{values.get('value', number)}"
        for name in "ab"
        for number in range(3)
    ]
    return end.join(rows).encode()


_RIGHT_TABLES = {
    "plain": _table(),
    "with a byte order mark": b"\xef\xbb\xbf" + _table(),
    "with quotation marks": _table(mark='"'),
    "with carriage returns": _table(end="\r\n"),
    "with empty lines": _table(end="\n\n"),
    "with rows of other images": _table() + b"\nz/9.png,1",
    "with exponents": _table(value="1e-3"),
}
_ODD_TABLES = {
    "semicolons": _table(";"),
    "tabs": _table("\t"),
    "decimal commas": _table(value="1,5"),
    "empty": b"",
    "a header alone": b"file,width\n",
    "a row too long": _table() + b"\na/7.png,1,2",
    "a row too short": _table() + b"\na/7.png",
    "a repeated row": _table() + b"\na/0.png,1",
    "a repeated name": b"file,x,x\na/0.png,1,2",
    "an empty name": b"file,\na/0.png,1",
    "markup": _table(value="<b>1</b>"),
    "a formula": _table(value="=1+1"),
    "NaN": _table(value="nan"),
    "infinity": _table(value="1e999"),
    "a missing value": _table(value=""),
    "NUL": _table() + b"\0",
    "UTF-16": _table().decode().encode("utf-16"),
    "latin-1": b"file,gr\xf6\xdfe\n",
    "an open quotation mark": _table() + b'\n"a/7.png,1',
    "an endless cell": b"file,width\n" + b"x" * 200_000 + b",1\n",
    "a control character": b"file,wi\adth\na/0.png,1",
}


def _right_table(content: bytes, folder: Path) -> None:
    path = folder / "concepts.csv"
    path.write_bytes(content)
    table = ConceptTable.read(path)
    names = [f"{name}/{number}.png" for name in "ab" for number in range(3)]
    assert table.names == ("width",)
    assert table.of(names).shape == (6, 1)


def _refused_table(content: bytes, folder: Path) -> None:
    path = folder / "concepts.csv"
    path.write_bytes(content)
    try:
        ConceptTable.read(path).of([f"{name}/{number}.png" for name in "ab" for number in range(3)])
    except DataError as error:
        require_one_line(error)
        assert str(path) in str(error), "the file is not named"
        return
    # What is a table in form can still have names that no text can show.
    _odd_table(content, folder)


def _idx(seed: int, folder: Path) -> None:
    """Mutate MNIST's files."""
    draw = random.Random(seed)
    digits = np.random.default_rng(seed).integers(0, 256, (20, 28, 28), np.uint8).tobytes()
    names = {
        "images-idx3": struct.pack(">4B3I", 0, 0, 8, 3, 20, 28, 28) + digits,
        "labels-idx1": struct.pack(">4BI", 0, 0, 8, 1, 20) + bytes(range(10)) * 2,
    }
    for _ in range(12):
        for part in ("train", "t10k"):
            for name, content in names.items():
                changed = draw.random() < 0.3
                (folder / f"{part}-{name}-ubyte").write_bytes(
                    mutated(content, draw, 16) if changed else content
                )
        try:
            Mnist(path=folder).load(rng=torch_generator(0))
        except DataError as error:
            require_one_line(error)


def _celeba(seed: int, folder: Path) -> None:
    """Mutate CelebA's lists and images."""
    draw = random.Random(seed)
    (folder / "img_align_celeba").mkdir()
    names = [f"{number:06}.jpg" for number in range(12)]
    for name in names:
        _picture("RGB", seed).save(folder / "img_align_celeba" / name)
    rows = [f"{name} {(-1) ** number} {(-1) ** (number // 2)}" for number, name in enumerate(names)]
    files = {
        "list_attr_celeba.txt": "\n".join(["12", "Smiling Young", *rows]).encode(),
        "list_eval_partition.txt": "\n".join(
            f"{name} {0 if number < 8 else 2}" for number, name in enumerate(names)
        ).encode(),
        "img_align_celeba/000003.jpg": (folder / "img_align_celeba" / names[3]).read_bytes(),
    }
    for _ in range(10):
        for name, content in files.items():
            changed = draw.random() < 0.5
            (folder / name).write_bytes(mutated(content, draw, 300) if changed else content)
        source = CelebA(path=folder, concepts=("Young",))
        try:
            source.fingerprint()
            source.load(rng=torch_generator(0))
        except DataError as error:
            require_one_line(error)


def _cases() -> Iterator[Case]:
    for file_format, modes in _FORMATS.items():
        for mode in modes:
            check = partial(_damaged_images, file_format, mode)
            yield Case(f"damaged {file_format} of mode {mode}", check, quick=mode == "RGBA")
    for seed in range(10):
        yield Case(f"brightness, seed {seed}", partial(_known_brightness, seed), quick=seed < 3)
    for name, change in _ODD_FOLDERS.items():
        yield Case(f"folder: {name}", partial(_odd_folder, change), quick=True)
    yield from _table_cases()
    yield from weights_cases()
    for seed in range(8):
        yield Case(f"damaged digits, seed {seed}", partial(_idx, seed))
        yield Case(f"damaged faces, seed {seed}", partial(_celeba, seed))


def _table_cases() -> Iterator[Case]:
    for name, content in _RIGHT_TABLES.items():
        yield Case(f"table {name}", partial(_right_table, content), quick=True)
    for name, content in _ODD_TABLES.items():
        yield Case(f"table: {name}", partial(_refused_table, content), quick=True)


FAMILY = Family(
    "hostile-files",
    "A file of yours is read as what it is, or refused in one line; nothing in it is ever run.",
    _cases,
)
