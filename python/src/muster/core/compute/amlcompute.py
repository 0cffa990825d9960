"""AmlCompute: a pool of nodes."""

from __future__ import annotations

import time
from typing import Any, Dict, List, NoReturn, Optional

from muster._services import services_of
from muster.core.compute._amlcompute_status import AmlComputeStatus, ScaleSettings
from muster.core.compute.compute import ComputeTarget, ComputeTargetProvisioningConfiguration
from muster.exceptions import ComputeTargetException

__all__ = [
    "AmlCompute",
    "AmlComputeProvisioningConfiguration",
    "AmlComputeStatus",
    "ScaleSettings",
]

_TYPE = "AmlCompute"
_POLL_SECONDS = 1.0
_DONE = ("Succeeded", "Failed", "Canceled")


class AmlComputeProvisioningConfiguration(ComputeTargetProvisioningConfiguration):
    """How a cluster is to be made; see :meth:`AmlCompute.provisioning_configuration`."""

    def __init__(
        self,
        vm_size: str = "",
        vm_priority: str = "dedicated",
        min_nodes: int = 0,
        max_nodes: Optional[int] = None,
        idle_seconds_before_scaledown: int = 1800,
        admin_username: Optional[str] = None,
        admin_user_password: Optional[str] = None,
        admin_user_ssh_key: Optional[str] = None,
        vnet_resourcegroup_name: Optional[str] = None,
        vnet_name: Optional[str] = None,
        subnet_name: Optional[str] = None,
        tags: Optional[Dict[str, str]] = None,
        description: Optional[str] = None,
        remote_login_port_public_access: str = "NotSpecified",
        identity_type: Optional[str] = None,
        identity_id: Optional[List[str]] = None,
        compute_location: Optional[str] = None,
        enable_node_public_ip: bool = True,
    ) -> None:
        super().__init__(AmlCompute, compute_location)
        self.vm_size = vm_size
        self.vm_priority = vm_priority
        self.min_nodes = min_nodes
        self.max_nodes = max_nodes
        self.idle_seconds_before_scaledown = idle_seconds_before_scaledown
        self.admin_username = admin_username
        self.admin_user_password = admin_user_password
        self.admin_user_ssh_key = admin_user_ssh_key
        self.vnet_resourcegroup_name = vnet_resourcegroup_name
        self.vnet_name = vnet_name
        self.subnet_name = subnet_name
        self.tags = tags
        self.description = description
        self.remote_login_port_public_access = remote_login_port_public_access
        self.identity_type = identity_type
        self.identity_id = identity_id
        self.enable_node_public_ip = enable_node_public_ip
        self.validate_configuration()

    def validate_configuration(self) -> None:
        """Raises ComputeTargetException: node counts, half a virtual network, half an admin
        user."""
        least, most = self.min_nodes, self.max_nodes
        if most is None:
            raise ComputeTargetException(
                "max_nodes is required: the most nodes the cluster may have"
            )
        if most < 0 or (least or 0) < 0:
            raise ComputeTargetException(
                f"min_nodes ({least}) and max_nodes ({most}) must be at least 0"
            )
        if least is not None and most < least:
            raise ComputeTargetException(f"max_nodes ({most}) is less than min_nodes ({least})")
        network = (self.vnet_resourcegroup_name, self.vnet_name, self.subnet_name)
        if any(network) and not all(network):
            raise ComputeTargetException(
                "vnet_resourcegroup_name, vnet_name and subnet_name are given together or not at "
                "all"
            )
        if self.admin_username and not (self.admin_user_password or self.admin_user_ssh_key):
            raise ComputeTargetException(
                "admin_username needs admin_user_password or admin_user_ssh_key"
            )


