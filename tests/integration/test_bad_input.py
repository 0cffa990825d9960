"""Bad input gets a clear error: the field, the value, the limit, what to do; nothing half-done stays."""

from __future__ import annotations

import grpc
import pytest

from support.cluster import Cluster
from support.rpc import Client, client_of, stubs


def admin(cluster: Cluster) -> Client:
    return Client(*client_of(cluster.config))


def details_of(error: grpc.RpcError):
    """The ErrorDetail of a failed call."""
    common = stubs()["common"][0]
    binary = dict(error.trailing_metadata())["grpc-status-details-bin"]
    return common.ErrorDetail.FromString(binary)


def test_all_faults_of_a_spec_are_listed_at_once(cluster: Cluster) -> None:
    jobs, common = stubs()["jobs"][0], stubs()["common"][0]
    spec = common.JobSpec(
        experiment="a b", pool="nowhere", script="../main.py", node_count=0, process_count_per_node=5000,
        snapshot_digest="xyz", priority=5000, environment_variables={"1X": "y"},
        data_references=[common.DataReference(name="d", datastore="nope"),
                         common.DataReference(name="d", datastore="nope", path="../up")])
    client = admin(cluster)
    with pytest.raises(grpc.RpcError) as caught:
        client.call("jobs.JobService", "SubmitJob", jobs.SubmitJobRequest(request_id="r1", spec=spec))
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    fields = {fault.field for fault in details_of(caught.value).faults}
    assert {"spec.experiment", "spec.pool", "spec.script", "spec.node_count",
            "spec.process_count_per_node", "spec.snapshot_digest", "spec.priority"} <= fields
    assert any(f.startswith("spec.data_references[1]") for f in fields)
    assert any(f.startswith("spec.data_references[0].datastore") for f in fields)
    assert any("environment_variables" in f for f in fields)
    assert "10,000" in caught.value.details() or "10000" in caught.value.details()
    assert cluster.json("job", "list")["jobs"] == []


@pytest.mark.parametrize("flags, words", [
    (("--node-count", 2), ["backend", "mpi"]),
    (("--process-count-per-node", 2), ["backend", "mpi"]),
    (("--node-count", 0), ["node_count"]),
    (("--node-count", 20000, "--distributed-backend", "mpi"), ["node_count", "10"]),
    (("--pool", "nowhere"), ["nowhere", "default"]),
    (("--data", "x=unknown/path"), ["unknown"]),
    (("--pip-package", "torch"), ["torch", "environment"]),
])
def test_refused_at_submit(cluster: Cluster, flags: tuple, words: list[str]) -> None:
    source = cluster.project("p", {"main.py": "print(1)"})
    done = cluster.run("job", "submit", "--experiment", "e", "--source-directory", source,
                       "--entry-script", "main.py", *flags)
    assert done.returncode == 4, done
    for word in words:
        assert word in done.stderr, done.stderr
    assert cluster.json("job", "list")["jobs"] == []


def test_a_pool_that_is_too_small(cluster: Cluster) -> None:
    cluster.muster("pool", "create", "tiny", "--slots-per-node", 2, "--max-nodes", 1)
    source = cluster.project("p", {"main.py": "print(1)"})
    done = cluster.run("job", "submit", "--experiment", "e", "--source-directory", source, "--entry-script",
                       "main.py", "--pool", "tiny", "--node-count", 2, "--process-count-per-node", 3,
                       "--distributed-backend", "mpi")
    assert done.returncode == 4
    assert "tiny" in done.stderr and "1" in done.stderr and "2" in done.stderr


@pytest.mark.parametrize("source, script, words", [
    ("missing-folder", "main.py", ["missing-folder"]),
    ("p", "absent.py", ["absent.py"]),
    ("p", "../outside.py", ["../outside.py"]),
    ("p", "link.py", ["link.py"]),
])
def test_refused_before_anything_is_uploaded(cluster: Cluster, source: str, script: str,
                                             words: list[str]) -> None:
    project = cluster.project("p", {"main.py": "print(1)"})
    (project.parent / "outside.py").write_text("print('outside')")
    (project / "link.py").symlink_to("../outside.py")
    blobs = cluster.state / "blobs"
    before = sorted(blobs.rglob("*"))
    done = cluster.run("job", "submit", "--experiment", "e", "--source-directory", project.parent / source,
                       "--entry-script", script)
    assert done.returncode in (2, 4), done
    for word in words:
        assert word in done.stderr, done.stderr
    assert sorted(blobs.rglob("*")) == before


def test_the_same_key_again(cluster: Cluster) -> None:
    jobs, common = stubs()["jobs"][0], stubs()["common"][0]
    cluster.add_node("n1")
    first = cluster.submit({"main.py": "print(1)"})
    digest = cluster.job(first)["resolved_spec"]["snapshot_digest"]
    client = admin(cluster)
    spec = common.JobSpec(experiment="e", script="main.py", snapshot_digest=digest)
    request = jobs.SubmitJobRequest(request_id="key-1", spec=spec)
    one = client.call("jobs.JobService", "SubmitJob", request).job_id
    assert client.call("jobs.JobService", "SubmitJob", request).job_id == one
    cluster.kill_server()
    cluster.start_server()
    client = admin(cluster)
    assert client.call("jobs.JobService", "SubmitJob", request).job_id == one
    request.spec.priority = 1
    with pytest.raises(grpc.RpcError) as caught:
        client.call("jobs.JobService", "SubmitJob", request)
    assert caught.value.code() == grpc.StatusCode.ALREADY_EXISTS
    assert "key-1" in caught.value.details()
    request.request_id = ""
    with pytest.raises(grpc.RpcError) as caught:
        client.call("jobs.JobService", "SubmitJob", request)
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "request_id" in caught.value.details()


def test_a_message_over_the_limit_is_refused(cluster: Cluster) -> None:
    jobs, common = stubs()["jobs"][0], stubs()["common"][0]
    client = admin(cluster)
    spec = common.JobSpec(experiment="e", script="main.py", arguments=["x" * (6 << 20)])
    with pytest.raises(grpc.RpcError) as caught:
        client.call("jobs.JobService", "SubmitJob", jobs.SubmitJobRequest(request_id="r", spec=spec))
    assert caught.value.code() in (grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.INVALID_ARGUMENT)


def test_an_unknown_job_and_a_server_that_is_away(cluster: Cluster) -> None:
    done = cluster.run("job", "show", "nope_1_00000000")
    assert done.returncode == 4 and "nope_1_00000000" in done.stderr
    cluster.stop_server()
    done = cluster.run("job", "list")
    assert done.returncode == 3 and cluster.address in done.stderr
