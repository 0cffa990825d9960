"""Every call that changes something takes an idempotency key and keeps its promise."""

from __future__ import annotations

from typing import Any

import grpc
import pytest

from support.cluster import Cluster
from support.rpc import Client, client_of, stubs
from test_bad_input import details_of

# Method -> (a request that succeeds, a field of it and another value that would be as valid). In this order: a later
# one may need what an earlier one made. "{...}" is filled in from what the cluster has.
CHANGES: dict[str, tuple[dict[str, Any], str, Any]] = {
    "admin.AdminService/CreateWorkspace": ({"name": "other"}, "name", "third"),
    "admin.AdminService/CreateToken": ({"user": "ann", "role": 2}, "user", "bob"),
    "admin.AdminService/RevokeToken": ({"token_id": "{token}"}, "token_id", "{other_token}"),
    "admin.AdminService/CreateJoinToken": ({"pool": "default"}, "expires_in_s", 60),
    "cluster.PoolService/CreatePool": ({"pool": {"name": "gpus", "slots_per_node": 1, "max_nodes": 2}},
                                       "pool", {"name": "gpus", "slots_per_node": 2, "max_nodes": 2}),
    "cluster.PoolService/UpdatePool": ({"name": "gpus", "max_nodes": 3}, "max_nodes", 4),
    "cluster.PoolService/DeletePool": ({"name": "gpus"}, "name", "default"),
    "cluster.DatastoreService/RegisterDatastore": ({"datastore": {"name": "digits", "local": {"path": "/tmp"}}},
                                                   "datastore", {"name": "digits", "local": {"path": "/usr"}}),
    "jobs.JobService/SubmitJob": ({"spec": {"experiment": "e", "script": "main.py", "snapshot_digest": "{digest}"}},
                                  "spec", {"experiment": "f", "script": "main.py", "snapshot_digest": "{digest}"}),
    "jobs.JobService/CancelJob": ({"job_id": "{job}"}, "job_id", "{other_job}"),
    "tracking.TrackingService/CreateRuns": ({"runs": [{"id": "r1", "experiment": "e"}]},
                                            "runs", [{"id": "r2", "experiment": "e"}]),
    "tracking.TrackingService/UpdateRun": ({"run_id": "r1", "display_name": "first"}, "display_name", "second"),
    "cluster.NodeService/CordonNode": ({"node_id": "n1", "cordoned": True}, "cordoned", False),
    "cluster.NodeService/DrainNode": ({"node_id": "n1"}, "node_id", "n2"),
    "cluster.NodeService/DeclareNodeLost": ({"node_id": "n1"}, "node_id", "n2"),
    "cluster.NodeService/RemoveNode": ({"node_id": "n1"}, "node_id", "n2"),
}


def methods_with_a_key() -> dict[str, Any]:
    """All methods of the public API whose request has a request_id."""
    found = {}
    for module, (messages, _) in stubs().items():
        for service in messages.DESCRIPTOR.services_by_name.values():
            for method in service.methods:
                if "request_id" in method.input_type.fields_by_name:
                    found[f"{module}.{service.name}/{method.name}"] = method.input_type
    return found


def filled(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: filled(item, names) for key, item in value.items()}
    return value.format(**names) if isinstance(value, str) else value


def refusal(client: Client, method: str, request: Any) -> grpc.RpcError:
    service, name = method.split("/")
    with pytest.raises(grpc.RpcError) as caught:
        client.call(service, name, request)
    return caught.value


def test_the_table_has_every_call_that_takes_a_key() -> None:
    assert sorted(CHANGES) == sorted(methods_with_a_key())


def test_every_change_can_be_repeated_and_its_key_serves_no_other(cluster: Cluster) -> None:
    for name in ("n1", "n2"):
        cluster.add_node(name)
    jobs = [cluster.submit({"main.py": "import time\ntime.sleep(600)\n"}) for _ in range(2)]
    tokens = [cluster.json("token", "create", "--user", user, "--role", "viewer")["token_id"] for user in ("c", "d")]
    names = {"job": jobs[0], "other_job": jobs[1], "token": tokens[0], "other_token": tokens[1],
             "digest": cluster.job(jobs[0])["resolved_spec"]["snapshot_digest"]}
    client = Client(*client_of(cluster.config))
    types = methods_with_a_key()
    for method, (content, field, other) in CHANGES.items():
        service, call = method.split("/")
        message = getattr(stubs()[service.split(".")[0]][0], types[method].name)
        content = filled(content, names)

        keyless = refusal(client, method, message(**content))
        assert keyless.code() == grpc.StatusCode.INVALID_ARGUMENT, (method, keyless)
        assert "request_id" in str(details_of(keyless)), method

        request = message(**content, request_id=f"key of {call}")
        first = client.call(service, call, request)
        assert client.call(service, call, request) == first, method

        changed = {**content, field: filled(other, names)}
        conflict = refusal(client, method, message(**changed, request_id=f"key of {call}"))
        assert conflict.code() == grpc.StatusCode.ALREADY_EXISTS, (method, conflict)
        assert f"key of {call}" in (conflict.details() or ""), method
