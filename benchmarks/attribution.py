"""How much a run of integrated gradients costs beside the same call to captum.

A folder of three photograph-sized images is explained by ``method: integrated-gradients``, with an
untrained network, and captum is called on the same images in the same process. The run must not
compute concepts, an oracle or a graph: its log shows which stages it had.

    python benchmarks/attribution.py [--size 224] [--repeats 3]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from captum.attr import IntegratedGradients
from PIL import Image
from torch import Tensor

from causalxai import Classifier, Run, run

IMAGES, STEPS = 3, 50


def main() -> None:
    """Print both times and their ratio, repeat by repeat."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=224, help="height and width of the images")
    parser.add_argument("--repeats", type=int, default=3, help="how often both are timed")
    options = parser.parse_args()
    torch.set_num_threads(1)
    ratios = []
    with tempfile.TemporaryDirectory() as folder:
        write_images(Path(folder) / "images", options.size)
        for repeat in range(options.repeats):
            done = explained(Path(folder), options.size, f"repeat-{repeat}")
            ours = done.pipeline.costs["explain"].seconds
            theirs = timed(done.classifier, done.explanation.images, done.explanation.target)
            ratios.append(ours / theirs)
            print(f"run {ours:.2f} s, captum {theirs:.2f} s, ratio {ratios[-1]:.2f}")
        log = (done.directory / "log.txt").read_text(encoding="utf-8")
    stages = sorted(
        {line.split()[4].rstrip(":") for line in log.splitlines() if "computed in" in line}
    )
    print(f"median ratio {np.median(ratios):.2f}; stages computed: {', '.join(stages)}")


def write_images(folder: Path, size: int) -> None:
    """Write a few images of noise for each of two classes and two splits."""
    rng = np.random.default_rng(0)
    for split in ("train", "test"):
        for name in ("left", "right"):
            (folder / split / name).mkdir(parents=True)
            for number in range(IMAGES):
                pixels = rng.integers(256, size=(size, size, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / split / name / f"{number}.png")


def explained(folder: Path, size: int, name: str) -> Run:
    """Run integrated gradients on the folder's test images; every run has a store of its own."""
    spec = {
        "causalxai": 1,
        "name": name,
        "device": "cpu",
        "dataset": {"use": "image-folder", "path": str(folder / "images"), "size": size},
        "classifier": {
            "use": "module",
            "import_path": "causalxai_models.resnet18:ResNet18",
            "arguments": {"classes": 2, "channels": 3},
        },
        "method": "integrated-gradients",
        "explain": {"steps": STEPS},
        "images": {"count": IMAGES, "only": "any"},
        "metrics": [],
    }
    return run(spec, out=folder / name)


def timed(classifier: Classifier, images: Tensor, target: Tensor) -> float:
    """Return how many seconds captum takes for the same images, classes, baseline and steps."""
    started = time.monotonic()
    IntegratedGradients(classifier.model).attribute(
        images.clone().requires_grad_(),
        torch.zeros_like(images),
        target=target,
        n_steps=STEPS,
        return_convergence_delta=True,
    )
    return time.monotonic() - started


if __name__ == "__main__":
    main()
