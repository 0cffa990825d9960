"""Workspace: where everything starts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List, Optional

from muster._client.configuration import Configuration, find, load_login, write_project_file
from muster.core.compute.amlcompute import AmlComputeProvisioningConfiguration
from muster.exceptions import UserErrorException, WorkspaceException

if TYPE_CHECKING:
    from muster._client.server import Server
    from muster.core.compute import ComputeTarget
    from muster.core.experiment import Experiment
    from muster.core.run import Run
    from muster.data.local_datastore import LocalDatastore

__all__ = ["Workspace"]

_NAME_TAKEN = "NAME_TAKEN"


class Workspace:
    """The scope of all names: experiments, datastores, compute targets.

    ``Workspace.from_config()`` is how scripts get one. This constructor takes the server and the
    token of ``muster login`` and the workspace `workspace_name` there. `subscription_id` and
    `resource_group` are kept for scripts that read them back and mean nothing to the server, nor do
    the parameters after them.

    Raises UserErrorException without a login; WorkspaceException when there is no such workspace,
    or the token does not see it; ServiceException when the server cannot be reached.
    """

    DEFAULT_CPU_CLUSTER_NAME = "cpu-cluster"
    DEFAULT_GPU_CLUSTER_NAME = "gpu-cluster"
    DEFAULT_CPU_CLUSTER_CONFIGURATION = AmlComputeProvisioningConfiguration(
        vm_size="STANDARD_DS2_V2", max_nodes=2
    )
    DEFAULT_GPU_CLUSTER_CONFIGURATION = AmlComputeProvisioningConfiguration(
        vm_size="STANDARD_NC6", max_nodes=2
    )

    def __init__(
        self,
        subscription_id: str,
        resource_group: str,
        workspace_name: str,
        auth: Any = None,
        _location: Optional[str] = None,
        _disable_service_check: bool = False,
        _workspace_id: Optional[str] = None,
        sku: str = "basic",
        tags: Optional[Dict[str, str]] = None,
        _cloud: str = "AzureCloud",
    ) -> None:
        _refuse_auth(auth)
        configuration = load_login(workspace_name)._replace(
            subscription_id=subscription_id or "", resource_group=resource_group or ""
        )
        self._set_up(configuration, check=not _disable_service_check)

    @classmethod
    def _of(cls, configuration: Configuration, check: bool = True) -> Workspace:
        made = cls.__new__(cls)
        made._set_up(configuration, check)
        return made

    def _set_up(self, configuration: Configuration, check: bool) -> None:
        self._configuration = configuration
        self._loaded_server: Optional[Server] = None
        if check:
            self._check_visible()

    def _check_visible(self) -> None:
        visible = self._server.workspaces()
        if self.name not in visible:
            seen = ", ".join(visible) or "none"
            raise WorkspaceException(
                f"there is no workspace '{self.name}' on the server at "
                f"{self._configuration.server} that your token may see; it sees {seen}"
            )

    @property
    def _server(self) -> Server:
        if self._loaded_server is None:
            # Loads gRPC.
            from muster._client.server import Server

            self._loaded_server = Server(self._configuration, self)
        return self._loaded_server

    @property
    def _services(self) -> Server:
        return self._server

    # Getting one.

    @staticmethod
    def from_config(
        path: Optional[str] = None,
        auth: Any = None,
        _logger: Any = None,
        _file_name: Optional[str] = None,
    ) -> Workspace:
        """The workspace that a ``config.json`` names.

        `path`: the file, or the directory to start from; default: the current one. The file is
        looked for there, in ``.azureml`` and in the directories above; where there is none, the
        login of ``muster login`` (or of ``muster up``) decides. Raises as the constructor does.
        """
        _refuse_auth(auth)
        return Workspace._of(find(path, _file_name))

    @staticmethod
    def get(
        name: str,
        auth: Any = None,
        subscription_id: Optional[str] = None,
        resource_group: Optional[str] = None,
        location: Optional[str] = None,
        cloud: str = "AzureCloud",
        id: Optional[str] = None,
    ) -> Workspace:
        """The workspace `name` of the server that the login is for. Raises as the constructor
        does."""
        return Workspace(subscription_id or "", resource_group or "", name, auth)

    @staticmethod
    def list(
        subscription_id: str, auth: Any = None, resource_group: Optional[str] = None
    ) -> Dict[str, List[Workspace]]:
        """Name -> a list with the workspace, of all that the token may see."""
        _refuse_auth(auth)
        login = load_login()._replace(
            subscription_id=subscription_id or "", resource_group=resource_group or ""
        )
        names = Workspace._of(login, check=False)._server.workspaces()
        return {name: [Workspace._of(login._replace(workspace=name), False)] for name in names}

    @staticmethod
    def create(
        name: str,
        auth: Any = None,
        subscription_id: Optional[str] = None,
        resource_group: Optional[str] = None,
        location: Optional[str] = None,
        create_resource_group: bool = True,
        sku: str = "basic",
        tags: Optional[Dict[str, str]] = None,
        friendly_name: Optional[str] = None,
        storage_account: Optional[str] = None,
        key_vault: Optional[str] = None,
        app_insights: Optional[str] = None,
        container_registry: Optional[str] = None,
        adb_workspace: Optional[str] = None,
        primary_user_assigned_identity: Optional[str] = None,
        cmk_keyvault: Optional[str] = None,
        resource_cmk_uri: Optional[str] = None,
        hbi_workspace: bool = False,
        default_cpu_compute_target: Any = None,
        default_gpu_compute_target: Any = None,
        private_endpoint_config: Any = None,
        private_endpoint_auto_approval: bool = True,
        exist_ok: bool = False,
        show_output: bool = True,
        user_assigned_identity_for_cmk_encryption: Optional[str] = None,
        system_datastores_auth_mode: str = "accessKey",
        v1_legacy_mode: Optional[bool] = None,
    ) -> Workspace:
        """Makes a workspace on the server that the login is for; needs the role admin.

        `exist_ok`: take the one that there is. `default_cpu_compute_target` and
        `default_gpu_compute_target`: configurations of compute targets to make in it. What Azure
        builds around a workspace has no effect. Raises WorkspaceException for a name that is taken
        or cannot be one.
        """
        _refuse_auth(auth)
        login = load_login(name)._replace(
            subscription_id=subscription_id or "", resource_group=resource_group or ""
        )
        made = Workspace._of(login, check=False)
        made._create(exist_ok)
        clusters = {
            Workspace.DEFAULT_CPU_CLUSTER_NAME: default_cpu_compute_target,
            Workspace.DEFAULT_GPU_CLUSTER_NAME: default_gpu_compute_target,
        }
        for cluster, configuration in clusters.items():
            if configuration is not None and made._server.compute.find(cluster) is None:
                made._server.compute.create(cluster, configuration)
        return made

    def _create(self, exist_ok: bool) -> None:
        try:
            self._server.create_workspace(self.name)
        except UserErrorException as error:
            taken = error.reference_code == _NAME_TAKEN
            if not (taken and exist_ok):
                if type(error) is not UserErrorException:
                    raise  # who may not do it is no matter of the workspace
                raise WorkspaceException(str(error), inner_exception=error) from error

    def write_config(self, path: Optional[str] = None, file_name: Optional[str] = None) -> None:
        """Writes ``.azureml/config.json`` below `path` (default: here) for ``from_config``. It
        holds no token: who reads it needs a login of his own."""
        write_project_file(self._configuration, path, file_name)

    # What it is.

    @property
    def name(self) -> str:
        """The workspace's name."""
        return self._configuration.workspace

    @property
    def subscription_id(self) -> str:
        """As it was given or written in the configuration; '' where it was not."""
        return self._configuration.subscription_id

    @property
    def resource_group(self) -> str:
        """As it was given or written in the configuration; '' where it was not."""
        return self._configuration.resource_group

    @property
    def location(self) -> str:
        """The server's address, ``host:port``."""
        return self._configuration.server

    @property
    def discovery_url(self) -> str:
        """The server's address as a URL."""
        return f"https://{self._configuration.server}"

    def get_details(self) -> Dict[str, Any]:
        """Name, server and the two names of Azure's, as a dict."""
        return {
            "id": f"{self._configuration.server}/{self.name}",
            "name": self.name,
            "location": self.location,
            "subscriptionId": self.subscription_id,
            "resourceGroup": self.resource_group,
            "type": "Muster/workspaces",
        }

    # What is in it.

    @property
    def experiments(self) -> Dict[str, Experiment]:
        """Name -> experiment, of all that have runs."""
        from muster.core.experiment import Experiment

        return {found.name: found for found in Experiment.list(self)}

    @property
    def compute_targets(self) -> Dict[str, ComputeTarget]:
        """Name -> compute target."""
        from muster.core.compute import AmlCompute

        found = self._server.compute.list()
        return {item["name"]: AmlCompute.deserialize(self, item) for item in found}

    @property
    def datastores(self) -> Dict[str, LocalDatastore]:
        """Name -> datastore."""
        return self._server.datastores.all()

    def get_default_datastore(self) -> LocalDatastore:
        """The datastore ``workspaceblobstore``, or the only one there is, unless
        ``set_default_datastore`` chose another. Raises UserErrorException when there is no such."""
        return self._server.datastores.get_default()

    def set_default_datastore(self, name: str) -> None:
        """Chooses the default datastore for this object; others are not told, which a warning says.
        Raises UserErrorException when there is none of that name."""
        self._server.datastores.set_default(name)

    def get_default_compute_target(self, type: str) -> Optional[ComputeTarget]:
        """The compute target ``cpu-cluster`` or ``gpu-cluster`` (`type`: ``"CPU"`` or ``"GPU"``),
        or None. Raises UserErrorException for another type."""
        names = {"CPU": self.DEFAULT_CPU_CLUSTER_NAME, "GPU": self.DEFAULT_GPU_CLUSTER_NAME}
        name = names.get(str(type).upper())
        if name is None:
            raise UserErrorException(f"type must be 'CPU' or 'GPU', not {type!r}")
        return self.compute_targets.get(name)

    def get_run(self, run_id: str) -> Run:
        """The run of that id. Raises UserErrorException when there is none."""
        from muster.core.run import Run

        return Run.get(self, run_id)

    def __repr__(self) -> str:
        return (
            f"Workspace.create(name={self.name!r}, subscription_id={self.subscription_id!r}, "
            f"resource_group={self.resource_group!r})"
        )


def _refuse_auth(auth: Any) -> None:
    if auth is not None:
        raise UserErrorException(
            "auth is not used: who you are comes from `muster login`; leave the parameter out"
        )
