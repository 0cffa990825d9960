"""Who runs where and who waits, with the reason."""

from __future__ import annotations

from support.cluster import Cluster
from support.wait import wait_for

SLEEP = {"main.py": "import time\nprint('ready', flush=True)\ntime.sleep(600)\n"}


def test_a_gang_waits_whole_and_says_for_what(cluster: Cluster) -> None:
    for name in ("n1", "n2"):
        cluster.add_node(name)
    holder = cluster.submit(SLEEP, "--grace-period", "0s")
    cluster.wait_status(holder, "RUNNING")
    gang = cluster.submit({"main.py": "print('gang')"}, "--node-count", 2, "--distributed-backend", "gloo")

    waiting = cluster.wait_status(gang, "QUEUED")
    pending = waiting["pending"]
    assert pending["reason"] == "PENDING_REASON_NODES_BUSY"
    assert holder in pending["message"] and "2 nodes" in pending["message"]
    assert int(pending["position"]) == 1

    cluster.muster("job", "cancel", holder)
    assert cluster.wait_end(gang)["status"] == "JOB_STATUS_COMPLETED"


def test_priority_goes_before_submission_order(cluster: Cluster) -> None:
    cluster.add_node("n1")
    holder = cluster.submit(SLEEP, "--grace-period", "0s")
    cluster.wait_status(holder, "RUNNING")
    low = cluster.submit({"main.py": "print('low')"})
    high = cluster.submit({"main.py": "print('high')"}, "--priority", 5)
    assert int(cluster.job(high)["pending"]["position"]) == 1
    assert int(cluster.job(low)["pending"]["position"]) == 2
    cluster.muster("job", "cancel", holder)
    assert int(cluster.wait_end(high)["started_us"]) < int(cluster.wait_end(low)["started_us"])


def test_slots_are_shared_where_the_pool_says_so(cluster: Cluster) -> None:
    cluster.muster("pool", "create", "shared", "--slots-per-node", 2, "--max-nodes", 1, "--sharing", "slots")
    token = cluster.directory / "shared.token"
    token.write_text(cluster.json("node", "token", "create", "--pool", "shared")["token"])
    token.chmod(0o600)
    cluster.add_node("s1", slots=2, join_token=token)
    jobs = [cluster.submit(SLEEP, "--pool", "shared", "--grace-period", "0s") for _ in range(3)]
    cluster.wait_status(jobs[0], "RUNNING")
    cluster.wait_status(jobs[1], "RUNNING")
    assert cluster.job(jobs[2])["status"] == "JOB_STATUS_QUEUED"
    cluster.muster("job", "cancel", jobs[0])
    cluster.wait_status(jobs[2], "RUNNING")
    for job in jobs[1:]:
        cluster.muster("job", "cancel", job)
        cluster.wait_end(job)


def test_cordon_and_drain(cluster: Cluster) -> None:
    cluster.add_node("n1")
    cluster.muster("node", "cordon", "n1")
    job = cluster.submit({"main.py": "print('ran')"})
    pending = cluster.job(job)["pending"]
    assert pending["reason"] == "PENDING_REASON_NODES_UNAVAILABLE" and "cordon" in pending["message"]
    cluster.muster("node", "uncordon", "n1")
    assert cluster.wait_end(job)["status"] == "JOB_STATUS_COMPLETED"

    holder = cluster.submit(SLEEP, "--grace-period", "0s")
    cluster.wait_status(holder, "RUNNING")
    cluster.muster("node", "drain", "n1")
    assert cluster.node("n1")["state"] == "NODE_STATE_LEAVING"
    assert cluster.job(holder)["status"] == "JOB_STATUS_RUNNING"
    cluster.muster("job", "cancel", holder)
    cluster.wait_end(holder)
    wait_for(lambda: "drained" in cluster.node("n1")["reason"], "the node to be drained")


def test_pools_are_created_changed_and_deleted(cluster: Cluster) -> None:
    cluster.muster("pool", "create", "gpu", "--slots-per-node", 4, "--max-nodes", 3)
    again = cluster.run("pool", "create", "gpu", "--slots-per-node", 8, "--max-nodes", 3)
    assert again.returncode == 4 and "gpu" in again.stderr
    cluster.muster("pool", "update", "gpu", "--max-nodes", 5)
    pool = next(p for p in cluster.json("pool", "list")["pools"] if p["name"] == "gpu")
    assert pool["max_nodes"] == 5 and pool["slots_per_node"] == 4
    cluster.muster("pool", "delete", "gpu")
    assert "gpu" not in cluster.muster("pool", "list")
