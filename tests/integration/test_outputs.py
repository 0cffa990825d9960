"""What a job leaves in outputs/ and logs/, and the files that say where it ran."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import pytest

from support.cluster import Cluster
from support.wait import wait_for

WRITES = """
import os, signal, sys, time
os.makedirs('outputs/deep', exist_ok=True)
open('outputs/deep/model.bin', 'wb').write(bytes(range(256)) * 4096)
open('logs/events.txt', 'w').write('step 1')
open('outputs/rank' + os.environ.get('RANK', '0'), 'w').write('here')
print('written', flush=True)
if sys.argv[1] == 'fail':
    sys.exit(3)
if sys.argv[1] == 'die':
    os.kill(os.getpid(), signal.SIGKILL)
while sys.argv[1] == 'wait':
    time.sleep(0.05)
"""


def names(cluster: Cluster, job: str) -> dict[str, int]:
    return {file["name"]: int(file["size_bytes"]) for file in cluster.json("job", "files", job)["files"]}


@pytest.mark.parametrize("how, status", [("end", "COMPLETED"), ("fail", "FAILED"), ("die", "FAILED")])
def test_outputs_are_kept_however_the_job_ends(cluster: Cluster, tmp_path: pathlib.Path, how: str, status: str) -> None:
    cluster.add_node("n1")
    job = cluster.submit({"main.py": WRITES}, arguments=(how,))
    assert cluster.wait_end(job)["status"] == f"JOB_STATUS_{status}"
    cluster.muster("job", "download", "--prefix", "outputs/", "--to", tmp_path, job)
    assert (tmp_path / "outputs/deep/model.bin").read_bytes() == bytes(range(256)) * 4096
    assert names(cluster, job)["logs/events.txt"] == 6
    post = cluster.muster("job", "logs", "--file", "azureml-logs/75_job_post-n1.txt", job)
    assert "outputs: 2 files, 1048580 bytes" in post


def test_logs_come_while_the_job_runs_and_outputs_after_a_cancel(cluster: Cluster) -> None:
    cluster.add_node("n1")
    job = cluster.submit({"main.py": WRITES}, "--grace-period", "1s", arguments=("wait",))
    wait_for(lambda: names(cluster, job).get("logs/events.txt") == 6, "logs/ to come")
    assert "outputs/rank0" not in names(cluster, job)
    cluster.muster("job", "cancel", job)
    assert cluster.wait_end(job)["status"] == "JOB_STATUS_CANCELED"
    assert names(cluster, job)["outputs/rank0"] == 4


def test_outputs_outlive_a_kill_of_the_agent(cluster: Cluster) -> None:
    cluster.add_node("n1")
    job = cluster.submit({"main.py": WRITES.replace("'wait'", "'x'") + "time.sleep(3)\n"}, arguments=("end",))
    wait_for(lambda: names(cluster, job).get("logs/events.txt") == 6, "the script to run")
    cluster.kill_agent("n1")
    cluster.start_agent("n1")
    assert cluster.wait_end(job)["status"] == "JOB_STATUS_COMPLETED"
    assert names(cluster, job)["outputs/deep/model.bin"] == 1 << 20


def test_the_nodes_of_a_gang_do_not_write_over_each_other(cluster: Cluster) -> None:
    cluster.add_node("n1")
    cluster.add_node("n2")
    job = cluster.submit({"main.py": WRITES}, "--node-count", 2, "--distributed-backend", "gloo", arguments=("end",))
    assert cluster.wait_end(job)["status"] == "JOB_STATUS_COMPLETED"
    found = names(cluster, job)
    assert {"outputs/rank0", "outputs/node1/rank1", "logs/events.txt", "logs/node1/events.txt"} <= set(found)
    assert "outputs/rank1" not in found
    info: dict[str, Any] = json.loads(cluster.muster("job", "logs", "--file", "azureml-logs/process_info.json", job))
    assert [(p["rank"], p["node_id"]) for p in info["processes"]] == \
        [(rank, node["node_id"]) for rank, node in enumerate(info["nodes"])]
    assert {"azureml-logs/55_azureml-execution-n1.txt", "azureml-logs/55_azureml-execution-n2.txt"} <= set(found)


UPLOADS = """
import os
from azureml.core.run import Run
rank = int(os.environ['RANK'])
open('mine', 'w').write(str(rank) * (10 + rank))
Run.get_context().upload_file('same.txt', 'mine')
"""


def test_one_of_two_nodes_that_upload_a_name_has_it(cluster: Cluster, tmp_path: pathlib.Path) -> None:
    cluster.add_node("n1")
    cluster.add_node("n2")
    job = cluster.submit({"main.py": UPLOADS}, "--node-count", 2, "--distributed-backend", "gloo")
    assert cluster.wait_end(job)["status"] == "JOB_STATUS_COMPLETED"
    cluster.muster("job", "download", "--file", "same.txt", "--to", tmp_path, job)
    assert (tmp_path / "same.txt").read_text() in ("0" * 10, "1" * 11)
    notes = [cluster.muster("job", "logs", "--file", f"azureml-logs/75_job_post-{node}.txt", job)
             for node in ("n1", "n2")]
    assert sum("uploads: 1 files are not kept whole" in note for note in notes) == 1, notes
