from __future__ import annotations

import torch

from causalxai import Split


def test_rows_of_a_split_stay_together():
    images, labels = torch.rand(4, 1, 2, 2), torch.tensor([0, 1, 2, 3])
    split = Split(images, labels, concepts=torch.arange(8).view(4, 2))
    for rows in (slice(1, 4, 2), torch.tensor([1, 3])):
        part = split[rows]
        assert len(part) == 2
        assert torch.equal(part.images, images[[1, 3]])
        assert part.labels.tolist() == [1, 3]
        assert part.concepts is not None
        assert part.concepts.tolist() == [[2, 3], [6, 7]]
    assert Split(images, labels)[:2].concepts is None
