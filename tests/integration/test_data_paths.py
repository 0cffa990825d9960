"""Paths of datastores are looked at when a job is submitted, where a node can say what is there."""

from __future__ import annotations

import pathlib
import subprocess

import pytest

from support.cluster import Cluster
from support.wait import wait_for


@pytest.fixture
def lake(cluster: Cluster) -> pathlib.Path:
    """The directory of the registered datastore "lake"; it has one file, "here/numbers.txt"."""
    directory = cluster.directory / "lake"
    (directory / "here").mkdir(parents=True)
    (directory / "here" / "numbers.txt").write_text("1 2 3")
    cluster.muster("datastore", "register", "lake", "--path", directory)
    return directory


def try_to_submit(cluster: Cluster, *flags: str) -> subprocess.CompletedProcess[str]:
    source = cluster.project("p", {"main.py": "import sys; print(open(sys.argv[1]).read())"})
    return cluster.run("job", "submit", "--experiment", "e", "--source-directory", source, "--entry-script",
                       "main.py", *flags, "--", "$AZUREML_DATAREFERENCE_numbers")


def test_a_path_that_no_node_has_is_refused_and_nothing_is_stored(cluster: Cluster,
                                                                  lake: pathlib.Path) -> None:
    cluster.add_node("n1")
    refused = try_to_submit(cluster, "--data", "a=lake/gone", "--data", "b=lake/here", "--data", "c=lake/lost",
                            "--node-count", "2")
    assert refused.returncode == 4, refused
    assert f"node n1 has no {lake}/gone" in refused.stderr
    assert f"node n1 has no {lake}/lost" in refused.stderr
    assert "spec.data_references[0].path" in refused.stderr and "spec.data_references[2].path" in refused.stderr
    assert f"below {lake}" in refused.stderr  # what would work
    assert "backend" in refused.stderr  # what else is wrong
    assert "/here" not in refused.stderr
    assert cluster.json("job", "list")["jobs"] == []


def test_a_path_that_was_made_meanwhile_is_accepted(cluster: Cluster, lake: pathlib.Path) -> None:
    cluster.add_node("n1")
    flags = ("--data", "numbers=lake/new/numbers.txt")
    assert try_to_submit(cluster, *flags).returncode == 4
    (lake / "new").mkdir()
    (lake / "new" / "numbers.txt").write_text("4 5 6")
    job = cluster.submit({"main.py": "import sys; print(open(sys.argv[1]).read())"}, *flags,
                         arguments=("$AZUREML_DATAREFERENCE_numbers",))
    assert cluster.wait_end(job)["status"] == "JOB_STATUS_COMPLETED"
    assert "4 5 6" in cluster.log(job)


def test_without_a_node_the_job_waits_for_one(cluster: Cluster, lake: pathlib.Path) -> None:
    flags = ("--data", "numbers=lake/late.txt")
    job = cluster.submit({"main.py": "import sys; print(open(sys.argv[1]).read())"}, *flags,
                         arguments=("$AZUREML_DATAREFERENCE_numbers",))
    (lake / "late.txt").write_text("7 8 9")
    cluster.add_node("n1")
    assert cluster.wait_end(job)["status"] == "JOB_STATUS_COMPLETED"
    assert "7 8 9" in cluster.log(job)


def test_a_restarted_server_asks_again(cluster: Cluster, lake: pathlib.Path) -> None:
    cluster.add_node("n1")
    assert try_to_submit(cluster, "--data", "numbers=lake/here/numbers.txt").returncode == 0
    cluster.kill_server()
    cluster.start_server()
    wait_for(lambda: cluster.node("n1").get("connected"), "node n1 to come back")
    assert try_to_submit(cluster, "--data", "numbers=lake/gone").returncode == 4
