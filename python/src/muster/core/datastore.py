"""Datastores of a workspace: get, register, forget."""

from __future__ import annotations

from typing import Any, Mapping, NoReturn, Optional

from muster._services import DatastoreRegistration, services_of
from muster.data.abstract_datastore import AbstractDatastore
from muster.exceptions import UserErrorException

__all__ = ["Datastore"]


class Datastore:
    """``Datastore(workspace, name)`` gives the registered datastore of that name, or the default
    one without a name, as an object of its kind. Raises UserErrorException when there is none."""

    def __new__(cls, workspace: Any, name: Optional[str] = None) -> Any:
        return Datastore.get_default(workspace) if name is None else Datastore.get(workspace, name)

    def __init__(self, workspace: Any, name: Optional[str] = None) -> None:
        # Never reached: __new__ gives an object of another class.
        raise AssertionError

    @staticmethod
    def get(workspace: Any, datastore_name: str) -> AbstractDatastore:
        """The datastore of that name; case does not matter."""
        return services_of(workspace).datastores.get(datastore_name)

    @staticmethod
    def get_default(workspace: Any) -> AbstractDatastore:
        """The workspace's default datastore."""
        return services_of(workspace).datastores.get_default()

    def set_as_default(self) -> None:
        """Makes it the default one; the objects that ``get`` returns have this method."""

    def unregister(self) -> None:
        """Forgets it; the objects that ``get`` returns have this method."""

    @staticmethod
    def register_local(
        workspace: Any, datastore_name: str, path: str, overwrite: bool = False
    ) -> AbstractDatastore:
        """Muster's own kind: the directory `path` (absolute) of every node. Needs the role
        admin."""
        return _register(workspace, "local", datastore_name, {"path": path}, overwrite)

    @staticmethod
    def register_azure_blob_container(
        workspace: Any,
        datastore_name: str,
        container_name: str,
        account_name: str,
        sas_token: Optional[str] = None,
        account_key: Optional[str] = None,
        protocol: Optional[str] = None,
        endpoint: Optional[str] = None,
        overwrite: bool = False,
        create_if_not_exists: bool = False,
        skip_validation: bool = False,
        blob_cache_timeout: Optional[int] = None,
        grant_workspace_access: bool = False,
        subscription_id: Optional[str] = None,
        resource_group: Optional[str] = None,
    ) -> AbstractDatastore:
        """Registers a blob container, where the server knows that kind."""
        settings = {
            "container_name": container_name,
            "account_name": account_name,
            "sas_token": sas_token,
            "account_key": account_key,
            "protocol": protocol,
            "endpoint": endpoint,
        }
        return _register(workspace, "AzureBlob", datastore_name, settings, overwrite)

    @staticmethod
    def register_azure_file_share(
        workspace: Any,
        datastore_name: str,
        file_share_name: str,
        account_name: str,
        sas_token: Optional[str] = None,
        account_key: Optional[str] = None,
        protocol: Optional[str] = None,
        endpoint: Optional[str] = None,
        overwrite: bool = False,
        create_if_not_exists: bool = False,
        skip_validation: bool = False,
    ) -> AbstractDatastore:
        """Registers a file share, where the server knows that kind."""
        settings = {
            "file_share_name": file_share_name,
            "account_name": account_name,
            "sas_token": sas_token,
            "account_key": account_key,
            "protocol": protocol,
            "endpoint": endpoint,
        }
        return _register(workspace, "AzureFile", datastore_name, settings, overwrite)

    # Kinds that only pipelines used.

    @staticmethod
    def register_azure_data_lake(
        workspace: Any,
        datastore_name: str,
        store_name: str,
        tenant_id: Optional[str] = None,
        client_id: Optional[str] = None,
        client_secret: Optional[str] = None,
        resource_url: Optional[str] = None,
        authority_url: Optional[str] = None,
        subscription_id: Optional[str] = None,
        resource_group: Optional[str] = None,
        overwrite: bool = False,
        grant_workspace_access: bool = False,
    ) -> NoReturn:
        """Raises UserErrorException: the kind is not supported."""
        _refuse("Azure Data Lake", datastore_name)

    @staticmethod
    def register_azure_data_lake_gen2(
        workspace: Any,
        datastore_name: str,
        filesystem: str,
        account_name: str,
        tenant_id: Optional[str] = None,
        client_id: Optional[str] = None,
        client_secret: Optional[str] = None,
        resource_url: Optional[str] = None,
        authority_url: Optional[str] = None,
        protocol: Optional[str] = None,
        endpoint: Optional[str] = None,
        overwrite: bool = False,
        subscription_id: Optional[str] = None,
        resource_group: Optional[str] = None,
        grant_workspace_access: bool = False,
    ) -> NoReturn:
        """Raises UserErrorException: the kind is not supported."""
        _refuse("Azure Data Lake Gen2", datastore_name)

    @staticmethod
    def register_azure_my_sql(
        workspace: Any,
        datastore_name: str,
        server_name: str,
        database_name: str,
        user_id: str,
        user_password: str,
        port_number: Optional[int] = None,
        endpoint: Optional[str] = None,
        overwrite: bool = False,
        **kwargs: Any,
    ) -> NoReturn:
        """Raises UserErrorException: the kind is not supported."""
        _refuse("Azure MySQL", datastore_name)

    @staticmethod
    def register_azure_postgre_sql(
        workspace: Any,
        datastore_name: str,
        server_name: str,
        database_name: str,
        user_id: str,
        user_password: str,
        port_number: Optional[int] = None,
        endpoint: Optional[str] = None,
        overwrite: bool = False,
        enforce_ssl: bool = True,
        **kwargs: Any,
    ) -> NoReturn:
        """Raises UserErrorException: the kind is not supported."""
        _refuse("Azure PostgreSQL", datastore_name)

    @staticmethod
    def register_azure_sql_database(
        workspace: Any,
        datastore_name: str,
        server_name: str,
        database_name: str,
        tenant_id: Optional[str] = None,
        client_id: Optional[str] = None,
        client_secret: Optional[str] = None,
        resource_url: Optional[str] = None,
        authority_url: Optional[str] = None,
        endpoint: Optional[str] = None,
        overwrite: bool = False,
        username: Optional[str] = None,
        password: Optional[str] = None,
        subscription_id: Optional[str] = None,
        resource_group: Optional[str] = None,
        grant_workspace_access: bool = False,
        **kwargs: Any,
    ) -> NoReturn:
        """Raises UserErrorException: the kind is not supported."""
        _refuse("Azure SQL", datastore_name)

    @staticmethod
    def register_dbfs(workspace: Any, datastore_name: str) -> NoReturn:
        """Raises UserErrorException: the kind is not supported."""
        _refuse("DBFS", datastore_name)

    @staticmethod
    def register_hdfs(
        workspace: Any,
        datastore_name: str,
        protocol: str,
        namenode_address: str,
        hdfs_server_certificate: str,
        kerberos_realm: str,
        kerberos_kdc_address: str,
        kerberos_principal: str,
        kerberos_keytab: Optional[str] = None,
        kerberos_password: Optional[str] = None,
        overwrite: bool = False,
    ) -> NoReturn:
        """Raises UserErrorException: the kind is not supported."""
        _refuse("HDFS", datastore_name)


def _register(
    workspace: Any, kind: str, name: str, settings: Mapping[str, object], overwrite: bool
) -> AbstractDatastore:
    registration = DatastoreRegistration(kind, name, settings, overwrite)
    return services_of(workspace).datastores.register(registration)


def _refuse(kind: str, name: str) -> NoReturn:
    raise UserErrorException(
        f"the datastore '{name}' of kind {kind} is not supported; copy the data to a directory "
        "that "
        "all nodes have and use Datastore.register_local"
    )
