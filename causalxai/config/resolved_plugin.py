"""A plugin that a spec names, found and with its settings checked, before it is built."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from causalxai.capabilities import Capability
from causalxai.errors import ContractError
from causalxai.plugin import Plugin, PluginConfig
from causalxai.plugin.guard import guarded
from causalxai.plugin.provenance import Provenance

if TYPE_CHECKING:
    from causalxai.storage.record import Record

LIVE = "live"
"""What a spec writes under ``use`` for a part that was given as an object."""

PluginT_co = TypeVar("PluginT_co", bound=Plugin, covariant=True)


@dataclass(frozen=True)
class Learned:
    """What a part that was given as an object has learned before the run.

    Parameters
    ----------
    record
        What it would store.
    digest
        The digest of the record.
    """

    record: Record
    digest: str


@dataclass(frozen=True)
class ResolvedPlugin(Generic[PluginT_co]):
    """A plugin with valid settings that is not built yet.

    Parameters
    ----------
    provenance
        The origin of the plugin.
    plugin_class
        The plugin's class.
    config
        All its settings, including defaults.
    live
        Whether it was given as an object that no file can describe.
    learned
        What it has learned before, if it was given as an object that is fitted already.
    """

    provenance: Provenance
    plugin_class: type[PluginT_co]
    config: PluginConfig
    live: bool = False
    learned: Learned | None = field(default=None, repr=False)

    def build(self) -> PluginT_co:
        """Return a new instance of the plugin.

        Raises
        ------
        PluginError
            If its constructor raises anything; the message names the plugin.
        """
        with guarded(self.provenance, "its constructor"):
            part = self.plugin_class(self.config)
        part.provenance = self.provenance
        return part

    def requires(self) -> frozenset[Capability]:
        """Return the capabilities that the plugin needs with its settings.

        Raises
        ------
        PluginError
            If the plugin cannot be built.
        ContractError
            If what it states is not a set of capabilities.
        """
        part: Any = self.build()
        with guarded(self.provenance, "its requirements"):
            found = frozenset(part.requires)
            unknown = [name for name in found if name not in frozenset(Capability)]
        if unknown:
            raise ContractError(
                f"{self.provenance} requires {unknown[0]!r}, which is no capability"
            )
        return found

    def named_code(self) -> dict[str, str]:
        """Return the settings that name code which the plugin runs, as its config states them.

        Raises
        ------
        PluginError
            If the config raises anything.
        """
        with guarded(self.provenance, "the code that its settings name"):
            return {str(key): str(path) for key, path in self.config.named_code().items()}

    def fingerprint(self) -> str:
        """Return the plugin's fingerprint, for which code that it names is imported.

        Raises
        ------
        CausalxaiError
            If the plugin cannot be built, or its inputs are missing or wrong.
        """
        part = self.build()
        with guarded(self.provenance, "its key in the store"):
            return part.fingerprint()

    def to_data(self) -> dict[str, Any]:
        """Return the plugin and its settings as a spec writes them."""
        # round_trip leaves out computed fields, which a config does not take as input.
        with guarded(self.provenance, "writing its settings"):
            settings = self.config.model_dump(mode="json", by_alias=True, round_trip=True)
        learned = {} if self.learned is None else {"learned": self.learned.digest}
        return {"use": LIVE if self.is_live else self.provenance.name, **settings, **learned}

    @property
    def is_live(self) -> bool:
        """Whether a file cannot describe the part, so that it must be given as an object."""
        return self.live or self.learned is not None or bool(self.config.held_objects())
