"""Datastores in Azure Storage, as objects.

Muster's nodes cannot read them yet: a job with a reference to one is refused by the server.
"""

from __future__ import annotations

from typing import Any, Optional

from muster.data._path_datastore import PathDatastore

__all__ = ["AbstractAzureStorageDatastore", "AzureBlobDatastore", "AzureFileDatastore"]

_ENDPOINT = "core.windows.net"
_PROTOCOL = "https"


class AbstractAzureStorageDatastore(PathDatastore):
    """A container or share of a storage account, with a SAS token or an account key."""

    def __init__(
        self,
        workspace: Any,
        name: str,
        datastore_type: str,
        container_name: str,
        account_name: str,
        sas_token: Optional[str] = None,
        account_key: Optional[str] = None,
        protocol: Optional[str] = None,
        endpoint: Optional[str] = None,
    ) -> None:
        super().__init__(workspace, name, datastore_type)
        self.container_name = container_name
        self.account_name = account_name
        self.sas_token = sas_token
        self.account_key = account_key
        self.protocol = protocol or _PROTOCOL
        self.endpoint = endpoint or _ENDPOINT

    @property
    def is_sas(self) -> bool:
        """Whether a SAS token is used, not an account key."""
        return self.sas_token is not None


class AzureBlobDatastore(AbstractAzureStorageDatastore):
    """A blob container."""

    def __init__(
        self,
        workspace: Any,
        name: str,
        container_name: str,
        account_name: str,
        sas_token: Optional[str] = None,
        account_key: Optional[str] = None,
        protocol: Optional[str] = None,
        endpoint: Optional[str] = None,
        request_session: Any = None,
        workspace_msi_has_access: bool = False,
        subscription_id: Optional[str] = None,
        resource_group: Optional[str] = None,
        service_data_access_auth_identity: Any = None,
    ) -> None:
        super().__init__(
            workspace,
            name,
            "AzureBlob",
            container_name,
            account_name,
            sas_token,
            account_key,
            protocol,
            endpoint,
        )
        self.workspace_msi_has_access = workspace_msi_has_access
        self.subscription_id = subscription_id
        self.resource_group = resource_group
        self.service_data_access_auth_identity = service_data_access_auth_identity


class AzureFileDatastore(AbstractAzureStorageDatastore):
    """A file share."""

    def __init__(
        self,
        workspace: Any,
        name: str,
        container_name: str,
        account_name: str,
        sas_token: Optional[str] = None,
        account_key: Optional[str] = None,
        protocol: Optional[str] = None,
        endpoint: str = _ENDPOINT,
        request_session: Any = None,
    ) -> None:
        super().__init__(
            workspace,
            name,
            "AzureFile",
            container_name,
            account_name,
            sas_token,
            account_key,
            protocol,
            endpoint,
        )
