"""What the oracle of pictures asks of a concept space that can paint them."""

from __future__ import annotations

from abc import abstractmethod

from torch import Tensor

from causalxai.concept import Units
from causalxai.concept_space import ConceptSpace


class PictureSpace(ConceptSpace):
    """Concepts that are read from images, and with which images are painted anew."""

    bytes_of_a_picture_: int
    """The bytes that painting takes for each picture."""

    @abstractmethod
    def read(self, images: Tensor) -> Tensor:
        """Return the values ``[n, d]`` of the concepts in images ``[n, c, h, w]``."""

    @abstractmethod
    def pictures(self, units: Units, states: Tensor) -> Tensor:
        """Return the pictures of units in which concepts have other values.

        Parameters
        ----------
        units
            ``n`` individuals, as ``encode`` gives them.
        states
            ``[q, n, d]``, the concepts' values.

        Returns
        -------
        Tensor
            ``[q, n, c, h, w]`` in [0, 1].
        """
