"""Parts whose settings fit only some data sets and networks, and when that is checked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from causalxai.plugin import Plugin

if TYPE_CHECKING:
    from causalxai.classifier import Classifier
    from causalxai.dataset import Dataset
    from causalxai.outline import Outline


class DatasetDependent(Plugin):
    """A part whose settings fit some data sets and networks and not others.

    Settings may name a class or a layer, for example. The checks are made before any training, so
    that a mistake costs no time. By default, everything will do.
    """

    def check_outline(self, outline: Outline) -> None:
        """Check that the data set has the classes, concepts and images that the settings ask for.

        It is called before the data set is loaded, where its outline is known without.

        Raises
        ------
        CapabilityError, DataError
            If it does not have them; the message names the setting.
        """

    def check_classifier(self, classifier: Classifier) -> None:
        """Check that the network has the layers that the settings ask for.

        The network may be as it is before its training.

        Raises
        ------
        CapabilityError
            If it does not have them; the message names the setting. ``unknown_layer`` of
            ``causalxai.network.layer_names`` writes it.
        """

    def check_dataset(self, dataset: Dataset) -> None:
        """Check whatever cannot be seen in the outline of the loaded data set, such as labels.

        Raises
        ------
        CapabilityError, DataError
            If it does not have it; the message names the setting.
        """
