"""Runs from what the server says of their jobs: details, filters, names of files."""

from __future__ import annotations

from pathlib import Path
from typing import Any, List, Optional

import pytest

from muster._client.compute import slots_of
from muster._client.jobs import status_name, status_number
from muster._proto import api
from muster.core import Experiment
from muster.core._run_details import (
    definition_of,
    details_of,
    driver_log,
    error_of,
    failure_sentence,
    shown_logs,
    utc,
)
from muster.core._run_downloads import below, download_one, plan_downloads
from muster.core._run_filters import RunFilter
from muster.core.run import RunStatus
from muster.exceptions import UserErrorException


def job(status: str = "RUNNING", **fields: Any) -> Any:
    made = api().Job(
        id="e_1_2", experiment="e", pool="gpu", node_count=1, process_count_per_node=1, **fields
    )
    made.status = getattr(api(), f"JOB_STATUS_{status}")
    return made


def test_every_status_of_the_server_has_azures_name() -> None:
    names = {status_name(number) for number in range(1, 13)}
    assert names <= set(RunStatus.list())
    assert {status_number(name) for name in names} == set(range(1, 13))
    assert status_number("cancel_requested") == status_number("CancelRequested") == 8
    assert status_number("Paused") is None
    assert set(RunStatus.get_running_statuses()) < names
    assert RunStatus.get_post_processing_statuses() == ["Finalizing", "CancelRequested"]


def test_details_leave_out_what_has_not_happened() -> None:
    record = api().Run(id="e_1_2", kind=api().RUN_KIND_JOB, created_us=1_700_000_000_000_001)
    details = details_of(record, job(), {"a": "a"})
    assert details["createdTimeUtc"] == "2023-11-14T22:13:20.000001Z"
    assert {"runId", "target", "status", "properties", "runDefinition", "logFiles"} <= set(details)
    assert not {"startTimeUtc", "endTimeUtc", "error"} & set(details)
    assert utc(0) is None


def test_a_failed_run_tells_its_cause_and_last_lines() -> None:
    failed = job(
        "FAILED",
        ended_us=1_000_000,
        cause={"code": api().CAUSE_CODE_SCRIPT_EXITED, "message": "rank 0 exited with code 3"},
        attempts=[{"number": 1, "last_log_lines": "Traceback\nValueError: wrong\n"}],
    )
    error = error_of(failed)
    assert error is not None
    assert error["error"]["message"] == "rank 0 exited with code 3"
    assert error["error"]["code"] == "UserError"
    assert failure_sentence(failed).endswith("Last lines of its log:\nTraceback\nValueError: wrong")
    assert error_of(job("CANCELED")) is None


def test_a_definition_has_the_keys_of_a_runconfig() -> None:
    spec = api().JobSpec(
        script="t.py",
        arguments=["--n", "3"],
        node_count=2,
        process_count_per_node=4,
        communicator=api().COMMUNICATOR_MPI,
        data_references=[{"name": "d", "datastore": "ds", "mode": api().DATA_MODE_DOWNLOAD}],
    )
    found = definition_of(spec)
    assert (found["nodeCount"], found["mpi"], found["communicator"]) == (
        2,
        {"processCountPerNode": 4},
        "Mpi",
    )
    assert found["dataReferences"]["d"]["mode"] == "download"


def test_of_a_set_of_logs_the_first_is_shown() -> None:
    gang = job(attempts=[{"number": 1, "node_ids": ["n1", "n2"]}])
    gang.process_count_per_node = 2
    names = [
        "azureml-logs/75_job_post-n1.txt",
        "azureml-logs/75_job_post-n2.txt",
        "azureml-logs/70_driver_log_0.txt",
        "azureml-logs/70_driver_log_1.txt",
        "azureml-logs/70_mpi_log.txt",
        "azureml-logs/70_mpi_log_n2.txt",
        "azureml-logs/process_info.json",
        "outputs/x.txt",
    ]
    assert driver_log(gang) == "azureml-logs/70_driver_log_0.txt"
    assert shown_logs(gang, names) == [
        "azureml-logs/70_driver_log_0.txt",
        "azureml-logs/70_mpi_log.txt",
        "azureml-logs/75_job_post-n1.txt",
    ]
    assert shown_logs(job(), ["azureml-logs/70_driver_log.txt"]) == [driver_log(job())]


