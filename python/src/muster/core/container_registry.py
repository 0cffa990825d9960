"""Where a custom container image comes from."""

from __future__ import annotations

from typing import Optional

from muster.core._elements import Field, _AbstractRunConfigElement, none, read_text

__all__ = ["ContainerRegistry", "RegistryIdentity"]


class RegistryIdentity(_AbstractRunConfigElement):
    """A managed identity that may pull from a registry: ``resource_id`` and ``client_id``."""

    resource_id: Optional[str]
    client_id: Optional[str]

    _FIELDS = (
        Field("resource_id", "resourceId", read_text, none),
        Field("client_id", "clientId", read_text, none),
    )

    def __init__(self) -> None:
        super().__init__()


class ContainerRegistry(_AbstractRunConfigElement):
    """A registry's ``address`` and, where it is private, ``username`` and ``password``.

    >>> registry = ContainerRegistry()
    >>> registry.address = "registry.lan:5000"
    """

    address: Optional[str]
    username: Optional[str]
    password: Optional[str]
    registry_identity: Optional[RegistryIdentity]

    _FIELDS = (
        Field("address", "address", read_text, none),
        Field("username", "username", read_text, none),
        Field("password", "password", read_text, none),
        Field("registry_identity", "registryIdentity", RegistryIdentity, none),
    )

    def __init__(self) -> None:
        super().__init__()
