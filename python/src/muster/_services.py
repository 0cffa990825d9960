"""What objects of the SDK ask of a server.

A workspace has ``_services``, which does the calls; objects that were read from a server keep their
workspace and go through it. So every class but the workspace can be built and tested without a
server, and nothing here imports gRPC. All methods raise the classes of :mod:`muster.exceptions`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Mapping, NamedTuple, Optional, Protocol, Sequence, Tuple

if TYPE_CHECKING:
    from muster.core.compute.amlcompute import AmlComputeProvisioningConfiguration
    from muster.data.abstract_datastore import AbstractDatastore


class DatastoreRegistration(NamedTuple):
    """A datastore to be registered: its kind, for example ``"local"`` or ``"AzureBlob"``, and what
    that kind needs (``{"path": "/data"}``)."""

    kind: str
    name: str
    settings: Mapping[str, object]
    overwrite: bool


class DatastoreService(Protocol):
    """Datastores of one workspace. Names are compared without case."""

    def get(self, name: str) -> AbstractDatastore:
        """Raises UserErrorException when there is none of that name."""

    def get_default(self) -> AbstractDatastore: ...

    def set_default(self, name: str) -> None: ...

    def register(self, registration: DatastoreRegistration) -> AbstractDatastore: ...

    def unregister(self, name: str) -> None: ...

    def upload(
        self,
        name: str,
        files: Sequence[Tuple[str, str]],
        overwrite: bool,
        show_progress: bool,
    ) -> None:
        """`files`: (local path, path below the datastore's root)."""

    def download(
        self,
        name: str,
        target_path: str,
        prefix: Optional[str],
        overwrite: bool,
        show_progress: bool,
    ) -> int:
        """The number of files written below `target_path`."""


class ComputeService(Protocol):
    """Pools of one workspace, in the form of :meth:`AmlCompute.serialize`."""

    def find(self, name: str) -> Optional[dict[str, Any]]:
        """None when there is none of that name."""

    def list(self) -> Sequence[dict[str, Any]]: ...

    def create(
        self, name: str, configuration: AmlComputeProvisioningConfiguration
    ) -> dict[str, Any]: ...

    def update(
        self,
        name: str,
        min_nodes: Optional[int],
        max_nodes: Optional[int],
        idle_seconds_before_scaledown: Optional[int],
    ) -> None: ...

    def delete(self, name: str) -> None: ...

    def list_nodes(self, name: str) -> Sequence[dict[str, Any]]:
        """One dict a node: nodeId, privateIpAddress, publicIpAddress, port, nodeState, runId."""

    def active_runs(
        self,
        name: str,
        type: Optional[str],
        tags: object,
        properties: object,
        status: object,
    ) -> Sequence[Any]:
        """Runs that are waiting for or running on the pool, newest first."""


class Services(Protocol):
    """All services of a workspace."""

    @property
    def datastores(self) -> DatastoreService: ...

    @property
    def compute(self) -> ComputeService: ...


def services_of(workspace: Any) -> Services:
    """The workspace's services. Raises UserErrorException for something that is no workspace."""
    services: Optional[Services] = getattr(workspace, "_services", None)
    if services is None:
        from muster.exceptions import UserErrorException

        raise UserErrorException(
            f"a workspace is needed, not {type(workspace).__name__}: "
            "pass what Workspace.from_config() returned"
        )
    return services
