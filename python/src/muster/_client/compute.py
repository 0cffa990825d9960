"""Pools of a workspace as compute targets, over the server's PoolService and NodeService."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional, Sequence

from muster._client.connection import SUBMIT_PATIENCE, Connection, new_request_id
from muster._proto import api
from muster.exceptions import ComputeTargetException, UserErrorException

if TYPE_CHECKING:
    from muster.core.compute.amlcompute import AmlComputeProvisioningConfiguration

_STATES = ("idle", "running", "preparing", "unusable", "leaving", "preempted")
_MOST_SLOTS = 1024
# Slots of a pool whose node class tells no number: the cores of Azure's default class.
_DEFAULT_SLOTS = 6
_CORES = re.compile(r"(?:standard|basic)_[a-z]+?(\d+)", re.IGNORECASE)

ActiveRuns = Callable[[str, Any, Any, Any, Any], Sequence[Any]]


class ServerCompute:
    """A ComputeService. `active_runs` lists the runs of a pool."""

    def __init__(self, connection: Connection, active_runs: ActiveRuns) -> None:
        self._connection = connection
        self._active_runs = active_runs

    def find(self, name: str) -> Optional[Dict[str, Any]]:
        """None when there is none of that name."""
        for pool in self._pools():
            if pool.name == name:
                return _serialized(pool, self._nodes(name))
        return None

    def list(self) -> List[Dict[str, Any]]:
        """By name."""
        nodes = self._nodes("")
        return [
            _serialized(pool, [node for node in nodes if node.pool == pool.name])
            for pool in self._pools()
        ]

    def create(
        self, name: str, configuration: AmlComputeProvisioningConfiguration
    ) -> Dict[str, Any]:
        """Makes the pool; nodes join it. Raises ComputeTargetException for a name that is taken and
        for what the server refuses."""
        pool = {
            "workspace": self._connection.workspace,
            "name": name,
            "slots_per_node": slots_of(configuration.vm_size),
            "min_nodes": configuration.min_nodes or 0,
            "max_nodes": configuration.max_nodes,
        }
        self._change("PoolService.CreatePool", pool=pool)
        found = self.find(name)
        if found is None:
            raise ComputeTargetException(f"the compute target '{name}' was removed meanwhile")
        return found

    def update(
        self,
        name: str,
        min_nodes: Optional[int],
        max_nodes: Optional[int],
        idle_seconds_before_scaledown: Optional[int],
    ) -> None:
        """Changes what is given. The idle time is refused: pools do not shrink by themselves
        yet."""
        if idle_seconds_before_scaledown is not None:
            raise ComputeTargetException(
                "idle_seconds_before_scaledown cannot be set: pools do not shrink by themselves yet"
            )
        given = {"min_nodes": min_nodes, "max_nodes": max_nodes}
        self._change(
            "PoolService.UpdatePool",
            workspace=self._connection.workspace,
            name=name,
            **{field: value for field, value in given.items() if value is not None},
        )

    def delete(self, name: str) -> None:
        """Refused while it has nodes or jobs."""
        self._change("PoolService.DeletePool", workspace=self._connection.workspace, name=name)

    def list_nodes(self, name: str) -> List[Dict[str, Any]]:
        """One dict a node, as AmlCompute.list_nodes gives them."""
        return [
            {
                "nodeId": node.id,
                "privateIpAddress": node.address or None,
                "publicIpAddress": None,
                "port": None,
                "nodeState": _state(node),
                "runId": node.job_ids[0] if node.job_ids else None,
            }
            for node in self._nodes(name)
        ]

    def active_runs(
        self, name: str, type: Optional[str], tags: object, properties: object, status: object
    ) -> Sequence[Any]:
        """Runs that wait for or run on the pool, newest first."""
        return self._active_runs(name, type, tags, properties, status)

    def _pools(self) -> Any:
        return self._connection.call(
            "PoolService.ListPools", workspace=self._connection.workspace
        ).pools

    def _nodes(self, name: str) -> Any:
        return self._connection.call(
            "NodeService.ListNodes", workspace=self._connection.workspace, pool=name
        ).nodes

    def _change(self, method: str, **fields: Any) -> None:
        try:
            self._connection.call(
                method, patience=SUBMIT_PATIENCE, request_id=new_request_id(), **fields
            )
        except UserErrorException as error:
            if type(error) is not UserErrorException:
                raise  # who may not do it is no matter of the target
            raise ComputeTargetException(
                str(error), inner_exception=error, reference_code=error.reference_code
            ) from error


def slots_of(vm_size: Optional[str]) -> int:
    """How many processes a node of that class runs at once: its cores, which the names of Azure's
    classes tell (24 for ``Standard_NC24rs_v3``)."""
    found = _CORES.match(vm_size or "")
    return min(max(1, int(found.group(1))), _MOST_SLOTS) if found else _DEFAULT_SLOTS


def _serialized(pool: Any, nodes: Sequence[Any]) -> Dict[str, Any]:
    """A pool in the form of AmlCompute.serialize."""
    counts = dict.fromkeys((f"{state}NodeCount" for state in _STATES), 0)
    errors = []
    for node in nodes:
        counts[f"{_state(node)}NodeCount"] += 1
        if node.reason:
            errors.append({"nodeId": node.id, "message": node.reason})
    properties = {
        # The class of the nodes is what they are: pools have none of their own.
        "vmSize": None,
        "vmPriority": "dedicated",
        "scaleSettings": {
            "minNodeCount": pool.min_nodes,
            "maxNodeCount": pool.max_nodes,
            "nodeIdleTimeBeforeScaleDown": None,
        },
        "allocationState": "Steady",
        "currentNodeCount": len(nodes),
        "targetNodeCount": len(nodes),
        "nodeStateCounts": counts,
        "errors": errors,
    }
    outer = {
        "computeType": "AmlCompute",
        "provisioningState": "Succeeded",
        "properties": properties,
    }
    return {"name": pool.name, "id": f"{pool.workspace}/{pool.name}", "properties": outer}


def _state(node: Any) -> str:
    name = api().name_of("NodeState", node.state).replace("NODE_STATE_", "").lower()
    return name if name in _STATES else "unusable"
