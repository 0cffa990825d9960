"""Datastores, data references and compute targets as objects, over services that record calls."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Callable, Dict, List

import pytest

from muster.core import Datastore
from muster.core.compute import AmlCompute, ComputeTarget
from muster.core.compute.amlcompute import AmlComputeStatus, ScaleSettings
from muster.core.compute_target import AbstractComputeTarget, LocalTarget
from muster.data.azure_storage_datastore import AzureBlobDatastore, AzureFileDatastore
from muster.data.data_reference import DataReference
from muster.data.datapath import DataPath, DataPathComputeBinding
from muster.data.local_datastore import LocalDatastore
from muster.exceptions import ComputeTargetException, UserErrorException


def test_reference_defaults(datastore: LocalDatastore) -> None:
    reference = DataReference(datastore)
    assert str(reference) == "$AZUREML_DATAREFERENCE_ds"
    assert (reference.mode, reference.path_on_datastore, reference.overwrite) == (
        "mount",
        None,
        False,
    )
    found = DataReference(datastore, "n", "a/b", "DOWNLOAD", "here", True).to_config()
    assert (found.data_store_name, found.mode, found.path_on_data_store) == (
        "ds",
        "download",
        "a/b",
    )
    assert (found.path_on_compute, found.overwrite) == ("here", True)


def test_reference_modes_and_paths(datastore: LocalDatastore) -> None:
    reference = datastore.path("a/", "n")
    assert (reference.data_reference_name, reference.path_on_datastore) == ("n", "a")
    download = reference.as_download("here", overwrite=True)
    assert (download.mode, download.data_reference_name) == ("download", "n")
    assert (download.path_on_compute, download.overwrite) == ("here", True)
    assert reference.as_upload().mode == "upload"
    below = reference.path("b")
    assert below.path_on_datastore == "a/b"
    assert re.fullmatch("[0-9a-f]{32}", below.data_reference_name)
    assert datastore.path().path_on_datastore is None
    assert datastore.as_download("x").path_on_compute == "x"
    assert datastore.as_upload("x").mode == "upload"


def test_datapath_and_binding(datastore: LocalDatastore) -> None:
    path = DataPath(datastore, "a", "for people")
    assert (path.datastore_name, path.path_on_datastore) == ("ds", "a")
    assert (DataPath().datastore_name, DataPath().path_on_datastore) == (None, None)
    binding = DataPathComputeBinding("download", "here", True)
    for reference in (
        path.create_data_reference("n", binding),
        binding.create_data_reference("n", path),
        DataReference.create("n", path, binding),
    ):
        assert (reference.data_reference_name, reference.mode) == ("n", "download")
        again = DataPath.create_from_data_reference(reference)
        assert (again.datastore_name, again.path_on_datastore) == ("ds", "a")
        assert DataPathComputeBinding.create_from_data_reference(reference).overwrite is True
    for call in (
        lambda: DataReference.create(),
        lambda: DataPath().create_data_reference(),
        lambda: DataPath("ds"),  # type: ignore[arg-type]
        lambda: DataPath.create_from_data_reference("x"),  # type: ignore[arg-type]
    ):
        with pytest.raises(UserErrorException):
            call()


def test_datastores_go_through_the_workspace(workspace: Any, tmp_path: Path) -> None:
    store = Datastore(workspace, "mine")
    assert isinstance(store, LocalDatastore)
    assert (store.name, store.workspace, store.datastore_type) == ("mine", workspace, "Local")
    assert store.path_on_nodes == "/data"
    default: Any = Datastore(workspace)
    assert default.name == "workspaceblobstore"
    store.set_as_default()
    store.unregister()
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "b.txt").write_text("b")
    (tmp_path / "a.txt").write_text("a")
    reference = store.upload(str(tmp_path), "target/", overwrite=True, show_progress=False)
    assert reference.path_on_datastore == "target"
    assert store.download(str(tmp_path), prefix="x") == 4
    pairs = [
        (str(tmp_path / "a.txt"), "target/a.txt"),
        (str(tmp_path / "sub" / "b.txt"), "target/sub/b.txt"),
    ]
    assert workspace.datastores.calls == [
        ("set_default", "mine"),
        ("unregister", "mine"),
        ("upload", "mine", pairs, True, False),
        ("download", "mine", str(tmp_path), "x", False, True),
    ]


def test_uploads_are_checked_first(workspace: Any, tmp_path: Path) -> None:
    store = Datastore.get(workspace, "mine")
    assert isinstance(store, LocalDatastore)
    (tmp_path / "a.txt").write_text("a")
    file = str(tmp_path / "a.txt")
    refused: List[Callable[[], object]] = [
        lambda: store.upload(str(tmp_path / "missing")),
        lambda: store.upload_files(file),
        lambda: store.upload_files([str(tmp_path / "missing")]),
        lambda: store.upload_files([file], relative_root="/usr"),
    ]
    for call in refused:
        with pytest.raises(UserErrorException):
            call()
    assert workspace.datastores.calls == []
    store.upload_files([file])
    assert workspace.datastores.calls[0][2] == [(file, "a.txt")]


def test_registering(workspace: Any) -> None:
    Datastore.register_local(workspace, "a", "/data", overwrite=True)
    Datastore.register_azure_blob_container(workspace, "b", "c", "acc", account_key="k")
    Datastore.register_azure_file_share(workspace, "d", "s", "acc", sas_token="t")
    kinds = [call[1] for call in workspace.datastores.calls]
    assert [(r.kind, r.name, r.overwrite) for r in kinds] == [
        ("local", "a", True),
        ("AzureBlob", "b", False),
        ("AzureFile", "d", False),
    ]
    assert kinds[0].settings == {"path": "/data"}
    refused: List[Callable[[], object]] = [
        lambda: Datastore.register_dbfs(workspace, "x"),
        lambda: Datastore.register_azure_data_lake(workspace, "x", "s"),
        lambda: Datastore.register_azure_sql_database(workspace, "x", "s", "d"),
    ]
    for call in refused:
        with pytest.raises(UserErrorException, match="is not supported"):
            call()


def test_a_workspace_is_needed() -> None:
    refused: List[Callable[[], object]] = [
        lambda: Datastore("ws", "name"),
        lambda: ComputeTarget("ws", "name"),
        lambda: LocalDatastore(None, "a", "/").unregister(),
    ]
    for call in refused:
        with pytest.raises(UserErrorException, match="a workspace is needed"):
            call()


def test_azure_datastores_are_objects() -> None:
    blob = AzureBlobDatastore(None, "b", "container", "account", sas_token="t")
    assert (blob.datastore_type, blob.is_sas, blob.container_name) == (
        "AzureBlob",
        True,
        "container",
    )
    assert (blob.protocol, blob.endpoint) == ("https", "core.windows.net")
    share = AzureFileDatastore(None, "f", "share", "account", account_key="k")
    assert (share.datastore_type, share.is_sas) == ("AzureFile", False)
    assert str(blob.path("x", "n").as_mount()) == "$AZUREML_DATAREFERENCE_n"


# Compute.


def test_compute_target_by_name(workspace: Any) -> None:
    target = ComputeTarget(workspace, "gpu")
    assert isinstance(target, AmlCompute)
    assert (target.name, target.type, target.provisioning_state) == (
        "gpu",
        "AmlCompute",
        "Succeeded",
    )
    assert target.scale_settings is not None
    assert target.scale_settings.idle_seconds_before_scaledown == 1800
    with pytest.raises(ComputeTargetException, match="there is no compute target 'none'"):
        ComputeTarget(workspace, "none")
    with pytest.raises(ComputeTargetException):
        AmlCompute(workspace, "none")


def test_the_notebooks_way_to_a_cluster(workspace: Any, capsys: Any) -> None:
    try:
        target: Any = ComputeTarget(workspace=workspace, name="new")
    except ComputeTargetException:
        configuration = AmlCompute.provisioning_configuration(vm_size="NC6", max_nodes=3)
        target = ComputeTarget.create(workspace, "new", configuration)
    target.wait_for_completion(show_output=True)
    assert capsys.readouterr().out == "new: Succeeded\ndone\n"
    status = target.get_status().serialize()
    assert (status["allocationState"], status["currentNodeCount"]) == ("Steady", 2)
    assert target.status.scale_settings.maximum_node_count == 3
    assert [found.name for found in ComputeTarget.list(workspace)] == ["gpu", "new"]
    assert target.get().name == "new"
    target.delete()
    target.wait_for_completion(is_delete_operation=True)
    with pytest.raises(ComputeTargetException, match="does not exist any more"):
        target.refresh_state()


def test_waiting_ends_with_the_time(workspace: Any, cluster: AmlCompute, capsys: Any) -> None:
    cluster.wait_for_completion(show_output=True, min_node_count=3, timeout_in_minutes=0)
    assert "not done after 0 minutes" in capsys.readouterr().out


def test_create_wants_a_configuration(workspace: Any) -> None:
    with pytest.raises(ComputeTargetException, match="provisioning_configuration"):
        ComputeTarget.create(workspace, "x", {"vm_size": "NC6"})
    with pytest.raises(ComputeTargetException, match="cannot be attached"):
        ComputeTarget.attach(workspace, "x", None)


def test_serialized_forms(workspace: Any, cluster: AmlCompute) -> None:
    again = AmlCompute.deserialize(workspace, cluster.serialize())
    assert again.serialize() == cluster.serialize()
    status = cluster.get_status().serialize()
    found = AmlComputeStatus.deserialize(status)
    assert found is not None
    assert found.serialize() == status
    assert AmlComputeStatus.deserialize(None) is None
    with pytest.raises(ComputeTargetException):
        ComputeTarget.deserialize(workspace, {"properties": {}})


DURATIONS: Dict[Any, Any] = {
    "PT120S": 120,
    "PT5M": 300,
    "PT1H30M": 5400,
    60: 60,
    None: None,
    "x": None,
}


@pytest.mark.parametrize("text", DURATIONS)
def test_idle_times(text: Any) -> None:
    given = {"minNodeCount": 0, "maxNodeCount": 4, "nodeIdleTimeBeforeScaleDown": text}
    found = ScaleSettings.deserialize(given)
    assert found is not None
    assert found.idle_seconds_before_scaledown == DURATIONS[text]
    assert ScaleSettings(0, 4, 120).serialize()["nodeIdleTimeBeforeScaleDown"] == "PT120S"


def test_changes_go_through_the_workspace(workspace: Any, cluster: AmlCompute) -> None:
    cluster.update(min_nodes=1, max_nodes=5)
    assert cluster.list_nodes() == []
    assert list(cluster.get_active_runs()) == []
    assert [call[0] for call in workspace.compute.calls] == ["update", "list_nodes", "active_runs"]
    assert workspace.compute.calls[0] == ("update", "gpu", 1, 5, None)
    assert AmlCompute.supported_vmsizes(workspace) == [{"name": "Standard_NC6"}]
    for call in (cluster.detach, lambda: cluster.add_identity("x"), cluster.remove_identity):
        with pytest.raises(ComputeTargetException):
            call()


def test_legacy_targets() -> None:
    assert (LocalTarget().name, LocalTarget().type) == ("local", "local")
    found = AbstractComputeTarget.deserialize_from_dict("x", {"type": "local"})
    assert isinstance(found, LocalTarget)
    with pytest.raises(UserErrorException):
        AbstractComputeTarget.deserialize_from_dict("x", {"type": "remote"})
