"""What a run has logged, written and is tagged with, from the command line."""

from __future__ import annotations

import pathlib

import pytest

from support.cluster import Cluster
from support.rpc import Client, client_of
from test_tracking import call, create, scalar

LOG = "azureml-logs/70_driver_log.txt"


@pytest.fixture(name="job")
def job_that_wrote(cluster: Cluster) -> str:
    cluster.add_node("n1")
    job = cluster.submit({"main.py": "print('good' * 100_000)\n"}, experiment="writes")
    assert cluster.wait_end(job)["status"] == "JOB_STATUS_COMPLETED"
    return job


def test_files_are_listed_and_downloaded_under_their_names(cluster: Cluster, job: str, tmp_path: pathlib.Path) -> None:
    files = {file["name"]: int(file["size_bytes"]) for file in cluster.json("job", "files", job)["files"]}
    assert files[LOG] > 400_000
    assert LOG in cluster.muster("job", "files", job)

    cluster.muster("job", "download", "--prefix", "azureml-logs/7", "--to", tmp_path / "got", job)
    found = {str(path.relative_to(tmp_path / "got")) for path in (tmp_path / "got").rglob("*") if path.is_file()}
    assert found == {LOG, "azureml-logs/75_job_post-n1.txt"}
    assert "good" * 100_000 in (tmp_path / "got" / LOG).read_text()

    again = cluster.run("job", "download", "--file", LOG, "--to", tmp_path / "got", job)
    assert again.returncode == 2 and "--overwrite" in again.stderr
    (tmp_path / "got" / LOG).write_text("old")
    cluster.muster("job", "download", "--overwrite", "--file", LOG, "--to", tmp_path / "got", job)
    assert (tmp_path / "got" / LOG).stat().st_size == files[LOG]

    missing = cluster.run("job", "download", "--file", "outputs/none", "--to", tmp_path, job)
    assert missing.returncode == 1 and "outputs/none" in missing.stderr


def test_a_link_in_the_way_of_a_download_is_not_followed(cluster: Cluster, job: str, tmp_path: pathlib.Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "azureml-logs").symlink_to(tmp_path / "elsewhere")
    refused = cluster.run("job", "download", "--to", tmp_path, job)
    assert refused.returncode == 2 and "azureml-logs" in refused.stderr
    assert not any((tmp_path / "elsewhere").iterdir())


def test_tags_are_set_removed_and_shown(cluster: Cluster, job: str) -> None:
    cluster.muster("job", "tag", "--set", "quality=good", "--set", "checked", job)
    shown = cluster.muster("job", "tag", "--remove", "checked", job)
    assert "quality" in shown and "good" in shown and "checked" not in shown
    assert [tag["key"] for tag in cluster.json("job", "tag", job)["tags"]] == ["quality"]
    unknown = cluster.run("job", "tag", "--set", "a=b", "nobody")
    assert unknown.returncode == 4 and "nobody" in unknown.stderr


def test_metrics_and_experiments_are_shown(cluster: Cluster, job: str) -> None:
    client = Client(*client_of(cluster.config))
    create(client, "by-hand")
    call(client, "AppendMetrics", run_id=job, writer="w", first=0,
         values=[scalar("loss", 0.5), scalar("loss", 0.25), scalar("rate", 1e-3)])

    lines = cluster.muster("job", "metrics", job).splitlines()
    assert lines[1].split() == ["loss", "2", "0.25", "0.25", "0.5"]
    assert lines[2].split()[:3] == ["rate", "1", "0.001"]
    values = cluster.json("job", "metrics", "--name", "loss", job)["values"]
    assert [value["number"] for value in values] == [0.5, 0.25]

    experiments = cluster.json("experiment", "list")["experiments"]
    assert [(e["name"], e["run_count"]) for e in experiments] == [("digits", "1"), ("writes", "1")]
    assert "writes" in cluster.muster("experiment", "list")
