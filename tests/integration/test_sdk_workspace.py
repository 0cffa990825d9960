"""The Python SDK's workspaces, datastores and compute targets on a real server."""

from __future__ import annotations

import pathlib

import pytest

from support.cluster import Cluster

from muster.core import Datastore, Experiment, ScriptRunConfig, Workspace
from muster.core.compute import AmlCompute, ComputeTarget
from muster.exceptions import ComputeTargetException, UserErrorException, WorkspaceException


def test_workspaces_are_made_listed_and_found_again(cluster: Cluster, workspace: Workspace) -> None:
    assert workspace.name == "default" and workspace.location == cluster.address
    made = Workspace.create("vision", subscription_id="sub", resource_group="rg",
                            default_cpu_compute_target=Workspace.DEFAULT_CPU_CLUSTER_CONFIGURATION)
    assert set(Workspace.list("sub")) == {"default", "vision"}
    assert Workspace.list("sub")["vision"][0].name == "vision"
    assert Workspace.get("vision").get_details()["name"] == "vision"
    with pytest.raises(WorkspaceException, match="exists already"):
        Workspace.create("vision")
    assert Workspace.create("vision", exist_ok=True).name == "vision"
    with pytest.raises(WorkspaceException):
        Workspace.create("No Such Name")
    with pytest.raises(WorkspaceException, match="'speech'.*it sees default, vision"):
        Workspace("sub", "rg", "speech")
    target = made.get_default_compute_target("CPU")
    assert target is not None and target.name == "cpu-cluster"
    assert made.get_default_compute_target("GPU") is None


def test_a_project_finds_its_workspace_again(cluster: Cluster, workspace: Workspace) -> None:
    Workspace.create("vision", subscription_id="sub", resource_group="rg",
                     default_cpu_compute_target=Workspace.DEFAULT_CPU_CLUSTER_CONFIGURATION).write_config()
    written = pathlib.Path(".azureml/config.json").read_text()
    assert "token" not in written
    found = Workspace.from_config()
    assert (found.name, found.subscription_id, found.resource_group) == ("vision", "sub", "rg")
    assert Workspace.from_config(path=".azureml/config.json").name == "vision"
    source = cluster.project("p", {"train.py": ""})
    run = Experiment(found, "e").submit(
        ScriptRunConfig(str(source), "train.py", compute_target="cpu-cluster"))
    assert [r.id for r in Experiment(found, "e").get_runs()] == [run.id]
    assert list(Experiment(workspace, "e").get_runs()) == []


def test_datastores_are_registered_and_chosen(cluster: Cluster, workspace: Workspace) -> None:
    with pytest.raises(UserErrorException, match="there are none.*workspaceblobstore"):
        workspace.get_default_datastore()
    Datastore.register_local(workspace, "Digits", "/data/digits")
    assert workspace.get_default_datastore().name == "digits"
    found = Datastore.get(workspace, "DIGITS")
    assert found.path_on_nodes == "/data/digits" and found.workspace is workspace
    with pytest.raises(UserErrorException, match="overwrite=True"):
        Datastore.register_local(workspace, "digits", "/elsewhere")
    Datastore.register_local(workspace, "digits", "/elsewhere", overwrite=True)
    assert workspace.datastores["digits"].path_on_nodes == "/elsewhere"
    Datastore.register_local(workspace, "words", "/data/words")
    with pytest.raises(UserErrorException, match="no default datastore"):
        Datastore.get_default(workspace)
    with pytest.warns(UserWarning, match="this Workspace object only"):
        workspace.set_default_datastore("Words")
    assert workspace.get_default_datastore().name == "words"
    Datastore.register_local(workspace, "workspaceblobstore", "/data/default")
    assert Workspace.from_config().get_default_datastore().name == "workspaceblobstore"
    with pytest.raises(UserErrorException, match="there is no datastore 'none'.*digits, words"):
        Datastore.get(workspace, "none")
    with pytest.raises(UserErrorException, match="absolute path"):
        Datastore.register_local(workspace, "relative", "data")
    with pytest.raises(UserErrorException, match="copied into.*/elsewhere"):
        found.upload(str(cluster.directory / "client"))


def test_pools_are_compute_targets(cluster: Cluster, workspace: Workspace) -> None:
    cluster.add_node("n1", slots=4)
    default = ComputeTarget(workspace, "default")
    assert isinstance(default, AmlCompute)
    status = default.get_status()
    assert (status.current_node_count, status.node_state_counts["idleNodeCount"]) == (1, 1)
    assert [(node["nodeId"], node["nodeState"], node["runId"]) for node in default.list_nodes()] == [
        ("n1", "idle", None)]

    configuration = AmlCompute.provisioning_configuration(vm_size="Standard_NC24rs_v3", max_nodes=4)
    made = ComputeTarget.create(workspace, "gpu-cluster", configuration)
    made.wait_for_completion(show_output=False)
    assert made.scale_settings.maximum_node_count == 4 and made.provisioning_state == "Succeeded"
    pools = {pool["name"]: pool for pool in cluster.json("pool", "list")["pools"]}
    assert pools["gpu-cluster"]["slots_per_node"] == 24
    with pytest.raises(ComputeTargetException, match="gpu-cluster"):
        ComputeTarget.create(workspace, "gpu-cluster", configuration)
    made.update(min_nodes=1, max_nodes=8)
    assert made.get_status().scale_settings.maximum_node_count == 8
    with pytest.raises(ComputeTargetException, match="idle_seconds"):
        made.update(idle_seconds_before_scaledown=60)
    assert set(workspace.compute_targets) == {"default", "gpu-cluster"}
    made.delete()
    assert set(workspace.compute_targets) == {"default"}
    with pytest.raises(ComputeTargetException, match="there is no compute target 'gpu-cluster'"):
        ComputeTarget(workspace, "gpu-cluster")


def test_a_job_that_needs_more_nodes_than_a_pool_may_have_is_refused_here(
        cluster: Cluster, workspace: Workspace) -> None:
    configuration = AmlCompute.provisioning_configuration(max_nodes=2)
    target = ComputeTarget.create(workspace, "small", configuration)
    config = ScriptRunConfig(str(cluster.project("p", {"train.py": ""})), "train.py", compute_target=target)
    config.run_config.node_count = 3
    config.run_config.communicator = "Mpi"
    with pytest.raises(UserErrorException, match="node_count 3"):
        Experiment(workspace, "e").submit(config)
