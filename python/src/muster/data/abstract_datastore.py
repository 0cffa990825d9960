"""What all datastores have."""

from __future__ import annotations

from typing import Any

from muster._services import services_of

__all__ = ["AbstractDatastore"]


class AbstractDatastore:
    """A registered datastore: ``name``, ``workspace`` and ``datastore_type``."""

    def __init__(self, workspace: Any, name: str, datastore_type: str) -> None:
        self._workspace = workspace
        self._name = name
        self._datastore_type = datastore_type

    @property
    def name(self) -> str:
        """The name it is registered under."""
        return self._name

    @property
    def workspace(self) -> Any:
        """The workspace it belongs to."""
        return self._workspace

    @property
    def datastore_type(self) -> str:
        """Its kind, for example ``"Local"`` or ``"AzureBlob"``."""
        return self._datastore_type

    def set_as_default(self) -> None:
        """Makes it the workspace's default datastore."""
        services_of(self._workspace).datastores.set_default(self._name)

    def unregister(self) -> None:
        """Forgets the datastore; what is in it stays."""
        services_of(self._workspace).datastores.unregister(self._name)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(name={self._name!r}, type={self._datastore_type!r})"