@pytest.mark.parametrize(
    ("wanted", "matches"),
    [
        (RunFilter(), True),
        (RunFilter(type="azureml.scriptrun"), True),
        (RunFilter(type="hyperdrive"), False),
        (RunFilter(tags="a"), True),
        (RunFilter(tags="c"), False),
        (RunFilter(tags=["a", "b"]), True),
        (RunFilter(tags={"a": "1"}), True),
        (RunFilter(tags={"a": 1, "b": None}), True),
        (RunFilter(tags={"a": "2"}), False),
        (RunFilter(properties={"p": "x"}), True),
        (RunFilter(properties="q"), False),
        (RunFilter(status="completed"), True),
        (RunFilter(status=["Failed", "Running"]), False),
    ],
)
def test_filters(wanted: RunFilter, matches: bool) -> None:
    tags, properties = {"a": "1", "b": ""}, {"p": "x"}
    assert wanted.matches("azureml.scriptrun", tags, properties, "Completed") is matches


def test_a_filter_of_another_type_is_refused() -> None:
    with pytest.raises(UserErrorException, match="tags must be"):
        RunFilter(tags=3)


@pytest.mark.parametrize("name", ["a", "a-b_c", "A" * 200, "0x"])
def test_names_of_experiments(workspace: Any, name: str) -> None:
    experiment = Experiment(workspace, name)
    assert (experiment.name, experiment.identity) == (name, f"Experiment#{name}")


@pytest.mark.parametrize("name", ["", "a b", "-a", "_a", "A" * 201, "a\n", "é", None, 3])
def test_wrong_names_of_experiments(workspace: Any, name: Any) -> None:
    with pytest.raises(UserErrorException, match=r"1\.\.200 letters"):
        Experiment(workspace, name)


def test_submit_takes_no_unknown_parameters(workspace: Any) -> None:
    with pytest.raises(UserErrorException, match="run_id"):
        Experiment(workspace, "e").submit(None, run_id="mine")


def test_tags_of_a_submit_are_a_dict(workspace: Any) -> None:
    wrong: Any = ["a"]
    with pytest.raises(UserErrorException, match="tags must be a dict"):
        Experiment(workspace, "e").submit(None, tags=wrong)


NAMES = ["azureml-logs/70.txt", "outputs/a/m.pt", "outputs/b.pt"]


@pytest.mark.parametrize(
    ("arguments", "plan"),
    [
        (("outputs/", None, None, True), ["./outputs/a/m.pt", "./outputs/b.pt"]),
        (("outputs/", "d", None, False), ["d/a/m.pt", "d/b.pt"]),
        (("outputs", "d", None, False), ["d/a/m.pt", "d/b.pt"]),
        (("outputs/", "d", ["x", "y"], True), ["d/x", "d/y"]),
        (("outputs/b.pt", "d", None, False), ["d/outputs/b.pt"]),
        ((None, "d", None, True), [f"d/{name}" for name in NAMES]),
        (("nothing", None, None, True), []),
    ],
)
def test_where_downloads_go(arguments: Any, plan: List[str]) -> None:
    assert [path for _, path in plan_downloads(NAMES, *arguments)] == plan


def test_a_path_for_each_file_is_needed() -> None:
    with pytest.raises(UserErrorException, match="1 paths for 2 files"):
        plan_downloads(NAMES, "outputs", None, ["x"], True)


@pytest.mark.parametrize("name", ["../x", "a/../../x", "/etc/x", "a//b", "a\0b", ""])
def test_a_servers_name_leads_nowhere_else(name: str) -> None:
    with pytest.raises(UserErrorException, match="leads out of"):
        below("d", name)


class Files:
    """Run files that are written down; the second chunk fails on demand."""

    def __init__(self, error: Optional[Exception] = None) -> None:
        self.error = error

    def read(self, name: str, offset: int = 0) -> Any:
        yield b"one "
        if self.error is not None:
            raise self.error
        yield name.encode()


def test_a_download_appears_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    files: Any = Files()
    assert download_one(files, "outputs/m.pt", None) == "m.pt"
    assert Path("m.pt").read_text() == "one outputs/m.pt"
    assert download_one(files, "outputs/m.pt", "new/dir/") == "new/dir/m.pt"
    assert download_one(files, "outputs/m.pt", str(tmp_path)) == str(tmp_path / "m.pt")
    broken: Any = Files(UserErrorException("away"))
    with pytest.raises(UserErrorException, match="away"):
        download_one(broken, "outputs/n.pt", "n.pt")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.pt", "new"]
    (tmp_path / "file").touch()
    with pytest.raises(UserErrorException, match="cannot be written"):
        download_one(files, "outputs/m.pt", "file/m.pt")


@pytest.mark.parametrize(
    ("vm_size", "slots"),
    [
        ("Standard_NC6", 6),
        ("STANDARD_DS2_V2", 2),
        ("Standard_NC24rs_v3", 24),
        ("", 6),
        (None, 6),
        ("something", 6),
        ("Standard_M9999", 1024),
    ],
)
def test_slots_of_node_classes(vm_size: Optional[str], slots: int) -> None:
    assert slots_of(vm_size) == slots
