"""A network of your own and a folder of pictures: explained, compared, and asked again."""

from pathlib import Path

import torch
from PIL import Image
from sklearn.datasets import load_digits
from torch import nn

import causalxai as cx


def main(out: Path = Path("runs")) -> None:
    """Write pictures into a folder, train a network on them, and explain it."""
    digits = load_digits(n_class=3)
    for number, picture in enumerate(digits.images):
        file = out / "photos" / f"digit {digits.target[number]}" / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray((picture * 15).astype("uint8")).save(file)
    data = cx.Dataset.from_folder(out / "photos", size=16, channels=1)
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 8, 5), nn.ReLU(), nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(128, 3)
    )
    optimiser = torch.optim.Adam(model.parameters(), lr=0.02)
    inputs = (data.train.images - 0.3) / 0.3
    for _ in range(60):
        optimiser.zero_grad()
        nn.functional.cross_entropy(model(inputs), data.train.labels).backward()
        optimiser.step()
    classifier = cx.Classifier(model, class_names=data.class_names, mean=0.3, std=0.3)
    run = cx.explain(classifier, data, method="interventional", images=data.test[:6], out=out)
    print(cx.load(run.directory, classifier, data).explain(data.test[6:7]).target, run.report)
    three = ["interventional", "grad-cam", "random"]
    print(cx.compare(classifier, data, methods=three, images=data.test[:6], out=out).directory)


if __name__ == "__main__":
    main()