class AmlCompute(ComputeTarget):
    """A cluster of like nodes; on Muster a pool.

    ``name``, ``vm_size`` (the node class), ``vm_priority``, ``scale_settings``,
    ``provisioning_state``, ``tags`` and ``description`` are as of the last ``refresh_state``.
    """

    type = _TYPE

    @staticmethod
    def provisioning_configuration(
        vm_size: str = "",
        vm_priority: str = "dedicated",
        min_nodes: int = 0,
        max_nodes: Optional[int] = None,
        idle_seconds_before_scaledown: int = 1800,
        admin_username: Optional[str] = None,
        admin_user_password: Optional[str] = None,
        admin_user_ssh_key: Optional[str] = None,
        vnet_resourcegroup_name: Optional[str] = None,
        vnet_name: Optional[str] = None,
        subnet_name: Optional[str] = None,
        tags: Optional[Dict[str, str]] = None,
        description: Optional[str] = None,
        remote_login_port_public_access: str = "NotSpecified",
        identity_type: Optional[str] = None,
        identity_id: Optional[List[str]] = None,
        location: Optional[str] = None,
        enable_node_public_ip: bool = True,
    ) -> AmlComputeProvisioningConfiguration:
        """How a cluster is to be made.

        ``vm_size``: the node class. ``vm_priority``: ``"dedicated"`` or ``"lowpriority"``.
        ``min_nodes`` to ``max_nodes``: how far it scales; ``max_nodes`` is required. The parameters
        about users, networks, identities and locations are kept and have no effect.
        Raises ComputeTargetException.
        """
        return AmlComputeProvisioningConfiguration(
            vm_size,
            vm_priority,
            min_nodes,
            max_nodes,
            idle_seconds_before_scaledown,
            admin_username,
            admin_user_password,
            admin_user_ssh_key,
            vnet_resourcegroup_name,
            vnet_name,
            subnet_name,
            tags,
            description,
            remote_login_port_public_access,
            identity_type,
            identity_id,
            location,
            enable_node_public_ip,
        )

    # State.

    def _load(self, object_dict: Dict[str, Any]) -> None:
        outer: Dict[str, Any] = object_dict.get("properties") or {}
        inner: Dict[str, Any] = outer.get("properties") or {}
        self._content = object_dict
        self.name: str = object_dict["name"]
        self.id: Optional[str] = object_dict.get("id")
        self.location: Optional[str] = object_dict.get("location")
        self.tags: Dict[str, str] = object_dict.get("tags") or {}
        self.description: Optional[str] = outer.get("description")
        self.provisioning_state: Optional[str] = outer.get("provisioningState")
        self.provisioning_errors: List[Any] = outer.get("provisioningErrors") or []
        self.vm_size: Optional[str] = inner.get("vmSize")
        self.vm_priority: Optional[str] = inner.get("vmPriority")
        self.scale_settings = ScaleSettings.deserialize(inner.get("scaleSettings"))

    @staticmethod
    def deserialize(workspace: Any, object_dict: Dict[str, Any]) -> AmlCompute:
        """The object that ``serialize`` made the dict of. Raises ComputeTargetException for a dict
        of another kind."""
        properties = object_dict.get("properties") or {}
        if "name" not in object_dict or properties.get("computeType", _TYPE) != _TYPE:
            raise ComputeTargetException("this is not the serialized form of an AmlCompute")
        target: AmlCompute = object.__new__(AmlCompute)
        target._workspace = workspace
        target._load(object_dict)
        return target

    def serialize(self) -> Dict[str, Any]:
        """The cluster as a dict that ``json`` can write."""
        return dict(self._content)

    def refresh_state(self) -> None:
        """Asks the server for the cluster's state. Raises ComputeTargetException when it is
        gone."""
        found = services_of(self._workspace).compute.find(self.name)
        if found is None:
            raise ComputeTargetException(
                f"the compute target '{self.name}' does not exist any more"
            )
        self._load(found)

    def get(self) -> AmlCompute:
        """The cluster as it is now, as a new object."""
        fresh = AmlCompute.deserialize(self._workspace, self._content)
        fresh.refresh_state()
        return fresh

    def get_status(self) -> AmlComputeStatus:
        """What the cluster is doing now, asked of the server."""
        self.refresh_state()
        return self._status()

    @property
    def status(self) -> AmlComputeStatus:
        """Older name of ``get_status()``."""
        return self.get_status()

    def _status(self) -> AmlComputeStatus:
        outer: Dict[str, Any] = self._content.get("properties") or {}
        inner: Dict[str, Any] = outer.get("properties") or {}
        merged = {
            **inner,
            "creationTime": outer.get("createdOn"),
            "modifiedTime": outer.get("modifiedOn"),
            "provisioningState": self.provisioning_state,
        }
        status = AmlComputeStatus.deserialize(merged)
        assert status is not None
        return status

    def wait_for_completion(  # type: ignore[override]
        self,
        show_output: bool = False,
        min_node_count: Optional[int] = None,
        timeout_in_minutes: float = 25,
        is_delete_operation: bool = False,
    ) -> None:
        """Waits until the cluster is made and steady with at least `min_node_count` nodes (default:
        its least), or gone with `is_delete_operation`, or until the time is over; then it says so
        (`show_output`) and returns."""
        deadline = time.monotonic() + timeout_in_minutes * 60
        while True:
            done = self._is_gone() if is_delete_operation else self._is_ready(min_node_count)
            if show_output:
                print(f"{self.name}: {self.provisioning_state}")
            if done or time.monotonic() >= deadline:
                break
            time.sleep(min(_POLL_SECONDS, max(0.0, deadline - time.monotonic())))
        if show_output:
            print(
                "done" if done else f"not done after {timeout_in_minutes} minutes; still going on"
            )

    def _is_gone(self) -> bool:
        return services_of(self._workspace).compute.find(self.name) is None

    def _is_ready(self, min_node_count: Optional[int]) -> bool:
        status = self.get_status()
        if status.provisioning_state not in _DONE:
            return False
        if status.provisioning_state != "Succeeded":
            return True
        least = min_node_count
        if least is None:
            least = (self.scale_settings and self.scale_settings.minimum_node_count) or 0
        steady = (status.allocation_state or "Steady").lower() == "steady"
        return steady and (status.current_node_count or 0) >= least

    # Changing it.

    def update(
        self,
        min_nodes: Optional[int] = None,
        max_nodes: Optional[int] = None,
        idle_seconds_before_scaledown: Optional[int] = None,
    ) -> None:
        """Changes the scale settings that are given."""
        service = services_of(self._workspace).compute
        service.update(self.name, min_nodes, max_nodes, idle_seconds_before_scaledown)
        self.refresh_state()

    def delete(self) -> None:
        """Removes the cluster; refused while it has nodes or jobs."""
        services_of(self._workspace).compute.delete(self.name)

    def detach(self) -> None:
        """Raises ComputeTargetException: a cluster is not attached, ``delete`` removes it."""
        raise ComputeTargetException(f"'{self.name}' was not attached; delete() removes it")

    def list_nodes(self) -> List[Dict[str, Any]]:
        """One dict a node: nodeId, privateIpAddress, publicIpAddress, port, nodeState, runId."""
        return list_of(services_of(self._workspace).compute.list_nodes(self.name))

    def get_active_runs(
        self,
        type: Optional[str] = None,
        tags: Any = None,
        properties: Any = None,
        status: Any = None,
    ) -> Any:
        """Runs that wait for or run on the cluster, newest first."""
        service = services_of(self._workspace).compute
        return iter(service.active_runs(self.name, type, tags, properties, status))

    # What Azure has around its machines.

    @staticmethod
    def supported_vmsizes(workspace: Any, location: Optional[str] = None) -> List[Dict[str, Any]]:
        """The node classes of the clusters there are: ``[{"name": ...}]``."""
        found = services_of(workspace).compute.list()
        sizes = {
            ((item.get("properties") or {}).get("properties") or {}).get("vmSize") for item in found
        }
        return [{"name": size} for size in sorted(filter(None, sizes))]

    @staticmethod
    def list_quotas(workspace: Any, location: Optional[str] = None) -> List[Any]:
        """Quotas of node classes: Muster has none."""
        return []

    @staticmethod
    def list_usages(
        workspace: Any, show_all: bool = False, location: Optional[str] = None
    ) -> List[Any]:
        """Use of quotas: Muster has none."""
        return []

    @staticmethod
    def update_quotas(
        workspace: Any, vm_family: str, limit: Optional[int] = None, location: Optional[str] = None
    ) -> NoReturn:
        """Raises ComputeTargetException: Muster has no quotas."""
        raise ComputeTargetException(f"there is no quota of '{vm_family}': Muster has no quotas")

    def add_identity(self, identity_type: str, identity_id: Optional[List[str]] = None) -> NoReturn:
        """Raises ComputeTargetException: nodes have no managed identities."""
        raise ComputeTargetException("nodes of Muster have no managed identities")

    def remove_identity(self, identity_id: Optional[List[str]] = None) -> NoReturn:
        """Raises ComputeTargetException: nodes have no managed identities."""
        raise ComputeTargetException("nodes of Muster have no managed identities")

    def __repr__(self) -> str:
        return f"AmlCompute(name={self.name!r}, state={self.provisioning_state!r})"


# The class has a method named list.
list_of = list
