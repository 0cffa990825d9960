"""The client inside jobs with a real agent and server: what a script says is stored, what it asks is answered."""

from __future__ import annotations

from typing import Any

from support.cluster import Cluster
from support.rpc import Client, client_of
from test_spool import run_file, run_files, values

SCRIPT = """
import os, sys, time
from azureml.core.run import Run
run = Run.get_context(allow_offline=False)
"""


def submit(cluster: Cluster, script: str, *flags: Any) -> str:
    return cluster.submit({"main.py": SCRIPT + script}, *flags)


def completed(cluster: Cluster, job: str) -> None:
    end = cluster.wait_end(job)
    log = run_file(cluster, job, "azureml-logs/70_driver_log.txt")
    assert end["status"] == "JOB_STATUS_COMPLETED", log


def test_every_method_is_understood(cluster: Cluster) -> None:
    cluster.add_node("n1")
    client = Client(*client_of(cluster.config))
    job = submit(cluster, """
class Plot:
    def savefig(self, out, format): out.write(b"picture")
def schema(kind): return {"schema_type": kind, "schema_version": "1", "data": {"x": [1, float("nan")]}}
run.log("loss", 0.5, description="how bad", step=3)
run.log("loss", 0.25)
run.log("count", 2 ** 40)
run.log("name", "r\\u00e9snet")
run.log("bad", float("nan"))
run.log_list("list", range(3))
run.log_row("row", a=1, b="x")
run.log_row("rows", a=1); run.log_row("rows", a=2)
run.log_table("table", {"x": [1, 2], "y": [3.5, 4]})
run.log_image("picture", plot=Plot())
run.log_confusion_matrix("matrix", schema("confusion_matrix"))
run.log_accuracy_table("accuracy", schema("accuracy_table"))
run.log_residuals("residuals", schema("residuals"))
run.log_predictions("predictions", schema("predictions"))
run.set_tags({"stage": "train", "bare": None, "old": "x"})
run.remove_tags(["old"])
run.add_properties({"commit": "abc"})
run.display_name = "The first"
with run.child_run("fold 1") as fold:
    fold.log("acc", 0.9)
    fold.tag("fold", 1)
try:
    with run.child_run("fold 2"): raise ValueError("diverged")
except ValueError: pass
found = run.get_metrics()
assert found["loss"] == [0.5, 0.25] and found["count"] == 2 ** 40 and found["name"] == "r\\u00e9snet", found
assert found["bad"] != found["bad"] and found["list"] == [0, 1, 2] and found["row"] == {"a": 1, "b": "x"}, found
assert found["rows"] == {"a": [1, 2]} and found["table"] == {"x": [1, 2], "y": [3.5, 4]}, found
assert found["picture"] in run.get_file_names() and found["matrix"]["schema_type"] == "confusion_matrix", found
assert run.get_tags() == {"stage": "train", "bare": None} and run.display_name == "The first"
assert run.get_properties()["commit"] == "abc" and len(run.get_snapshot_id()) == 64
children = {child.display_name: child for child in run.get_children()}
assert children["fold 1"].get_status() == "Completed" and children["fold 2"].get_status() == "Failed"
assert [c.id for c in run.get_children(tags={"fold": "1"})] == [fold.id]
assert children["fold 1"].parent.id == run.id and children["fold 1"].get_metrics() == {"acc": 0.9}
assert run.get_metrics("acc", recursive=True) == {"acc": 0.9}
details = run.get_details()
assert details["status"] == "Running" and details["runDefinition"]["script"] == "main.py", details
assert run.get_status() == "Running" and run.number >= 1 and run.experiment.name == "test"
print("all is well")
""")
    completed(cluster, job)
    assert "all is well" in run_file(cluster, job, "azureml-logs/70_driver_log.txt")
    assert "azureml-logs/tracking_refused.log" not in run_files(client, job)
    assert dict(values(client, job))["count"] == 2 ** 40


def test_files(cluster: Cluster) -> None:
    cluster.add_node("n1")
    client = Client(*client_of(cluster.config))
    job = submit(cluster, """
open("model.bin", "wb").write(bytes(range(256)) * 3000)
os.makedirs("tree/sub"); open("tree/sub/a.txt", "w").write("a")
run.upload_file("kept/model.bin", "model.bin")
run.upload_folder("kept/tree", "tree")
run.child_run(run_id="kid").upload_file("b.txt", "tree/sub/a.txt")
print("hello", flush=True)
while "azureml-logs/70_driver_log.txt" not in run.get_file_names(): time.sleep(0.05)
run.download_file("azureml-logs/70_driver_log.txt", "log")
assert "hello" in open("log").read()
""")
    completed(cluster, job)
    files = run_files(client, job)
    assert files["kept/model.bin"] == 768_000 and files["kept/tree/sub/a.txt"] == 1
    assert files["children/kid/b.txt"] == 1


def test_fail_makes_the_job_fail(cluster: Cluster) -> None:
    cluster.add_node("n1")
    job = submit(cluster, 'run.fail("no data", error_code="Data")\n')
    end = cluster.wait_end(job)
    assert end["status"] == "JOB_STATUS_FAILED" and "no data" in end["cause"]["message"]


def test_cancel_ends_the_job(cluster: Cluster) -> None:
    cluster.add_node("n1")
    job = submit(cluster, "run.cancel()\ntime.sleep(600)\n")
    assert cluster.wait_end(job)["status"] == "JOB_STATUS_CANCELED"


def test_all_ranks_log_and_a_flood_arrives(cluster: Cluster) -> None:
    cluster.add_node("n1", slots=4)
    client = Client(*client_of(cluster.config))
    job = submit(cluster, """
for i in range(20000): run.log("r" + os.environ["RANK"], i)
run.flush(60)
print("stored")
""", "--process-count-per-node", "2", "--distributed-backend", "gloo")
    assert cluster.wait_end(job)["status"] == "JOB_STATUS_COMPLETED"
    for rank in ("0", "1"):
        assert [value for _, value in values(client, job, f"r{rank}")] == list(range(20000))
